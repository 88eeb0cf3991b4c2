/* dag.h - labelled directed graphs, and one text for all that differ in the order of
 * their nodes only. */
#ifndef NW_DAG_H
#define NW_DAG_H

#include "text.h"

#include <stdint.h>

enum { NW_DAG_MOST = 64 };

typedef struct nw_dag {
    int n;
    uint32_t label[NW_DAG_MOST];
    uint64_t from[NW_DAG_MOST]; /* bit i of from[j]: an edge from i to j */
} nw_dag;

/* Two graphs have one text exactly when renaming nodes makes one of the other, labels
 * kept. */
void nw_dag_canonical(const nw_dag *dag, nw_text *out);

#endif
