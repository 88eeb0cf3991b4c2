/*
 * nas_rl.c - the convolutional chains with skips of the first search by reinforcement
 * learning.
 *
 * Layer i is a convolution with a height and a width of 1, 3, 5 or 7, with 24, 36, 48 or
 * 64 filters, and with strides of 1, 2 or 3 each way when strides=1. For each earlier
 * layer it has one more bit, the anchor, which says whether that layer is an input of it.
 * What the bits leave open, rules fix:
 *
 *   no input       the layer reads the image
 *   several        they are concatenated along the channels
 *   sizes differ   smaller maps are padded with zeros to the largest height and width
 *   at the end     what no layer reads is concatenated, goes through the mean of every
 *                  channel, and on to the classes
 *
 * A layer that pools= lists is no convolution but a 2x2 max pool of its inputs; it has
 * anchors, and none of the other decisions. The paper's best network has 39 layers, of
 * which 13 and 24 are such pools.
 *
 * progressive=1 has all shorter chains, too, as the search that lets them grow trains
 * them: a first decision, depth, says how many layers there are, the network is built
 * from those alone, and the decisions of later layers stand at their first option.
 *
 * There is no public code, and all of this is unverified against the authors' program.
 * Ours: a layer is convolution, batch norm, ReLU, without a bias; a stride s leaves
 * ceil(n / s) pixels; padding is even on both sides, the odd row below, the odd column to
 * the right; a pool of one pixel leaves it.
 *
 * As an agent speaks it, a genotype is a list of layers, each the list of its decisions
 * in order: [[3,3,24],[5,1,36,1],[1,7,64,0,1]]. Networks are the same when their layers
 * can be renamed to one another.
 *
 * [1] B. Zoph, Q. Le 2016, Neural Architecture Search with Reinforcement Learning,
 *     arXiv:1611.01578.
 */
#include "big.h"
#include "dag.h"
#include "family.h"
#include "int_list.h"
#include "random.h"
#include "setting.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { MOST_LAYERS = 60, MOST_TOKENS = MOST_LAYERS + 5 };

struct nas_rl {
    int layers, strides, more, classes, progressive;
    char pools[NW_TEXT_SIZE];
};

#define AT(field) offsetof(struct nas_rl, field)

static const nw_attr nas_rl_attrs[] = {
    {"layers", NW_INT, AT(layers), "15", 1, MOST_LAYERS, "layers of the chain", NULL},
    {"strides", NW_BOOL, AT(strides), "0", 0, 0, "decide on strides too", NULL},
    {"pools", NW_TEXT, AT(pools), "", 0, 0, "layers that are 2x2 max pools, as 13,24",
     NULL},
    {"more", NW_INT, AT(more), "0", 0, 4096, "filters added to those of every layer",
     NULL},
    {"classes", NW_INT, AT(classes), "0", 0, 1000000, "0 = from the data", NULL},
    {"progressive", NW_BOOL, AT(progressive), "0", 0, 0,
     "a decision more, \"depth\": chains of 1 up to so many layers", NULL},
    {0},
};

/* ---- Decisions ------------------------------------------------------------------- */

enum token { HEIGHT, WIDTH, STRIDE_HEIGHT, STRIDE_WIDTH, FILTERS, ANCHOR };

static const struct {
    const char *name;
    int n, value[4];
} tokens[] = {
    [HEIGHT] = {"height", 4, {1, 3, 5, 7}},
    [WIDTH] = {"width", 4, {1, 3, 5, 7}},
    [STRIDE_HEIGHT] = {"stride_height", 3, {1, 2, 3}},
    [STRIDE_WIDTH] = {"stride_width", 3, {1, 2, 3}},
    [FILTERS] = {"filters", 4, {24, 36, 48, 64}},
    [ANCHOR] = {"from", 2, {0, 1}},
};

/* What a spec says, read. With progressive 1, decision 0 is the depth. */
struct plan {
    int layers, strides, more, progressive;
    unsigned char is_pool[MOST_LAYERS];
};

/* 0 = pools= is no list of layers. */
static int plan_of(const struct nas_rl *key, struct plan *plan)
{
    int pool[MOST_LAYERS];
    const int n = nw_ints_parse(key->pools, ',', 1, key->layers, MOST_LAYERS, pool);

    *plan = (struct plan){key->layers, key->strides, key->more, key->progressive, {0}};
    for (int i = 0; i < n; i++)
        plan->is_pool[pool[i] - 1] = 1;
    return n >= 0;
}

