/*
 * curve.c - loops without a branch or a call, which the compiler makes wide.
 *
 * exp(x) = 2^k exp(r), x = k log 2 + r with |r| <= log 2 / 2, and a polynomial for
 * exp(r); tanh(x) is x + x^3 P(x^2) near 0, else 1 - 2 / (exp(2 |x|) + 1) with the sign
 * of x.
 *
 * Polynomials: S. L. Moshier, Cephes Mathematical Library, expf and tanhf.
 */
#include "curve.h"
#include "simd.h"

#include <math.h>
#include <string.h>

#ifdef NW_DOUBLE

void NW_R(nw_sigmoid)(size_t n, const nw_real *x, nw_real *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = 1 / (1 + exp(-x[i]));
}

void NW_R(nw_tanh)(size_t n, const nw_real *x, nw_real *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = tanh(x[i]);
}

#else

/* Beyond 87 both curves are flat, and 2^k stays a normal number within it. */
NW_INLINE float exp_of(float x)
{
    const float whole = 12582912; /* 1.5 * 2^23: adding it rounds to an integer */
    const float held = x > 87 ? 87 : x < -87 ? -87 : x;
    const float k = (held * 1.44269504f + whole) - whole;
    const float r = (held - k * .693359375f) - k * -2.12194440e-4f;
    const int32_t bits = ((int32_t)k + 127) * (1 << 23);
    float p = 1.9875691500e-4f, power;

    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    memcpy(&power, &bits, sizeof(power));
    return (p * r * r + r + 1) * power;
}

NW_INLINE float tanh_of(float x)
{
    const float size = fabsf(x), square = x * x;
    const float far = 1 - 2 / (exp_of(2 * size) + 1);
    float p = -5.70498872745e-3f;

    p = p * square + 2.06390887954e-2f;
    p = p * square - 5.37397155531e-2f;
    p = p * square + 1.33314422036e-1f;
    p = p * square - 3.33332819422e-1f;
    return size < .625f ? x + x * square * p : copysignf(far, x);
}

NW_CLONES void NW_R(nw_sigmoid)(size_t n, const nw_real *x, nw_real *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = 1 / (1 + exp_of(-x[i]));
}

NW_CLONES void NW_R(nw_tanh)(size_t n, const nw_real *x, nw_real *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = tanh_of(x[i]);
}

#endif
