/*
 * bossnas_hytra.c - the space of BossNAS: 16 layers, each convolution or attention, at
 * resolutions that only fall [1].
 *
 * A layer takes one of six ops, in the authors' order:
 *   0 att7  1 conv7  2 att14  3 conv14  4 conv28  5 conv56
 * (pixels of a side at 224; attention at the two coarsest scales only). The scales of a
 * path do not rise, and where paths=adjacent they fall by one at most from layer to
 * layer: 2,818,103 paths of 16 layers; paths=any has 3,932,181. The authors search blocks
 * of four layers, each from a finest scale on: layers=4 start=1..4 has 16, 80, 115, 131
 * paths (any: 16, 80, 129, 201). paths=restricted, which their supernet uses, also starts
 * at the finest of these scales or the next: 16, 80, 99, 51.
 *
 * The network of a path is built as their retraining code builds BossNet-T (bossnas.c):
 * layers of one scale are a stage, and a scale without layers is a strided convolution.
 * The genotype is the list of ops, [5,4,3,...].
 *
 * [1] Li et al. 2021, BossNAS, arXiv:2103.12424.
 */
#include "big.h"
#include "bossnas.h"
#include "random.h"

#include <jansson.h>
#include <string.h>

enum { OPS = 6, SCALES = 4, MOST_LAYERS = 40 };

enum { ADJACENT, ANY, RESTRICTED };

struct hytra {
    nw_boss_keys net;
    int layers, start;
    char paths[NW_TEXT_SIZE];
};

#define AT(field)     offsetof(struct hytra, field)
#define NET_AT(field) (offsetof(struct hytra, net) + offsetof(nw_boss_keys, field))

/* clang-format off */
static const nw_attr hytra_attrs[] = {
    {"layers", NW_INT, AT(layers), "16", 1, MOST_LAYERS, "ops one after the other", NULL},
    {"start", NW_INT, AT(start), "4", 1, SCALES,
     "scales that the first layer may have: 4 = from 56 pixels on, 1 = 7 only", NULL},
    {"paths", NW_TEXT, AT(paths), "adjacent", 0, 0,
     "adjacent: scales fall by one at most; any; restricted: and start at the finest two", NULL},
    {"size", NW_INT, NET_AT(size), "224", 32, 4096, "pixels of a side, where no data says it", NULL},
    {"se", NW_INT, NET_AT(se), "1", 0, 2,
     "squeeze-and-excitation: 0 none, 1 in all blocks, 2 in convolutions", NULL},
    {"classes", NW_INT, NET_AT(classes), "0", 0, 1000000, "0 = from the data, or 1000", NULL},
    {"c", NW_INT, NET_AT(c), "64", 1, 1024, "channels of the stem and of a head", NULL},
    {"last_stride", NW_INT, NET_AT(last_stride), "2", 1, 2, "of the last stage", NULL},
    {"drop", NW_REAL, NET_AT(drop), "0.1", 0, 0.99,
     "drop path of the last convolution, probability; less before", NULL},
    {0},
};
/* clang-format on */

static const char *const op_names[OPS] = {"att7",   "conv7",  "att14",
                                          "conv14", "conv28", "conv56"};
static const int scale_of[OPS] = {0, 0, 1, 1, 2, 3};
static const int first_op[SCALES] = {0, 2, 4, 5}, n_ops[SCALES] = {2, 2, 1, 1};

/* ---- Rules ------------------------------------------------------------------------- */

static int mode_of(const struct hytra *key)
{
    return !strcmp(key->paths, "any")          ? ANY
           : !strcmp(key->paths, "restricted") ? RESTRICTED
                                               : ADJACENT;
}

/* Coarsest and finest scale of a layer after one at `before`; -1 = the first layer. */
static void range(const struct hytra *key, int before, int *low, int *high)
{
    const int mode = mode_of(key);

    *high = before < 0 ? key->start - 1 : before;
    *low = before < 0 ? mode == RESTRICTED ? *high - 1 : 0 : mode == ANY ? 0 : *high - 1;
    *low = *low < 0 ? 0 : *low;
}

static const char *layer_name(int layer, char out[24])
{
    snprintf(out, 24, "layer_%d", layer);
    return out;
}

static int op_at(const nw_arch *arch, int layer)
{
    char name[24];

    return nw_arch_get(arch, layer_name(layer, name));
}

static int hytra_legal(const nw_arch *arch, char why[256])
{
    const struct hytra *key = nw_space_keys(arch->space);
    int before = -1, low, high;

    for (int i = 0; i < key->layers; i++) {
        const int scale = scale_of[op_at(arch, i)];

        range(key, before, &low, &high);
        if (scale < low || scale > high) {
            snprintf(why, 256,
                     "layer %d takes %s, but after what is before it only %s to %s can "
                     "be",
                     i, op_names[op_at(arch, i)], op_names[first_op[low]],
                     op_names[first_op[high] + n_ops[high] - 1]);
            return 0;
        }
        before = scale;
    }
    return 1;
}

/* A layer of a scale that cannot be takes the nearest that can, as convolution. */
static void hytra_repair(nw_arch *arch)
{
    const struct hytra *key = nw_space_keys(arch->space);
    int before = -1, low, high;

    for (int i = 0; i < key->layers; i++) {
        char name[24];
        int scale = scale_of[op_at(arch, i)];

        range(key, before, &low, &high);
        if (scale < low || scale > high) {
            scale = scale < low ? low : high;
            nw_arch_set(arch, layer_name(i, name), first_op[scale] + n_ops[scale] - 1);
        }
        before = scale;
    }
}

/* ---- Counting and drawing ------------------------------------------------------------
 */

/* ways[i][s]: paths of layers i and after, of which i has scale s. At most 2^40 times
 * the 12,341 sequences of scales. */
