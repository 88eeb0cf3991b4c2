/*
 * table.c - scores that others have measured: tabular benchmarks.
 *
 * Training takes hours, looking a result up takes a microsecond; so strategies are
 * compared on tables of a whole space, or of a sample of it. The table says also what
 * the training had cost, and a search's budget of seconds counts that.
 *
 * Several results of one arch are runs of different seeds: several columns, or several
 * rows. A trial gets one of them, drawn by the search's seed and the arch, so that an
 * arch that is proposed twice in one search does not get a second chance (draw=trial
 * gives it one). A trial of fidelity f gets the column of epoch ceil(f n) where the table
 * has a curve of n epochs, at that share of the cost; or, up to low_at, the columns of
 * low=, at low_at of the cost. An arch without a row is a failed trial, which costs what
 * a row costs in the mean, so that a budget of seconds always ends.
 *
 * What columns report= names is what nw_estimator_type.report() says, and nothing else
 * does: a search never sees it.
 */
#include "table_keys.h"
#include "table_latency.h"

#include "random.h"
#include "shared.h"
#include "space.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

/* Costs that a table seldom has; worked out once an arch. */
enum { PARAMS, MACS, PEAK, LAYERS, AUX_PARAMS, AUX_MACS, KNOWN };

/* What was read, which all searches of a context with the same keys share. */
struct content {
    nw_ctx *ctx;
    nw_table_keys keys; /* completed                                                */
    nw_terms terms;
    nw_rows rows;
    int index;        /* number of a row that is its index, or -1                   */
    double mean_cost; /* seconds                                                    */
    double *known;    /* KNOWN a row, NaN = not worked out; NULL before the first   */
};

struct table {
    nw_table_keys keys;
    nw_env env;
    struct content *has;
    int draws_by_trial, wants_cost;
};

#define PART(i) offsetof(struct table, keys.part[i])

static const nw_attr table_attrs[] = {
    {"file", NW_TEXT, offsetof(struct table, keys.file), NULL, 0, 0,
     "CSV with a header, plain or gzip, or JSON keyed by architecture", NULL},
    {"as", NW_TEXT, offsetof(struct table, keys.as), "auto", 0, 0,
     "nasbench201, nasbench-macro, accel-nasbench, netwright: sets the rest; auto, none",
     NULL},
    {"data", NW_TEXT, offsetof(struct table, keys.data), "", 0, 0,
     "of nasbench201: cifar10 or cifar100", NULL},
    {"epochs", NW_INT, offsetof(struct table, keys.epochs), "0", 0, 100000,
     "of nasbench201: 12 or 200; 0 = 12", NULL},
    {"arch", NW_TEXT, offsetof(struct table, keys.arch), "arch", 0, 0,
     "column of architectures; without it one column a decision", NULL},
    {"skip", NW_BOOL, offsetof(struct table, keys.skip), "0", 0, 0,
     "pass over rows whose architecture the space does not have", NULL},
    {"score", NW_TEXT, PART(NW_PART_SCORE), "", 0, 0,
     "columns of the quality, a+b+c: runs of which one is drawn", NULL},
    {"scale", NW_REAL, offsetof(struct table, keys.scale), "0", 0, 0,
     "factor of scores; 0 = 0.01 for known tables in percent, else 1", NULL},
    {"draw", NW_TEXT, offsetof(struct table, keys.draw), "arch", 0, 0,
     "arch: one run an architecture in a search; trial: one a trial", NULL},
    {"report", NW_TEXT, PART(NW_PART_REPORT), "", 0, 0,
     "columns whose mean is reported and that no search sees", NULL},
    {"cost", NW_TEXT, PART(NW_PART_COST), "", 0, 0,
     "column of what an evaluation cost; without it all cost the same", NULL},
    {"cost_scale", NW_REAL, offsetof(struct table, keys.cost_scale), "0", 0, 1e12,
     "seconds of one of cost; 0 = as the known table says, else 1", NULL},
    {"low", NW_TEXT, PART(NW_PART_LOW), "", 0, 0,
     "columns of the quality of trials whose fidelity is low_at or less", NULL},
    {"low_at", NW_REAL, offsetof(struct table, keys.low_at), "0", 0, 1,
     "fidelity of low, and the share of the cost that it takes", NULL},
    {"curve", NW_TEXT, PART(NW_PART_CURVE), "", 0, 0,
     "PREFIX of columns PREFIX1, PREFIX2 ...: quality after each epoch", NULL},
    {"loss", NW_TEXT, PART(NW_PART_LOSS), "", 0, 0,
     "column; without score and curve minus it is the quality", NULL},
    {"top5", NW_TEXT, PART(NW_PART_TOP5), "", 0, 0, "column, 0..1", NULL},
    {"params", NW_TEXT, PART(NW_PART_PARAMS), "", 0, 0, "column; a*1e6 scales", NULL},
    {"macs", NW_TEXT, PART(NW_PART_MACS), "", 0, 0, "column; a-10 subtracts", NULL},
    {"peak_bytes", NW_TEXT, PART(NW_PART_PEAK), "", 0, 0, "column", NULL},
    {"latency", NW_TEXT, offsetof(struct table, keys.latency), "", 0, 0,
     "file of latencies, joined by the column index or arch; default this one", NULL},
    {"device", NW_TEXT, PART(NW_PART_LATENCY), "", 0, 0, "column of the latency, ms",
     NULL},
    {0},
};

