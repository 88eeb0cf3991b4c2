/* metaqnn.h - layers, rules and networks of MetaQNN's chains. */
#ifndef NW_METAQNN_H
#define NW_METAQNN_H

#include "setting.h"

enum { NW_METAQNN_LIMIT = 40, NW_METAQNN_WIDTHS = 16, NW_METAQNN_TEXT = 1024 };

/* One layer: C(a,b) channels and kernel, P(a,b) window and step, FC(a), GAP, SM. */
typedef struct nw_mq_layer {
    enum nw_mq_kind { NW_MQ_SM, NW_MQ_C, NW_MQ_P, NW_MQ_FC, NW_MQ_GAP } kind;
    int a, b;
} nw_mq_layer;

/* "C(64,3)" into out, and back from the start of *text, which moves on; 0 = no layer. */
void nw_mq_write(const nw_mq_layer *layer, char out[32]);
int nw_mq_read(const char **text, nw_mq_layer *out);

/* A chain "C(64,3) P(2,2) SM" of at most NW_METAQNN_LIMIT layers and SM into out; how
 * many with SM, or 0 and in why[] what is wrong with it. */
int nw_mq_read_chain(const char *text, nw_mq_layer out[NW_METAQNN_LIMIT + 1],
                     char why[256]);

/* Pixels behind a pool P(k,s) of n pixels. */
int nw_mq_pooled(int n, int k, int s, int is_floor);

/* The network of a chain; ends with its SM. */
nw_status nw_mq_build(nw_space *space, const nw_mq_layer *chain, int is_floor,
                      const nw_setting *setting);

#endif
