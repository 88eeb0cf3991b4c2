#include "random.h"

#include <Random123/philox.h>
#include <math.h>
#include <string.h>

void nw_random_bits(uint64_t seed, uint32_t purpose, uint64_t index, uint32_t out[4])
{
    philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    philox4x32_ctr_t counter = {{(uint32_t)index, (uint32_t)(index >> 32), purpose, 0}};
    philox4x32_ctr_t r = philox4x32(counter, key);

    memcpy(out, r.v, sizeof(r.v));
}

uint64_t nw_random_u64(uint64_t seed, uint32_t purpose, uint64_t index)
{
    uint32_t r[4];

    nw_random_bits(seed, purpose, index, r);
    return (uint64_t)r[1] << 32 | r[0];
}

double nw_uniform(uint64_t seed, uint32_t purpose, uint64_t index)
{
    return ((double)(nw_random_u64(seed, purpose, index) >> 12) + .5) * 0x1p-52;
}

/* Box-Muller on two of the four words' pairs. */
double nw_normal(uint64_t seed, uint32_t purpose, uint64_t index)
{
    const double two_pi = 6.283185307179586476925;
    uint32_t r[4];
    double u, v;

    nw_random_bits(seed, purpose, index, r);
    u = ((double)r[0] + (double)r[1] * 0x1p-32 + 0x1p-33) * 0x1p-32;
    v = ((double)r[2] + (double)r[3] * 0x1p-32) * 0x1p-32;
    return sqrt(-2 * log(u)) * cos(two_pi * v);
}

uint64_t nw_below(uint64_t seed, uint32_t purpose, uint64_t index, uint64_t n)
{
    unsigned __int128 wide = nw_random_u64(seed, purpose, index);

    return (uint64_t)(wide * n >> 64); /* bias below n / 2^64 */
}

void nw_permutation(uint64_t seed, uint32_t purpose, uint32_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint32_t)i;
    for (size_t i = n; i > 1; i--) {
        size_t j = nw_below(seed, purpose, i, i);
        uint32_t t = out[i - 1];

        out[i - 1] = out[j];
        out[j] = t;
    }
}

uint64_t nw_subseed(uint64_t seed, uint32_t purpose, uint64_t index)
{
    uint32_t r[4];

    nw_random_bits(seed, purpose, index, r);
    return (uint64_t)r[3] << 32 | r[2];
}

uint64_t nw_hash(uint64_t hash, const void *bytes, size_t n)
{
    const uint64_t prime = 0x100000001b3u;
    const unsigned char *p = bytes;
    uint64_t word;

    for (; n >= 8; n -= 8, p += 8) {
        memcpy(&word, p, 8);
        hash = (hash ^ word) * prime;
        hash ^= hash >> 29;
    }
    for (; n; n--, p++)
        hash = (hash ^ *p) * prime;
    return hash;
}