/* ---- Reading the table ---------------------------------------------------------- */

static nw_status read_numbers(struct table *t, const nw_sheet *sheet, int index)
{
    double *value = nw_rows_add(&t->has->rows);

    if (!value)
        return nw_pending(t->env.ctx);
    for (int i = 0; i < t->has->terms.n; i++) {
        const nw_term *term = &t->has->terms.term[i];

        if (term->column < 0)
            continue;
        NW_TRY(nw_sheet_number(sheet, term->column, &value[i]));
        value[i] = value[i] * term->scale + term->offset;
    }
    return index < 0 ? NW_OK : nw_sheet_number(sheet, index, &value[t->has->index]);
}

/* Rows of other archs than the space has are an error, or are counted. */
static nw_status read_row(struct table *t, const nw_sheet *sheet,
                          const nw_arch_columns *from, int index, int *skipped)
{
    const nw_status status = nw_rows_read(&t->has->rows, sheet, from);

    if (status >= 0)
        return read_numbers(t, sheet, index);
    if (!t->keys.skip || status == NW_ENOMEM)
        return status;
    nw_clear(t->env.ctx);
    ++*skipped;
    return NW_OK;
}

static nw_status say_skipped(struct table *t, int skipped)
{
    char words[NW_TEXT_SIZE + 100];

    if (!skipped || !t->env.on_note)
        return NW_OK;
    snprintf(words, sizeof(words),
             "table: %s: %d rows of architectures that the space does not have",
             t->keys.file, skipped);
    return t->env.on_note(t->env.loop, words);
}

static nw_status read_rows(struct table *t, nw_sheet *sheet, const nw_arch_columns *from,
                           int index)
{
    nw_status status;
    int skipped = 0;

    while ((status = nw_sheet_next(sheet)) == NW_OK)
        NW_TRY(read_row(t, sheet, from, index, &skipped));
    NW_TRY(status);
    if (!t->has->rows.n)
        return nw_source_bad(
            &sheet->src, skipped ? "has no row of this space (%d others)" : "has no rows",
            skipped);
    return say_skipped(t, skipped);
}

static nw_status read_sheet(struct table *t, nw_sheet *sheet)
{
    nw_arch_columns from = {0};
    nw_status status;
    int index = -1;

    NW_TRY(nw_table_complete(&t->keys, sheet));
    NW_TRY(nw_table_terms(&t->keys, sheet, &t->has->terms));
    if (*t->keys.latency)
        index = nw_sheet_find(sheet, "index");
    t->has->index = index < 0 ? -1 : t->has->terms.n;
    NW_TRY(nw_rows_init(&t->has->rows, t->env.ctx, t->env.space,
                        t->has->terms.n + (index >= 0)));
    status = nw_rows_columns(&t->has->rows, sheet, t->keys.arch, &from);
    if (status >= 0)
        status = read_rows(t, sheet, &from, index);
    nw_release(t->env.ctx, from.choice);
    return status;
}

