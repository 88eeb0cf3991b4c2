/*
 * metaqnn.c - the chains of MetaQNN, layer after layer as its agent chooses them.
 *
 * Decision layer_i is what stands at depth i; behind SM it is SM again, so that one arch
 * is one chain. What may follow what is in metaqnn_rules.c.
 *
 * How many chains lead on from a state depends only on depth, size and whether a pool may
 * follow. That table gives the count, and from a table of it chains are drawn, all
 * equally likely but for the 64 bits of a long double.
 *
 * [1] B. Baker, O. Gupta, N. Naik, R. Raskar 2016, arXiv:1611.02167.
 */
#include "metaqnn.h"

#include "big.h"
#include "family.h"
#include "int_list.h"
#include "random.h"

#include <stdio.h>
#include <string.h>

enum { LARGEST = 512 };

struct metaqnn {
    int limit, size, classes;
    char pool[NW_TEXT_SIZE], widths[NW_TEXT_SIZE], fc[NW_TEXT_SIZE];
};

#define AT(field) offsetof(struct metaqnn, field)

static const nw_attr metaqnn_attrs[] = {
    {"limit", NW_INT, AT(limit), "18", 1, NW_METAQNN_LIMIT, "layers before SM, at most",
     NULL},
    {"size", NW_INT, AT(size), "32", 1, LARGEST,
     "side of the image when the data does not say it, pixels", NULL},
    {"pool", NW_TEXT, AT(pool), "ceil", 0, 0,
     "pixels behind a pool: ceil or floor of (n - k + 1) / s", NULL},
    {"widths", NW_TEXT, AT(widths), "64,128,256,512", 0, 0,
     "channels of convolutions to choose from", NULL},
    {"fc", NW_TEXT, AT(fc), "512,256,128", 0, 0,
     "widths of fully connected layers to choose from", NULL},
    {"classes", NW_INT, AT(classes), "0", 0, 1000000, "0 = from the data", NULL},
    {0},
};

/* ---- Keys ------------------------------------------------------------------------ */

/* 0 and why[] when a key is not what it should be. */
static int rules_of(const nw_space *space, nw_mq_rules *r, char why[256])
{
    const struct metaqnn *key = nw_space_keys(space);
    const char *wrong = NULL;

    *r = (nw_mq_rules){.limit = key->limit, .size = key->size};
    if (space->input[0])
        r->size = space->input[1];
    r->is_floor = !strcmp(key->pool, "floor");
    r->n_width = nw_ints_parse(key->widths, ',', 1, 65536, NW_METAQNN_WIDTHS, r->width);
    r->n_fc = nw_ints_parse(key->fc, ',', 1, 65536, NW_METAQNN_WIDTHS, r->fc);
    if (!r->is_floor && strcmp(key->pool, "ceil"))
        wrong = "pool= is floor or ceil";
    else if (r->n_width < 1)
        wrong = "widths= is a list of 1 to 16 numbers, as 64,128";
    else if (r->n_fc < 0)
        wrong = "fc= is a list of at most 16 numbers, as 512,256";
    else if (space->input[0] && space->input[1] != space->input[2])
        wrong = "images must be square";
    else if (r->size > LARGEST)
        wrong = "images of more than 512 pixels a side";
    for (int o = 0; !wrong && o < nw_mq_options(r); o++) {
        const nw_mq_layer l = nw_mq_layer_of(r, o);

        if (nw_mq_option_of(r, &l) != o)
            wrong = "widths= or fc= says a number twice";
    }
    snprintf(why, 256, "%s", wrong ? wrong : "");
    return !wrong;
}

static void rules_of_arch(const nw_arch *arch, nw_mq_rules *r)
{
    char why[256];

    rules_of(arch->space, r, why); /* the space was built, so its keys are right */
}

static nw_status decide(nw_space *space, const nw_mq_rules *r)
{
    char text[2 + NW_METAQNN_WIDTHS * (NW_MQ_KERNELS + 1) + NW_MQ_POOLS][32], name[32];
    const char *option[sizeof(text) / sizeof(*text)];

    for (int o = 0; o < nw_mq_options(r); o++) {
        const nw_mq_layer l = nw_mq_layer_of(r, o);

        nw_mq_write(&l, text[o]);
        option[o] = text[o];
    }
    for (int i = 1; i <= r->limit; i++) {
        snprintf(name, sizeof(name), "layer_%d", i);
        NW_TRY(nw_decide(space, name, (size_t)nw_mq_options(r), option));
    }
    return NW_OK;
}

