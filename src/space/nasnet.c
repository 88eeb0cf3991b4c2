/*
 * nasnet.c - three spaces of cells of blocks: NASNet's, AmoebaNet's and PNAS's.
 *
 * A block takes two states of the cell (its two inputs and the blocks before), an op on
 * each, and a combiner: five decisions, of which the combiner is add unless
 * combiner=choose leaves it open. NASNet and AmoebaNet have two cells, PNAS one that is
 * also used with stride 2. The output of a cell is all blocks that no block reads; of
 * PNAS all blocks. (Published cells have lists of their own, see nasnet_nets.c.)
 *
 *               ops   cells   ordered space
 *   nasnet       13      2    5.1e33; 5.2e36 with combiner=choose
 *   amoebanet     8      2    3.1e29
 *   pnas          8      1    5.6e14, 2.1e13 with ordered=0
 *
 * ordered=0 takes a + b and b + a for one: the left operand's state and op do not come
 * after the right one's. Blocks may still stand in another order; the canonical form
 * sees through both.
 *
 * pnas progressive=1 also has all cells of fewer blocks, as the search that grows cells
 * block by block trains them: a first decision, blocks, says how many there are, and the
 * decisions of those that are not there stand at their first option.
 *
 * The networks are too different for one graph to hold all: the space has decisions only
 * and builds a network at an arch. By default that is the small one that candidates are
 * trained as: n=2 f=32 for NASNet, n=3 f=24 for AmoebaNet, n=2 f=24 for PNAS, without
 * drop path. Sources: see slim_cell.c; for ops and their order also the hub of NNI.
 */
#include "big.h"
#include "genotype_file.h"
#include "random.h"

#include <stdio.h>
#include <string.h>

struct nasnet {
    struct nw_slim_keys slim;
    int blocks, ordered, progressive;
    char combiner[NW_TEXT_SIZE];
};

/* What sets a space apart from the others. */
struct rules {
    nw_slim_family family;
    const char *network; /* skeleton of a genotype file */
    int cells, n_op;
    int all_out; /* all blocks make the output */
    const char *op[13];
};

/* clang-format off */
static const struct rules nasnet_rules = {
    {"nasnet", {{2, 32, 32, 10, 0, 0, 0}, {4, 44, 224, 1000, 0, 32, 0}, {6, 168, 331, 1000, 0.3, 96, 1}}},
    "nasnet", 2, 13, 0,
    {"identity", "conv_1x3_3x1", "conv_1x7_7x1", "dilated_3x3", "avg_pool_3x3", "max_pool_3x3",
     "max_pool_5x5", "max_pool_7x7", "conv_1x1", "conv_3x3", "sep_conv_3x3", "sep_conv_5x5",
     "sep_conv_7x7"}};

static const struct rules amoebanet_rules = {
    {"amoebanet", {{3, 24, 32, 10, 0, 0, 0}, {4, 50, 224, 1001, 0, 32, 0}, {6, 190, 331, 1001, 0, 32, 0}}},
    "amoebanet", 2, 8, 0,
    {"identity", "sep_conv_3x3", "sep_conv_5x5", "sep_conv_7x7", "avg_pool_3x3", "max_pool_3x3",
     "dil_sep_conv_3x3", "conv_1x7_7x1"}};

static const struct rules pnas_rules = {
    {"pnas", {{2, 24, 32, 10, 0, 0, 1}, {3, 54, 224, 1000, 0, 32, 1}, {4, 216, 331, 1000, 0.4, 96, 1}}},
    "pnas", 1, 8, 1,
    {"sep_conv_3x3", "sep_conv_5x5", "sep_conv_7x7", "conv_1x7_7x1", "identity", "avg_pool_3x3",
     "max_pool_3x3", "dilated_3x3"}};
/* clang-format on */

