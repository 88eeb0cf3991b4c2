/*
 * slim_cell.c - one cell of the NASNet family, as TF-slim and the TPU code build it.
 *
 * A cell has two inputs, h_i (state 0, from the cell before) and h_i-1 (state 1), and
 * blocks. Block b makes state 2 + b: op_left(one state) + op_right(one state). Before the
 * blocks both inputs are brought to f channels: h_i by relu, 1x1 convolution and batch
 * norm always, h_i-1 only where its channels or its size differ. The output is some of
 * the states side by side. With stride 2 only ops on the two inputs have the stride.
 *
 * identity   the state itself; relu, 1x1, batch norm where stride or channels differ
 * sep_conv   stacked_sep_conv
 * pools      over the image, not its border; then 1x1, batch norm where channels differ
 * the rest   bottlenecked: relu, 1x1 to r, norm, relu, convolution from r to r, norm,
 *            relu, 1x1 to f, norm, with r = f / 4 (3 f / 8 for 1x3_3x1), rounded down;
 *            nothing but relu, convolution and norm where that is 0. That is the TPU
 *            code of AmoebaNet, from which we take it for NASNet's full set of ops too.
 *
 * All padding is TensorFlow's SAME. A concat as combiner (of NASNet's space; no published
 * cell has it) makes a state of 2 f channels, which its readers take as it is: the paper
 * inserts 1x1 convolutions "as necessary".
 *
 * [1] Zoph et al. 2018, NASNet, arXiv:1707.07012; tensorflow/models, slim nasnet_utils.
 * [2] Real et al. 2019, AmoebaNet, arXiv:1802.01548; tensorflow/tpu, amoeba_net.
 */
#include "same.h"
#include "slim.h"

#include <stdio.h>
#include <string.h>

enum kind { IDENTITY, ZERO, SEPARABLE, MAX_POOL, AVG_POOL, POINT, SQUARE, CROSSED };

static const struct slim_op {
    const char *name, *word; /* word: TF-slim's */
    enum kind kind;
    int k, dil;
} ops[] = {
    {"identity", "skip_connect", IDENTITY, 1, 1},
    {"zero", NULL, ZERO, 1, 1},
    {"sep_conv_3x3", "separable_3x3_2", SEPARABLE, 3, 1},
    {"sep_conv_5x5", "separable_5x5_2", SEPARABLE, 5, 1},
    {"sep_conv_7x7", "separable_7x7_2", SEPARABLE, 7, 1},
    {"dil_sep_conv_3x3", NULL, SEPARABLE, 3, 2},
    {"avg_pool_3x3", NULL, AVG_POOL, 3, 1},
    {"max_pool_2x2", NULL, MAX_POOL, 2, 1},
    {"max_pool_3x3", NULL, MAX_POOL, 3, 1},
    {"max_pool_5x5", NULL, MAX_POOL, 5, 1},
    {"max_pool_7x7", NULL, MAX_POOL, 7, 1},
    {"conv_1x1", "1x1", POINT, 1, 1},
    {"conv_3x3", "3x3", SQUARE, 3, 1},
    {"dilated_3x3", "dilated_3x3_rate_2", SQUARE, 3, 2},
    {"conv_1x3_3x1", "1x3_3x1", CROSSED, 3, 1},
    {"conv_1x7_7x1", "1x7_7x1", CROSSED, 7, 1},
};

enum { OPS = sizeof(ops) / sizeof(*ops) };

const char *nw_slim_op(int i)
{
    return i >= 0 && i < OPS ? ops[i].name : NULL;
}

const char *nw_slim_op_named(const char *word)
{
    for (int i = 0; i < OPS; i++)
        if (!strcmp(ops[i].name, word) || (ops[i].word && !strcmp(ops[i].word, word)))
            return ops[i].name;
    return NULL;
}

static const struct slim_op *op_of(const char *name)
{
    int i = 0;

    while (strcmp(ops[i].name, name))
        i++;
    return &ops[i];
}

void nw_slim_derive_out(nw_slim_cell *cell)
{
    int read[NW_SLIM_STATES] = {0};

    for (int b = 0; b < cell->n; b++)
        for (int side = 0; side < 2; side++)
            read[cell->block[b].in[side]] = 1;
    cell->n_out = 0;
    for (int state = 2; state < cell->n + 2; state++)
        if (!read[state])
            cell->out[cell->n_out++] = state;
}

