/*
 * dense_walk.h - what the passes of stage_dense.c share: the sizes of a call, its
 * buffers, and the walk over a part of the batch in blocks of strips (winograd.h), up to
 * the products. Float only.
 */
#ifndef NW_DENSE_WALK_H
#define NW_DENSE_WALK_H

#include "image.h"
#include "tiles.h"
#include "winograd.h"

enum { NW_DENSE_PANEL = NW_TILE_COLS, NW_DENSE_TAPS = 9 };

/* Sizes that follow from a stage. */
typedef struct nw_dense_plan {
    const nw_stage *s;
    nw_wino_filter filter; /* .back: the gradient behind is what is transformed   */
    nw_stage_cut cut;
    int cp, op, depth;      /* channels padded to 8: c, oc, of what is transformed */
    int th, tw, strips;     /* tiles of an image; strips of a block                */
    int pixels;             /* of a padded row                                     */
    size_t u, v, m, sum;    /* floats from one of 36 matrices to the next          */
    size_t zero, ring, act; /* floats of buffers, in the order of nw_dense_own     */
    size_t sums, cleared;   /* `cleared` = up to here                              */
    size_t line, taken, mid, spread, grad, acc, own;
    size_t part, totals; /* what a part gathers, and where its doubles start    */
} nw_dense_plan;

size_t nw_dense_scratch(const nw_stage *s, int backward);

typedef struct nw_dense_call {
    nw_dense_plan p;
    const nw_stage_args *a;
    float *u;     /* G w G' of all filters     */
    float *parts; /* what the parts gather     */
    float *own;   /* buffers, thread by thread */
} nw_dense_call;

/* Lays out the scratch, clears what must be, transforms the filters. */
void nw_dense_begin(nw_dense_call *call, const nw_stage *s, const nw_stage_args *a,
                    int backward);

/* Buffers of a thread. */
typedef struct nw_dense_own {
    float *zero;   /* a row of zeros                                              */
    float *ring;   /* rows of what is transformed, r at r % 6, with a zero before */
    float *act;    /* the gated input of a block, whole tiles                     */
    float *sums;   /* (2, cp) of dx                                               */
    float *line;   /* of the transforms                                           */
    float *taken;  /* B' d B: (36, tiles, depth)                                  */
    float *mid;    /* sums over channels, a panel: (36, tiles, 16)                */
    float *spread; /* A x A', a panel: (36, tiles, 16)                            */
    float *grad;   /* of the gated input, as act                                  */
    float *acc;    /* panels of c: (36, op, 16)                                   */
} nw_dense_own;

/* Of the thread at work. */
nw_dense_own nw_dense_places(const nw_dense_call *call);

/* Width of the panel from channel c on. */
int nw_dense_width(int c, int channels);
int nw_dense_panels(int channels);

/* ---- Blocks -------------------------------------------------------------------------
 */

/* Strips [first, first + n) of the images from `image` on, which follow on each other;
 * `strips` is where the part ends. */
typedef struct nw_dense_block {
    size_t image;
    int first, n, strips;
} nw_dense_block;

/* Of a part; n = 0 behind the last. */
nw_dense_block nw_dense_first(const nw_dense_plan *p, size_t part);
void nw_dense_go_on(const nw_dense_plan *p, nw_dense_block *b);

/* Rows of pixels before strip i of a block, from the first image on; before what follows
 * the block that follows; and how many strip i has. */
size_t nw_dense_row(const nw_dense_plan *p, const nw_dense_block *b, int i);
size_t nw_dense_next(const nw_dense_plan *p, const nw_dense_block *b);
int nw_dense_rows(const nw_dense_plan *p, const nw_dense_block *b, int i);

/* Floats of a row of pixels. */
static inline size_t nw_dense_x_line(const nw_dense_plan *p)
{
    return (size_t)(p->s->iw * p->s->c);
}

static inline size_t nw_dense_y_line(const nw_dense_plan *p)
{
    return (size_t)(p->s->ow * p->s->oc);
}

/* Strip i of a block to `taken`: the gated input, or the gradient behind. Strips of a
 * part must be taken in their order. */
void nw_dense_take(const nw_dense_call *call, const nw_dense_own *o,
                   const nw_dense_block *b, int i);

/* ---- Products -----------------------------------------------------------------------
 */

/* Memory that will be wanted, fetched a little before each of `steps` products, so that
 * they hide the time it takes. */
typedef struct nw_dense_soon {
    struct {
        const float *at;
        size_t floats;
        int written;
    } range[4];
    int n, step, steps;
} nw_dense_soon;

/* Floats of `base` from `from` on; at most 4 times; nothing if base is NULL. */
void nw_dense_want(nw_dense_soon *soon, const float *base, size_t from, size_t floats,
                   int written);

/* The panel from channel c on: `taken` by filters, to `mid`. */
void nw_dense_multiply(const nw_dense_call *call, const nw_dense_own *o,
                       const nw_dense_block *b, int c, nw_dense_soon *soon);

/* `taken` by `spread`, over tiles: to `acc`. */
void nw_dense_accumulate(const nw_dense_call *call, const nw_dense_own *o,
                         const nw_dense_block *b, int c, nw_dense_soon *soon);

#endif
