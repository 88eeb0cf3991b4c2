/*
 * metaqnn_net.c - the networks of MetaQNN's chains, and the five that were published.
 *
 * A chain is written as in the paper: C(64,3) is a convolution to 64 channels with a 3x3
 * kernel, P(2,2) a max pool of 2x2 pixels with step 2, FC(128) a fully connected layer,
 * GAP the mean of every channel, SM the end.
 *
 * As in the authors' code [2] convolutions keep the size, have a bias and no batch norm,
 * and are followed by a ReLU, as are FC and GAP; GAP is a 1x1 convolution to the classes
 * and their mean; SM is a fully connected layer to the classes, behind GAP too. Dropout
 * follows every second layer and every FC, the i-th of n with probability i / 2n; no
 * number of this file depends on where exactly.
 *
 * Pools. The code computes ceil((n - k + 1) / s) pixels, which are all windows that fit.
 * The published parameters come out with floor((n - k + 1) / s): where the two differ,
 * the last row and column of windows are dropped (pool=floor). A map keeps at least one
 * pixel.
 *
 * [1] B. Baker, O. Gupta, N. Naik, R. Raskar 2016, Designing Neural Network Architectures
 *     using Reinforcement Learning, arXiv:1611.02167.
 * [2] libs/caffe/string_to_model.py and libs/grammar of the authors.
 */
#include "family.h"
#include "metaqnn.h"

#include <stdio.h>
#include <string.h>

/* ---- Written form ---------------------------------------------------------------- */

void nw_mq_write(const nw_mq_layer *l, char out[32])
{
    if (l->kind == NW_MQ_C || l->kind == NW_MQ_P)
        snprintf(out, 32, "%s(%d,%d)", l->kind == NW_MQ_C ? "C" : "P", l->a, l->b);
    else if (l->kind == NW_MQ_FC)
        snprintf(out, 32, "FC(%d)", l->a);
    else
        snprintf(out, 32, "%s", l->kind == NW_MQ_GAP ? "GAP" : "SM");
}

int nw_mq_read(const char **text, nw_mq_layer *out)
{
    static const struct {
        enum nw_mq_kind kind;
        const char *form;
    } forms[] = {{NW_MQ_C, "C(%5d,%5d)%n"}, {NW_MQ_P, "P(%5d,%5d)%n"},
                 {NW_MQ_FC, "FC(%5d)%n%n"}, {NW_MQ_FC, "FC%5d%n%n"},
                 {NW_MQ_GAP, "GAP%n"},      {NW_MQ_SM, "SM%n"}};

    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
        nw_mq_layer l = {.kind = forms[i].kind};
        int end = -1;

        if (l.kind == NW_MQ_GAP || l.kind == NW_MQ_SM)
            sscanf(*text, forms[i].form, &end);
        else if (l.kind == NW_MQ_FC)
            sscanf(*text, forms[i].form, &l.a, &end, &end);
        else
            sscanf(*text, forms[i].form, &l.a, &l.b, &end);
        if (end < 0 || ((*text)[end] && (*text)[end] != ' '))
            continue;
        *text += end;
        *out = l;
        return 1;
    }
    return 0;
}

/* NULL, or what is wrong with a layer behind `before`. */
static const char *misplaced(const nw_mq_layer *l, const nw_mq_layer *before)
{
    if (l->kind == NW_MQ_C && (l->a < 1 || l->b < 1 || l->b % 2 == 0))
        return "a convolution has channels and an odd kernel";
    if (l->kind == NW_MQ_P && (l->a < 1 || l->b < 1))
        return "a pool has a window and a step";
    if (l->kind == NW_MQ_FC && l->a < 1)
        return "a fully connected layer has a width";
    if (before && before->kind == NW_MQ_FC && l->kind != NW_MQ_FC && l->kind != NW_MQ_SM)
        return "behind FC only FC and SM can stand";
    if (before && before->kind == NW_MQ_GAP && l->kind != NW_MQ_SM)
        return "behind GAP only SM can stand";
    return NULL;
}

int nw_mq_read_chain(const char *text, nw_mq_layer out[NW_METAQNN_LIMIT + 1],
                     char why[256])
{
    int n = 0;

    for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
        const char *word = text, *wrong;
        const int length = (int)strcspn(text, " ");

        if (n && out[n - 1].kind == NW_MQ_SM)
            wrong = "nothing can stand behind SM";
        else if (n == NW_METAQNN_LIMIT + 1)
            wrong = "the chain is too long";
        else if (!nw_mq_read(&text, &out[n]))
            wrong = "not C(d,f), P(f,s), FC(n), GAP or SM";
        else
            wrong = misplaced(&out[n], n ? &out[n - 1] : NULL);
        if (wrong) {
            snprintf(why, 256, "layer %d, %.*s: %s", n + 1, length, word, wrong);
            return 0;
        }
        n++;
    }
    if (!n || out[n - 1].kind != NW_MQ_SM) {
        snprintf(why, 256, "a chain ends with SM");
        return 0;
    }
    return n;
}

