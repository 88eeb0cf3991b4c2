/* metaqnn.h - layers, rules and networks of MetaQNN's chains. */
#ifndef NW_METAQNN_H
#define NW_METAQNN_H

#include "setting.h"

#include <stdint.h>

enum { NW_METAQNN_LIMIT = 40, NW_METAQNN_WIDTHS = 16, NW_METAQNN_TEXT = 1024 };

/* One layer: C(a,b) channels and kernel, P(a,b) window and step, FC(a), GAP, SM. */
typedef struct nw_mq_layer {
    enum nw_mq_kind { NW_MQ_SM, NW_MQ_C, NW_MQ_P, NW_MQ_FC, NW_MQ_GAP } kind;
    int a, b;
} nw_mq_layer;

enum { NW_MQ_KERNELS = 3, NW_MQ_POOLS = 3, NW_MQ_LARGEST_FC_MAP = 7 };

extern const int nw_mq_kernels[NW_MQ_KERNELS];
extern const int nw_mq_pools[NW_MQ_POOLS][2]; /* window, step */

typedef struct nw_mq_rules {
    int limit, size, is_floor;
    int n_width, width[NW_METAQNN_WIDTHS];
    int n_fc, fc[NW_METAQNN_WIDTHS];
} nw_mq_rules;

/* What stands at the end of a chain so far. */
typedef struct nw_mq_state {
    int depth, size, n_fc;
    nw_mq_layer last; /* SM at the start */
} nw_mq_state;

/* Rules of a space; 0 = it is not of this family. */
int nw_mq_has_rules(const nw_space *space, nw_mq_rules *out);

/* Option o of every decision: SM, C(..) ..., P(..) ..., FC(..) ..., GAP; and back, -1 =
 * it is none. */
int nw_mq_options(const nw_mq_rules *r);
nw_mq_layer nw_mq_layer_of(const nw_mq_rules *r, int o);
int nw_mq_option_of(const nw_mq_rules *r, const nw_mq_layer *l);

/* From the image, layer by layer; SM ends the chain and leads to no further state. */
nw_mq_state nw_mq_start(const nw_mq_rules *r);
void nw_mq_go_on(const nw_mq_rules *r, nw_mq_state *s, const nw_mq_layer *l);

/* NULL, or the rule that keeps the layer from following. */
const char *nw_mq_forbidden(const nw_mq_rules *r, const nw_mq_state *s,
                            const nw_mq_layer *l);

/* A number for all states that the agent does not tell apart: everything of the state,
 * but the size only as 8 and more, 4 to 7, 3 and less, and not at all behind FC and GAP.
 */
uint64_t nw_mq_seen(const nw_mq_state *s);

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