static void count_ways(const struct hytra *key, uint64_t ways[MOST_LAYERS][SCALES])
{
    for (int i = key->layers - 1; i >= 0; i--)
        for (int s = 0; s < SCALES; s++) {
            uint64_t rest = i == key->layers - 1;
            int low, high;

            range(key, s, &low, &high);
            for (int t = low; i < key->layers - 1 && t <= high; t++)
                rest += ways[i + 1][t];
            ways[i][s] = rest * (uint64_t)n_ops[s];
        }
}

static nw_status hytra_count(const nw_space *space, nw_big *total)
{
    const struct hytra *key = nw_space_keys(space);
    uint64_t ways[MOST_LAYERS][SCALES], all = 0;
    nw_big part;
    int low, high;

    count_ways(key, ways);
    range(key, -1, &low, &high);
    for (int s = low; s <= high; s++)
        all += ways[0][s];
    nw_big_set(total, (uint32_t)(all / 1000000000));
    nw_big_mul(total, 1000000000);
    nw_big_set(&part, (uint32_t)(all % 1000000000));
    nw_big_add(total, &part);
    return NW_OK;
}

/* Layer after layer, each scale with as many chances as paths go on from it. */
static nw_status hytra_draw(nw_arch *arch, uint64_t seed)
{
    const struct hytra *key = nw_space_keys(arch->space);
    uint64_t ways[MOST_LAYERS][SCALES];
    int before = -1, low, high;

    count_ways(key, ways);
    for (int i = 0; i < key->layers; i++) {
        uint64_t all = 0, at;
        char name[24];
        int s;

        range(key, before, &low, &high);
        for (s = low; s <= high; s++)
            all += ways[i][s];
        at = nw_below(seed, NW_FOR_ARCH, (uint64_t)i, all);
        for (s = low; at >= ways[i][s]; s++)
            at -= ways[i][s];
        NW_TRY(nw_arch_set(arch, layer_name(i, name),
                           first_op[s] + (int)(at % (uint64_t)n_ops[s])));
        before = s;
    }
    return NW_OK;
}

/* ---- Words ---------------------------------------------------------------------------
 */

static nw_status hytra_genotype(const nw_arch *arch, FILE *out)
{
    const struct hytra *key = nw_space_keys(arch->space);

    for (int i = 0; i < key->layers; i++)
        fprintf(out, "%c%d", i ? ',' : '[', op_at(arch, i));
    fputc(']', out);
    return ferror(out) ? nw_fail(arch->ctx, NW_EIO, "the genotype could not be written")
                       : NW_OK;
}

static nw_status take_ops(nw_arch *arch, const json_t *list, const char *where)
{
    const struct hytra *key = nw_space_keys(arch->space);

    if (json_array_size(list) != (size_t)key->layers)
        return nw_fail(arch->ctx, NW_EFORMAT, "%s: not a list of %d ops", where,
                       key->layers);
    for (int i = 0; i < key->layers; i++) {
        const json_t *op = json_array_get(list, (size_t)i);
        const json_int_t v = json_integer_value(op);
        char name[24];

        if (!json_is_integer(op) || v < 0 || v >= OPS)
            return nw_fail(arch->ctx, NW_EFORMAT, "%s: op %d is not within 0 to %d",
                           where, i, OPS - 1);
        NW_TRY(nw_arch_set(arch, layer_name(i, name), (int)v));
    }
    return NW_OK;
}

static nw_status hytra_read(nw_arch *arch, const char *text, const char *where)
{
    json_error_t error;
    json_t *list = json_loads(text, 0, &error);
    nw_status status;

    if (!list)
        return nw_fail(arch->ctx, NW_EFORMAT, "%s:%d:%d: %s", where, error.line,
                       error.column, error.text);
    status = take_ops(arch, list, where);
    json_decref(list);
    return status;
}

/* ---- Building ------------------------------------------------------------------------
 */

static nw_status build_at(const struct hytra *key, nw_space *space, const int input[3],
                          int classes, const nw_arch *arch)
{
    nw_boss_plan plan = {{0}, {{0}}};

    for (int i = 0; i < key->layers; i++) {
        const int op = op_at(arch, i), s = SCALES - 1 - (op < 0 ? 0 : scale_of[op]);

        if (op < 0)
            return nw_fail(space->ctx, NW_EMATCH, "the architecture has no layer_%d", i);
        plan.is_conv[s][plan.n[s]++] = op == 1 || op >= 3;
    }
    return nw_boss_net(space, &key->net, input, classes, &plan);
}

static nw_status hytra_build(void *self, nw_space *space, const int input[3], int classes,
                             const nw_arch *arch)
{
    const struct hytra *key = self;

    if (mode_of(key) == ADJACENT && strcmp(key->paths, "adjacent"))
        return nw_fail(space->ctx, NW_ESPEC,
                       "bossnas-hytra: paths=%s is not adjacent, any or restricted",
                       key->paths);
    if (arch)
        return build_at(key, space, input, classes, arch);
    for (int i = 0; i < key->layers; i++) {
        char name[24];

        NW_TRY(nw_decide(space, layer_name(i, name), OPS, op_names));
    }
    return NW_OK;
}

const nw_space_type nw_space_bossnas_hytra = {
    .name = "bossnas-hytra",
    .doc = "layers of convolution or attention at falling resolution; 2,818,103 paths",
    .paper = "Li et al. 2021, BossNAS, arXiv:2103.12424",
    .attrs = hytra_attrs,
    .size = sizeof(struct hytra),
    .build = hytra_build,
    .genotype = hytra_genotype,
    .read = hytra_read,
    .legal = hytra_legal,
    .repair = hytra_repair,
    .count = hytra_count,
    .draw = hytra_draw,
};
