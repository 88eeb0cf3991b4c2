/*
 * metaqnn.c - the chains of MetaQNN, layer after layer as its agent chooses them.
 *
 * A state is the last layer, the depth and the size of the map. From it the agent takes
 *
 *   C(d,f)   d of widths=, f in 1, 3, 5, smaller than the map
 *   P(k,s)   (5,3), (3,2) or (2,2), window smaller than the map; behind a convolution
 * only FC(n)    n of fc=; on maps of at most 7 pixels, or behind one FC that is no
 * narrower GAP      anywhere but behind FC; only SM follows SM       the end, anywhere;
 * the only way on at depth limit=
 *
 * Decision layer_i is what stands at depth i; behind SM it is SM again, so that one arch
 * is one chain. The paper buckets sizes (8 and more, 4 to 7, 3 and less), which decides
 * about FC alone; true sizes are kept beside, here as in the authors' code. Where that
 * code and the paper differ (P never first, windows strictly smaller) this follows the
 * code.
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

enum { LARGEST = 512, KERNELS = 3, POOLS = 3, LARGEST_FC_MAP = 7 };

static const int kernels[KERNELS] = {1, 3, 5};
static const int pools[POOLS][2] = {{5, 3}, {3, 2}, {2, 2}};

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

/* ---- Rules ----------------------------------------------------------------------- */

struct rules {
    int limit, size, is_floor;
    int n_width, width[NW_METAQNN_WIDTHS];
    int n_fc, fc[NW_METAQNN_WIDTHS];
};

/* What stands at the end of a chain so far. */
struct state {
    int depth, size, n_fc;
    nw_mq_layer last; /* SM at the start */
};

static int options(const struct rules *r)
{
    return 1 + r->n_width * KERNELS + POOLS + r->n_fc + 1;
}

/* Option o of every decision: SM, C(..) ..., P(..) ..., FC(..) ..., GAP. */
static nw_mq_layer layer_of(const struct rules *r, int o)
{
    if (o-- == 0)
        return (nw_mq_layer){NW_MQ_SM, 0, 0};
    if (o < r->n_width * KERNELS)
        return (nw_mq_layer){NW_MQ_C, r->width[o / KERNELS], kernels[o % KERNELS]};
    o -= r->n_width * KERNELS;
    if (o < POOLS)
        return (nw_mq_layer){NW_MQ_P, pools[o][0], pools[o][1]};
    o -= POOLS;
    if (o < r->n_fc)
        return (nw_mq_layer){NW_MQ_FC, r->fc[o], 0};
    return (nw_mq_layer){NW_MQ_GAP, 0, 0};
}

static int option_of(const struct rules *r, const nw_mq_layer *l)
{
    for (int o = 0; o < options(r); o++) {
        const nw_mq_layer other = layer_of(r, o);

        if (other.kind == l->kind && other.a == l->a && other.b == l->b)
            return o;
    }
    return -1;
}

static const char *fc_forbidden(const struct state *s, const nw_mq_layer *l)
{
    if (s->last.kind != NW_MQ_FC)
        return s->size > LARGEST_FC_MAP ? "FC stands on maps of at most 7 pixels" : NULL;
    if (s->n_fc == 2)
        return "at most two FC";
    return l->a > s->last.a ? "an FC is no wider than the one before" : NULL;
}

/* NULL, or the rule that keeps the layer from following. */
static const char *forbidden(const struct rules *r, const struct state *s,
                             const nw_mq_layer *l)
{
    const int before = s->last.kind;

    if (l->kind == NW_MQ_SM)
        return NULL;
    if (s->depth == r->limit)
        return "at the depth limit only SM follows";
    if (before == NW_MQ_GAP)
        return "only SM follows GAP";
    if (l->kind == NW_MQ_FC)
        return fc_forbidden(s, l);
    if (before == NW_MQ_FC)
        return "only FC and SM follow FC";
    if (l->kind == NW_MQ_C && l->b >= s->size)
        return "the kernel must be smaller than the map";
    if (l->kind == NW_MQ_P && before != NW_MQ_C)
        return "a pool follows a convolution only";
    if (l->kind == NW_MQ_P && l->a >= s->size)
        return "the window must be smaller than the map";
    return NULL;
}