/* clang-format off */
#define COMMON_KEYS                                                                      \
    NW_SLIM_KEYS(struct nasnet),                                                         \
    {"blocks", NW_INT, offsetof(struct nasnet, blocks), "5", 1, NW_SLIM_BLOCKS,          \
     "of a cell", NULL},                                                                 \
    {"ordered", NW_BOOL, offsetof(struct nasnet, ordered), "1", 0, 0,                    \
     "count a + b and b + a as two architectures", NULL}
/* clang-format on */

static const nw_attr nasnet_attrs[] = {
    COMMON_KEYS,
    {"combiner", NW_TEXT, offsetof(struct nasnet, combiner), "add", 0, 0,
     "add, concat, or choose: a decision of every block", NULL},
    {0},
};

static const nw_attr other_attrs[] = {COMMON_KEYS, {0}};

static const nw_attr pnas_attrs[] = {
    COMMON_KEYS,
    {"progressive", NW_BOOL, offsetof(struct nasnet, progressive), "0", 0, 0,
     "a decision more, \"blocks\": cells of 1 up to so many blocks", NULL},
    {0},
};

static const struct rules *rules_of(const nw_space *space)
{
    const char *name = space->family->name;

    return !strcmp(name, "pnas")        ? &pnas_rules
           : !strcmp(name, "amoebanet") ? &amoebanet_rules
                                        : &nasnet_rules;
}

static int chooses(const struct nasnet *key)
{
    return !strcmp(key->combiner, "choose");
}

/* ---- Decisions --------------------------------------------------------------------- */

/* In this order for every block of every cell. */
enum { IN_LEFT, IN_RIGHT, OP_LEFT, OP_RIGHT, COMBINER };

static const char *const part_names[] = {"in_left", "in_right", "op_left", "op_right",
                                         "combiner"};

/* Number of a block's decision. */
static int decision(const struct nasnet *key, int cell, int block, int part)
{
    const int parts = chooses(key) ? 5 : 4;

    return key->progressive + (cell * key->blocks + block) * parts + part;
}

static nw_status decide(nw_space *space, const struct rules *rules, const char *cell,
                        int block, int part)
{
    static const char *const state[] = {"h_i",     "h_i-1",   "block_1",
                                        "block_2", "block_3", "block_4",
                                        "block_5", "block_6", "block_7"};
    static const char *const combiner[] = {"add", "concat"};
    char name[40];

    snprintf(name, sizeof(name), "%s_%d_%s", cell, block + 1, part_names[part]);
    if (part == COMBINER)
        return nw_decide(space, name, 2, combiner);
    return part < OP_LEFT ? nw_decide(space, name, (size_t)block + 2, state)
                          : nw_decide(space, name, (size_t)rules->n_op, rules->op);
}

static nw_status decide_blocks(nw_space *space, const struct nasnet *key)
{
    static const char *const number[NW_SLIM_BLOCKS] = {"1", "2", "3", "4",
                                                       "5", "6", "7", "8"};

    return nw_decide(space, "blocks", (size_t)key->blocks, number);
}

static nw_status decide_all(nw_space *space, const struct nasnet *key,
                            const struct rules *rules)
{
    static const char *const names[] = {"normal", "reduce"};

    if (key->progressive)
        NW_TRY(decide_blocks(space, key));
    for (int cell = 0; cell < rules->cells; cell++)
        for (int block = 0; block < key->blocks; block++)
            for (int part = 0; part < (chooses(key) ? 5 : 4); part++)
                NW_TRY(decide(space, rules, rules->cells == 1 ? "cell" : names[cell],
                              block, part));
    return NW_OK;
}

/* Blocks that a cell has. */
static int taken(const nw_arch *arch)
{
    const struct nasnet *key = nw_space_keys(arch->space);

    return key->progressive ? nw_arch_option(arch, 0) + 1 : key->blocks;
}

