/*
 * bossnas.c - networks in which every block is a convolution or attention [1].
 *
 * A stem of ResNet (7x7 convolution of stride 2, max pool), four stages with 4 c, 8 c,
 * 16 c and 32 c channels at a quarter, an eighth, a sixteenth and a thirty-second of the
 * pixels, a classifier. A block works inside with a quarter of its stage's channels:
 *
 *   ResConv  1x1, PEG, norm, act, 3x3, norm, act, 1x1, norm [, SE]; + shortcut; act
 *   ResAtt   1x1, PEG, norm, act, attention, norm, act, 1x1, norm [, SE]; + shortcut; act
 *
 * PEG is a plain depthwise 3x3 convolution with a bias, which takes the stride. Attention
 * has 1, 2, 4, 8 heads in the four stages, each c wide, and no positions but what PEG
 * tells it. A shortcut that changes shape is a 2x2 mean (stride 2), a 1x1 convolution and
 * a norm. Activations are SiLU with SE and ReLU without. A stage without blocks is one
 * 3x3 convolution, norm and activation. Modules have the names of the authors' PyTorch
 * code, where out_i = sum_j a_ij v_j as here; their search code mixes the other way
 * round.
 *
 * MACs are those of convolutions, dense layers and of attention's two products, which is
 * what the authors' formula counts: T0 3,441,888,768 without SE. Their 37,231,232
 * parameters are convolutions and dense layers without biases and norms; ours are all.
 *
 * se=1 has SE in every block, as the authors' formula counts it (3,447,303,680 and
 * 42,646,144); their code builds it into ResConv only, which is se=2. SE narrows to a
 * sixteenth of the channels, to 8 at least.
 *
 * Differs: the last norm of a block starts at scale 1 (authors: 0); an empty first stage
 * keeps the pixels (their code halves them, their formula does not); pixels that a
 * shortcut cannot halve are refused (they round up).
 *
 * [1] Li et al. 2021, BossNAS, arXiv:2103.12424.
 */
#include "bossnas.h"
#include "setting.h"

#include <string.h>

struct boss {
    nw_space *space;
    const nw_boss_keys *key;
    const char *act;
    int layer, layers; /* now, and of the whole network */
    int pixels[2];     /* now                           */
};

/* Numbers of one block. */
struct block {
    int stage, is_conv, inside, out, in, stride;
};

static nw_ref squeeze(struct boss *b, nw_ref x, int c)
{
    const int narrow = c / 16 > 8 ? c / 16 : 8;
    nw_ref two[] = {x, nw_opf(b->space, x,
                              "globalpool | dense out=%d name=se.fc1 | relu | "
                              "dense out=%d name=se.fc2 | sigmoid",
                              narrow, c)};

    return nw_op_n(b->space, "mul", 2, two);
}

static nw_ref shortcut(struct boss *b, const struct block *k, nw_ref x)
{
    const char *module = k->is_conv ? "downsample" : "shortcut";

    if (k->stride == 1 && k->in == k->out)
        return x;
    if (k->stride == 2)
        x = nw_opf(b->space, x, "avgpool k=2 stride=2 pad=0");
    return nw_opf(b->space, x, "conv2d out=%d k=1 bias=0 name=%s.1 | batchnorm name=%s.2",
                  k->out, module, module);
}

static nw_ref convolution(struct boss *b, const struct block *k, nw_ref x)
{
    x = nw_opf(b->space, x,
               "conv2d out=%d k=1 bias=0 name=conv1 | "
               "conv2d k=3 stride=%d groups=in name=peg.conv | batchnorm name=bn1 | %s",
               k->inside, k->stride, b->act);
    return nw_opf(b->space, x,
                  "conv2d k=3 bias=0 name=conv2 | batchnorm name=bn2 | %s | "
                  "conv2d out=%d k=1 bias=0 name=conv3 | batchnorm name=bn3",
                  b->act, k->out);
}

static nw_ref attention(struct boss *b, const struct block *k, nw_ref x)
{
    x = nw_opf(b->space, x,
               "conv2d out=%d k=1 bias=0 name=proj.0 | "
               "conv2d k=3 stride=%d groups=in name=proj.1.conv | "
               "batchnorm name=proj.2 | %s",
               k->inside, k->stride, b->act);
    return nw_opf(b->space, x,
                  "conv2d out=in*3 k=1 bias=0 name=net.1.to_qkv | attention heads=%d | "
                  "batchnorm name=net.2 | %s | "
                  "conv2d out=%d k=1 bias=0 name=net.4 | batchnorm name=net.5",
                  1 << k->stage, b->act, k->out);
}

static nw_ref block(struct boss *b, const struct block *k, nw_ref x)
{
    const int se = b->key->se;
    nw_ref two[] = {x, shortcut(b, k, x)};

    x = k->is_conv ? convolution(b, k, x) : attention(b, k, x);
    if (se == NW_BOSS_SE || (se == NW_BOSS_CONV_SE && k->is_conv))
        x = squeeze(b, x, k->out);
    if (k->is_conv && b->layer && b->key->drop > 0)
        x = nw_opf(b->space, x, "droppath linear=0 p=%.9g",
                   b->key->drop * b->layer / (b->layers - 1));
    b->layer++;
    two[0] = x;
    x = nw_op_n(b->space, "add", 2, two);
    return nw_opf(b->space, x, "%s", b->act);
}