static nw_status read_file(struct table *t)
{
    nw_sheet sheet;
    nw_status status = nw_sheet_open(&sheet, t->env.ctx, t->keys.file);

    if (status >= 0)
        status = read_sheet(t, &sheet);
    nw_sheet_close(&sheet);
    return status;
}

/* ---- Numbers of a row ----------------------------------------------------------- */

/* NaN where the table has no such column, or the cell is empty. */
static double number(const struct table *t, int row, enum nw_part part)
{
    return t->has->terms.count[part]
               ? nw_rows_at(&t->has->rows, row)[t->has->terms.first[part]]
               : NAN;
}

static double cost_of(const struct table *t, int row)
{
    const double cost = row < 0 ? NAN : number(t, row, NW_PART_COST);

    return isnan(cost) ? t->has->mean_cost : cost * t->keys.cost_scale;
}

static double mean_cost(const struct table *t)
{
    double sum = 0;
    int n = 0;

    for (int i = 0; i < t->has->rows.n; i++) {
        const double cost = number(t, i, NW_PART_COST);

        sum += isnan(cost) ? 0 : cost;
        n += !isnan(cost);
    }
    return n ? sum / n * t->keys.cost_scale : t->keys.cost_scale;
}

static nw_status read_content(struct table *t)
{
    NW_TRY(read_file(t));
    if (*t->keys.latency) {
        const nw_latency_file file = {t->keys.latency, t->keys.part[NW_PART_LATENCY],
                                      t->keys.arch, t->has->index,
                                      t->has->terms.first[NW_PART_LATENCY]};

        NW_TRY(nw_rows_join(&t->has->rows, &file));
    }
    t->has->mean_cost = mean_cost(t);
    t->has->keys = t->keys;
    return NW_OK;
}

static void forget(void *content)
{
    struct content *c = content;

    nw_release(c->ctx, c->known);
    nw_release(c->ctx, c->terms.term);
    nw_rows_clear(&c->rows);
}

/* What tells one content from another: keys, space, and the files as they are now. */
struct known_by {
    nw_table_keys keys;
    const nw_space *space;
    struct {
        int64_t size, seconds, nanoseconds;
    } file[2];
};

static void set_known_by(const struct table *t, struct known_by *out)
{
    const char *const path[2] = {t->keys.file, t->keys.latency};
    struct stat about;

    memset(out, 0, sizeof(*out)); /* gaps too */
    out->keys = t->keys;
    out->space = t->env.space;
    for (int i = 0; i < 2; i++)
        if (*path[i] && stat(path[i], &about) == 0) {
            out->file[i].size = about.st_size;
            out->file[i].seconds = about.st_mtim.tv_sec;
            out->file[i].nanoseconds = about.st_mtim.tv_nsec;
        }
}

/* As long as one search has it, others need not read it. */
static nw_status get_content(struct table *t)
{
    struct known_by by;

    set_known_by(t, &by);
    t->has = nw_shared_find(t->env.ctx, &by, sizeof(by));
    if (t->has) {
        t->keys = t->has->keys;
        return NW_OK;
    }
    t->has = nw_shared_new(t->env.ctx, &by, sizeof(by), sizeof(*t->has), forget);
    if (!t->has)
        return NW_ENOMEM;
    t->has->ctx = t->env.ctx;
    return read_content(t);
}

/* Columns that a trial's quality may come from, and their share of the cost. */
struct source {
    int first, n;
    double share;
};

static struct source of_part(const struct table *t, enum nw_part part, double share)
{
    return (struct source){t->has->terms.first[part], t->has->terms.count[part], share};
}

static struct source source_of(const struct table *t, double fidelity)
{
    const int epochs = t->has->terms.count[NW_PART_CURVE];
    struct source s;

    if (t->has->terms.count[NW_PART_LOW] && fidelity <= t->keys.low_at)
        return of_part(t, NW_PART_LOW, t->keys.low_at);
    if (!epochs || (fidelity >= 1 && t->has->terms.count[NW_PART_SCORE]))
        return of_part(
            t, t->has->terms.count[NW_PART_SCORE] ? NW_PART_SCORE : NW_PART_LOSS, 1);
    s.n = (int)fmax(1, fmin(epochs, ceil(fidelity * epochs - 1e-9)));
    s.share = (double)s.n / epochs;
    s.first = t->has->terms.first[NW_PART_CURVE] + s.n - 1;
    s.n = 1;
    return s;
}

