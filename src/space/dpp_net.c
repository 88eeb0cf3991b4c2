/*
 * dpp_net.c - the densely connected cells of DPP-Net.
 *
 * A cell has layers=L layers. Each reads the concatenation of the cell's input and of all
 * layers before it, and is a normalisation followed by a convolution:
 *
 *   norm   bn, bn-relu, relu, none
 *   conv   conv1x1, conv3x3     to growth channels
 *          gconv1x1, gconv3x3   the same in groups
 *          lgconv1x1            a convolution with learned groups
 *          dw3x3                depthwise 3x3, then 1x1 to growth channels
 *
 * The cell's output is its input and all its layers side by side. Three stages of cells
 * stand behind a 3x3 convolution to twice the growth, with a 2x2 average pool between
 * them, and the growth doubles from stage to stage; then batch norm, ReLU, the mean of
 * every channel, and the classes. There are 4 x 6 = 24 kinds of layers.
 *
 * progressive=1 has all cells of fewer layers, too, as the search that grows them layer
 * by layer trains them: a first decision, layers, says how many there are, and the
 * decisions of those that are not there stand at their first option.
 *
 * There is no public code; all of this is unverified against the paper's program, above
 * all the list of ops, the growth and the number of cells (14 a stage in the paper's
 * larger setting). What differs for certain: learned groups come from condensation during
 * training [2], which is not done here; lgconv1x1 is a plain convolution in groups, and
 * so the same network as gconv1x1, which the canonical form says.
 *
 * [1] J.-D. Dong et al. 2018, DPP-Net: Device-aware Progressive Search for Pareto-optimal
 *     Neural Architectures, arXiv:1806.08198.
 * [2] G. Huang et al. 2018, CondenseNet, arXiv:1711.09224.
 */
#include "big.h"
#include "family.h"
#include "random.h"
#include "setting.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { MOST_LAYERS = 16, STAGES = 3, NORMS = 4, CONVS = 6, GROUPED = 2, LEARNED = 4 };

struct dpp_net {
    int layers, cells, growth, groups, classes, progressive;
};

#define AT(field) offsetof(struct dpp_net, field)

static const nw_attr dpp_net_attrs[] = {
    {"layers", NW_INT, AT(layers), "3", 1, MOST_LAYERS, "layers of a cell", NULL},
    {"cells", NW_INT, AT(cells), "4", 1, 100, "cells of each of the three stages", NULL},
    {"growth", NW_INT, AT(growth), "8", 1, 1024,
     "channels of a layer in the first stage; a multiple of groups", NULL},
    {"groups", NW_INT, AT(groups), "4", 1, 1024, "groups of grouped convolutions", NULL},
    {"classes", NW_INT, AT(classes), "0", 0, 1000000, "0 = from the data", NULL},
    {"progressive", NW_BOOL, AT(progressive), "0", 0, 0,
     "a decision more, \"layers\": cells of 1 up to so many layers", NULL},
    {0},
};

static const char *const norm_names[NORMS] = {"bn", "bn-relu", "relu", "none"};
static const char *const norm_specs[NORMS] = {"batchnorm name=bn",
                                              "batchnorm name=bn | relu", "relu", NULL};
static const char *const conv_names[CONVS] = {"conv1x1",  "conv3x3",   "gconv1x1",
                                              "gconv3x3", "lgconv1x1", "dw3x3"};

/* Decision of layer i (0 = the first) as it stands in the space. */
static const char *name_of(int i, const char *what, char out[32])
{
    snprintf(out, 32, "layer_%d_%s", i + 1, what);
    return out;
}

/* ---- Network ---------------------------------------------------------------------- */

struct layer {
    int norm, conv;
};

static nw_ref convolve(nw_space *space, nw_ref x, int conv, int out, int groups)
{
    switch (conv) {
    case 0:
    case 1:
        return nw_opf(space, x, "conv2d out=%d k=%d bias=0 name=conv", out, conv ? 3 : 1);
    case 5:
        return nw_opf(space, x,
                      "conv2d k=3 groups=in bias=0 name=depthwise | "
                      "conv2d out=%d k=1 bias=0 name=conv",
                      out);
    default:
        return nw_opf(space, x, "conv2d out=%d k=%d groups=%d bias=0 name=conv", out,
                      conv == 3 ? 3 : 1, groups);
    }
}

static nw_ref cell(nw_space *space, const struct dpp_net *key, const struct layer *layer,
                   int layers, nw_ref x, int growth)
{
    for (int i = 0; i < layers; i++) {
        nw_ref both[2] = {x, x};

        nw_enter(space, "layers.%d", i);
        if (norm_specs[layer[i].norm])
            both[1] = nw_opf(space, x, "%s", norm_specs[layer[i].norm]);
        both[1] = convolve(space, both[1], layer[i].conv, growth, key->groups);
        nw_leave(space);
        x = nw_op_n(space, "concat", 2, both);
    }
    return x;
}

