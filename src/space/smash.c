/*
 * smash.c - networks that read and write banks of memory.
 *
 * A network has three blocks, each on maps of half the size of the one before. The state
 * of a block is a row of banks, all of bs * n channels, bs the bank size; its input fills
 * the first of them. An op
 *
 *   reads      some banks, side by side
 *   narrows    them with a 1x1 convolution
 *   convolves  the result with up to four convolutions w0 .. w3 to g * n channels: w0 and
 *              w2 side by side, w1 behind w0, w3 behind w2, the ends summed
 *   writes     its output, cut into g / bs slices of a bank's width: each bank written
 *              takes the next slice, from the first again after the last. A new bank is
 *              the slice; to another it is added.
 *
 * At the end of a block all its banks go side by side through a 1x1 convolution and a 2x2
 * average pool into the next. In the paper a hypernetwork makes the 1x1 weights of any
 * such description, so that descriptions are ranked without training them; its output
 * gives a slice of weights for every four reads of n channels, and a block has as many
 * slices as its budget of channels holds. What smash_net.c builds is the network to
 * train: all weights learnt.
 *
 * Decisions are, per block, the bank size, and for each of ops= places of ops what it
 * reads and writes (four banks a decision), its units g, and kernel, dilation and groups
 * of every convolution. A place that reads nothing is empty, and so are all behind it.
 * Rules, as the authors' sampler keeps them [2]: only banks that are written are read;
 * reads are a multiple of four banks unless four divides the bank size; a block stays in
 * its budget (26 + 51 + 99 = 176 slices by default); g is a multiple of bs; at least
 * g / bs banks are written; at most g / bs are new, the first that are free; a kernel of
 * 3, 5, 7 has dilations up to 3, 2, 1.
 *
 * What differs: ops= limits the ops of a block, where the authors go on until the budget
 * is spent; tanh-sigmoid gates, an option of theirs that is off by default, are left out;
 * a bank size also needs one bank that the input fills. Two descriptions that differ in
 * the order of independent ops, or in the names of banks alone, count as two.
 *
 * Random archs are not equally likely: they follow the authors' prior, see smash_draw.c.
 *
 * [1] A. Brock, T. Lim, J. Ritchie, N. Weston 2017, SMASH: One-Shot Model Architecture
 *     Search through HyperNetworks, arXiv:1708.05344.
 * [2] SMASH.py and layers.py of the authors.
 */
#include "smash.h"

#include "family.h"

#include <stdio.h>
#include <string.h>

enum { GROUP = 4 /* banks of one decision */, SIZES = 3 /* of kernels, of dilations */ };

struct smash {
    int depth, width, n, ops, var_op, classes;
};

#define AT(field) offsetof(struct smash, field)

static const nw_attr smash_attrs[] = {
    {"depth", NW_INT, AT(depth), "12", 1, 1000,
     "layers of a block of the network whose size sets the budget", NULL},
    {"width", NW_INT, AT(width), "4", 1, 7, "its widening factor", NULL},
    {"n", NW_INT, AT(n), "8", 1, 256, "channels of the smallest bank", NULL},
    {"ops", NW_INT, AT(ops), "8", 1, NW_SMASH_OPS, "ops of a block, at most", NULL},
    {"var_op", NW_BOOL, AT(var_op), "0", 0, 0,
     "choose among five patterns of one to four convolutions", NULL},
    {"classes", NW_INT, AT(classes), "0", 0, 1000000, "0 = from the data", NULL},
    {0},
};

const unsigned char nw_smash_active[NW_SMASH_PATTERNS][NW_SMASH_CONVS] = {
    {1, 0, 0, 0}, {1, 0, 1, 0}, {1, 1, 0, 0}, {1, 1, 1, 0}, {1, 1, 1, 1}};

static const char *const pattern_names[NW_SMASH_PATTERNS] = {"1000", "1010", "1100",
                                                             "1110", "1111"};

int nw_smash_bits(uint64_t set)
{
    int n = 0;

    for (; set; set &= set - 1)
        n++;
    return n;
}

/* ---- Keys ------------------------------------------------------------------------- */