/* Decisions of layer i (0 = the first), in order. */
static int tokens_of(const struct plan *plan, int i, enum token out[MOST_TOKENS])
{
    int n = 0;

    if (!plan->is_pool[i]) {
        out[n++] = HEIGHT;
        out[n++] = WIDTH;
        if (plan->strides) {
            out[n++] = STRIDE_HEIGHT;
            out[n++] = STRIDE_WIDTH;
        }
        out[n++] = FILTERS;
    }
    for (int j = 0; j < i; j++)
        out[n++] = ANCHOR;
    return n;
}

/* Of layer i; `from` is the earlier layer of an anchor. */
static const char *name_of(int i, enum token token, int from, char out[64])
{
    if (token == ANCHOR)
        snprintf(out, 64, "layer_%d_from_%d", i + 1, from + 1);
    else
        snprintf(out, 64, "layer_%d_%s", i + 1, tokens[token].name);
    return out;
}

static nw_status decide_depth(nw_space *space, const struct plan *plan)
{
    const char *option[MOST_LAYERS];
    char text[MOST_LAYERS][16];

    for (int i = 0; i < plan->layers; i++) {
        snprintf(text[i], sizeof(text[i]), "%d", i + 1);
        option[i] = text[i];
    }
    return nw_decide(space, "depth", (size_t)plan->layers, option);
}

static nw_status decide(nw_space *space, const struct plan *plan)
{
    enum token token[MOST_TOKENS];

    if (plan->progressive)
        NW_TRY(decide_depth(space, plan));
    for (int i = 0; i < plan->layers; i++) {
        const int n = tokens_of(plan, i, token);

        for (int t = 0; t < n; t++) {
            char text[4][16], name[64];
            const char *option[4];

            for (int o = 0; o < tokens[token[t]].n; o++) {
                snprintf(text[o], sizeof(text[o]), "%d",
                         tokens[token[t]].value[o] +
                             (token[t] == FILTERS ? plan->more : 0));
                option[o] = text[o];
            }
            name_of(i, token[t], t - (n - i), name);
            NW_TRY(nw_decide(space, name, (size_t)tokens[token[t]].n, option));
        }
    }
    return NW_OK;
}

/* ---- One network ------------------------------------------------------------------ */

struct layer {
    int k[2], stride[2], filters;
    uint64_t from; /* bit j: reads layer j */
};

static void set(struct layer *layer, enum token token, int from, int value)
{
    switch (token) {
    case HEIGHT:
    case WIDTH:
        layer->k[token == WIDTH] = value;
        break;
    case STRIDE_HEIGHT:
    case STRIDE_WIDTH:
        layer->stride[token == STRIDE_WIDTH] = value;
        break;
    case FILTERS:
        layer->filters = value;
        break;
    default:
        layer->from |= (uint64_t)value << from;
    }
}

/* Layers that the arch has. */
static int depth_of(const struct plan *plan, const nw_arch *arch)
{
    return plan->progressive ? nw_arch_option(arch, 0) + 1 : plan->layers;
}

/* Of an arch whose decisions are those of the plan, one after the other. Answers how many
 * layers there are. */
static int layers_of_arch(const struct plan *plan, const nw_arch *arch,
                          struct layer out[MOST_LAYERS])
{
    const int depth = depth_of(plan, arch);
    enum token token[MOST_TOKENS];
    int c = plan->progressive;

    for (int i = 0; i < depth; i++) {
        const int n = tokens_of(plan, i, token);

        out[i] = (struct layer){.stride = {1, 1}};
        for (int t = 0; t < n; t++)
            set(&out[i], token[t], t - (n - i),
                tokens[token[t]].value[nw_arch_option(arch, c++)]);
        out[i].filters += plan->more;
    }
    return depth;
}