/* A result of the arch: row and column. */
struct run {
    int row, column;
};

/* Result `skip` of those that are known; with skip too large the answer is how many there
 * are, and out is not set. */
static int find_run(const struct table *t, int row, struct source s, int skip,
                    struct run *out)
{
    int n = 0;

    for (; row >= 0; row = t->has->rows.next[row])
        for (int i = s.first; i < s.first + s.n; i++) {
            if (isnan(nw_rows_at(&t->has->rows, row)[i]))
                continue;
            if (n++ == skip) {
                *out = (struct run){row, i};
                return n;
            }
        }
    return n;
}

static int draw_run(const struct table *t, int row, struct source s, uint64_t hash,
                    const nw_trial *trial, struct run *out)
{
    const int n = find_run(t, row, s, -1, out);
    const int by_trial = t->draws_by_trial;
    const uint64_t seed = by_trial ? trial->seed : t->env.seed;

    if (!n)
        return 0;
    find_run(t, row, s, (int)nw_below(seed, NW_FOR_RUN, by_trial ? 0 : hash, (uint64_t)n),
             out);
    return 1;
}

/* ---- What an arch costs ----------------------------------------------------------- */

static void put(double *place, double value)
{
    if (!isnan(value))
        *place = value;
}

static void put_costs(const struct table *t, int row, nw_score *out)
{
    put(&out->params, number(t, row, NW_PART_PARAMS));
    put(&out->macs, number(t, row, NW_PART_MACS));
    put(&out->peak_bytes, number(t, row, NW_PART_PEAK));
    put(&out->latency_ms, number(t, row, NW_PART_LATENCY));
}

static nw_status make_known(struct table *t)
{
    const size_t n = (size_t)t->has->rows.n * KNOWN;

    if (t->has->known)
        return NW_OK;
    t->has->known = nw_alloc(t->env.ctx, n * sizeof(*t->has->known));
    if (!t->has->known)
        return NW_ENOMEM;
    for (size_t i = 0; i < n; i++)
        t->has->known[i] = NAN;
    return NW_OK;
}

/* By the network; a space of decisions alone has none, and then nothing is known. */
static nw_status count_costs(struct table *t, const nw_arch *arch, nw_score *out)
{
    const nw_status status = nw_arch_cost(arch, out);

    if (status == NW_ENOMEM)
        return status;
    if (status < 0)
        nw_clear(t->env.ctx);
    return NW_OK;
}

static nw_status costs_of(struct table *t, int row, const nw_arch *arch, nw_score *out)
{
    double *k;

    if (row < 0)
        return count_costs(t, arch, out);
    NW_TRY(make_known(t));
    k = t->has->known + (size_t)row * KNOWN;
    if (isnan(k[PARAMS])) {
        NW_TRY(count_costs(t, arch, out));
        k[PARAMS] = out->params;
        k[MACS] = out->macs;
        k[PEAK] = out->peak_bytes;
        k[LAYERS] = out->layers;
        k[AUX_PARAMS] = out->aux_params;
        k[AUX_MACS] = out->aux_macs;
    }
    out->params = k[PARAMS];
    out->macs = k[MACS];
    out->peak_bytes = k[PEAK];
    out->layers = k[LAYERS];
    out->aux_params = k[AUX_PARAMS];
    out->aux_macs = k[AUX_MACS];
    put_costs(t, row, out);
    return NW_OK;
}

static nw_status table_cost(void *self, const nw_arch *arch, nw_score *out)
{
    struct table *t = self;

    return costs_of(t, nw_rows_find(&t->has->rows, arch, NULL), arch, out);
}

/* ---- The estimator ---------------------------------------------------------------- */