/* Channels as the authors derive them from a wide residual network. */
static void set_channels(nw_smash_rules *r, int width)
{
    const int base = 2 * r->n, step = base * width;

    r->in[0] = step;
    r->width[0] = r->in[0] + 2 * step;
    r->in[1] = r->width[0] / 2 / base * base;
    r->width[1] = r->in[1] + 2 * step;
    r->in[2] = r->width[1] / 2 / base * base;
    r->width[2] = 4 * step;
    for (int b = 0; b < NW_SMASH_BLOCKS; b++)
        r->budget[b] = r->in[b] + r->depth * (step << b);
}

static void set_sizes(nw_smash_rules *r)
{
    for (int b = 0; b < NW_SMASH_BLOCKS; b++)
        for (int size = 1; size <= NW_SMASH_UNITS; size++) {
            const int step = nw_smash_step(size);

            if (nw_smash_inputs(r, b, size) >= step &&
                nw_smash_cost(step, size) <= nw_smash_slices(r, b))
                r->size[b][r->sizes[b]++] = size;
        }
}

static void rules_of(const struct smash *key, nw_smash_rules *r)
{
    *r = (nw_smash_rules){.n = key->n, .depth = key->depth, .ops = key->ops};
    r->convs = key->var_op ? NW_SMASH_CONVS : 1;
    r->patterns = key->var_op ? NW_SMASH_PATTERNS : 1;
    for (r->groups = 1; r->groups < 4 && key->n % (1 << r->groups) == 0;)
        r->groups++;
    set_channels(r, key->width);
    set_sizes(r);
}

void nw_smash_rules_of(const nw_space *space, nw_smash_rules *out)
{
    rules_of(nw_space_keys(space), out);
}

/* ---- Decisions ----------------------------------------------------------------------
 */

/* Decisions that say which banks of the block an op reads, or writes. */
static int bank_groups(const nw_smash_rules *r, int block)
{
    return (nw_smash_banks(r, block, 1) + GROUP - 1) / GROUP;
}

static int group_banks(const nw_smash_rules *r, int block, int group)
{
    const int left = nw_smash_banks(r, block, 1) - group * GROUP;

    return left < GROUP ? left : GROUP;
}

static nw_status decide_numbers(nw_space *space, const char *prefix, const char *what,
                                int n, const int *value)
{
    char name[64], text[16][16];
    const char *option[16];

    for (int i = 0; i < n; i++) {
        snprintf(text[i], sizeof(text[i]), "%d", value[i]);
        option[i] = text[i];
    }
    snprintf(name, sizeof(name), "%s_%s", prefix, what);
    return nw_decide(space, name, (size_t)n, option);
}

/* "read" or "write": the subsets of banks first .. first + n - 1, as "4+6". */
static nw_status decide_banks(nw_space *space, const char *prefix, const char *what,
                              int first, int n)
{
    char name[64], text[1 << GROUP][32];
    const char *option[1 << GROUP];

    for (int set = 0; set < 1 << n; set++) {
        int length = snprintf(text[set], sizeof(text[set]), "%s", set ? "" : "-");

        for (int i = 0; i < n; i++)
            if (set >> i & 1)
                length += snprintf(text[set] + length, sizeof(text[set]) - (size_t)length,
                                   "%s%d", length ? "+" : "", first + i);
        option[set] = text[set];
    }
    snprintf(name, sizeof(name), "%s_%s_%d", prefix, what, first);
    return nw_decide(space, name, (size_t)1 << n, option);
}

static nw_status decide_conv(nw_space *space, const nw_smash_rules *r, const char *op,
                             int conv)
{
    static const int kernel[SIZES] = {3, 5, 7}, dil[SIZES] = {1, 2, 3},
                     groups[] = {1, 2, 4, 8};
    char prefix[48];

    snprintf(prefix, sizeof(prefix), "%s_w%d", op, conv);
    NW_TRY(decide_numbers(space, prefix, "height", SIZES, kernel));
    NW_TRY(decide_numbers(space, prefix, "width", SIZES, kernel));
    NW_TRY(decide_numbers(space, prefix, "dil_height", SIZES, dil));
    NW_TRY(decide_numbers(space, prefix, "dil_width", SIZES, dil));
    return decide_numbers(space, prefix, "groups", r->groups, groups);
}

