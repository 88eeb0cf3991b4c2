/*
 * published.c - cells that the literature found, in the order of their authors' lists.
 *
 * DARTS: Liu et al. 2019, arXiv:1806.09055. PC-DARTS: Xu et al. 2020, arXiv:1907.05737.
 * P-DARTS: Chen et al. 2019, arXiv:1904.12760. SNAS: Xie et al. 2019, arXiv:1812.09926.
 * NASNet-A: Zoph et al. 2018, arXiv:1707.07012, as DARTS's authors write it.
 *
 * SNAS's names are those of its authors' code. The paper reports 2.9 M parameters for
 * mild, which the genotype of that name does not have, and its row for ImageNet, called
 * mild, fits moderate. Aggressive's reduction cell has two ops; nodes without one are
 * zeros that still stand in the output, which is what gives the paper's 2.3 M.
 */
#include "genotype.h"

#include <string.h>

#define SEP3 "sep_conv_3x3"
#define SEP5 "sep_conv_5x5"
#define SEP7 "sep_conv_7x7"
#define DIL3 "dil_conv_3x3"
#define DIL5 "dil_conv_5x5"
#define MAX  "max_pool_3x3"
#define AVG  "avg_pool_3x3"
#define SKIP "skip_connect"
#define NONE "none"

#define CELL(...)                                                                        \
    {                                                                                    \
        .n = 4, .edge = {__VA_ARGS__}, .n_concat = 4, .concat = { 2, 3, 4, 5 }           \
    }

/* clang-format off */
const nw_named_genotype nw_genotypes[] = {
    {"darts-v1",
     {CELL({SEP3, 1}, {SEP3, 0}, {SKIP, 0}, {SEP3, 1}, {SKIP, 0}, {SEP3, 1}, {SEP3, 0}, {SKIP, 2}),
      CELL({MAX, 0}, {MAX, 1}, {SKIP, 2}, {MAX, 0}, {MAX, 0}, {SKIP, 2}, {SKIP, 2}, {AVG, 0})}},
    {"darts-v2",
     {CELL({SEP3, 0}, {SEP3, 1}, {SEP3, 0}, {SEP3, 1}, {SEP3, 1}, {SKIP, 0}, {SKIP, 0}, {DIL3, 2}),
      CELL({MAX, 0}, {MAX, 1}, {SKIP, 2}, {MAX, 1}, {MAX, 0}, {SKIP, 2}, {SKIP, 2}, {MAX, 1})}},
    {"pc-darts-cifar",
     {CELL({SEP3, 1}, {SKIP, 0}, {SEP3, 0}, {DIL3, 1}, {SEP5, 0}, {SEP3, 1}, {AVG, 0}, {DIL3, 1}),
      CELL({SEP5, 1}, {MAX, 0}, {SEP5, 1}, {SEP5, 2}, {SEP3, 0}, {SEP3, 3}, {SEP3, 1}, {SEP3, 2})}},
    {"pc-darts-image",
     {CELL({SKIP, 1}, {SEP3, 0}, {SEP3, 0}, {SKIP, 1}, {SEP3, 1}, {SEP3, 3}, {SEP3, 1}, {DIL5, 4}),
      CELL({SEP3, 0}, {SKIP, 1}, {DIL5, 2}, {MAX, 1}, {SEP3, 2}, {SEP3, 1}, {SEP5, 0}, {SEP3, 3})}},
    {"p-darts",
     {CELL({SKIP, 0}, {DIL3, 1}, {SKIP, 0}, {SEP3, 1}, {SEP3, 1}, {SEP3, 3}, {SEP3, 0}, {DIL5, 4}),
      CELL({AVG, 0}, {SEP5, 1}, {SEP3, 0}, {DIL5, 2}, {MAX, 0}, {DIL3, 1}, {DIL3, 1}, {DIL5, 3})}},
    {"snas-mild",
     {CELL({SEP3, 0}, {SEP3, 1}, {SKIP, 0}, {DIL3, 1}, {SKIP, 0}, {SKIP, 1}, {SKIP, 0}, {SEP3, 1}),
      CELL({MAX, 0}, {MAX, 1}, {MAX, 1}, {SKIP, 2}, {MAX, 1}, {SKIP, 2}, {MAX, 0}, {DIL5, 2})}},
    {"snas-moderate",
     {CELL({DIL5, 0}, {SKIP, 1}, {SEP3, 0}, {SKIP, 1}, {SKIP, 0}, {SKIP, 1}, {SEP3, 0}, {DIL5, 1}),
      CELL({MAX, 0}, {MAX, 1}, {SEP5, 0}, {DIL5, 1}, {SEP5, 0}, {SEP5, 1}, {SEP5, 0}, {SEP5, 1})}},
    {"snas-aggressive",
     {CELL({SEP5, 0}, {SKIP, 1}, {SKIP, 0}, {SKIP, 1}, {DIL5, 1}, {SKIP, 0}, {SKIP, 0}, {DIL5, 1}),
      CELL({SEP5, 0}, {NONE, 1}, {SEP5, 0}, {NONE, 1}, {NONE, 0}, {NONE, 1}, {NONE, 0}, {NONE, 1})}},
    {"nasnet-a-darts",
     {{.n = 5,
       .edge = {{SEP5, 1}, {SEP3, 0}, {SEP5, 0}, {SEP3, 0}, {AVG, 1}, {SKIP, 0}, {AVG, 0},
                {AVG, 0}, {SEP3, 1}, {SKIP, 1}},
       .n_concat = 5, .concat = {2, 3, 4, 5, 6}},
      {.n = 5,
       .edge = {{SEP5, 1}, {SEP7, 0}, {MAX, 1}, {SEP7, 0}, {AVG, 1}, {SEP5, 0}, {SKIP, 3},
                {AVG, 2}, {SEP3, 2}, {MAX, 1}},
       .n_concat = 3, .concat = {4, 5, 6}}}},
    {NULL, {{0}, {0}}},
};
/* clang-format on */

const nw_genotype *nw_genotype_find(const char *name)
{
    for (const nw_named_genotype *g = nw_genotypes; g->name; g++)
        if (!strcmp(g->name, name))
            return &g->genotype;
    return NULL;
}