static nw_status build_at(nw_space *space, const nw_mq_rules *r, const nw_arch *arch,
                          const nw_setting *setting)
{
    nw_mq_layer chain[NW_METAQNN_LIMIT + 1];

    memset(chain, 0, sizeof(chain)); /* SM */
    for (int i = 0; i < r->limit; i++) {
        char name[32];
        int o;

        snprintf(name, sizeof(name), "layer_%d", i + 1);
        o = nw_arch_get(arch, name);
        if (o < 0 || o >= nw_mq_options(r))
            return nw_fail(space->ctx, NW_EMATCH, "the architecture has no choice %s",
                           name);
        chain[i] = nw_mq_layer_of(r, o);
        if (chain[i].kind == NW_MQ_SM)
            break;
    }
    return nw_mq_build(space, chain, r->is_floor, setting);
}

static nw_status metaqnn_build(void *self, nw_space *space, const int input[3],
                               int classes, const nw_arch *arch)
{
    const struct metaqnn *key = self;
    const int shape[3] = {3, key->size, key->size};
    nw_setting setting;
    nw_mq_rules r;
    char why[256];

    if (!rules_of(space, &r, why))
        return nw_fail(space->ctx, NW_ESPEC, "metaqnn: %s", why);
    NW_TRY(nw_setting_of(space->ctx, "metaqnn", input, classes, shape, key->classes,
                         &setting));
    return arch ? build_at(space, &r, arch, &setting) : decide(space, &r);
}

/* ---- One arch -------------------------------------------------------------------- */

static int metaqnn_legal(const nw_arch *arch, char why[256])
{
    nw_mq_rules r;
    nw_mq_state s;
    int ended = 0;

    rules_of_arch(arch, &r);
    s = nw_mq_start(&r);
    for (int i = 0; i < r.limit; i++) {
        const nw_mq_layer l = nw_mq_layer_of(&r, nw_arch_option(arch, i));
        const char *rule = ended && l.kind != NW_MQ_SM ? "nothing stands behind SM"
                                                       : nw_mq_forbidden(&r, &s, &l);

        if (rule) {
            snprintf(why, 256, "layer_%d: %s", i + 1, rule);
            return 0;
        }
        ended |= l.kind == NW_MQ_SM;
        if (!ended)
            nw_mq_go_on(&r, &s, &l);
    }
    return 1;
}

/* A layer of the kind that may follow, the nearest in the list; else SM. */
static int mended(const nw_mq_rules *r, const nw_mq_state *s, int o)
{
    const nw_mq_layer l = nw_mq_layer_of(r, o);

    for (int d = 0; d < nw_mq_options(r); d++)
        for (int sign = -1; sign <= 1; sign += 2) {
            const int near = o + sign * d;
            nw_mq_layer other;

            if (near < 0 || near >= nw_mq_options(r))
                continue;
            other = nw_mq_layer_of(r, near);
            if (other.kind == l.kind && !nw_mq_forbidden(r, s, &other))
                return near;
        }
    return 0;
}

static void metaqnn_repair(nw_arch *arch)
{
    nw_mq_rules r;
    nw_mq_state s;
    int ended = 0;

    rules_of_arch(arch, &r);
    s = nw_mq_start(&r);
    for (int i = 0; i < r.limit; i++) {
        const int o = ended ? 0 : mended(&r, &s, nw_arch_option(arch, i));
        const nw_mq_layer l = nw_mq_layer_of(&r, o);

        nw_arch_pick(arch, i, o);
        ended |= l.kind == NW_MQ_SM;
        if (!ended)
            nw_mq_go_on(&r, &s, &l);
    }
}