/* The arch may be of a space with other keys: then its decisions are others. */
static nw_status check_decisions(const struct plan *plan, const nw_arch *arch)
{
    enum token token[MOST_TOKENS];
    int c = plan->progressive;
    int same = !c || (nw_space_choices(arch->space) > 0 &&
                      !strcmp("depth", nw_space_choice_name(arch->space, 0)));

    for (int i = 0; same && i < plan->layers; i++) {
        const int n = tokens_of(plan, i, token);

        for (int t = 0; same && t < n; t++, c++) {
            char name[64];

            name_of(i, token[t], t - (n - i), name);
            same = c < nw_space_choices(arch->space) &&
                   !strcmp(name, nw_space_choice_name(arch->space, c));
        }
    }
    if (!same || c != nw_space_choices(arch->space))
        return nw_fail(
            arch->ctx, NW_EMATCH,
            "the architecture is of nas-rl with other layers, strides or depths");
    return NW_OK;
}

struct net {
    nw_space *space;
    nw_ref image, out[MOST_LAYERS];
    int shape[3], size[MOST_LAYERS][2];
    uint64_t read; /* layers that a layer reads */
};

static nw_ref padded(struct net *net, int j, const int size[2])
{
    const int h = size[0] - net->size[j][0], w = size[1] - net->size[j][1];

    if (!h && !w)
        return net->out[j];
    return nw_opf(net->space, net->out[j], "pad top=%d bottom=%d left=%d right=%d", h / 2,
                  h - h / 2, w / 2, w - w / 2);
}

/* Outputs of the layers of `from`, as one map; its size into size. */
static nw_ref merged(struct net *net, uint64_t from, int size[2])
{
    nw_ref in[MOST_LAYERS];
    size_t n = 0;

    size[0] = size[1] = 0;
    for (int j = 0; j < MOST_LAYERS; j++)
        for (int axis = 0; axis < 2; axis++)
            if (from >> j & 1 && net->size[j][axis] > size[axis])
                size[axis] = net->size[j][axis];
    for (int j = 0; j < MOST_LAYERS; j++)
        if (from >> j & 1)
            in[n++] = padded(net, j, size);
    return n == 1 ? in[0] : nw_op_n(net->space, "concat", n, in);
}

static nw_ref pooled(struct net *net, nw_ref x, int size[2])
{
    const int h = size[0] > 1 ? 2 : 1, w = size[1] > 1 ? 2 : 1;

    size[0] /= h;
    size[1] /= w;
    return nw_opf(net->space, x, "maxpool k=%dx%d", h, w);
}

static void add_layer(struct net *net, int i, const struct layer *layer, int is_pool)
{
    int *size = net->size[i];
    nw_ref x = net->image;

    size[0] = net->shape[1];
    size[1] = net->shape[2];
    if (layer->from)
        x = merged(net, layer->from, size);
    net->read |= layer->from;
    if (is_pool) {
        net->out[i] = pooled(net, x, size);
        return;
    }
    nw_enter(net->space, "layer%d", i + 1);
    net->out[i] = nw_opf(net->space, x,
                         "conv2d out=%d k=%dx%d stride=%dx%d bias=0 name=conv | "
                         "batchnorm name=bn | relu",
                         layer->filters, layer->k[0], layer->k[1], layer->stride[0],
                         layer->stride[1]);
    nw_leave(net->space);
    for (int axis = 0; axis < 2; axis++)
        size[axis] = (size[axis] - 1) / layer->stride[axis] + 1;
}

static nw_status build_at(nw_space *space, const struct plan *plan, const nw_arch *arch,
                          const nw_setting *setting)
{
    struct layer layer[MOST_LAYERS];
    struct net net = {.space = space};
    int size[2], depth;
    uint64_t all;
    nw_ref x;

    NW_TRY(check_decisions(plan, arch));
    depth = layers_of_arch(plan, arch, layer);
    all = ((uint64_t)1 << depth) - 1;
    memcpy(net.shape, setting->shape, sizeof(net.shape));
    net.image = nw_input(space, net.shape[0], net.shape[1], net.shape[2]);
    for (int i = 0; i < depth; i++)
        add_layer(&net, i, &layer[i], plan->is_pool[i]);
    x = merged(&net, all & ~net.read, size);
    x = nw_opf(space, x, "globalpool | dense out=%d name=classifier", setting->classes);
    return nw_output(space, x);
}

