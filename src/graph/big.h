/* big.h - whole numbers without limit (576 digits), for counting spaces. */
#ifndef NW_BIG_H
#define NW_BIG_H

#include <stdint.h>

enum { NW_BIG_WORDS = 64 };

typedef struct nw_big {
    int n;                       /* words in use; 0 = zero        */
    uint32_t word[NW_BIG_WORDS]; /* base 10^9, least first        */
    int overflowed;
} nw_big;

void nw_big_set(nw_big *a, uint32_t value);
void nw_big_mul(nw_big *a, uint32_t factor);
void nw_big_div(nw_big *a, uint32_t divisor); /* rounds down */
void nw_big_mul_big(nw_big *a, const nw_big *b);
void nw_big_add(nw_big *a, const nw_big *b);
void nw_big_text(const nw_big *a, char out[NW_BIG_WORDS * 9 + 1]);

#endif