static nw_status metaqnn_genotype(const nw_arch *arch, FILE *out)
{
    nw_mq_rules r;

    rules_of_arch(arch, &r);
    fputc('"', out);
    for (int i = 0; i < r.limit; i++) {
        const nw_mq_layer l = nw_mq_layer_of(&r, nw_arch_option(arch, i));
        char text[32];

        if (l.kind == NW_MQ_SM)
            break;
        nw_mq_write(&l, text);
        fprintf(out, "%s ", text);
    }
    fputs("SM\"", out);
    return nw_setting_written(arch->ctx, out);
}

static nw_status metaqnn_read(nw_arch *arch, const char *text, const char *where)
{
    nw_mq_layer chain[NW_METAQNN_LIMIT + 1];
    char word[NW_METAQNN_TEXT], why[256];
    nw_mq_rules r;
    int n;

    rules_of_arch(arch, &r);
    NW_TRY(nw_setting_word(arch->ctx, text, where, word, sizeof(word)));
    n = nw_mq_read_chain(word, chain, why);
    if (!n)
        return nw_fail(arch->ctx, NW_EFORMAT, "%s: %s", where, why);
    if (n - 1 > r.limit)
        return nw_fail(arch->ctx, NW_EFORMAT, "%s: %d layers, but limit=%d", where, n - 1,
                       r.limit);
    for (int i = 0; i < r.limit; i++) {
        const int o = i < n ? nw_mq_option_of(&r, &chain[i]) : 0;

        if (o < 0) {
            nw_mq_write(&chain[i], why);
            return nw_fail(arch->ctx, NW_EFORMAT, "%s: layer %d, %s: not in the space",
                           where, i + 1, why);
        }
        NW_TRY(nw_arch_pick(arch, i, o));
    }
    return NW_OK;
}

/* ---- Counting and drawing -------------------------------------------------------- */

/* Ways to end a chain from depth on behind an FC of width n, when it is the first. */
static int endings_fc(const nw_mq_rules *r, int depth, int n)
{
    int ways = 1;

    for (int i = 0; depth < r->limit && i < r->n_fc; i++)
        ways += r->fc[i] <= n;
    return ways;
}

/* From a map on: ways to end without a further C or P, and where those lead. */
struct onward {
    int endings, convs;             /* convs: each leads to (size, after_conv) */
    int pools, pooled[NW_MQ_POOLS]; /* each to (pooled, not after_conv)        */
};

static struct onward onward(const nw_mq_rules *r, int depth, int size, int after_conv)
{
    struct onward way = {.endings = 1};

    if (depth == r->limit)
        return way;
    way.endings++; /* GAP SM */
    for (int i = 0; size <= NW_MQ_LARGEST_FC_MAP && i < r->n_fc; i++)
        way.endings += endings_fc(r, depth + 1, r->fc[i]);
    for (int i = 0; i < NW_MQ_KERNELS; i++)
        way.convs += nw_mq_kernels[i] < size ? r->n_width : 0;
    for (int i = 0; after_conv && i < NW_MQ_POOLS; i++)
        if (nw_mq_pools[i][0] < size)
            way.pooled[way.pools++] =
                nw_mq_pooled(size, nw_mq_pools[i][0], nw_mq_pools[i][1], r->is_floor);
    return way;
}

static int at(int size, int after_conv)
{
    return 2 * size + after_conv;
}

static nw_status metaqnn_count(const nw_space *space, nw_big *total)
{
    char why[256];
    nw_big *now, *next, *swap, part;
    nw_mq_rules r;

    rules_of(space, &r, why);
    now = nw_alloc(space->ctx, (size_t)(4 * r.size + 4) * sizeof(*now));
    if (!now)
        return NW_ENOMEM;
    next = now + 2 * r.size + 2;
    for (int depth = r.limit; depth >= 0; depth--) {
        swap = now, now = next, next = swap;
        for (int i = 2; i < 2 * r.size + 2; i++) {
            const struct onward way = onward(&r, depth, i / 2, i % 2);

            nw_big_set(&now[i], (uint32_t)way.endings);
            part = next[at(i / 2, 1)];
            nw_big_mul(&part, (uint32_t)way.convs);
            nw_big_add(&now[i], &part);
            for (int p = 0; p < way.pools; p++)
                nw_big_add(&now[i], &next[at(way.pooled[p], 0)]);
        }
    }
    *total = now[at(r.size, 0)];
    nw_release(space->ctx, now < next ? now : next);
    return NW_OK;
}

