/*
 * genotype_net.c - the network of a genotype that stands in a file, of whatever family.
 *
 * The form of the file is in genotype_file.h, with words and examples in
 * docs/howto/genotype-file.md. "network" says what is built around the cells: TF-slim's
 * networks (slim.c) with the stems, sizes and widths of NASNet, AmoebaNet or PNASNet, or
 * those of DARTS (darts.c) with 3 n + 2 layers and c = f channels, which is n normal
 * cells in each of the three stages there too, or those of ENAS and NAO (enas_cells.c),
 * whose cells have five blocks and put out all that no block reads.
 */
#include "darts.h"
#include "enas_cells.h"
#include "genotype_file.h"

#include <string.h>

struct genotype_net {
    char file[NW_TEXT_SIZE];
    struct nw_slim_keys slim;
};

static const nw_attr genotype_attrs[] = {
    {"file", NW_TEXT, offsetof(struct genotype_net, file), NULL, 0, 0,
     "JSON with the cells; see docs/howto/genotype-file.md", NULL},
    NW_SLIM_KEYS(struct genotype_net),
    {0},
};

/* DARTS counts the inputs of a cell oldest first. */
static int darts_node(int state)
{
    return state < 2 ? 1 - state : state;
}

static nw_status darts_cell(nw_ctx *ctx, const nw_slim_cell *cell, const char *where,
                            nw_cell *out)
{
    if (cell->n_out > NW_CELL_NODES)
        return nw_fail(ctx, NW_EFORMAT, "%s: a cell of darts has at most %d outputs",
                       where, NW_CELL_NODES);
    *out = (nw_cell){.n = cell->n, .n_concat = cell->n_out};
    for (int e = 0; e < 2 * cell->n; e++)
        out->edge[e] = (nw_cell_edge){cell->block[e / 2].op[e % 2],
                                      darts_node(cell->block[e / 2].in[e % 2])};
    for (int i = 0; i < cell->n_out; i++)
        out->concat[i] = darts_node(cell->out[i]);
    return NW_OK;
}

static const char *darts_op_named(const char *word)
{
    return nw_cell_op_named(word, strlen(word));
}

static nw_status build_darts(nw_space *space, const nw_skeleton *skeleton,
                             const char *file, const struct nw_slim_keys *keys,
                             const int input[3], int classes, const nw_slim_genotype *g)
{
    const int imagenet = !strcmp(keys->net, "mobile");
    const int n = keys->n ? keys->n : imagenet ? 4 : 6;
    const int size = keys->size ? keys->size : imagenet ? 224 : 32;
    const int shape[3] = {3, size, size};
    struct darts darts = {
        .c = keys->f    ? keys->f
             : imagenet ? 48
                        : 36,
        .layers = 3 * n + 2,
        .classes = keys->classes,
        .stem_stride = 1,
        .stem_pad = 1,
        .aux = keys->aux,
        .drop = keys->drop >= 0 ? keys->drop : 0.2,
    };
    nw_genotype genotype;

    if (!imagenet && strcmp(keys->net, "cifar"))
        return nw_fail(space->ctx, NW_ESPEC, "%s: net=%s is neither cifar nor mobile",
                       skeleton->name, keys->net);
    snprintf(darts.net, sizeof(darts.net), "%s", imagenet ? "imagenet" : "cifar");
    NW_TRY(darts_cell(space->ctx, &g->normal, file, &genotype.normal));
    NW_TRY(darts_cell(space->ctx, &g->reduce, file, &genotype.reduce));
    return nw_darts_fixed(space, &darts, input && input[0] ? input : shape, classes,
                          &genotype);
}

/* ---- ENAS and NAO ------------------------------------------------------------------ */

/* An op of ENAS, which are the first five. */
static const char *enas_op_named(const char *word)
{
    const int op = nw_pair_op_named(word);

    return op >= 0 && op < 5 ? nw_pair_op(op) : NULL;
}

static const char *nao_op_named(const char *word)
{
    const int op = nw_pair_op_named(word);

    if (op < 0)
        return NULL;
    return strcmp(word, NW_PAIR_COUNTING) ? nw_pair_op(op) : NW_PAIR_COUNTING;
}

