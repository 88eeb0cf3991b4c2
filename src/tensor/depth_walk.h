/*
 * depth_walk.h - depthwise convolution down an image, some rows at a time, for stages.
 *
 * Two buffers of a walk are rings of rows, so that they stay in the caches whatever the
 * height of the image:
 *
 *   act    the gated input with zeros around, channels padded to a multiple of 8
 *   spread backward: gradient of the output, `stride` apart and with zeros around, over
 *          which the transposed convolution is a plain one with the filter turned by half
 *          a turn
 *
 * Going forward a walk takes the output rows from top to bottom: for some rows it reads
 * what they need, then computes them. Going backward it reads the same, is given the
 * gradients of these rows, adds what they say of the filter, and then writes the rows of
 * dx for which nothing is missing.
 *
 *     nw_depth_start                          nw_depth_start
 *     for each band of rows:                  for each band of rows:
 *         nw_depth_read                           nw_depth_read
 *         nw_depth_rows                           gradients to nw_depth_spread(row)
 *                                                 nw_depth_filter, nw_depth_back
 *                                             nw_depth_finish
 */
#ifndef NW_DEPTH_WALK_H
#define NW_DEPTH_WALK_H

#include "depth_row.h"
#include "stage.h"

/* Sizes that follow from a stage. Numbers of rows and pixels, unless they say floats. */
typedef struct nw_depth {
    const nw_stage *s;
    int cp, reach, off; /* padded channels; (k-1) dil; first gradient in spread */
    int rows;           /* of a band                                            */
    int act_h, act_w;   /* of the ring; the image is padded to act_w            */
    int spread_h, spread_w;
    int act_whole, spread_whole; /* all of the image: zeros around stay where they are */
    size_t act, spread, line;    /* floats of the buffers */
    size_t filter;               /* floats of a packed one */
} nw_depth;

/* The buffers of one walk, zero at the start of a call: channels and pixels around the
 * image are never written. */
typedef struct nw_depth_walk {
    const nw_depth *d;
    const nw_stage_args *a;
    const float *x; /* the image                                           */
    float *dx;      /* NULL = not wanted                                   */
    float *act, *spread, *line, *sums;
    int act_end, spread_end; /* rows that the rings have seen                       */
    int dx_end;              /* rows of dx that are written                         */
} nw_depth_walk;

int nw_depth_fits(const nw_stage *s);

/* Bands of `rows` rows, or a little fewer so that all are alike. */
void nw_depth_lay_out(nw_depth *d, const nw_stage *s, int rows);

/* To (k, k, cp), turned by half a turn or not. */
void nw_depth_pack(const nw_depth *d, const float *w, int turned, float *packed);

/* At the top of an image. */
void nw_depth_start(nw_depth_walk *walk, size_t image);

/* Read what the output rows [row, row + n) need. */
void nw_depth_read(nw_depth_walk *walk, int row, int n);

/* Output rows [row, row + n), pixels cp apart. */
void nw_depth_rows(const nw_depth_walk *walk, const float *w, int row, int n, float *out);

/* Where the gradient of output row `row` goes: pixels stride * cp apart. In order. */
float *nw_depth_spread(nw_depth_walk *walk, int row);

/* sum (k, k, cp) += what the rows [row, row + n) say. */
void nw_depth_filter(const nw_depth_walk *walk, int row, int n, float *sum);

/* The rows of dx that are ready, and then all that are left. w is turned. */
void nw_depth_back(nw_depth_walk *walk, const float *w);
void nw_depth_finish(nw_depth_walk *walk, const float *w);

/* dw (c, 1, k, k) += sum. */
void nw_depth_add(const nw_depth *d, const float *sum, float *dw);

#endif
