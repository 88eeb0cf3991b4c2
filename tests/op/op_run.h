/*
 * op_run.h - one op by itself, with memory of its own: no graph, no plan, no executor.
 *
 * Every array ends in a guard, and what an op may not read is NaN, so that an op that
 * reads or writes too much is found out. Numbers are float or double, by the op's twin;
 * op_get() and op_set() hide which.
 */
#ifndef OP_RUN_H
#define OP_RUN_H

#include "ctx.h"
#include "netwright_ext.h"

enum { OP_MOST_IN = 3 };

enum op_option {
    OP_NO_DX0 = 1, /* the gradient of input 0, 1, 2 is not wanted */
    OP_NO_DX1 = 2,
    OP_NO_DX2 = 4,
    OP_NO_DW = 8, /* nor those of the parameters                 */
    OP_ADD = 16,  /* every dx holds a sum already                */
};

struct op_array {
    void *data;
    size_t n;
};

struct op_run {
    nw_ctx *ctx;
    const nw_op_type *op;
    size_t real; /* bytes of a number */
    void *attr;
    nw_shape in[OP_MOST_IN];
    nw_node node;
    nw_run run;
    struct op_array x[OP_MOST_IN], dx[OP_MOST_IN], y, dy;
    struct op_array w[NW_MAX_PARAM], dw[NW_MAX_PARAM];
    void *x_at[OP_MOST_IN], *dx_at[OP_MOST_IN]; /* what `run` sees */
    void *w_at[NW_MAX_PARAM], *dw_at[NW_MAX_PARAM];
    unsigned char add[OP_MOST_IN];
    double mix[OP_MOST_IN], dmix[OP_MOST_IN];
};

/* Shapes, arrays, prepare(); inputs, parameters and dy are drawn. */
nw_status op_open(struct op_run *r, nw_ctx *ctx, const nw_op_type *op, int f64,
                  const nw_case *c, int batch, unsigned options);
void op_close(struct op_run *r);

double op_get(const struct op_run *r, const struct op_array *a, size_t i);
void op_set(const struct op_run *r, const struct op_array *a, size_t i, double value);
void op_fill(const struct op_run *r, const struct op_array *a, double value);

/* Forward; then what backward has no right to read is lost; then backward. */
void op_forward(struct op_run *r);
void op_spoil(struct op_run *r);
void op_backward(struct op_run *r);

/* Gradients before backward(): NaN where it writes, `start` where it adds. */
void op_begin_gradients(struct op_run *r, double start);

/* 1 when nobody wrote behind an array. */
int op_is_guarded(const struct op_run *r);

/* Where number i of a batch, as users count it (N, C, H, W), stands in memory. */
size_t op_place(const nw_shape *shape, size_t i);

/* |a - b| / max(|a|, |b|, tiny), by the Euclidean norm; NaN counts as infinite. */
double op_distance(const struct op_run *ra, const struct op_array *a,
                   const struct op_run *rb, const struct op_array *b);

#endif