/* table[depth][at()]: chains that lead on from there; all ways behind depth limit are 0.
 */
static void fill(const nw_mq_rules *r, long double *table)
{
    const int row = 2 * r->size + 2;

    for (int depth = r->limit; depth >= 0; depth--) {
        long double *now = table + depth * row, *next = now + row;

        for (int i = 2; i < row; i++) {
            const struct onward way = onward(r, depth, i / 2, i % 2);

            now[i] = way.endings + way.convs * next[at(i / 2, 1)];
            for (int p = 0; p < way.pools; p++)
                now[i] += next[at(way.pooled[p], 0)];
        }
    }
}

/* Chains that go on from `s` with the layer. */
static long double ways(const nw_mq_rules *r, const long double *table,
                        const nw_mq_state *s, const nw_mq_layer *l)
{
    nw_mq_state next = *s;

    if (nw_mq_forbidden(r, s, l))
        return 0;
    if (l->kind == NW_MQ_SM || l->kind == NW_MQ_GAP)
        return 1;
    nw_mq_go_on(r, &next, l);
    if (l->kind == NW_MQ_FC)
        return next.n_fc == 2 ? 1 : endings_fc(r, next.depth, l->a);
    return table[next.depth * (2 * r->size + 2) + at(next.size, l->kind == NW_MQ_C)];
}

/* An option in proportion to its ways. */
static int draw_option(const nw_mq_rules *r, const long double *table,
                       const nw_mq_state *s, double u)
{
    long double sum = 0, below;
    int last = 0;

    for (int o = 0; o < nw_mq_options(r); o++) {
        const nw_mq_layer l = nw_mq_layer_of(r, o);

        sum += ways(r, table, s, &l);
    }
    below = u * sum;
    for (int o = 0; o < nw_mq_options(r); o++) {
        const nw_mq_layer l = nw_mq_layer_of(r, o);
        const long double mine = ways(r, table, s, &l);

        if (mine > 0 && below < mine)
            return o;
        if (mine > 0)
            last = o;
        below -= mine;
    }
    return last;
}

static void draw(nw_arch *arch, const nw_mq_rules *r, const long double *table,
                 uint64_t seed)
{
    nw_mq_state s = nw_mq_start(r);
    int ended = 0;

    for (int i = 0; i < r->limit; i++) {
        const double u = nw_uniform(seed, NW_FOR_ARCH, (uint64_t)i);
        const int o = ended ? 0 : draw_option(r, table, &s, u);
        const nw_mq_layer l = nw_mq_layer_of(r, o);

        nw_arch_pick(arch, i, o);
        ended |= l.kind == NW_MQ_SM;
        if (!ended)
            nw_mq_go_on(r, &s, &l);
    }
}

static nw_status metaqnn_draw(nw_arch *arch, uint64_t seed)
{
    nw_mq_rules r;
    long double *table;

    rules_of_arch(arch, &r);
    table = nw_alloc(arch->ctx,
                     (size_t)(r.limit + 2) * (size_t)(2 * r.size + 2) * sizeof(*table));
    if (!table)
        return NW_ENOMEM;
    fill(&r, table);
    draw(arch, &r, table, seed);
    nw_release(arch->ctx, table);
    return NW_OK;
}

const nw_space_type nw_space_metaqnn = {
    .name = "metaqnn",
    .doc = "chains of convolutions, pools and fully connected layers that an agent takes "
           "one by one",
    .paper = "Baker et al. 2016, Designing Neural Network Architectures using "
             "Reinforcement Learning, arXiv:1611.02167",
    .attrs = metaqnn_attrs,
    .size = sizeof(struct metaqnn),
    .build = metaqnn_build,
    .genotype = metaqnn_genotype,
    .read = metaqnn_read,
    .legal = metaqnn_legal,
    .repair = metaqnn_repair,
    .count = metaqnn_count,
    .draw = metaqnn_draw,
};

int nw_mq_has_rules(const nw_space *space, nw_mq_rules *out)
{
    char why[256];

    return space->family == &nw_space_metaqnn && rules_of(space, out, why);
}