static nw_status decide_op(nw_space *space, const nw_smash_rules *r, int block, int op)
{
    static const int units[NW_SMASH_UNITS] = {1, 2, 3, 4, 5, 6, 7, 8};
    char prefix[32], name[64];

    snprintf(prefix, sizeof(prefix), "block_%d_op_%d", block + 1, op + 1);
    for (int write = 0; write < 2; write++)
        for (int g = 0; g < bank_groups(r, block); g++)
            NW_TRY(decide_banks(space, prefix, write ? "write" : "read", g * GROUP,
                                group_banks(r, block, g)));
    NW_TRY(decide_numbers(space, prefix, "units", NW_SMASH_UNITS, units));
    snprintf(name, sizeof(name), "%s_pattern", prefix);
    if (r->patterns > 1)
        NW_TRY(nw_decide(space, name, (size_t)r->patterns, pattern_names));
    for (int c = 0; c < r->convs; c++)
        NW_TRY(decide_conv(space, r, prefix, c));
    return NW_OK;
}

static nw_status decide(nw_space *space, const nw_smash_rules *r)
{
    for (int b = 0; b < NW_SMASH_BLOCKS; b++) {
        char prefix[32];

        snprintf(prefix, sizeof(prefix), "block_%d", b + 1);
        NW_TRY(decide_numbers(space, prefix, "bank_size", r->sizes[b], r->size[b]));
        for (int o = 0; o < r->ops; o++)
            NW_TRY(decide_op(space, r, b, o));
    }
    return NW_OK;
}

/* ---- Between arch and description
 * ------------------------------------------------------ */

/* Goes over the decisions in order: to != NULL sets them, else they are read. */
struct cursor {
    const nw_arch *from;
    nw_arch *to;
    int choice;
};

static void field(struct cursor *at, int *value)
{
    if (at->to)
        nw_arch_pick(at->to, at->choice, *value);
    else
        *value = nw_arch_option(at->from, at->choice);
    at->choice++;
}

static void bank_set(struct cursor *at, const nw_smash_rules *r, int block, uint64_t *set)
{
    uint64_t out = 0;

    for (int g = 0; g < bank_groups(r, block); g++) {
        int value = (int)(*set >> (g * GROUP) & ((1 << GROUP) - 1));

        field(at, &value);
        out |= (uint64_t)value << (g * GROUP);
    }
    *set = out;
}

static void walk(struct cursor *at, const nw_smash_rules *r, nw_smash_arch *a)
{
    for (int b = 0; b < NW_SMASH_BLOCKS; b++) {
        field(at, &a->block[b].size);
        for (int o = 0; o < r->ops; o++) {
            nw_smash_op *op = &a->block[b].op[o];

            bank_set(at, r, b, &op->read);
            bank_set(at, r, b, &op->write);
            field(at, &op->units);
            if (r->patterns > 1)
                field(at, &op->pattern);
            for (int c = 0; c < r->convs; c++)
                for (int i = 0; i < 5; i++)
                    field(at, i < 2   ? &op->conv[c].k[i]
                              : i < 4 ? &op->conv[c].dil[i - 2]
                                      : &op->conv[c].groups);
        }
    }
}

void nw_smash_get(const nw_smash_rules *r, const nw_arch *arch, nw_smash_arch *out)
{
    struct cursor at = {.from = arch};

    memset(out, 0, sizeof(*out));
    walk(&at, r, out);
}

void nw_smash_put(const nw_smash_rules *r, nw_arch *arch, const nw_smash_arch *in)
{
    struct cursor at = {.to = arch};
    nw_smash_arch copy = *in;

    walk(&at, r, &copy);
}

/* ---- Rules ----------------------------------------------------------------------------
 */

static int is_nothing(const nw_smash_op *op)
{
    static const nw_smash_op nothing;

    return !memcmp(op, &nothing, sizeof(nothing));
}

