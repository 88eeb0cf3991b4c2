/*
 * image.h - what the walks of all stages do at their ends: the input is normed and gated
 * while it is read, the gradient behind is formed while it is read, moments and sums are
 * taken while numbers are hot. All on the calling thread; float only, c >= 8.
 *
 * Buffers of a walk hold pixels of `cp` channels, a multiple of 8; tensors hold `c`.
 */
#ifndef NW_IMAGE_H
#define NW_IMAGE_H

#include "stage.h"

/* Parts into which a batch is cut, whatever the number of threads, so that sums over it
 * are always made in the same order. */
enum { NW_STAGE_PARTS = 16 };

typedef struct nw_stage_cut {
    int parts, per_part; /* images a part; the last may have fewer */
} nw_stage_cut;

nw_stage_cut nw_stage_cut_of(int n);

/* Images of a part, of n in all: [*first, return). */
size_t nw_stage_images(const nw_stage_cut *cut, int n, size_t part, size_t *first);

/* out = gate((x - mean) scale + shift), n pixels; channels from c to cp stay. */
void nw_gate_in(const nw_stage *s, const nw_stage_args *a, int n, const float *x, int cp,
                float *out);

/* out = on_dy each dy + on_y (y - y_mean) + fixed, n pixels; `dy` is in a->dy, and `y`
 * beside it in a->y. Channels from oc to op stay. */
void nw_norm_in(const nw_stage *s, const nw_stage_args *a, int n, const float *y,
                const float *dy, int op, float *out);

/* dx = or += grad where the gate was open; `act` is what nw_gate_in() gave. `sums` (2,
 * cp) takes the sums of the gradient and of gradient (x - mean) on top of what is there;
 * NULL when none are wanted. */
void nw_gate_back(const nw_stage *s, const nw_stage_args *a, int n, const float *act,
                  const float *grad, int cp, const float *x, float *dx, float *sums);

/* ---- Moments ----------------------------------------------------------------------- */

/* Bytes of what one part gathers about c channels. */
size_t nw_gather_bytes(int c);
void nw_gather_clear(void *part, int c);

/* Join some rows of y, about which deviations are summed from the mean of the part's
 * first ones: exact to rounding as long as a part's own mean is within a few hundred
 * deviations of that. */
void nw_gather_rows(void *part, int c, int rows, const float *y);

/* All parts, in order. */
void nw_gather_end(const void *parts, int n, int c, float *mean, float *variance);

/* Float sums (2, cp) of an image to doubles (2, c), and cleared. */
void nw_sums_to(int c, int cp, float *sums, double *total);

/* Doubles (2, c) of n parts, `pitch` floats apart, added up in order. */
void nw_sums_end(const float *totals, size_t pitch, int n, int c, float *sum,
                 float *prod);

#endif
