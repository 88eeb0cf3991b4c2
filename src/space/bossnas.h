/* bossnas.h - inside of the BossNAS family: networks of convolution and attention. */
#ifndef NW_BOSSNAS_H
#define NW_BOSSNAS_H

#include "family.h"

enum { NW_BOSS_STAGES = 4, NW_BOSS_LAYERS = 64 };

/* Where squeeze-and-excitation stands. */
enum { NW_BOSS_NO_SE, NW_BOSS_SE, NW_BOSS_CONV_SE };

/* What a spec says about a network; the space has more keys. */
typedef struct nw_boss_keys {
    int c, size, se, classes, last_stride;
    double drop;
} nw_boss_keys;

/* Blocks of every stage in order: 1 = convolution, 0 = attention. */
typedef struct nw_boss_plan {
    int n[NW_BOSS_STAGES];
    unsigned char is_conv[NW_BOSS_STAGES][NW_BOSS_LAYERS];
} nw_boss_plan;

nw_status nw_boss_net(nw_space *space, const nw_boss_keys *key, const int input[3],
                      int classes, const nw_boss_plan *plan);

#endif