/* 1 = a search seeks what the table does not say, so networks must be counted. */
static int seeks_more(const struct table *t)
{
    for (int i = 0; t->env.objective && t->env.objective[i]; i++) {
        const char *name = t->env.objective[i]->name;

        if (!t->env.objective[i]->is_known_before)
            continue;
        if (!(t->has->terms.count[NW_PART_PARAMS] && !strcmp(name, "params")) &&
            !(t->has->terms.count[NW_PART_MACS] && !strcmp(name, "macs")) &&
            !(t->has->terms.count[NW_PART_PEAK] && !strcmp(name, "peak_bytes")) &&
            !(t->has->terms.count[NW_PART_LATENCY] && !strcmp(name, "latency_ms")))
            return 1;
    }
    return 0;
}

static nw_status table_open(void *self, const nw_env *env)
{
    struct table *t = self;

    t->env = *env;
    t->draws_by_trial = !strcmp(t->keys.draw, "trial");
    if (!t->draws_by_trial && strcmp(t->keys.draw, "arch") != 0)
        return nw_fail(env->ctx, NW_ESPEC, "table: draw=%s is not arch or trial",
                       t->keys.draw);
    NW_TRY(get_content(t));
    t->wants_cost = seeks_more(t);
    return NW_OK;
}

static void put_score(const struct table *t, struct run run, nw_score *out)
{
    const double value = nw_rows_at(&t->has->rows, run.row)[run.column];
    const int is_loss = run.column == t->has->terms.first[NW_PART_LOSS] &&
                        t->has->terms.count[NW_PART_LOSS];

    out->quality = is_loss ? -value : value;
    out->accuracy = is_loss ? NAN : value;
    out->loss = number(t, run.row, NW_PART_LOSS);
    out->top5 = number(t, run.row, NW_PART_TOP5);
    put_costs(t, run.row, out);
}

static nw_status table_work(void *self, nw_trial *trial)
{
    struct table *t = self;
    const double fidelity = trial->fidelity > 0 ? trial->fidelity : 1;
    const struct source source = source_of(t, fidelity);
    nw_score *s = &trial->score;
    struct run run = {0, 0};
    uint64_t hash;
    int row;

    if (trial->want != NW_WANT_SCORE)
        return nw_fail(t->env.ctx, NW_EMATCH,
                       "table: has no shared weights; use estimator \"supernet\"");
    row = nw_rows_find(&t->has->rows, trial->arch, &hash);
    s->cost_s = cost_of(t, row) * source.share;
    if (row < 0)
        return nw_fail(t->env.ctx, NW_EINVAL, "table: %s has no row of this architecture",
                       t->keys.file);
    if (!draw_run(t, row, source, hash, trial, &run))
        return nw_fail(t->env.ctx, NW_EINVAL,
                       "table: %s has no score of this architecture", t->keys.file);
    if (t->wants_cost)
        NW_TRY(costs_of(t, row, trial->arch, s));
    put_score(t, run, s);
    s->cost_s = cost_of(t, run.row) * source.share;
    return NW_OK;
}

/* The mean of what report= names, over the rows of the arch. */
static nw_status table_report(void *self, const nw_arch *arch, nw_score *out)
{
    struct table *t = self;
    const struct source source = of_part(t, NW_PART_REPORT, 1);
    const int row = nw_rows_find(&t->has->rows, arch, NULL);
    int n = 0;
    double sum = 0;
    struct run run = {0, 0};

    if (!source.n)
        return nw_fail(t->env.ctx, NW_EMATCH,
                       "table: %s has nothing to report; say "
                       "report=COLUMN",
                       t->keys.file);
    while (row >= 0 && find_run(t, row, source, n, &run) > n) {
        sum += nw_rows_at(&t->has->rows, run.row)[run.column];
        n++;
    }
    if (!n)
        return nw_fail(t->env.ctx, NW_EINVAL,
                       "table: %s has nothing to report of this "
                       "architecture",
                       t->keys.file);
    out->quality = out->accuracy = sum / n;
    put_costs(t, row, out);
    return NW_OK;
}

static void table_close(void *self)
{
    struct table *t = self;

    nw_shared_leave(t->env.ctx, t->has);
}

const nw_estimator_type nw_estimator_table = {
    .name = "table",
    .doc = "look the score up in a table of measured results",
    .attrs = table_attrs,
    .size = sizeof(struct table),
    .gives = NW_SEPARATE | NW_SIMULATED,
    .open = table_open,
    .work = table_work,
    .cost = table_cost,
    .report = table_report,
    .close = table_close,
};
