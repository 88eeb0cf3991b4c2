/* divisible.h - widths of mobile networks, as the authors' make_divisible() rounds. */
#ifndef NW_DIVISIBLE_H
#define NW_DIVISIBLE_H

/* The multiple of `divisor`, at least one, that is nearest to v, but not below 9/10 of
 * it. */
static inline int nw_multiple_of(double v, int divisor)
{
    int n = (int)(v + divisor / 2.0) / divisor * divisor;

    n = n < divisor ? divisor : n;
    return n < .9 * v ? n + divisor : n;
}

#endif