/* The numbers of a cell, whose inputs are oldest first, too. */
static nw_status pair_cell(nw_ctx *ctx, const nw_slim_cell *cell, const char *where,
                           int ints[NW_PAIR_CELL])
{
    int loose[NW_PAIR_STATES], n, differ;

    if (cell->n != NW_PAIR_NODES)
        return nw_fail(ctx, NW_EFORMAT, "%s: a cell has %d blocks, not %d", where,
                       NW_PAIR_NODES, cell->n);
    for (int i = 0; i < NW_PAIR_CELL; i += 2) {
        ints[i] = darts_node(cell->block[i / 4].in[i / 2 % 2]);
        ints[i + 1] = nw_pair_op_named(cell->block[i / 4].op[i / 2 % 2]);
    }
    n = nw_pair_loose_ends(ints, loose);
    differ = n != cell->n_out;
    for (int i = 0; i < n && !differ; i++)
        differ = loose[i] != darts_node(cell->out[i]);
    return differ ? nw_fail(ctx, NW_EFORMAT,
                            "%s: a cell puts out what no block reads, the older input "
                            "first: \"concat\" must say that, or \"unused\"",
                            where)
                  : NW_OK;
}

/* What the networks of a family are unless keys say otherwise. */
struct pair_net {
    int n, f;
    double drop, dropout;
};

static const struct pair_net enas_cifar = {5, 36, 0.4, 0.2},
                             nao_cifar = {6, 36, 0.2, 0.4}, nao_mobile = {4, 42, 0, 0};

static nw_status build_pair(nw_space *space, const nw_skeleton *skeleton,
                            const char *file, const struct nw_slim_keys *keys,
                            const int input[3], int classes, const nw_slim_genotype *g)
{
    const int is_enas = !strcmp(skeleton->name, "enas");
    const int imagenet = !is_enas && !strcmp(keys->net, "mobile");
    const struct pair_net *usual = is_enas    ? &enas_cifar
                                   : imagenet ? &nao_mobile
                                              : &nao_cifar;
    const struct nw_pair_keys pair = {.classes = keys->classes, .size = keys->size};
    const int n = keys->n ? keys->n : usual->n;
    struct nw_pair_net net = {
        .space = space,
        .name = skeleton->name,
        .c = keys->f ? keys->f : usual->f,
        .cells = 3 * n + 2,
        .first_reduce = n,
        .is_enas = is_enas,
        .imagenet = imagenet,
        .aux = keys->aux,
        .drop = keys->drop >= 0 ? keys->drop : usual->drop,
        .dropout = usual->dropout,
    };

    if (!imagenet && strcmp(keys->net, "cifar"))
        return nw_fail(space->ctx, NW_ESPEC, "%s: net=%s is not %s", skeleton->name,
                       keys->net, is_enas ? "cifar" : "cifar or mobile");
    NW_TRY(pair_cell(space->ctx, &g->normal, file, net.ints));
    NW_TRY(pair_cell(space->ctx, &g->reduce, file, net.ints + NW_PAIR_CELL));
    NW_TRY(nw_pair_input(&net, &pair, input, classes));
    return nw_pair_build(&net);
}

/* ---- All --------------------------------------------------------------------------- */

static nw_status build_slim(nw_space *space, const nw_skeleton *skeleton,
                            const char *file, const struct nw_slim_keys *keys,
                            const int input[3], int classes, const nw_slim_genotype *g)
{
    (void)file;
    return nw_slim_build(space, skeleton->family, keys, input, classes, g);
}

/* clang-format off */
const nw_skeleton nw_skeletons[] = {
    {"nasnet", nw_slim_op_named, "identity", "zero", 0, 0, 0, &nw_slim_nasnet, build_slim},
    {"amoebanet", nw_slim_op_named, "identity", "zero", 0, 0, 0, &nw_slim_amoebanet, build_slim},
    {"pnas", nw_slim_op_named, "identity", "zero", 1, 0, 0, &nw_slim_pnasnet, build_slim},
    {"darts", darts_op_named, "skip_connect", "none", 0, 1, 0, NULL, build_darts},
    {"enas", enas_op_named, "identity", NULL, 0, 1, 1, NULL, build_pair},
    {"nao", nao_op_named, "identity", NULL, 0, 1, 1, NULL, build_pair},
    {0},
};
/* clang-format on */

static nw_status genotype_build(void *self, nw_space *space, const int input[3],
                                int classes, const nw_arch *arch)
{
    const struct genotype_net *key = self;
    size_t length;
    char *text;
    nw_gene_file file;
    nw_status status;

    (void)arch;
    NW_TRY(nw_read_file(space->ctx, key->file, &text, &length));
    status = nw_gene_read(space->ctx, &file, text, key->file);
    nw_release(space->ctx, text);
    if (status < 0)
        return status;
    return file.skeleton->build(space, file.skeleton, key->file, &key->slim, input,
                                classes, &file.genotype);
}

const nw_space_type nw_space_genotype_net = {
    .name = "genotype",
    .doc = "the network of cells that stand in a file",
    .attrs = genotype_attrs,
    .size = sizeof(struct genotype_net),
    .build = genotype_build,
    .published = "whatever the file is from",
};