static void cell_of_arch(const nw_arch *arch, const struct nasnet *key,
                         const struct rules *rules, int cell, nw_slim_cell *out)
{
    out->n = taken(arch);
    for (int b = 0; b < out->n; b++) {
        const int first = decision(key, cell, b, 0);

        for (int side = 0; side < 2; side++) {
            out->block[b].in[side] = nw_arch_option(arch, first + IN_LEFT + side);
            out->block[b].op[side] =
                rules->op[nw_arch_option(arch, first + OP_LEFT + side)];
        }
        out->block[b].concat = chooses(key) ? nw_arch_option(arch, first + COMBINER)
                                            : !strcmp(key->combiner, "concat");
    }
    nw_slim_derive_out(out);
    for (int b = 0; rules->all_out && b < out->n; b++)
        out->out[b] = b + 2;
    out->n_out = rules->all_out ? out->n : out->n_out;
}

static void genotype_of_arch(const nw_arch *arch, nw_slim_genotype *out)
{
    const struct nasnet *key = nw_space_keys(arch->space);
    const struct rules *rules = rules_of(arch->space);

    *out = (nw_slim_genotype){0};
    cell_of_arch(arch, key, rules, 0, &out->normal);
    if (rules->cells == 2)
        cell_of_arch(arch, key, rules, 1, &out->reduce);
}

static nw_status build(struct nasnet *key, nw_space *space, const struct rules *rules,
                       const int input[3], int classes, const nw_arch *arch)
{
    nw_slim_genotype genotype;

    if (*key->combiner && strcmp(key->combiner, "add") &&
        strcmp(key->combiner, "concat") && !chooses(key))
        return nw_fail(space->ctx, NW_ESPEC,
                       "%s: combiner=%s is neither add nor concat nor choose",
                       rules->family.name, key->combiner);
    if (!arch)
        return decide_all(space, key, rules);
    genotype_of_arch(arch, &genotype);
    return nw_slim_build(space, &rules->family, &key->slim, input, classes, &genotype);
}

/* ---- Rules, count and draw ------------------------------------------------------------
 */

/* State and op of one side as one number. */
static int operand(const nw_arch *arch, int first, int side)
{
    return nw_arch_option(arch, first + IN_LEFT + side) * 100 +
           nw_arch_option(arch, first + OP_LEFT + side);
}

static int blocks_of(const nw_arch *arch)
{
    const struct nasnet *key = nw_space_keys(arch->space);

    return rules_of(arch->space)->cells * key->blocks;
}

/* The first decision of an absent block that is not at its first option, or -1. */
static int astray(const nw_arch *arch)
{
    const struct nasnet *key = nw_space_keys(arch->space);

    for (int i = decision(key, 0, taken(arch), 0);
         key->progressive && i < nw_space_choices(arch->space); i++)
        if (nw_arch_option(arch, i))
            return i;
    return -1;
}

/* The first decision of a block whose operands stand the wrong way round, or -1. */
static int turned(const nw_arch *arch)
{
    const struct nasnet *key = nw_space_keys(arch->space);

    for (int i = 0; !key->ordered && i < blocks_of(arch); i++) {
        const int first = decision(key, 0, i, 0);

        if (operand(arch, first, 0) > operand(arch, first, 1))
            return first;
    }
    return -1;
}

static int legal(const nw_arch *arch, char why[256])
{
    const int stray = astray(arch), turn = turned(arch);

    if (stray >= 0)
        snprintf(
            why, 256,
            "progressive=1: decisions of blocks that the cell does not have stand at "
            "their first option, not so %s",
            nw_space_choice_name(arch->space, stray));
    else if (turn >= 0)
        snprintf(why, 256,
                 "ordered=0: the left state and op of a block do not come after the "
                 "right ones, as at %s",
                 nw_space_choice_name(arch->space, turn));
    return stray < 0 && turn < 0;
}

static void swap(nw_arch *arch, int left)
{
    const int a = nw_arch_option(arch, left), b = nw_arch_option(arch, left + 1);

    nw_arch_pick(arch, left, b);
    nw_arch_pick(arch, left + 1, a);
}