/* ---- Pieces ------------------------------------------------------------------------ */

static nw_slim_map strided(nw_slim_map map, nw_ref x, int c, int stride)
{
    return (nw_slim_map){x, c, nw_same_out(map.h, stride), nw_same_out(map.w, stride)};
}

/* 1x1 convolution and batch norm. */
static nw_ref point(const nw_slim_place *p, nw_ref x, int c, int stride, const char *name)
{
    return nw_opf(p->space, x,
                  "conv2d out=%d k=1 stride=%d pad=0 bias=0 name=%s.conv | "
                  "batchnorm eps=%g name=%s.bn",
                  c, stride, name, p->eps, name);
}

nw_slim_map nw_slim_project(const nw_slim_place *p, nw_slim_map map, int c, int relu,
                            const char *name)
{
    nw_ref x = relu ? nw_op(p->space, "relu", map.x) : map.x;

    return strided(map, point(p, x, c, 1, name), c, 1);
}

/* Half the size by two 1x1 convolutions, the second of the image moved by one pixel to
 * the top left, with zeros behind it; no relu. Odd c: one more in the second. */
static nw_slim_map reduce(const nw_slim_place *p, nw_slim_map map, int c,
                          const char *name)
{
    nw_space *s = p->space;
    nw_ref path[2], x = map.x;

    nw_enter(s, "%s", name);
    path[0] =
        nw_opf(s, x, "conv2d out=%d k=1 stride=2 pad=0 bias=0 name=path1_conv", c / 2);
    if (map.h % 2 || map.w % 2)
        x = nw_opf(s, x, "pad bottom=%d right=%d", map.h % 2, map.w % 2);
    path[1] = nw_opf(s, x,
                     "slice h=1: w=1: | "
                     "conv2d out=%d k=1 stride=2 pad=0 bias=0 name=path2_conv",
                     c - c / 2);
    x = nw_op_n(s, "concat", 2, path);
    x = nw_opf(s, x, "batchnorm eps=%g name=final_path_bn", p->eps);
    nw_leave(s);
    return strided(map, x, c, 2);
}

/* ---- Ops --------------------------------------------------------------------------- */

static nw_ref square(const nw_slim_place *p, const struct slim_op *op, nw_ref x, int c,
                     int stride)
{
    return nw_opf(p->space, x,
                  "conv2d out=%d k=%d dil=%d stride=%d tf=1 bias=0 name=core", c, op->k,
                  op->dil, stride);
}

/* 1xk, then kx1; each has its half of the stride. */
static nw_ref crossed(const nw_slim_place *p, const struct slim_op *op, nw_ref x, int c,
                      int stride)
{
    return nw_opf(p->space, x,
                  "conv2d out=%d k=1x%d stride=1x%d tf=1 bias=0 name=row | "
                  "batchnorm eps=%g name=row_bn | relu | "
                  "conv2d out=%d k=%dx1 stride=%dx1 tf=1 bias=0 name=column",
                  c, op->k, stride, p->eps, c, op->k, stride);
}

static nw_ref bottleneck(const nw_slim_place *p, const struct slim_op *op, nw_ref x,
                         int stride)
{
    nw_space *s = p->space;
    int r = op->kind == CROSSED && op->k == 3 ? 3 * p->f / 8 : p->f / 4;
    int c = r ? r : p->f;

    if (r)
        x = point(p, nw_op(s, "relu", x), r, 1, "pre");
    x = nw_op(s, "relu", x);
    x = op->kind == CROSSED ? crossed(p, op, x, c, stride) : square(p, op, x, c, stride);
    x = nw_opf(s, x, "batchnorm eps=%g name=bn", p->eps);
    return r ? point(p, nw_op(s, "relu", x), p->f, 1, "post") : x;
}

static nw_ref pool(const nw_slim_place *p, const struct slim_op *op, nw_slim_map map,
                   int stride)
{
    nw_ref x = nw_opf(p->space, map.x, "%s k=%d stride=%d tf=1",
                      op->kind == MAX_POOL ? "maxpool" : "avgpool", op->k, stride);

    return map.c == p->f ? x : point(p, x, p->f, 1, "1x1");
}

