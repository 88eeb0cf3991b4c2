/*
 * slim.c - the networks of the NASNet family: a stem, 3 n normal cells in three stages,
 * a classifier; f channels an op in the first stage, doubled from stage to stage.
 *
 * NASNet and AmoebaNet put a reduction cell before the second and the third stage; PNAS
 * has one kind of cell, and the first of a stage is it with stride 2.
 *
 * cifar           3x3 convolution to 3 f channels, batch norm, at full size
 * mobile, large   3x3 convolution of stride 2 without padding to 32 channels (96 in the
 *                 large NASNet and PNASNet), batch norm, then two cells of stride 2 with
 *                 f / 4 and f / 2, rounded down: 1/8 of the size in all
 * head            relu, global pool, dropout 1/2 (not cifar), dense
 *
 * Right after a reduction cell the older input is the input of that cell; in large NASNet
 * and PNASNet it is what came before that (far_back). Both have the same number of
 * parameters. Drop path grows with the depth of the cell and with training ("v3").
 * Batch norms divide by sqrt(variance + 1e-3), on CIFAR 1e-5, as the authors set them;
 * their decay of 0.9997 belongs to training for hundreds of epochs and is not taken.
 *
 * Module names are the scopes of TF-slim: cell_stem_0, reduction_cell_0, cell_7,
 * comb_iter_2.left. Sources: see slim_cell.c, and for PNASNet Liu et al. 2018,
 * arXiv:1712.00559; tensorflow/models, slim nasnet and pnasnet.
 */
#include "slim.h"
#include "setting.h"

#include <stdio.h>
#include <string.h>

enum { CIFAR, MOBILE, LARGE };

/* clang-format off */
const nw_slim_family nw_slim_nasnet = {
    "nasnet",
    {{6, 32, 32, 10, 0.4, 0, 0}, {4, 44, 224, 1000, 0, 32, 0}, {6, 168, 331, 1000, 0.3, 96, 1}}};

const nw_slim_family nw_slim_pnasnet = {
    "pnasnet",
    {{3, 48, 32, 10, 0.4, 0, 1}, {3, 54, 224, 1000, 0, 32, 1}, {4, 216, 331, 1000, 0.4, 96, 1}}};

/* Its ImageNet networks have a class "background" more. No drop path by default. */
const nw_slim_family nw_slim_amoebanet = {
    "amoebanet",
    {{6, 36, 32, 10, 0, 0, 0}, {4, 50, 224, 1001, 0, 32, 0}, {6, 190, 331, 1001, 0, 32, 0}}};
/* clang-format on */

/* A network while it is built. */
struct build {
    nw_space *space;
    const nw_slim_genotype *genotype;
    nw_slim_net net; /* with what the keys say */
    int kind, cells, cell;
    nw_slim_map older, newer; /* outputs of the last two cells */
};

/* ---- Cells ------------------------------------------------------------------------- */

static const char *stage_title(const struct build *b, int stride)
{
    if (!b->genotype->reduce.n)
        return stride == 1 ? "cell" : "cell, stride 2";
    return stride == 1 ? "normal cell" : "reduction cell";
}

/* The next cell, on `newer` and `older`; it becomes `newer`. */
static void add_cell(struct build *b, const char *name, const nw_slim_cell *cell, int f,
                     int stride, nw_slim_map older)
{
    nw_slim_place place = {
        .space = b->space,
        .cell = cell,
        .f = f,
        .stride = stride,
        .drop = b->net.drop * ++b->cell / b->cells,
        .eps = b->kind == CIFAR ? 1e-5 : 1e-3,
    };
    nw_slim_map out;

    nw_enter(b->space, "%s", name);
    out = nw_slim_cell_at(&place, b->newer, older);
    nw_leave(b->space);
    b->older = b->newer;
    b->newer = out;
    nw_space_add_stage(b->space, stage_title(b, stride));
}

static const nw_slim_cell *reduction(const struct build *b)
{
    return b->genotype->reduce.n ? &b->genotype->reduce : &b->genotype->normal;
}

static void numbered_cell(struct build *b, const char *kind, int i,
                          const nw_slim_cell *cell, int f, int stride, nw_slim_map older)
{
    char name[40];

    snprintf(name, sizeof(name), "%s_%d", kind, i);
    add_cell(b, name, cell, f, stride, older);
}

/* n normal cells; before them, or with the first of them, the size is halved. */
static void add_stage(struct build *b, int stage)
{
    const int f = b->net.f << stage, n = b->net.n;
    nw_slim_map older = b->older;
    int stride = stage ? 2 : 1;

    if (stage && b->genotype->reduce.n) {
        numbered_cell(b, "reduction_cell", stage - 1, &b->genotype->reduce, f, 2, older);
        older = b->net.far_back ? older : b->older;
        stride = 1;
    }
    for (int i = 0; i < n; i++) {
        numbered_cell(b, "cell", stage * n + i, &b->genotype->normal, f, stride, older);
        older = b->older;
        stride = 1;
    }
}

/* ---- Stem and heads ------------------------------------------------------------------
 */

static void add_stem(struct build *b, const int shape[3])
{
    const int cifar = b->kind == CIFAR, c = cifar ? 3 * b->net.f : b->net.stem;
    nw_ref x = nw_input(b->space, shape[0], shape[1], shape[2]);

    x = nw_opf(b->space, x,
               "conv2d out=%d k=3 stride=%d pad=%d bias=0 name=conv0 | "
               "batchnorm eps=%g name=conv0_bn",
               c, cifar ? 1 : 2, cifar, cifar ? 1e-5 : 1e-3);
    nw_space_add_stage(b->space, "3x3 convolution");
    b->older = (nw_slim_map){-1, 0, 0, 0};
    b->newer = cifar ? (nw_slim_map){x, c, shape[1], shape[2]}
                     : (nw_slim_map){x, c, (shape[1] - 1) / 2, (shape[2] - 1) / 2};
    for (int i = 0; !cifar && i < 2; i++)
        numbered_cell(b, "cell_stem", i, reduction(b), b->net.f >> (2 - i), 2, b->older);
}

