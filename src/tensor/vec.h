/*
 * vec.h - arithmetic on whole blocks of parameters, for either precision.
 *
 * Sums are taken over fixed stretches and combined in order, so they do not depend on
 * the number of threads. Buffers may be the same where that makes sense.
 */
#ifndef NW_VEC_H
#define NW_VEC_H

#include <stddef.h>

typedef struct nw_sgd {
    double lr, momentum, decay, scale; /* scale multiplies the gradient (clipping) */
    int nesterov;
} nw_sgd;

typedef struct nw_adam {
    double lr, beta1, beta2, eps, decay, scale;
    int decoupled;     /* AdamW: the decay acts on the parameter, not the gradient */
    double fix1, fix2; /* 1 - beta^step, the bias corrections                      */
} nw_adam;

typedef struct nw_vec {
    double (*dot)(size_t n, const void *a, const void *b);
    void (*axpy)(size_t n, double a, const void *x, void *y); /* y += a x         */
    void (*sum)(size_t n, const void *a, const void *b, double scale, void *out);
    /* out = a + scale b     */
    void (*clamp)(size_t n, double limit, void *x); /* to [-limit, limit]    */

    /* PyTorch's SGD: g = scale grad + decay p; buf = momentum buf + g;
     * p -= lr (nesterov ? g + momentum buf : buf). buf may be NULL without momentum. */
    void (*sgd)(size_t n, const nw_sgd *c, const void *grad, void *buf, void *p);
    void (*adam)(size_t n, const nw_adam *c, const void *grad, void *mean, void *var,
                 void *p);

    /* DARTS's virtual step: out = p - lr (momentum buf + grad + decay p). */
    void (*look_ahead)(size_t n, const nw_sgd *c, const void *grad, const void *buf,
                       const void *p, void *out);
} nw_vec;

extern const nw_vec nw_vec_f32, nw_vec_f64;

#endif