static nw_ref apply(const nw_slim_place *p, const struct slim_op *op, nw_slim_map map,
                    int stride)
{
    switch (op->kind) {
    case SEPARABLE:
        return nw_opf(p->space, map.x,
                      "stacked_sep_conv out=%d k=%d dil=%d stride=%d tf=1 eps=%g "
                      "name=separable",
                      p->f, op->k, op->dil, stride, p->eps);
    case MAX_POOL:
    case AVG_POOL:
        return pool(p, op, map, stride);
    case SQUARE:
    case CROSSED:
        return bottleneck(p, op, map.x, stride);
    case IDENTITY:
        if (stride == 1 && map.c == p->f)
            return map.x;
        break;
    case POINT:
    case ZERO:
        break;
    }
    return point(p, nw_op(p->space, "relu", map.x), p->f, stride, "1x1");
}

/* Side `side` of a block on its state; -1 = zero. */
static nw_ref half(const nw_slim_place *p, const nw_slim_block *block, int side,
                   nw_slim_map map)
{
    const struct slim_op *op = op_of(block->op[side]);
    nw_ref x;

    if (op->kind == ZERO)
        return -1;
    nw_enter(p->space, side ? "right" : "left");
    x = apply(p, op, map, block->in[side] < 2 ? p->stride : 1);
    nw_leave(p->space);
    return p->drop > 0 && op->kind != IDENTITY
               ? nw_opf(p->space, x, "droppath p=%.9g", p->drop)
               : x;
}

/* ---- Cell -------------------------------------------------------------------------- */

/* state[0] has f channels and the size of the inputs. */
static nw_slim_map block_at(const nw_slim_place *p, int b, const nw_slim_map *state)
{
    const nw_slim_block *block = &p->cell->block[b];
    nw_ref x[2];
    int n = 0;

    nw_enter(p->space, "comb_iter_%d", b);
    for (int side = 0; side < 2; side++) {
        x[n] = half(p, block, side, state[block->in[side]]);
        n += x[n] >= 0;
    }
    if (!n && p->space->status >= 0)
        x[n++] = nw_opf(p->space, state[0].x, "none stride=%d", p->stride);
    if (n == 2)
        x[0] = nw_op_n(p->space, block->concat ? "concat" : "add", 2, x);
    nw_leave(p->space);
    return strided(state[0], x[0], block->concat && n == 2 ? 2 * p->f : p->f, p->stride);
}

static nw_slim_map older_input(const nw_slim_place *p, nw_slim_map newer,
                               nw_slim_map older)
{
    if (older.x < 0)
        return newer;
    if (older.h != newer.h || older.w != newer.w) {
        older.x = nw_op(p->space, "relu", older.x);
        return reduce(p, older, p->f, "prev_reduction");
    }
    return older.c == p->f ? older : nw_slim_project(p, older, p->f, 1, "prev");
}

/* The states of the output side by side; an input that does not fit is made to. */
static nw_slim_map output(const nw_slim_place *p, const nw_slim_map *state)
{
    nw_slim_map sum = strided(state[0], -1, 0, p->stride);
    nw_ref in[NW_SLIM_STATES];

    for (int i = 0; i < p->cell->n_out; i++) {
        int s = p->cell->out[i];
        nw_slim_map map = state[s];
        char name[32];

        snprintf(name, sizeof(name), "reduction_%d", s);
        if (s < 2 && (map.h != sum.h || map.w != sum.w))
            map = reduce(p, map, p->f, name);
        else if (s < 2 && map.c != p->f)
            map = nw_slim_project(p, map, p->f, 0, name);
        in[i] = map.x;
        sum.c += map.c;
    }
    sum.x = nw_op_n(p->space, "concat", (size_t)p->cell->n_out, in);
    return sum;
}

nw_slim_map nw_slim_cell_at(const nw_slim_place *p, nw_slim_map newer, nw_slim_map older)
{
    nw_slim_map state[NW_SLIM_STATES];

    state[1] = older_input(p, newer, older);
    state[0] = nw_slim_project(p, newer, p->f, 1, "beginning");
    for (int b = 0; b < p->cell->n; b++)
        state[2 + b] = block_at(p, b, state);
    return output(p, state);
}