static void repair(nw_arch *arch)
{
    int at;

    while ((at = astray(arch)) >= 0)
        nw_arch_pick(arch, at, 0);
    while ((at = turned(arch)) >= 0) {
        swap(arch, at + IN_LEFT);
        swap(arch, at + OP_LEFT);
    }
}

/* Ways to make block b of a cell. */
static uint32_t ways(const struct nasnet *key, const struct rules *rules, int b)
{
    const uint32_t n = (uint32_t)((b + 2) * rules->n_op);

    return (key->ordered ? n * n : n * (n + 1) / 2) * (chooses(key) ? 2 : 1);
}

static nw_status count(const nw_space *space, nw_big *total)
{
    const struct nasnet *key = nw_space_keys(space);
    const struct rules *rules = rules_of(space);
    nw_big cells;

    nw_big_set(&cells, 1);
    nw_big_set(total, 0);
    for (int i = 0; i < rules->cells * key->blocks; i++) {
        nw_big_mul(&cells, ways(key, rules, i % key->blocks));
        if (key->progressive)
            nw_big_add(total, &cells);
    }
    if (!key->progressive)
        *total = cells;
    return NW_OK;
}

/* Both operands of block i, every legal pair equally likely. */
static void draw_pair(nw_arch *arch, const struct nasnet *key, int i, uint64_t seed)
{
    const uint64_t n_op = (uint64_t)rules_of(arch->space)->n_op;
    const uint64_t n = (uint64_t)(i % key->blocks + 2) * n_op;
    const int first = decision(key, 0, i, 0);
    uint64_t pair, at = (uint64_t)i << 32;

    do
        pair = nw_below(seed, NW_FOR_ARCH, at++, n * n);
    while (!key->ordered && pair / n > pair % n);
    for (int side = 0; side < 2; side++) {
        const uint64_t one = side ? pair % n : pair / n;

        nw_arch_pick(arch, first + IN_LEFT + side, (int)(one / n_op));
        nw_arch_pick(arch, first + OP_LEFT + side, (int)(one % n_op));
    }
    if (chooses(key))
        nw_arch_pick(arch, first + COMBINER, (int)nw_below(seed, NW_FOR_ARCH, at, 2));
}

/* A number of blocks, each as likely as it has cells. */
static int draw_blocks(const nw_arch *arch, uint64_t seed)
{
    const struct nasnet *key = nw_space_keys(arch->space);
    double cells[NW_SLIM_BLOCKS + 1] = {1}, sum = 0, at;
    int b = 0;

    for (int i = 0; i < key->blocks; i++)
        sum += cells[i + 1] = cells[i] * ways(key, rules_of(arch->space), i);
    at = sum * nw_uniform(seed, NW_FOR_ARCH, UINT64_MAX);
    while (b + 1 < key->blocks && at >= cells[b + 1])
        at -= cells[++b];
    return b;
}

static nw_status draw(nw_arch *arch, uint64_t seed)
{
    const struct nasnet *key = nw_space_keys(arch->space);

    if (key->progressive)
        nw_arch_pick(arch, 0, draw_blocks(arch, seed));
    for (int i = 0; i < blocks_of(arch); i++)
        draw_pair(arch, key, i, seed);
    repair(arch);
    return NW_OK;
}

/* ---- Genotypes
 * --------------------------------------------------------------------------- */

static nw_status write_genotype(const nw_arch *arch, FILE *out)
{
    nw_slim_genotype genotype;

    genotype_of_arch(arch, &genotype);
    return nw_gene_write(arch->ctx, rules_of(arch->space)->network, &genotype, out);
}

static int op_index(const struct rules *rules, const char *op)
{
    int i = 0;

    while (i < rules->n_op && strcmp(rules->op[i], op))
        i++;
    return i < rules->n_op ? i : -1;
}

