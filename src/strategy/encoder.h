/*
 * encoder.h - an arch as a row of numbers that a predictor can learn from.
 *
 * Two encodings. Where the choices of a space make a small cell, a row has one number for
 * every sequence of ops that can stand on a way from the cell's input to its output: 1 if
 * the arch has such a way (White et al. 2019, arXiv:1910.11858, sec. 4). Everywhere else
 * it has one for every option of every choice: 1 if it is taken.
 */
#ifndef NW_ENCODER_H
#define NW_ENCODER_H

#include "netwright_ext.h"

typedef struct nw_encoder nw_encoder;

/* paths 0 = options in any case. NULL after nw_fail(). The space must be sealed. */
nw_encoder *nw_encoder_new(nw_ctx *ctx, nw_space *space, int paths);
void nw_encoder_free(nw_encoder *f);

int nw_encoder_width(const nw_encoder *f);
int nw_encoder_paths(const nw_encoder *f); /* ways through the cell; 0 = options */
void nw_encode(const nw_encoder *f, const nw_arch *hard, float *row);

#endif
