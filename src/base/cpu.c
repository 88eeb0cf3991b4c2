/* cpu.c - by CPUID, since compilers know the names of these features only lately. */
#include "cpu.h"

#ifdef __x86_64__

#include <cpuid.h>

/* Leaf 7: AMX-BF16 is bit 22 of EDX, AVX512-BF16 bit 5 of EAX of the next subleaf. */
int nw_cpu_has_bf16(void)
{
    unsigned a, b, c, d;

    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return 0;
    if (d >> 22 & 1)
        return 1;
    return a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 5 & 1);
}

#else

int nw_cpu_has_bf16(void)
{
    return 0;
}

#endif