/* ---- Network --------------------------------------------------------------------- */

int nw_mq_pooled(int n, int k, int s, int is_floor)
{
    const int out = is_floor ? (n - k + 1) / s : (n - k) / s + 1;

    return out < 1 ? 1 : out;
}

struct chain {
    nw_space *space;
    const nw_setting *setting;
    int is_floor, is_flat;
    int size[2];            /* pixels so far                        */
    int drop, drops, layer; /* dropouts so far, in all; layers done */
};

static nw_ref pool(struct chain *c, const nw_mq_layer *l, nw_ref x)
{
    int out[2];

    for (int i = 0; i < 2; i++) {
        if (l->a > c->size[i])
            return nw_space_fail(c->space, NW_ESHAPE,
                                 "layer %d, P(%d,%d): larger than the map of %dx%d",
                                 c->layer, l->a, l->b, c->size[0], c->size[1]);
        out[i] = nw_mq_pooled(c->size[i], l->a, l->b, c->is_floor);
    }
    x = nw_opf(c->space, x, "maxpool k=%d stride=%d", l->a, l->b);
    if (out[0] != (c->size[0] - l->a) / l->b + 1 ||
        out[1] != (c->size[1] - l->a) / l->b + 1)
        x = nw_opf(c->space, x, "slice h=:%d w=:%d", out[0], out[1]);
    memcpy(c->size, out, sizeof(out));
    return x;
}

/* A fully connected layer, flattening what comes first. */
static nw_ref dense(struct chain *c, nw_ref x, int out)
{
    if (!c->is_flat)
        x = nw_opf(c->space, x, "flatten");
    c->is_flat = 1;
    return nw_opf(c->space, x, "dense out=%d name=layer%d", out, c->layer);
}

static nw_ref apply(struct chain *c, const nw_mq_layer *l, nw_ref x)
{
    switch (l->kind) {
    case NW_MQ_C:
        return nw_opf(c->space, x, "conv2d out=%d k=%d name=layer%d | relu", l->a, l->b,
                      c->layer);
    case NW_MQ_P:
        return pool(c, l, x);
    case NW_MQ_FC:
        return nw_opf(c->space, dense(c, x, l->a), "relu");
    case NW_MQ_GAP:
        c->is_flat = 1;
        return nw_opf(c->space, x, "conv2d out=%d k=1 name=layer%d | relu | globalpool",
                      c->setting->classes, c->layer);
    default:
        return dense(c, x, c->setting->classes);
    }
}

static nw_ref drop(struct chain *c, const nw_mq_layer *l, nw_ref x)
{
    if (c->drop == c->drops || (l->kind != NW_MQ_FC && c->layer % 2) ||
        l->kind == NW_MQ_GAP || l->kind == NW_MQ_SM)
        return x;
    c->drop++;
    return nw_opf(c->space, x, "dropout p=%.6f", c->drop / (2.0 * c->drops));
}

static int count_drops(const nw_mq_layer *chain)
{
    int maps = 0, fc = 0;

    for (; chain->kind != NW_MQ_SM; chain++) {
        maps += chain->kind == NW_MQ_C || chain->kind == NW_MQ_P;
        fc += chain->kind == NW_MQ_FC;
    }
    return maps / 2 + fc;
}

nw_status nw_mq_build(nw_space *space, const nw_mq_layer *chain, int is_floor,
                      const nw_setting *setting)
{
    const int *shape = setting->shape;
    struct chain c = {.space = space,
                      .setting = setting,
                      .is_floor = is_floor,
                      .size = {shape[1], shape[2]},
                      .drops = count_drops(chain)};
    nw_ref x = nw_input(space, shape[0], shape[1], shape[2]);

    for (; chain->kind != NW_MQ_SM; chain++) {
        c.layer++;
        x = drop(&c, chain, apply(&c, chain, x));
    }
    c.layer++;
    return nw_output(space, apply(&c, chain, x));
}

/* ---- Published ------------------------------------------------------------------- */

struct metaqnn_net {
    int size, classes;
    char pool[NW_TEXT_SIZE], net[NW_TEXT_SIZE];
};

