/*
 * random.h - random numbers as a pure function of (seed, purpose, index).
 *
 * Nothing is advanced or shared, so a result does not depend on the order in which
 * workers ask, and a resumed run draws what an undisturbed one would.
 *
 * Source: Philox4x32-10, Salmon et al. 2011, "Parallel random numbers: as easy as
 * 1, 2, 3".
 */
#ifndef NW_RANDOM_H
#define NW_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* One stream for every use, so that two uses never see the same numbers. */
enum nw_purpose {
    NW_FOR_WEIGHTS = 1,
    NW_FOR_ARCH,
    NW_FOR_SHUFFLE,
    NW_FOR_SPLIT,
    NW_FOR_AUGMENT,
    NW_FOR_DROPOUT,
    NW_FOR_TRIAL,
    NW_FOR_STRATEGY,
    NW_FOR_NOISE,
    NW_FOR_TEST,
    NW_FOR_RUN, /* which of several results of an arch is taken */
};

void nw_random_bits(uint64_t seed, uint32_t purpose, uint64_t index, uint32_t out[4]);
uint64_t nw_random_u64(uint64_t seed, uint32_t purpose, uint64_t index);
double nw_uniform(uint64_t seed, uint32_t purpose, uint64_t index); /* (0, 1) */
double nw_normal(uint64_t seed, uint32_t purpose, uint64_t index);  /* mean 0, sd 1 */
uint64_t nw_below(uint64_t seed, uint32_t purpose, uint64_t index,
                  uint64_t n); /* [0,n) */

/* A uniform permutation of 0..n-1 (Fisher-Yates). */
void nw_permutation(uint64_t seed, uint32_t purpose, uint32_t *out, size_t n);

/* A seed for part `index` of something that has `seed`. */
uint64_t nw_subseed(uint64_t seed, uint32_t purpose, uint64_t index);

/* FNV-1a over 64-bit words and bytes: to recognise, not to protect. */
uint64_t nw_hash(uint64_t hash, const void *bytes, size_t n);
#define NW_HASH_START 0xcbf29ce484222325u

#endif
