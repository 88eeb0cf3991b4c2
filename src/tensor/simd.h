/*
 * simd.h - how a kernel is compiled for more than the baseline of the CPU family.
 *
 * NW_CLONES in front of a plain loop lets GCC make one copy per level of x86-64 and
 * pick at load time. NW_WIDE marks hand-tiled kernels on nw_v, eight floats: they run
 * only where nw_has_wide() says so, and a portable loop stands beside each of them.
 * The double twin has neither: it is the reference.
 */
#ifndef NW_SIMD_H
#define NW_SIMD_H

#include "netwright_ext.h"

#define NW_INLINE static inline __attribute__((always_inline))

/* Sanitizers run before the relocations that choose a clone are safe; clang 14 does
 * not know the attribute. */
#if defined(__has_feature)
#define NW_CLANG_SANITIZED                                                               \
    (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define NW_CLANG_SANITIZED 0
#endif
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&                   \
    !defined(NW_DOUBLE) && !defined(__SANITIZE_ADDRESS__) &&                             \
    !defined(__SANITIZE_THREAD__) && !NW_CLANG_SANITIZED
#define NW_CLONES                                                                        \
    __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define NW_CLONES
#endif

#ifndef NW_DOUBLE

#ifdef __x86_64__
#define NW_WIDE __attribute__((target("avx2,fma")))
static inline int nw_has_wide(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#else
#define NW_WIDE
static inline int nw_has_wide(void)
{
    return 1;
}
#endif

/* A function that asks for lines before it writes them (__builtin_prefetch). */
#ifdef __x86_64__
#define NW_FETCHES __attribute__((target("prfchw")))
#else
#define NW_FETCHES
#endif

enum { NW_LANES = 8 };
typedef float nw_v __attribute__((vector_size(32)));
/* The same in memory, at any address. */
typedef float nw_vu __attribute__((vector_size(32), aligned(4), may_alias));

#endif

#endif