static const char *check_convs(const nw_smash_op *op)
{
    static const nw_smash_conv nothing;

    for (int c = 0; c < NW_SMASH_CONVS; c++) {
        const nw_smash_conv *conv = &op->conv[c];

        if (!nw_smash_active[op->pattern][c] && memcmp(conv, &nothing, sizeof(nothing)))
            return "a convolution that the pattern leaves out has its first options";
        for (int i = 0; i < 2; i++)
            if (conv->k[i] + conv->dil[i] >= SIZES)
                return "a kernel of 3, 5, 7 has dilations up to 3, 2, 1";
    }
    return NULL;
}

/* What a block has after some of its ops. */
struct room {
    int size, banks, most, slices; /* banks written, banks in all, slices left */
};

static const char *check_op(const nw_smash_op *op, struct room *room)
{
    const int reads = nw_smash_bits(op->read), cuts = (op->units + 1) / room->size;
    const uint64_t fresh = op->write >> room->banks;
    const int new_banks = nw_smash_bits(fresh);

    if (op->read >> room->banks)
        return "an op reads banks that are written";
    if (reads % nw_smash_step(room->size))
        return "banks are read in fours, unless four divides their size";
    if (nw_smash_cost(reads, room->size) > room->slices)
        return "the ops of a block stay in its budget";
    if ((op->units + 1) % room->size)
        return "the units of an op are a multiple of the bank size";
    if (fresh != nw_smash_low(new_banks) || room->banks + new_banks > room->most)
        return "new banks are the first that are free";
    if (new_banks > cuts)
        return "an op fills at most units / bank size new banks";
    if (nw_smash_bits(op->write) < cuts)
        return "an op writes at least units / bank size banks";
    room->banks += new_banks;
    room->slices -= nw_smash_cost(reads, room->size);
    return check_convs(op);
}

static struct room room_of(const nw_smash_rules *r, int block, int size)
{
    return (struct room){size, nw_smash_inputs(r, block, size),
                         nw_smash_banks(r, block, size), nw_smash_slices(r, block)};
}

static const char *check_block(const nw_smash_rules *r, int b,
                               const nw_smash_block *block, int *where)
{
    struct room room = room_of(r, b, r->size[b][block->size]);
    const char *rule = block->op[0].read ? NULL : "a block has at least one op";
    int ended = 0;

    *where = 0;
    for (int o = 0; !rule && o < r->ops; o++) {
        const nw_smash_op *op = &block->op[o];

        *where = o;
        ended |= !op->read;
        if (!ended)
            rule = check_op(op, &room);
        else if (!is_nothing(op))
            rule = "behind the last op all is empty";
    }
    return rule;
}

static int smash_legal(const nw_arch *arch, char why[256])
{
    nw_smash_rules r;
    nw_smash_arch a;

    nw_smash_rules_of(arch->space, &r);
    nw_smash_get(&r, arch, &a);
    for (int b = 0; b < NW_SMASH_BLOCKS; b++) {
        int op;
        const char *rule = check_block(&r, b, &a.block[b], &op);

        if (rule) {
            snprintf(why, 256, "block %d, op %d: %s", b + 1, op + 1, rule);
            return 0;
        }
    }
    return 1;
}

/* ---- Repair ---------------------------------------------------------------------------
 */

/* The first `n` of a set. */
static uint64_t first_of(uint64_t set, int n)
{
    uint64_t out = 0;

    for (; n > 0 && set; n--) {
        out |= set & (~set + 1);
        set &= set - 1;
    }
    return out;
}

/* Reads that may be: fewer of them, or one step of the first banks when there were some,
 * or must be; 0 = nothing is left to read with. */
static uint64_t mended_reads(uint64_t read, const struct room *room, int must)
{
    const int step = nw_smash_step(room->size);
    int n;

    if (!read && !must)
        return 0;
    read &= nw_smash_low(room->banks);
    n = nw_smash_bits(read) / step * step;
    while (n && nw_smash_cost(n, room->size) > room->slices)
        n -= step;
    if (n)
        return first_of(read, n);
    return nw_smash_cost(step, room->size) <= room->slices ? nw_smash_low(step) : 0;
}

