/* score.h - loss, top-1 and top-k of a net over a data set. */
#ifndef NW_SCORE_H
#define NW_SCORE_H

#include "data.h"
#include "net.h"

/* Right answers among a batch of logits (batch, classes): label's logit larger than all
 * but fewer than k others; among equal logits the lower class comes first. */
int nw_count_right(const nw_net *net, const void *logits, const int32_t *label, int batch,
                   int k);

/* Fill loss, accuracy and top5 (of k). mode NW_EVAL, or NW_TRAIN_STILL for statistics of
 * each batch. The rest of `out` is left alone. */
nw_status nw_score_over(nw_net *net, nw_data *data, const nw_augment *augment, int batch,
                        nw_mode mode, int k, nw_score *out);

/* Reset the running statistics and let them become the plain average over `batches`
 * batches of `data` (OFA, NAT). */
nw_status nw_recalibrate(nw_net *net, nw_data *data, const nw_augment *augment, int batch,
                         int batches);

#endif
