/*
 * genotype_net.c - the network of a genotype that stands in a file, of whatever family.
 *
 * The form of the file is in genotype_file.h, with words and examples in
 * docs/howto/genotype-file.md. "network" says what is built around the cells: TF-slim's
 * networks (slim.c) with the stems, sizes and widths of NASNet, AmoebaNet or PNASNet, or
 * those of DARTS (darts.c) with 3 n + 2 layers and c = f channels, which is n normal
 * cells in each of the three stages there too.
 */
#include "darts.h"
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

static nw_status build_darts(nw_space *space, const struct genotype_net *key,
                             const int input[3], int classes, const nw_slim_genotype *g)
{
    const int imagenet = !strcmp(key->slim.net, "mobile");
    const int n = key->slim.n ? key->slim.n : imagenet ? 4 : 6;
    const int size = key->slim.size ? key->slim.size : imagenet ? 224 : 32;
    const int shape[3] = {3, size, size};
    struct darts darts = {
        .c = key->slim.f ? key->slim.f
             : imagenet  ? 48
                         : 36,
        .layers = 3 * n + 2,
        .classes = key->slim.classes,
        .stem_stride = 1,
        .stem_pad = 1,
        .aux = key->slim.aux,
        .drop = key->slim.drop >= 0 ? key->slim.drop : 0.2,
    };
    nw_genotype genotype;

    if (!imagenet && strcmp(key->slim.net, "cifar"))
        return nw_fail(space->ctx, NW_ESPEC,
                       "genotype: net=%s: a network of darts is cifar or mobile",
                       key->slim.net);
    memcpy(darts.net, imagenet ? "imagenet" : "cifar", sizeof("imagenet"));
    NW_TRY(darts_cell(space->ctx, &g->normal, key->file, &genotype.normal));
    NW_TRY(darts_cell(space->ctx, &g->reduce, key->file, &genotype.reduce));
    return nw_darts_fixed(space, &darts, input && input[0] ? input : shape, classes,
                          &genotype);
}

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
    return file.skeleton->family
               ? nw_slim_build(space, file.skeleton->family, &key->slim, input, classes,
                               &file.genotype)
               : build_darts(space, key, input, classes, &file.genotype);
}

const nw_space_type nw_space_genotype_net = {
    .name = "genotype",
    .doc = "the network of cells that stand in a file",
    .attrs = genotype_attrs,
    .size = sizeof(struct genotype_net),
    .build = genotype_build,
    .published = "whatever the file is from",
};