static nw_status take_block(nw_arch *arch, const nw_slim_block *block, int first,
                            const char *where)
{
    const struct nasnet *key = nw_space_keys(arch->space);

    for (int side = 0; side < 2; side++) {
        const int op = op_index(rules_of(arch->space), block->op[side]);

        if (op < 0)
            return nw_fail(arch->ctx, NW_EFORMAT, "%s: the space has no op %s", where,
                           block->op[side]);
        NW_TRY(nw_arch_pick(arch, first + IN_LEFT + side, block->in[side]));
        NW_TRY(nw_arch_pick(arch, first + OP_LEFT + side, op));
    }
    if (chooses(key))
        return nw_arch_pick(arch, first + COMBINER, block->concat);
    return block->concat == !strcmp(key->combiner, "concat")
               ? NW_OK
               : nw_fail(arch->ctx, NW_EFORMAT, "%s: blocks of the space combine by %s",
                         where, key->combiner);
}

static int same_out(const nw_slim_cell *a, const nw_slim_cell *b)
{
    return a->n_out == b->n_out &&
           !memcmp(a->out, b->out, (size_t)a->n_out * sizeof(a->out[0]));
}

/* A cell of n blocks, all at their first options. */
static void clear_to(nw_arch *arch, int n)
{
    for (int i = 0; i < nw_space_choices(arch->space); i++)
        nw_arch_pick(arch, i, i ? 0 : n - 1);
}

static nw_status take_cell(nw_arch *arch, const nw_slim_cell *cell, int index,
                           const char *where)
{
    const struct nasnet *key = nw_space_keys(arch->space);
    nw_slim_cell mine;

    if (key->progressive ? cell->n > key->blocks : cell->n != key->blocks)
        return nw_fail(arch->ctx, NW_EFORMAT, "%s: a cell of %d blocks, not %s%d", where,
                       cell->n, key->progressive ? "up to " : "", key->blocks);
    if (key->progressive)
        clear_to(arch, cell->n);
    for (int b = 0; b < cell->n; b++)
        NW_TRY(take_block(arch, &cell->block[b], decision(key, index, b, 0), where));
    cell_of_arch(arch, key, rules_of(arch->space), index, &mine);
    return same_out(&mine, cell)
               ? NW_OK
               : nw_fail(arch->ctx, NW_EFORMAT,
                         "%s: in the space %s make a cell's output, in their order",
                         where,
                         rules_of(arch->space)->all_out ? "all blocks"
                                                        : "the blocks that none reads");
}

static nw_status read_genotype(nw_arch *arch, const char *text, const char *where)
{
    const struct rules *rules = rules_of(arch->space);
    nw_gene_file file;

    NW_TRY(nw_gene_read(arch->ctx, &file, text, where));
    if (strcmp(file.skeleton->name, rules->network))
        return nw_fail(arch->ctx, NW_EFORMAT, "%s: a genotype of %s, not %s", where,
                       file.skeleton->name, rules->network);
    NW_TRY(take_cell(arch, &file.genotype.normal, 0, where));
    return rules->cells == 2 ? take_cell(arch, &file.genotype.reduce, 1, where) : NW_OK;
}

/* ---- Canonical form
 * ------------------------------------------------------------------------ */

/*
 * Blocks in the order that reads first: at every place the smallest of the blocks whose
 * states are placed, each written with the places of its states and the smaller operand
 * first. Among equals every one is tried.
 */
struct order {
    const nw_slim_cell *cell;
    const struct rules *rules;
    int place[NW_SLIM_STATES]; /* of a state; -1 = not placed */
    long word[NW_SLIM_BLOCKS], best[NW_SLIM_BLOCKS];
    int has_best;
};

enum { OPERAND = 1000, OP = 50 };

static long least(const long side[2])
{
    return side[0] < side[1] ? side[0] : side[1];
}

static long most(const long side[2])
{
    return side[0] < side[1] ? side[1] : side[0];
}

/* The block as a number; -1 = a state that it reads is not placed. */
static long word_of(const struct order *o, int b)
{
    const nw_slim_block *block = &o->cell->block[b];
    long side[2];

    for (int i = 0; i < 2; i++) {
        if (o->place[block->in[i]] < 0)
            return -1;
        side[i] = o->place[block->in[i]] * OP + op_index(o->rules, block->op[i]);
    }
    return (least(side) * OPERAND + most(side)) * 2 + block->concat;
}