#define AT(field) offsetof(struct metaqnn_net, field)

/* clang-format off */
#define KEYS                                                                             \
    {"pool", NW_TEXT, AT(pool), "ceil", 0, 0,                                            \
     "pixels behind a pool: ceil or floor of (n - k + 1) / s", NULL},                    \
    {"size", NW_INT, AT(size), "32", 1, 4096, "side of the image, pixels", NULL},        \
    {"classes", NW_INT, AT(classes), "0", 0, 1000000, "0 = from the data", NULL}
/* clang-format on */

static const nw_attr net_attrs[] = {
    KEYS,
    {"net", NW_TEXT, AT(net), NULL, 0, 0, "the chain, as \"C(64,3) P(2,2) SM\"", NULL},
    {0},
};

static const nw_attr named_attrs[] = {KEYS, {0}};

static nw_status build_text(const struct metaqnn_net *key, nw_space *space,
                            const char *text, const int input[3], int classes)
{
    const int shape[3] = {3, key->size, key->size},
              is_floor = !strcmp(key->pool, "floor");
    nw_mq_layer chain[NW_METAQNN_LIMIT + 1];
    nw_setting setting;
    char why[256];

    if (!is_floor && strcmp(key->pool, "ceil"))
        return nw_fail(space->ctx, NW_ESPEC, "metaqnn: pool=%s: floor or ceil",
                       key->pool);
    if (!nw_mq_read_chain(text, chain, why))
        return nw_fail(space->ctx, NW_ESPEC, "metaqnn: net=\"%s\": %s", text, why);
    NW_TRY(nw_setting_of(space->ctx, "metaqnn", input, classes, shape, key->classes,
                         &setting));
    return nw_mq_build(space, chain, is_floor, &setting);
}

static nw_status metaqnn_net_build(void *self, nw_space *space, const int input[3],
                                   int classes, const nw_arch *arch)
{
    const struct metaqnn_net *key = self;

    (void)arch;
    return build_text(key, space, key->net, input, classes);
}

#define METAQNN                                                                          \
    "Baker et al. 2016, Designing Neural Network Architectures using Reinforcement "     \
    "Learning, arXiv:1611.02167"

const nw_space_type nw_space_metaqnn_net = {
    .name = "metaqnn",
    .doc = "the network of one chain",
    .paper = METAQNN,
    .attrs = net_attrs,
    .size = sizeof(struct metaqnn_net),
    .build = metaqnn_net_build,
    .published = "CIFAR-10 6.92 % error, SVHN 2.28 % (the best chain of each search)",
};

#define NAMED(number, place, chain, result)                                              \
    static nw_status metaqnn_##number##_build(void *self, nw_space *space,               \
                                              const int input[3], int classes,           \
                                              const nw_arch *arch)                       \
    {                                                                                    \
        (void)arch;                                                                      \
        return build_text(self, space, chain, input, classes);                           \
    }                                                                                    \
                                                                                         \
    const nw_space_type nw_space_metaqnn_##number = {                                    \
        .name = "metaqnn-" #number,                                                      \
        .doc = "the " place " chain on CIFAR-10",                                        \
        .paper = METAQNN,                                                                \
        .attrs = named_attrs,                                                            \
        .size = sizeof(struct metaqnn_net),                                              \
        .build = metaqnn_##number##_build,                                               \
        .published = result,                                                             \
    }

NAMED(1, "best", "C(512,5) C(256,3) C(256,5) C(256,3) P(5,3) C(512,3) C(512,5) P(2,2) SM",
      "CIFAR-10 6.92 % error, 11.26M parameters");
NAMED(2, "second",
      "C(128,1) C(512,3) C(64,1) C(128,3) P(2,2) C(256,3) P(2,2) C(512,3) P(3,2) SM",
      "CIFAR-10 8.78 % error, 2.2M parameters");
NAMED(3, "third", "C(128,3) C(128,1) C(512,5) P(2,2) C(128,3) P(2,2) C(64,3) C(64,5) SM",
      "CIFAR-10 8.88 % error, 2.46M parameters");
NAMED(4, "fourth", "C(256,3) C(256,3) P(5,3) C(256,1) C(128,3) P(2,2) C(128,3) SM",
      "CIFAR-10 9.24 % error, 1.13M parameters");
NAMED(5, "fifth", "C(64,3) C(128,3) P(5,3) C(256,3) P(3,2) FC512 FC128 SM",
      "CIFAR-10 9.48 % error, 1.62M parameters");