static nw_status nas_rl_build(void *self, nw_space *space, const int input[3],
                              int classes, const nw_arch *arch)
{
    static const int shape[3] = {3, 32, 32};
    const struct nas_rl *key = self;
    nw_setting setting;
    struct plan plan;

    if (!plan_of(key, &plan))
        return nw_fail(space->ctx, NW_ESPEC,
                       "nas-rl: pools=%s is not a list of layers from 1 to %d, as 13,24",
                       key->pools, key->layers);
    NW_TRY(nw_setting_of(space->ctx, "nas-rl", input, classes, shape, key->classes,
                         &setting));
    return arch ? build_at(space, &plan, arch, &setting) : decide(space, &plan);
}

/* ---- Words ------------------------------------------------------------------------ */

static nw_status nas_rl_genotype(const nw_arch *arch, FILE *out)
{
    enum token token[MOST_TOKENS];
    struct plan plan;
    int c, depth;

    plan_of(nw_space_keys(arch->space), &plan);
    c = plan.progressive;
    depth = depth_of(&plan, arch);
    for (int i = 0; i < depth; i++) {
        const int n = tokens_of(&plan, i, token);

        fputs(i ? ",[" : "[[", out);
        for (int t = 0; t < n; t++)
            fprintf(out, "%s%d", t ? "," : "",
                    tokens[token[t]].value[nw_arch_option(arch, c++)] +
                        (token[t] == FILTERS ? plan.more : 0));
        fputc(']', out);
    }
    fputc(']', out);
    return nw_setting_written(arch->ctx, out);
}

/* Decision c takes the value; 0 = it has no such option. */
static int pick_value(nw_arch *arch, int c, enum token token, const json_t *value,
                      int more)
{
    for (int o = 0; json_is_integer(value) && o < tokens[token].n; o++)
        if (json_integer_value(value) ==
            tokens[token].value[o] + (token == FILTERS ? more : 0)) {
            nw_arch_pick(arch, c, o);
            return 1;
        }
    return 0;
}

/* A chain of so many layers, all at their first options. */
static void clear_to(nw_arch *arch, int depth)
{
    for (int c = 0; c < nw_space_choices(arch->space); c++)
        nw_arch_pick(arch, c, c ? 0 : depth - 1);
}

static nw_status read_layers(nw_arch *arch, const struct plan *plan, const json_t *list,
                             const char *where)
{
    const int depth = (int)json_array_size(list); /* 0 of what is no list */
    enum token token[MOST_TOKENS];
    int c = plan->progressive;

    if (plan->progressive ? depth < 1 || depth > plan->layers : depth != plan->layers)
        return nw_fail(arch->ctx, NW_EFORMAT, "%s: not a list of %s%d layers", where,
                       plan->progressive ? "up to " : "", plan->layers);
    if (plan->progressive)
        clear_to(arch, depth);
    for (int i = 0; i < depth; i++) {
        const json_t *layer = json_array_get(list, (size_t)i);
        const int n = tokens_of(plan, i, token);

        if (!json_is_array(layer) || (int)json_array_size(layer) != n)
            return nw_fail(arch->ctx, NW_EFORMAT,
                           "%s: layer %d is not a list of %d numbers", where, i + 1, n);
        for (int t = 0; t < n; t++)
            if (!pick_value(arch, c++, token[t], json_array_get(layer, (size_t)t),
                            plan->more))
                return nw_fail(arch->ctx, NW_EFORMAT,
                               "%s: layer %d, number %d: no such %s", where, i + 1, t + 1,
                               token[t] == ANCHOR ? "anchor (0 or 1)"
                                                  : tokens[token[t]].name);
    }
    return NW_OK;
}

static nw_status nas_rl_read(nw_arch *arch, const char *text, const char *where)
{
    json_error_t error;
    json_t *list = json_loads(text, 0, &error);
    struct plan plan;
    nw_status status;

    plan_of(nw_space_keys(arch->space), &plan);
    status = list ? read_layers(arch, &plan, list, where)
                  : nw_fail(arch->ctx, NW_EFORMAT, "%s:%d:%d: %s", where, error.line,
                            error.column, error.text);
    json_decref(list);
    return status;
}