static long smallest(const struct order *o)
{
    long found = -1;

    for (int b = 0; b < o->cell->n; b++) {
        const long word = o->place[b + 2] < 0 ? word_of(o, b) : -1;

        if (word >= 0 && (found < 0 || word < found))
            found = word;
    }
    return found;
}

static void keep_best(struct order *o)
{
    for (int i = 0; o->has_best && i < o->cell->n; i++) {
        if (o->word[i] > o->best[i])
            return;
        if (o->word[i] < o->best[i])
            break;
    }
    memcpy(o->best, o->word, sizeof(o->best));
    o->has_best = 1;
}

static void place_from(struct order *o, int at)
{
    if (at == o->cell->n) {
        keep_best(o);
        return;
    }
    o->word[at] = smallest(o);
    for (int b = 0; b < o->cell->n; b++) {
        if (o->place[b + 2] >= 0 || word_of(o, b) != o->word[at])
            continue;
        o->place[b + 2] = at + 2;
        place_from(o, at + 1);
        o->place[b + 2] = -1;
    }
}

static void put_cell(nw_text *out, const struct rules *rules, const nw_slim_cell *cell)
{
    struct order o = {.cell = cell, .rules = rules};

    for (int s = 0; s < NW_SLIM_STATES; s++)
        o.place[s] = s < 2 ? s : -1;
    place_from(&o, 0);
    for (int b = 0; b < cell->n; b++) {
        const int left = (int)(o.best[b] / 2 / OPERAND),
                  right = (int)(o.best[b] / 2 % OPERAND);

        nw_text_printf(out, "%s%s(%d)%s%s(%d)", b ? " " : "", rules->op[left % OP],
                       left / OP, o.best[b] % 2 ? "," : "+", rules->op[right % OP],
                       right / OP);
    }
}

static nw_status canonical(const nw_arch *arch, nw_text *out)
{
    const struct rules *rules = rules_of(arch->space);
    nw_slim_genotype genotype;

    genotype_of_arch(arch, &genotype);
    put_cell(out, rules, &genotype.normal);
    if (rules->cells == 2) {
        nw_text_printf(out, " | ");
        put_cell(out, rules, &genotype.reduce);
    }
    return NW_OK;
}

/* ---- Tables
 * ---------------------------------------------------------------------------------- */

#define SPACE(id, words, source, keys)                                                   \
    static nw_status id##_build(void *self, nw_space *space, const int input[3],         \
                                int classes, const nw_arch *arch)                        \
    {                                                                                    \
        return build(self, space, &id##_rules, input, classes, arch);                    \
    }                                                                                    \
                                                                                         \
    const nw_space_type nw_space_##id = {                                                \
        .name = #id,                                                                     \
        .doc = words,                                                                    \
        .paper = source,                                                                 \
        .attrs = keys,                                                                   \
        .size = sizeof(struct nasnet),                                                   \
        .build = id##_build,                                                             \
        .genotype = write_genotype,                                                      \
        .read = read_genotype,                                                           \
        .legal = legal,                                                                  \
        .repair = repair,                                                                \
        .count = count,                                                                  \
        .draw = draw,                                                                    \
        .canonical = canonical,                                                          \
    };

SPACE(nasnet, "two cells of five blocks, 13 ops; 5.1e33",
      "Zoph et al. 2018, Learning transferable architectures, arXiv:1707.07012",
      nasnet_attrs)
SPACE(amoebanet, "two cells of five blocks, 8 ops; 3.1e29",
      "Real et al. 2019, Regularized evolution for image classifiers, arXiv:1802.01548",
      other_attrs)
SPACE(pnas, "one cell of five blocks, 8 ops; 5.6e14",
      "Liu et al. 2018, Progressive neural architecture search, arXiv:1712.00559",
      pnas_attrs)