/* On the last cell before the second reduction. */
static void add_auxiliary_head(struct build *b, int classes)
{
    const int h = (b->newer.h - 5) / 3 + 1, w = (b->newer.w - 5) / 3 + 1;
    const double eps = b->kind == CIFAR ? 1e-5 : 1e-3;
    nw_ref x;

    nw_enter(b->space, "aux_head");
    x = nw_opf(b->space, b->newer.x,
               "relu | avgpool k=5 stride=3 | "
               "conv2d out=128 k=1 bias=0 name=proj | batchnorm eps=%g name=aux_bn0 | "
               "relu | conv2d out=768 k=%dx%d pad=0 bias=0 name=full | "
               "batchnorm eps=%g name=aux_bn1 | relu | flatten | dense out=%d name=fc",
               eps, h > 0 ? h : 1, w > 0 ? w : 1, eps, classes);
    nw_leave(b->space);
    nw_aux_output(b->space, x, 0.4);
}

static nw_status build(struct build *b, const int shape[3], int classes, int aux)
{
    NW_TRY(nw_slim_draw(b->space, b->genotype));
    add_stem(b, shape);
    for (int stage = 0; stage < 3; stage++) {
        add_stage(b, stage);
        if (stage == 1 && aux)
            add_auxiliary_head(b, classes);
    }
    nw_space_add_stage(b->space, "classifier");
    return nw_output(
        b->space, nw_opf(b->space, b->newer.x,
                         "relu | globalpool | flatten%s | dense out=%d name=final_layer",
                         b->kind == CIFAR ? "" : " | dropout p=0.5", classes));
}

/* ---- Keys
 * ------------------------------------------------------------------------------ */

static nw_status choose_net(struct build *b, const nw_slim_family *family,
                            const struct nw_slim_keys *keys)
{
    static const char *const kinds[] = {"cifar", "mobile", "large"};

    for (b->kind = 0; b->kind < 3 && strcmp(kinds[b->kind], keys->net); b->kind++)
        continue;
    if (b->kind == 3)
        return nw_fail(b->space->ctx, NW_ESPEC,
                       "%s: net=%s is neither cifar nor mobile nor large", family->name,
                       keys->net);
    b->net = family->net[b->kind];
    b->net.n = keys->n ? keys->n : b->net.n;
    b->net.f = keys->f ? keys->f : b->net.f;
    b->net.size = keys->size ? keys->size : b->net.size;
    b->net.drop = keys->drop >= 0 ? keys->drop : b->net.drop;
    b->cells =
        3 * b->net.n + (b->genotype->reduce.n ? 2 : 0) + (b->kind == CIFAR ? 0 : 2);
    if (b->kind != CIFAR && b->net.f < 4)
        return nw_fail(b->space->ctx, NW_ESPEC,
                       "%s: f=%d: the stem's cells have a quarter of it, at least 1",
                       family->name, b->net.f);
    return NW_OK;
}

nw_status nw_slim_build(nw_space *space, const nw_slim_family *family,
                        const struct nw_slim_keys *keys, const int input[3], int classes,
                        const nw_slim_genotype *genotype)
{
    struct build b = {.space = space, .genotype = genotype};
    int shape[3];

    NW_TRY(choose_net(&b, family, keys));
    NW_TRY(
        nw_classes_of(space->ctx, family->name, keys->classes, b.net.classes, &classes));
    nw_input_or(input, b.net.size, shape);
    if (b.kind != CIFAR && (shape[1] < 3 || shape[2] < 3))
        return nw_fail(space->ctx, NW_ESHAPE,
                       "%s: %dx%d pixels are less than the stem's 3x3", family->name,
                       shape[1], shape[2]);
    return build(&b, shape, classes, keys->aux);
}

/* ---- Pictures
 * ---------------------------------------------------------------------------- */

/* People draw h_i-1 at the left, or at the top. */
static int drawn(int state)
{
    return state < 2 ? 1 - state : state;
}

static nw_status draw_cell(nw_space *space, const nw_slim_cell *cell, const char *title)
{
    nw_drawn_edge edge[2 * NW_SLIM_BLOCKS];
    char name[2 * NW_SLIM_BLOCKS][40];
    int out[NW_SLIM_STATES];

    for (int i = 0; i < 2 * cell->n; i++) {
        const nw_slim_block *block = &cell->block[i / 2];

        snprintf(name[i], sizeof(name[i]), "%s%s", block->op[i % 2],
                 block->concat ? " (concat)" : "");
        edge[i] = (nw_drawn_edge){name[i], drawn(block->in[i % 2]), 2 + i / 2};
    }
    for (int i = 0; i < cell->n_out; i++)
        out[i] = drawn(cell->out[i]);
    return nw_space_add_cell(space, &(nw_drawn_cell){.title = title,
                                                     .inputs = 2,
                                                     .nodes = cell->n,
                                                     .n_edge = 2 * cell->n,
                                                     .edge = edge,
                                                     .n_out = cell->n_out,
                                                     .out = out});
}

nw_status nw_slim_draw(nw_space *space, const nw_slim_genotype *genotype)
{
    NW_TRY(
        draw_cell(space, &genotype->normal, genotype->reduce.n ? "normal cell" : "cell"));
    return genotype->reduce.n ? draw_cell(space, &genotype->reduce, "reduction cell")
                              : NW_OK;
}