static nw_status nas_rl_canonical(const nw_arch *arch, nw_text *out)
{
    struct layer layer[MOST_LAYERS];
    nw_dag dag = {0};
    struct plan plan;

    plan_of(nw_space_keys(arch->space), &plan);
    dag.n = layers_of_arch(&plan, arch, layer);
    for (int i = 0; i < dag.n; i++) {
        const struct layer *l = &layer[i];

        dag.from[i] = l->from;
        dag.label[i] = plan.is_pool[i]
                           ? 0
                           : (uint32_t)(l->filters << 12 | l->k[0] << 8 | l->k[1] << 4 |
                                        l->stride[0] << 2 | l->stride[1]);
    }
    nw_dag_canonical(&dag, out);
    return NW_OK;
}

/* ---- Shorter chains ----------------------------------------------------------------
 */

/* The first decision of the layers that the chain does not have. */
static int first_absent(const nw_arch *arch)
{
    const struct nas_rl *key = nw_space_keys(arch->space);
    enum token token[MOST_TOKENS];
    struct plan plan;
    int c = 1;

    if (!key->progressive)
        return nw_space_choices(arch->space);
    plan_of(key, &plan);
    for (int i = 0; i < depth_of(&plan, arch); i++)
        c += tokens_of(&plan, i, token);
    return c;
}

static int nas_rl_legal(const nw_arch *arch, char why[256])
{
    for (int c = first_absent(arch); c < nw_space_choices(arch->space); c++)
        if (nw_arch_option(arch, c)) {
            snprintf(why, 256,
                     "progressive=1: decisions of layers that the chain does not have "
                     "stand at their first option, not so %s",
                     nw_space_choice_name(arch->space, c));
            return 0;
        }
    return 1;
}

static void nas_rl_repair(nw_arch *arch)
{
    for (int c = first_absent(arch); c < nw_space_choices(arch->space); c++)
        nw_arch_pick(arch, c, 0);
}

static nw_status nas_rl_count(const nw_space *space, nw_big *total)
{
    enum token token[MOST_TOKENS];
    struct plan plan;
    nw_big chains;

    plan_of(nw_space_keys(space), &plan);
    nw_big_set(&chains, 1);
    nw_big_set(total, 0);
    for (int i = 0; i < plan.layers; i++) {
        const int n = tokens_of(&plan, i, token);

        for (int t = 0; t < n; t++)
            nw_big_mul(&chains, (uint32_t)tokens[token[t]].n);
        if (plan.progressive)
            nw_big_add(total, &chains);
    }
    if (!plan.progressive)
        *total = chains;
    return NW_OK;
}

/* Options of layer i, all together. */
static double options_of(const struct plan *plan, int i)
{
    enum token token[MOST_TOKENS];
    const int n = tokens_of(plan, i, token);
    double options = 1;

    for (int t = 0; t < n; t++)
        options *= tokens[token[t]].n;
    return options;
}

/* Each depth as likely as it has chains; those of the deepest count as 1. */
static int draw_depth(const struct plan *plan, uint64_t seed)
{
    double share[MOST_LAYERS], sum = 0, at;
    int depth = plan->layers;

    for (int i = plan->layers - 1; i >= 0; i--) {
        share[i] = i + 1 < plan->layers ? share[i + 1] / options_of(plan, i + 1) : 1;
        sum += share[i];
    }
    at = sum * nw_uniform(seed, NW_FOR_ARCH, UINT64_MAX);
    for (; depth > 1 && at >= share[depth - 1]; depth--)
        at -= share[depth - 1];
    return depth;
}

static nw_status nas_rl_draw(nw_arch *arch, uint64_t seed)
{
    struct plan plan;

    plan_of(nw_space_keys(arch->space), &plan);
    NW_TRY(nw_arch_draw(arch, seed));
    if (plan.progressive)
        nw_arch_pick(arch, 0, draw_depth(&plan, seed) - 1);
    nas_rl_repair(arch);
    return NW_OK;
}

const nw_space_type nw_space_nas_rl = {
    .name = "nas-rl",
    .doc = "chains of convolutions with skips: sizes, strides, filters, anchors",
    .paper = "Zoph and Le 2016, Neural Architecture Search with Reinforcement Learning, "
             "arXiv:1611.01578",
    .attrs = nas_rl_attrs,
    .size = sizeof(struct nas_rl),
    .build = nas_rl_build,
    .genotype = nas_rl_genotype,
    .read = nas_rl_read,
    .legal = nas_rl_legal,
    .repair = nas_rl_repair,
    .count = nas_rl_count,
    .draw = nas_rl_draw,
    .canonical = nas_rl_canonical,
};