static uint64_t mended_writes(uint64_t write, const struct room *room, int cuts)
{
    const int free_banks = room->most - room->banks;
    const uint64_t old = write & nw_smash_low(room->banks);
    int fresh = nw_smash_bits(write >> room->banks), missing;

    fresh = fresh > cuts ? cuts : fresh;
    fresh = fresh > free_banks ? free_banks : fresh;
    write = old | nw_smash_low(fresh) << room->banks;
    missing = cuts - nw_smash_bits(write);
    if (missing > 0)
        write |= first_of(nw_smash_low(room->banks) & ~old, missing);
    missing = cuts - nw_smash_bits(write);
    if (missing > 0) /* all written ones are taken */
        write |= nw_smash_low(fresh + missing) << room->banks;
    return write;
}

static void mend_convs(nw_smash_op *op)
{
    for (int c = 0; c < NW_SMASH_CONVS; c++) {
        nw_smash_conv *conv = &op->conv[c];

        if (!nw_smash_active[op->pattern][c])
            *conv = (nw_smash_conv){0};
        for (int i = 0; i < 2; i++)
            if (conv->k[i] + conv->dil[i] >= SIZES)
                conv->dil[i] = SIZES - 1 - conv->k[i];
    }
}

/* 0 = the op could not be kept. */
static int mend_op(nw_smash_op *op, struct room *room, int must)
{
    int cuts;

    op->read = mended_reads(op->read, room, must);
    if (!op->read)
        return 0;
    cuts = (op->units + 1) / room->size;
    cuts = cuts ? cuts : 1;
    op->units = cuts * room->size - 1;
    op->write = mended_writes(op->write, room, cuts);
    mend_convs(op);
    room->slices -= nw_smash_cost(nw_smash_bits(op->read), room->size);
    room->banks += nw_smash_bits(op->write >> room->banks);
    return 1;
}

static void smash_repair(nw_arch *arch)
{
    nw_smash_rules r;
    nw_smash_arch a;

    nw_smash_rules_of(arch->space, &r);
    nw_smash_get(&r, arch, &a);
    for (int b = 0; b < NW_SMASH_BLOCKS; b++) {
        struct room room = room_of(&r, b, r.size[b][a.block[b].size]);
        int ended = 0;

        for (int o = 0; o < r.ops; o++) {
            nw_smash_op *op = &a.block[b].op[o];

            ended = ended || !mend_op(op, &room, o == 0);
            if (ended)
                memset(op, 0, sizeof(*op));
        }
    }
    nw_smash_put(&r, arch, &a);
}

/* ---- Space ----------------------------------------------------------------------------
 */

static nw_status smash_build(void *self, nw_space *space, const int input[3], int classes,
                             const nw_arch *arch)
{
    static const int shape[3] = {3, 32, 32};
    const struct smash *key = self;
    nw_smash_rules r;
    nw_smash_arch a;
    nw_setting setting;

    rules_of(key, &r);
    if (!r.sizes[0] || !r.sizes[1] || !r.sizes[2])
        return nw_fail(space->ctx, NW_ESPEC,
                       "smash: with width=%d depth=%d no bank size lets ops read whole "
                       "slices",
                       key->width, key->depth);
    NW_TRY(nw_setting_of(space->ctx, "smash", input, classes, shape, key->classes,
                         &setting));
    if (!arch)
        return decide(space, &r);
    if (memcmp(key, nw_space_keys(arch->space), offsetof(struct smash, classes)))
        return nw_fail(space->ctx, NW_EMATCH,
                       "the architecture is of smash with other keys");
    nw_smash_get(&r, arch, &a);
    return nw_smash_build(space, &r, &a, &setting);
}

const nw_space_type nw_space_smash = {
    .name = "smash",
    .doc = "blocks of ops that read and write banks of memory",
    .paper = "Brock et al. 2017, SMASH: One-Shot Model Architecture Search through "
             "HyperNetworks, arXiv:1708.05344",
    .attrs = smash_attrs,
    .size = sizeof(struct smash),
    .build = smash_build,
    .genotype = nw_smash_genotype,
    .read = nw_smash_read,
    .legal = smash_legal,
    .repair = smash_repair,
    .count = nw_smash_count,
    .draw = nw_smash_draw,
};