static nw_status halve(struct boss *b, int stride, int is_empty)
{
    for (int i = 0; stride == 2 && i < 2; i++) {
        if (b->pixels[i] % 2 && !is_empty)
            return nw_fail(b->space->ctx, NW_ESHAPE,
                           "bossnas: the image comes to %dx%d pixels, which a shortcut "
                           "cannot halve; multiples of 32 always do",
                           b->pixels[0], b->pixels[1]);
        b->pixels[i] = (b->pixels[i] + 1) / 2;
    }
    return NW_OK;
}

/* The stage on x of `in` channels. */
static nw_status stage(struct boss *b, const nw_boss_plan *plan, int s, int in, nw_ref *x)
{
    const int stride = s == 0 ? 1 : s == NW_BOSS_STAGES - 1 ? b->key->last_stride : 2;
    struct block k = {.stage = s, .inside = b->key->c << s, .out = 4 * b->key->c << s};

    NW_TRY(halve(b, stride, !plan->n[s]));
    if (!plan->n[s])
        *x = nw_opf(b->space, *x,
                    "conv2d out=%d k=3 stride=%d bias=0 name=layer%d.0.0 | "
                    "batchnorm name=layer%d.0.1 | %s",
                    k.out, stride, s + 1, s + 1, b->act);
    for (int i = 0; i < plan->n[s]; i++) {
        k.is_conv = plan->is_conv[s][i];
        k.in = i ? k.out : in;
        k.stride = i ? 1 : stride;
        nw_enter(b->space, "layer%d.%d", s + 1, i);
        *x = block(b, &k, *x);
        nw_leave(b->space);
    }
    return NW_OK;
}

static nw_status build(struct boss *b, const nw_boss_plan *plan, const int input[3],
                       int classes)
{
    nw_ref x = nw_input(b->space, input[0], input[1], input[2]);
    int in = b->key->c;

    x = nw_opf(b->space, x,
               "conv2d out=%d k=7 stride=2 bias=0 name=conv1 | batchnorm name=bn1 | %s | "
               "maxpool k=3 stride=2 pad=1",
               in, b->act);
    for (int i = 0; i < 2; i++)
        b->pixels[i] = (input[1 + i] + 3) / 4;
    for (int s = 0; s < NW_BOSS_STAGES; s++) {
        NW_TRY(stage(b, plan, s, in, &x));
        in = 4 * b->key->c << s;
    }
    return nw_output(
        b->space,
        nw_opf(b->space, x, "globalpool | flatten | dense out=%d name=fc", classes));
}

nw_status nw_boss_net(nw_space *space, const nw_boss_keys *key, const int input[3],
                      int classes, const nw_boss_plan *plan)
{
    struct boss b = {space, key, key->se ? "swish" : "relu", 0, 0, {0}};
    int shape[3];

    NW_TRY(nw_classes_of(space->ctx, "bossnas", key->classes, 1000, &classes));
    nw_input_or(input, key->size, shape);
    for (int s = 0; s < NW_BOSS_STAGES; s++)
        b.layers += plan->n[s];
    return build(&b, plan, shape, classes);
}

/* ---- Networks that were found ------------------------------------------------------ */

#define AT(field) offsetof(nw_boss_keys, field)

/* clang-format off */
static const nw_attr net_attrs[] = {
    {"size", NW_INT, AT(size), "224", 32, 4096, "pixels of a side, where no data says it", NULL},
    {"se", NW_INT, AT(se), "1", 0, 2,
     "squeeze-and-excitation: 0 none, 1 in all blocks, 2 in convolutions", NULL},
    {"classes", NW_INT, AT(classes), "0", 0, 1000000, "0 = from the data, or 1000", NULL},
    {"c", NW_INT, AT(c), "64", 1, 1024, "channels of the stem and of a head", NULL},
    {"drop", NW_REAL, AT(drop), "0.1", 0, 0.99,
     "drop path of the last convolution, probability; less before", NULL},
    {0},
};

static const nw_boss_plan found = {
    {1, 1, 5, 9}, {{1}, {1}, {1, 1, 1, 0, 1}, {0, 0, 0, 1, 0, 0, 0, 0, 0}},
};
/* clang-format on */

static nw_status t0_build(void *self, nw_space *space, const int input[3], int classes,
                          const nw_arch *arch)
{
    nw_boss_keys *key = self;

    (void)arch;
    key->last_stride = 2;
    return nw_boss_net(space, key, input, classes, &found);
}

static nw_status t1_build(void *self, nw_space *space, const int input[3], int classes,
                          const nw_arch *arch)
{
    nw_boss_keys *key = self;

    (void)arch;
    key->last_stride = 1;
    return nw_boss_net(space, key, input, classes, &found);
}

#define PAPER "Li et al. 2021, BossNAS, arXiv:2103.12424"

const nw_space_type nw_space_bossnet_t0 = {
    .name = "bossnet-t0",
    .doc = "the network of convolution and attention that BossNAS found",
    .paper = PAPER,
    .attrs = net_attrs,
    .size = sizeof(nw_boss_keys),
    .build = t0_build,
    .published = "ImageNet 80.8 %, 3.4 B MACs; without SE 80.5 %; 288 pixels 81.6 %",
};

const nw_space_type nw_space_bossnet_t1 = {
    .name = "bossnet-t1",
    .doc = "the same with stride 1 in the last stage",
    .paper = PAPER,
    .attrs = net_attrs,
    .size = sizeof(nw_boss_keys),
    .build = t1_build,
    .published = "ImageNet 81.9 %, 7.9 B MACs; 256 pixels 82.2 %, 10.5 B",
};