static void go_on(const struct rules *r, struct state *s, const nw_mq_layer *l)
{
    s->depth++;
    s->last = *l;
    s->n_fc += l->kind == NW_MQ_FC;
    if (l->kind == NW_MQ_P)
        s->size = nw_mq_pooled(s->size, l->a, l->b, r->is_floor);
}

static struct state start(const struct rules *r)
{
    return (struct state){.size = r->size};
}

/* ---- Keys ------------------------------------------------------------------------ */

/* 0 and why[] when a key is not what it should be. */
static int rules_of(const nw_space *space, struct rules *r, char why[256])
{
    const struct metaqnn *key = nw_space_keys(space);
    const char *wrong = NULL;

    *r = (struct rules){.limit = key->limit, .size = key->size};
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
    for (int o = 0; !wrong && o < options(r); o++) {
        const nw_mq_layer l = layer_of(r, o);

        if (option_of(r, &l) != o)
            wrong = "widths= or fc= says a number twice";
    }
    snprintf(why, 256, "%s", wrong ? wrong : "");
    return !wrong;
}

static void rules_of_arch(const nw_arch *arch, struct rules *r)
{
    char why[256];

    rules_of(arch->space, r, why); /* the space was built, so its keys are right */
}

static nw_status decide(nw_space *space, const struct rules *r)
{
    char text[2 + NW_METAQNN_WIDTHS * (KERNELS + 1) + POOLS][32], name[32];
    const char *option[sizeof(text) / sizeof(*text)];

    for (int o = 0; o < options(r); o++) {
        const nw_mq_layer l = layer_of(r, o);

        nw_mq_write(&l, text[o]);
        option[o] = text[o];
    }
    for (int i = 1; i <= r->limit; i++) {
        snprintf(name, sizeof(name), "layer_%d", i);
        NW_TRY(nw_decide(space, name, (size_t)options(r), option));
    }
    return NW_OK;
}

