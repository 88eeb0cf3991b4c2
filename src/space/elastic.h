/*
 * elastic.h - what the spaces of elastic networks are made of: Once-for-all,
 * AttentiveNAS.
 *
 * Their networks differ in pixels, depth, widths and kernels, and all take their weights
 * from one supernet (see src/net/store.h). So a module has the same name in every
 * network: block j of a stage is counted as if all stages were at their deepest, and
 * networks that are less deep leave numbers out.
 */
#ifndef NW_ELASTIC_H
#define NW_ELASTIC_H

#include "family.h"

/* 1x1 to `mid` channels, unless that is `in`; depthwise; 1x1 to `out`. */
typedef struct nw_inverted {
    int in, mid, out, k, stride;
    int has_se;
    const char *act; /* op behind the first two */
} nw_inverted;

/* Convolution, norm and act (NULL = none), as name.conv and name.bn. */
nw_ref nw_elastic_conv(nw_space *space, nw_ref x, const char *name, int out, int k,
                       int stride, const char *act);

/* Without the sum around it. */
nw_ref nw_elastic_inverted(nw_space *space, nw_ref x, const nw_inverted *block);

/* From the last block to the output: 1x1 to `wide`, mean, layer to `out` without norm and
 * bias, dropout if any, classifier. */
nw_status nw_elastic_head(nw_space *space, nw_ref x, int wide, int out, const char *act,
                          double dropout, int classes);

/* Shape of the input: of the data, else `pixels`. Classes: of the data, else the key,
 * else ImageNet's; NW_EMATCH where both say it and differ. */
nw_status nw_elastic_input(nw_space *space, const char *family, const int input[3],
                           int pixels, int key, int *classes, int shape[3]);

/* A decision among numbers, named by them. */
nw_status nw_decide_number(nw_space *space, const char *name, int n, const int *value);

/* The number that the arch takes, of those; -1 = its space has no such decision. */
int nw_decided_number(const nw_arch *arch, const char *name, const int *value);

/* Take the option that is `value`; NW_EFORMAT and words if there is none. Without such a
 * decision any value will do: what the keys of the space or the data say goes. */
nw_status nw_take_number(nw_arch *arch, const char *name, int n, const int *value,
                         int wanted, const char *where);

#endif