static nw_status build_at(nw_space *space, const struct dpp_net *key,
                          const struct layer *layer, int layers,
                          const nw_setting *setting)
{
    const int *shape = setting->shape;
    nw_ref x = nw_input(space, shape[0], shape[1], shape[2]);

    x = nw_opf(space, x, "conv2d out=%d k=3 bias=0 name=stem", 2 * key->growth);
    for (int s = 0; s < STAGES; s++) {
        if (s)
            x = nw_opf(space, x, "avgpool k=2");
        for (int c = 0; c < key->cells; c++) {
            nw_enter(space, "stages.%d.cells.%d", s, c);
            x = cell(space, key, layer, layers, x, key->growth << s);
            nw_leave(space);
        }
    }
    x = nw_opf(space, x,
               "batchnorm name=last | relu | globalpool | dense out=%d name=classifier",
               setting->classes);
    return nw_output(space, x);
}

static nw_status decide_layers(nw_space *space, const struct dpp_net *key)
{
    static const char *const number[MOST_LAYERS] = {"1",  "2",  "3",  "4",  "5",  "6",
                                                    "7",  "8",  "9",  "10", "11", "12",
                                                    "13", "14", "15", "16"};

    return nw_decide(space, "layers", (size_t)key->layers, number);
}

static nw_status decide(nw_space *space, const struct dpp_net *key)
{
    char name[32];

    if (key->progressive)
        NW_TRY(decide_layers(space, key));
    for (int i = 0; i < key->layers; i++) {
        NW_TRY(nw_decide(space, name_of(i, "norm", name), NORMS, norm_names));
        NW_TRY(nw_decide(space, name_of(i, "conv", name), CONVS, conv_names));
    }
    return NW_OK;
}

static nw_status dpp_net_build(void *self, nw_space *space, const int input[3],
                               int classes, const nw_arch *arch)
{
    static const int shape[3] = {3, 32, 32};
    const struct dpp_net *key = self;
    struct layer layer[MOST_LAYERS];
    nw_setting setting;
    int layers;

    if (key->growth % key->groups)
        return nw_fail(space->ctx, NW_ESPEC,
                       "dpp-net: growth=%d is not a multiple of groups=%d", key->growth,
                       key->groups);
    NW_TRY(nw_setting_of(space->ctx, "dpp-net", input, classes, shape, key->classes,
                         &setting));
    if (!arch)
        return decide(space, key);
    layers = key->progressive ? nw_arch_get(arch, "layers") + 1 : key->layers;
    if (layers < 1)
        return nw_fail(space->ctx, NW_EMATCH, "the architecture has no layers");
    for (int i = 0; i < layers; i++) {
        char name[32];

        layer[i].norm = nw_arch_get(arch, name_of(i, "norm", name));
        layer[i].conv = nw_arch_get(arch, name_of(i, "conv", name));
        if (layer[i].norm < 0 || layer[i].conv < 0)
            return nw_fail(space->ctx, NW_EMATCH, "the architecture has no layer %d",
                           i + 1);
    }
    return build_at(space, key, layer, layers, &setting);
}

/* ---- Words ------------------------------------------------------------------------ */

static const struct dpp_net *key_of(const nw_arch *arch)
{
    return nw_space_keys(arch->space);
}

static struct layer layer_of(const nw_arch *arch, int i)
{
    const int first = key_of(arch)->progressive + 2 * i;

    return (struct layer){nw_arch_option(arch, first), nw_arch_option(arch, first + 1)};
}

static int layers_of(const nw_arch *arch)
{
    return key_of(arch)->progressive ? nw_arch_option(arch, 0) + 1 : key_of(arch)->layers;
}

/* [["bn-relu","conv1x1"],["none","dw3x3"]] */
static nw_status dpp_net_genotype(const nw_arch *arch, FILE *out)
{
    for (int i = 0; i < layers_of(arch); i++) {
        const struct layer l = layer_of(arch, i);

        fprintf(out, "%s[\"%s\",\"%s\"]", i ? "," : "[", norm_names[l.norm],
                conv_names[l.conv]);
    }
    fputc(']', out);
    return nw_setting_written(arch->ctx, out);
}

static int find(const char *const *names, int n, const json_t *word)
{
    const char *text = json_string_value(word);

    for (int i = 0; text && i < n; i++)
        if (!strcmp(names[i], text))
            return i;
    return -1;
}

static nw_status read_layer(nw_arch *arch, const json_t *pair, int i, const char *where)
{
    const int norm = find(norm_names, NORMS, json_array_get(pair, 0));
    const int conv = find(conv_names, CONVS, json_array_get(pair, 1));
    const int first = key_of(arch)->progressive + 2 * i;

    if (json_array_size(pair) != 2 || norm < 0 || conv < 0)
        return nw_fail(arch->ctx, NW_EFORMAT,
                       "%s: layer %d is not a pair as [\"bn-relu\",\"conv1x1\"]", where,
                       i + 1);
    NW_TRY(nw_arch_pick(arch, first, norm));
    return nw_arch_pick(arch, first + 1, conv);
}

