#include "big.h"

#include <stdio.h>

enum { BASE = 1000000000 };

void nw_big_set(nw_big *a, uint32_t value)
{
    *a = (nw_big){0};
    for (; value; value /= BASE)
        a->word[a->n++] = value % BASE;
}

static void carry_on(nw_big *a, uint64_t carry)
{
    for (; carry; carry /= BASE) {
        if (a->n == NW_BIG_WORDS) {
            a->overflowed = 1;
            return;
        }
        a->word[a->n++] = (uint32_t)(carry % BASE);
    }
}

void nw_big_mul(nw_big *a, uint32_t factor)
{
    uint64_t carry = 0;

    for (int i = 0; i < a->n; i++) {
        carry += (uint64_t)a->word[i] * factor;
        a->word[i] = (uint32_t)(carry % BASE);
        carry /= BASE;
    }
    carry_on(a, carry);
    while (a->n && !a->word[a->n - 1])
        a->n--;
}

void nw_big_div(nw_big *a, uint32_t divisor)
{
    uint64_t rest = 0;

    for (int i = a->n - 1; i >= 0; i--) {
        rest = rest * BASE + a->word[i];
        a->word[i] = (uint32_t)(rest / divisor);
        rest %= divisor;
    }
    while (a->n && !a->word[a->n - 1])
        a->n--;
}

void nw_big_add(nw_big *a, const nw_big *b)
{
    uint64_t carry = 0;

    while (a->n < b->n)
        a->word[a->n++] = 0;
    for (int i = 0; i < a->n; i++) {
        carry += (uint64_t)a->word[i] + (i < b->n ? b->word[i] : 0);
        a->word[i] = (uint32_t)(carry % BASE);
        carry /= BASE;
    }
    carry_on(a, carry);
    a->overflowed |= b->overflowed;
}

void nw_big_mul_big(nw_big *a, const nw_big *b)
{
    nw_big sum;

    nw_big_set(&sum, 0);
    for (int i = b->n - 1; i >= 0; i--) { /* Horner's scheme */
        nw_big part = *a;

        nw_big_mul(&sum, BASE);
        nw_big_mul(&part, b->word[i]);
        nw_big_add(&sum, &part);
    }
    sum.overflowed |= a->overflowed | b->overflowed;
    *a = sum;
}

void nw_big_text(const nw_big *a, char out[NW_BIG_WORDS * 9 + 1])
{
    int n = snprintf(out, 11, "%u", a->n ? a->word[a->n - 1] : 0);

    for (int i = a->n - 2; i >= 0; i--)
        n += snprintf(out + n, 10, "%09u", a->word[i]);
}
