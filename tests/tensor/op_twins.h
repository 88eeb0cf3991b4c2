/*
 * op_twins.h - one op at work in both precisions on the same numbers.
 *
 * Every buffer that an op writes has canaries on both sides.
 */
#ifndef OP_TWINS_H
#define OP_TWINS_H

#include "ctx.h"
#include "netwright_ext.h"
#include "random.h"
#include "spec.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { TWIN_CANARY = 64, TWIN_MOST_IN = 3 };
static const unsigned char twin_mark = 0xa5;

/* One precision. In this file nw_real is float; of the double twin only pointers are
 * passed through. */
typedef struct twin {
    const nw_op_type *op;
    size_t real; /* bytes of a number */
    void *attr;
    nw_node node;
    nw_run run;
    void *x[TWIN_MOST_IN], *dx[TWIN_MOST_IN], *w[NW_MAX_PARAM], *dw[NW_MAX_PARAM];
    size_t y_bytes, x_bytes[TWIN_MOST_IN], w_bytes[NW_MAX_PARAM];
    unsigned char add[TWIN_MOST_IN];
} twin;

static inline void *twin_guarded(size_t bytes)
{
    unsigned char *p = aligned_alloc(64, (bytes + 2 * TWIN_CANARY + 63) / 64 * 64);

    memset(p, twin_mark, bytes + 2 * TWIN_CANARY);
    memset(p + TWIN_CANARY, 0, bytes);
    return p + TWIN_CANARY;
}

/* 1 = nothing around it was written. */
static inline int twin_intact(const void *buffer, size_t bytes)
{
    const unsigned char *p = (const unsigned char *)buffer - TWIN_CANARY;

    for (size_t i = 0; i < TWIN_CANARY; i++)
        if (p[i] != twin_mark || p[TWIN_CANARY + bytes + i] != twin_mark)
            return 0;
    return 1;
}

static inline void twin_free(void *buffer)
{
    if (buffer)
        free((unsigned char *)buffer - TWIN_CANARY);
}

static inline double twin_get(const twin *t, const void *buffer, size_t i)
{
    return t->real == 4 ? (double)((const float *)buffer)[i]
                        : ((const double *)buffer)[i];
}

/* The same numbers, floats all, in either precision. */
static inline void twin_fill(const twin *t, void *buffer, size_t bytes, uint64_t seed)
{
    for (size_t i = 0; i < bytes / t->real; i++) {
        float v = (float)nw_normal(seed, NW_FOR_TEST, i);

        if (t->real == 4)
            ((float *)buffer)[i] = v;
        else
            ((double *)buffer)[i] = (double)v;
    }
}

static inline size_t twin_param_count(const nw_param *p)
{
    size_t n = 1;

    for (int i = 0; i < p->rank; i++)
        n *= (size_t)p->dim[i];
    return n;
}

/* NW_OK, or why the op refuses: then nothing needs to be closed but the twin. */
static inline nw_status twin_open(twin *t, nw_ctx *ctx, const nw_op_type *op, size_t real,
                                  const char *spec, int n_in, const nw_shape *in,
                                  int batch, int add)
{
    *t = (twin){.op = op, .real = real};
    t->attr = calloc(1, op->size + 1);
    NW_TRY(nw_spec_parse(ctx, (const nw_head *)op, spec, NULL, t->attr));
    t->node = (nw_node){.attr = t->attr, .n_in = n_in, .in = in};
    NW_TRY(op->infer(&t->node));
    t->run = (nw_run){.attr = t->attr,
                      .n_in = n_in,
                      .in = in,
                      .out = t->node.out,
                      .batch = batch,
                      .backward = 1,
                      .ctx = ctx,
                      .mode = NW_TRAIN,
                      .x = (const nw_real *const *)t->x,
                      .dx = (nw_real *const *)t->dx,
                      .w = (nw_real *const *)t->w,
                      .dw = (nw_real *const *)t->dw,
                      .add = t->add};
    t->y_bytes = (size_t)batch * nw_count(&t->node.out) * real;
    for (int i = 0; i < n_in; i++) {
        t->x_bytes[i] = (size_t)batch * nw_count(&in[i]) * real;
        t->x[i] = twin_guarded(t->x_bytes[i]);
        t->dx[i] = twin_guarded(t->x_bytes[i]);
        t->add[i] = (unsigned char)add;
        twin_fill(t, t->x[i], t->x_bytes[i], 10 + (uint64_t)i);
        twin_fill(t, t->dx[i], t->x_bytes[i], 20 + (uint64_t)i);
    }
    for (int i = 0; i < t->node.n_param; i++) {
        t->w_bytes[i] = twin_param_count(&t->node.param[i]) * real;
        t->w[i] = twin_guarded(t->w_bytes[i]);
        twin_fill(t, t->w[i], t->w_bytes[i], 30 + (uint64_t)i);
        if (t->node.param[i].is_buffer)
            continue;
        t->dw[i] = twin_guarded(t->w_bytes[i]);
        twin_fill(t, t->dw[i], t->w_bytes[i], 40 + (uint64_t)i);
    }
    t->run.y = twin_guarded(t->y_bytes);
    t->run.dy = twin_guarded(t->y_bytes);
    twin_fill(t, (void *)(uintptr_t)t->run.dy, t->y_bytes, 50);
    if (op->prepare)
        NW_TRY(op->prepare(&t->run));
    t->run.keep = twin_guarded(t->run.keep_bytes);
    t->run.scratch = twin_guarded(t->run.scratch_bytes);
    return NW_OK;
}

static inline void twin_step(twin *t)
{
    t->op->forward(&t->run);
    t->op->backward(&t->run);
}

static inline int twin_all_intact(const twin *t)
{
    int ok = twin_intact(t->run.y, t->y_bytes) &&
             twin_intact(t->run.keep, t->run.keep_bytes) &&
             twin_intact(t->run.scratch, t->run.scratch_bytes);

    for (int i = 0; i < t->run.n_in; i++)
        ok = ok && twin_intact(t->dx[i], t->x_bytes[i]);
    for (int i = 0; i < t->node.n_param; i++)
        ok = ok && (!t->dw[i] || twin_intact(t->dw[i], t->w_bytes[i]));
    return ok;
}

static inline void twin_close(twin *t)
{
    if (t->op->release)
        t->op->release(&t->run);
    for (int i = 0; i < TWIN_MOST_IN; i++) {
        twin_free(t->x[i]);
        twin_free(t->dx[i]);
    }
    for (int i = 0; i < NW_MAX_PARAM; i++) {
        twin_free(t->w[i]);
        twin_free(t->dw[i]);
    }
    twin_free(t->run.y);
    twin_free((void *)(uintptr_t)t->run.dy);
    twin_free(t->run.keep);
    twin_free(t->run.scratch);
    free(t->attr);
}

#endif