/* A cell of n layers, all at their first options. */
static void clear_to(nw_arch *arch, int n)
{
    for (int i = 0; i < nw_space_choices(arch->space); i++)
        nw_arch_pick(arch, i, i ? 0 : n - 1);
}

static nw_status read_layers(nw_arch *arch, const json_t *list, const char *where)
{
    const struct dpp_net *key = key_of(arch);
    const int n = (int)json_array_size(list); /* 0 of what is no list */

    if (!json_is_array(list) ||
        (key->progressive ? n < 1 || n > key->layers : n != key->layers))
        return nw_fail(arch->ctx, NW_EFORMAT, "%s: not a list of %s%d layers", where,
                       key->progressive ? "up to " : "", key->layers);
    if (key->progressive)
        clear_to(arch, n);
    for (int i = 0; i < n; i++)
        NW_TRY(read_layer(arch, json_array_get(list, (size_t)i), i, where));
    return NW_OK;
}

static nw_status dpp_net_read(nw_arch *arch, const char *text, const char *where)
{
    json_error_t error;
    json_t *list = json_loads(text, 0, &error);
    const nw_status status = list ? read_layers(arch, list, where)
                                  : nw_fail(arch->ctx, NW_EFORMAT, "%s:%d:%d: %s", where,
                                            error.line, error.column, error.text);

    json_decref(list);
    return status;
}

static nw_status dpp_net_canonical(const nw_arch *arch, nw_text *out)
{
    for (int i = 0; i < layers_of(arch); i++) {
        const struct layer l = layer_of(arch, i);

        nw_text_printf(out, "%s %s ", norm_names[l.norm],
                       conv_names[l.conv == LEARNED ? GROUPED : l.conv]);
    }
    return NW_OK;
}

/* ---- Cells of fewer layers ----------------------------------------------------------
 */

/* The first decision of an absent layer that is not at its first option, or -1. */
static int astray(const nw_arch *arch)
{
    for (int i = 1 + 2 * layers_of(arch);
         key_of(arch)->progressive && i < nw_space_choices(arch->space); i++)
        if (nw_arch_option(arch, i))
            return i;
    return -1;
}

static int dpp_net_legal(const nw_arch *arch, char why[256])
{
    const int at = astray(arch);

    if (at >= 0)
        snprintf(
            why, 256,
            "progressive=1: decisions of layers that the cell does not have stand at "
            "their first option, not so %s",
            nw_space_choice_name(arch->space, at));
    return at < 0;
}

static void dpp_net_repair(nw_arch *arch)
{
    int at;

    while ((at = astray(arch)) >= 0)
        nw_arch_pick(arch, at, 0);
}

static nw_status dpp_net_count(const nw_space *space, nw_big *total)
{
    const struct dpp_net *key = nw_space_keys(space);
    nw_big cells;

    nw_big_set(&cells, 1);
    nw_big_set(total, 0);
    for (int i = 0; i < key->layers; i++) {
        nw_big_mul(&cells, NORMS * CONVS);
        if (key->progressive)
            nw_big_add(total, &cells);
    }
    if (!key->progressive)
        *total = cells;
    return NW_OK;
}

/* Layers, each number as likely as it has cells: 24 times the one before. */
static int draw_layers(int most, uint64_t seed)
{
    double cells = 1, sum = 0, at;
    int n = most;

    for (int i = 0; i < most; i++, cells /= NORMS * CONVS)
        sum += cells;
    at = sum * nw_uniform(seed, NW_FOR_ARCH, UINT64_MAX);
    for (cells = 1; n > 1 && at >= cells; n--, cells /= NORMS * CONVS)
        at -= cells;
    return n;
}

static nw_status dpp_net_draw(nw_arch *arch, uint64_t seed)
{
    const int more = key_of(arch)->progressive, n = nw_space_choices(arch->space);

    for (int i = more; i < n; i++)
        nw_arch_pick(arch, i,
                     (int)nw_below(seed, NW_FOR_ARCH, (uint64_t)i,
                                   (uint64_t)nw_space_options(arch->space, i)));
    if (more)
        nw_arch_pick(arch, 0, draw_layers(key_of(arch)->layers, seed) - 1);
    dpp_net_repair(arch);
    return NW_OK;
}

const nw_space_type nw_space_dpp_net = {
    .name = "dpp-net",
    .doc = "densely connected cells of normalisation and convolution",
    .paper = "Dong et al. 2018, DPP-Net: Device-aware Progressive Search for "
             "Pareto-optimal Neural Architectures, arXiv:1806.08198",
    .attrs = dpp_net_attrs,
    .size = sizeof(struct dpp_net),
    .build = dpp_net_build,
    .genotype = dpp_net_genotype,
    .read = dpp_net_read,
    .legal = dpp_net_legal,
    .repair = dpp_net_repair,
    .count = dpp_net_count,
    .draw = dpp_net_draw,
    .canonical = dpp_net_canonical,
};