static nw_status build_at(nw_space *space, const struct rules *r, const nw_arch *arch,
                          const nw_setting *setting)
{
    nw_mq_layer chain[NW_METAQNN_LIMIT + 1];

    memset(chain, 0, sizeof(chain)); /* SM */
    for (int i = 0; i < r->limit; i++) {
        char name[32];
        int o;

        snprintf(name, sizeof(name), "layer_%d", i + 1);
        o = nw_arch_get(arch, name);
        if (o < 0 || o >= options(r))
            return nw_fail(space->ctx, NW_EMATCH, "the architecture has no choice %s",
                           name);
        chain[i] = layer_of(r, o);
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
    struct rules r;
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
    struct rules r;
    struct state s;
    int ended = 0;

    rules_of_arch(arch, &r);
    s = start(&r);
    for (int i = 0; i < r.limit; i++) {
        const nw_mq_layer l = layer_of(&r, nw_arch_option(arch, i));
        const char *rule = ended && l.kind != NW_MQ_SM ? "nothing stands behind SM"
                                                       : forbidden(&r, &s, &l);

        if (rule) {
            snprintf(why, 256, "layer_%d: %s", i + 1, rule);
            return 0;
        }
        ended |= l.kind == NW_MQ_SM;
        if (!ended)
            go_on(&r, &s, &l);
    }
    return 1;
}

/* A layer of the kind that may follow, the nearest in the list; else SM. */
static int mended(const struct rules *r, const struct state *s, int o)
{
    const nw_mq_layer l = layer_of(r, o);

    for (int d = 0; d < options(r); d++)
        for (int sign = -1; sign <= 1; sign += 2) {
            const int near = o + sign * d;
            nw_mq_layer other;

            if (near < 0 || near >= options(r))
                continue;
            other = layer_of(r, near);
            if (other.kind == l.kind && !forbidden(r, s, &other))
                return near;
        }
    return 0;
}

static void metaqnn_repair(nw_arch *arch)
{
    struct rules r;
    struct state s;
    int ended = 0;

    rules_of_arch(arch, &r);
    s = start(&r);
    for (int i = 0; i < r.limit; i++) {
        const int o = ended ? 0 : mended(&r, &s, nw_arch_option(arch, i));
        const nw_mq_layer l = layer_of(&r, o);

        nw_arch_pick(arch, i, o);
        ended |= l.kind == NW_MQ_SM;
        if (!ended)
            go_on(&r, &s, &l);
    }
}

static nw_status metaqnn_genotype(const nw_arch *arch, FILE *out)
{
    struct rules r;

    rules_of_arch(arch, &r);
    fputc('"', out);
    for (int i = 0; i < r.limit; i++) {
        const nw_mq_layer l = layer_of(&r, nw_arch_option(arch, i));
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
    struct rules r;
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
        const int o = i < n ? option_of(&r, &chain[i]) : 0;

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
static int endings_fc(const struct rules *r, int depth, int n)
{
    int ways = 1;

    for (int i = 0; depth < r->limit && i < r->n_fc; i++)
        ways += r->fc[i] <= n;
    return ways;
}

/* From a map on: ways to end without a further C or P, and where those lead. */
struct onward {
    int endings, convs;       /* convs: each leads to (size, after_conv) */
    int pools, pooled[POOLS]; /* each to (pooled, not after_conv)        */
};

static struct onward onward(const struct rules *r, int depth, int size, int after_conv)
{
    struct onward way = {.endings = 1};

    if (depth == r->limit)
        return way;
    way.endings++; /* GAP SM */
    for (int i = 0; size <= LARGEST_FC_MAP && i < r->n_fc; i++)
        way.endings += endings_fc(r, depth + 1, r->fc[i]);
    for (int i = 0; i < KERNELS; i++)
        way.convs += kernels[i] < size ? r->n_width : 0;
    for (int i = 0; after_conv && i < POOLS; i++)
        if (pools[i][0] < size)
            way.pooled[way.pools++] =
                nw_mq_pooled(size, pools[i][0], pools[i][1], r->is_floor);
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
    struct rules r;

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
static void fill(const struct rules *r, long double *table)
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
static long double ways(const struct rules *r, const long double *table,
                        const struct state *s, const nw_mq_layer *l)
{
    struct state next = *s;

    if (forbidden(r, s, l))
        return 0;
    if (l->kind == NW_MQ_SM || l->kind == NW_MQ_GAP)
        return 1;
    go_on(r, &next, l);
    if (l->kind == NW_MQ_FC)
        return next.n_fc == 2 ? 1 : endings_fc(r, next.depth, l->a);
    return table[next.depth * (2 * r->size + 2) + at(next.size, l->kind == NW_MQ_C)];
}

/* An option in proportion to its ways. */
static int draw_option(const struct rules *r, const long double *table,
                       const struct state *s, double u)
{
    long double sum = 0, below;
    int last = 0;

    for (int o = 0; o < options(r); o++) {
        const nw_mq_layer l = layer_of(r, o);

        sum += ways(r, table, s, &l);
    }
    below = u * sum;
    for (int o = 0; o < options(r); o++) {
        const nw_mq_layer l = layer_of(r, o);
        const long double mine = ways(r, table, s, &l);

        if (mine > 0 && below < mine)
            return o;
        if (mine > 0)
            last = o;
        below -= mine;
    }
    return last;
}

static void draw(nw_arch *arch, const struct rules *r, const long double *table,
                 uint64_t seed)
{
    struct state s = start(r);
    int ended = 0;

    for (int i = 0; i < r->limit; i++) {
        const double u = nw_uniform(seed, NW_FOR_ARCH, (uint64_t)i);
        const int o = ended ? 0 : draw_option(r, table, &s, u);
        const nw_mq_layer l = layer_of(r, o);

        nw_arch_pick(arch, i, o);
        ended |= l.kind == NW_MQ_SM;
        if (!ended)
            go_on(r, &s, &l);
    }
}

static nw_status metaqnn_draw(nw_arch *arch, uint64_t seed)
{
    struct rules r;
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
