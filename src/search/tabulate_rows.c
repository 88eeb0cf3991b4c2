/*
 * tabulate_rows.c - the rows of a table: one for every trial of every run.
 *
 * An arch is written in the words of its family where they say all of it, else as JSON.
 * Latency stands in the rows of all runs, which are of the same networks.
 */
#include "export.h"
#include "graph.h"
#include "table.h"
#include "tabulate.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

struct writer {
    const struct tabulation *t;
    nw_arena names;
    nw_table table;
    nw_column *column;
    int epochs; /* columns of the curve             */
    double *curve;
    nw_arch *arch, *back;
    int run;
    int64_t stage, first; /* of this run, of the first run    */
};

/* ---- Columns -------------------------------------------------------------------- */

static const char *const before[] = {"arch", "run",        "seed",       "params",
                                     "macs", "peak_bytes", "latency_ms", "seconds"};
static const char *const after[] = {"valid_accuracy", "valid_loss", "test_accuracy",
                                    "test_loss",      "status",     "reason"};

enum {
    BEFORE = sizeof(before) / sizeof(*before),
    AFTER = sizeof(after) / sizeof(*after),
};

static nw_status make_columns(struct writer *w)
{
    const int n = BEFORE + w->epochs + AFTER;

    w->column = nw_arena_get(&w->names, (size_t)n * sizeof(*w->column));
    w->curve = nw_arena_get(&w->names, (size_t)w->epochs * sizeof(*w->curve) + 1);
    if (!w->column || !w->curve)
        return NW_ENOMEM;
    for (int i = 0; i < BEFORE; i++)
        w->column[i].name = before[i];
    for (int i = 0; i < AFTER; i++)
        w->column[BEFORE + w->epochs + i].name = after[i];
    for (int e = 0; e < w->epochs; e++) {
        char name[32];

        snprintf(name, sizeof(name), "valid_e%d", e + 1);
        w->column[BEFORE + e].name = nw_arena_dup(&w->names, name);
        if (!w->column[BEFORE + e].name)
            return NW_ENOMEM;
    }
    nw_table_init(&w->table, w->t->ctx, w->column, n);
    return NW_OK;
}

static nw_status count_epoch(void *user, const nw_epoch *epoch)
{
    struct writer *w = user;

    w->epochs = epoch->epoch > w->epochs ? epoch->epoch : w->epochs;
    return NW_OK;
}

static nw_status count_epochs(void *user, const nw_stored_trial *trial)
{
    struct writer *w = user;

    return nw_study_epochs(w->t->study, w->stage, trial->id, count_epoch, w);
}

/* ---- Cells ----------------------------------------------------------------------- */

/* The family's words as a table has them: a text without its quotes. */
static nw_status add_words(struct writer *w, const char *genotype)
{
    json_t *value = json_loads(genotype, JSON_DECODE_ANY, NULL);
    const char *bare = json_string_value(value);

    nw_table_text(&w->table, bare ? bare : genotype);
    json_decref(value);
    return NW_OK;
}

/* 1 = the words were written, and the arch that is read from them is the same. */
static int says_all(struct writer *w, nw_text *words)
{
    FILE *out = nw_text_stream(words);
    nw_status status = out ? nw_arch_write_genotype(w->arch, out) : NW_ENOMEM;

    if (out && (fclose(out) || words->failed))
        status = NW_ENOMEM;
    if (status >= 0)
        status = nw_arch_read_genotype(w->back, words->data, "genotype");
    nw_clear(w->t->ctx);
    return status >= 0 && nw_arch_hash(w->back) == nw_arch_hash(w->arch);
}

static nw_status add_arch(struct writer *w, const char *json)
{
    nw_text words;

    NW_TRY(nw_arch_read(w->arch, json, "study"));
    nw_text_init(&words, w->t->ctx);
    if (says_all(w, &words))
        add_words(w, words.data);
    else
        nw_table_text(&w->table, json);
    nw_text_free(&words);
    return NW_OK;
}

static nw_status add_value(struct writer *w, int64_t stage, uint64_t trial,
                           const char *name)
{
    double value;

    NW_TRY(nw_study_get_value(w->t->study, stage, trial, name, &value));
    nw_table_real(&w->table, value);
    return NW_OK;
}

static nw_status take_epoch(void *user, const nw_epoch *epoch)
{
    struct writer *w = user;

    if (epoch->epoch >= 1 && epoch->epoch <= w->epochs)
        w->curve[epoch->epoch - 1] = epoch->valid_accuracy;
    return NW_OK;
}

static nw_status add_curve(struct writer *w, uint64_t trial)
{
    for (int e = 0; e < w->epochs; e++)
        w->curve[e] = NAN;
    NW_TRY(nw_study_epochs(w->t->study, w->stage, trial, take_epoch, w));
    for (int e = 0; e < w->epochs; e++)
        nw_table_real(&w->table, w->curve[e]);
    return NW_OK;
}

static nw_status add_row(void *user, const nw_stored_trial *trial)
{
    struct writer *w = user;
    const nw_score *s = &trial->score;

    NW_TRY(add_arch(w, trial->arch));
    nw_table_integer(&w->table, w->run);
    nw_table_unsigned(&w->table, trial->seed);
    nw_table_real(&w->table, s->params);
    nw_table_real(&w->table, s->macs);
    nw_table_real(&w->table, s->peak_bytes);
    NW_TRY(add_value(w, w->first, trial->id, "latency_ms"));
    nw_table_real(&w->table, s->cost_s);
    NW_TRY(add_curve(w, trial->id));
    nw_table_real(&w->table, s->accuracy);
    nw_table_real(&w->table, s->loss);
    NW_TRY(add_value(w, w->stage, trial->id, "test_accuracy"));
    NW_TRY(add_value(w, w->stage, trial->id, "test_loss"));
    nw_table_text(&w->table, nw_strstatus(trial->status));
    nw_table_text(&w->table, trial->reason ? trial->reason : "");
    return NW_OK;
}

/* ---- The file -------------------------------------------------------------------- */

static nw_status each_run(struct writer *w,
                          nw_status (*visit)(void *, const nw_stored_trial *))
{
    for (w->run = 1; w->run <= w->t->runs; w->run++) {
        char name[32];

        NW_TRY(nw_study_stage(w->t->study, nw_run_name(w->run, name), NULL, &w->stage));
        w->first = w->run == 1 ? w->stage : w->first;
        NW_TRY(nw_study_trials(w->t->study, w->stage, visit, w));
    }
    return NW_OK;
}

static nw_status write_file(struct writer *w, const char *path, const char *part)
{
    FILE *out = fopen(part, "w");
    nw_status status;

    if (!out)
        return nw_fail(w->t->ctx, NW_EIO, "%s: cannot be made: %s", part,
                       strerror(errno));
    status = nw_table_write(&w->table, "csv", out);
    if (status >= 0 && (fflush(out) || fsync(fileno(out))))
        status = nw_fail(w->t->ctx, NW_EIO, "%s: could not be written: %s", part,
                         strerror(errno));
    if ((fclose(out) || (status >= 0 && rename(part, path))) && status >= 0)
        status = nw_fail(w->t->ctx, NW_EIO, "%s: could not be written: %s", path,
                         strerror(errno));
    if (status < 0)
        remove(part);
    return status;
}

static nw_status write_rows(struct writer *w, const char *path)
{
    const size_t size = strlen(path) + sizeof(".part");
    char *part = nw_arena_get(&w->names, size);

    w->arch = nw_arch_new(w->t->ctx, w->t->space);
    w->back = nw_arch_new(w->t->ctx, w->t->space);
    if (!part || !w->arch || !w->back)
        return nw_pending(w->t->ctx);
    NW_TRY(each_run(w, count_epochs));
    NW_TRY(make_columns(w));
    NW_TRY(each_run(w, add_row));
    snprintf(part, size, "%s.part", path);
    return write_file(w, path, part);
}

nw_status nw_tabulate_write(const struct tabulation *t, const char *path)
{
    struct writer w = {.t = t};
    nw_status status;

    nw_arena_init(&w.names, t->ctx);
    status = write_rows(&w, path);
    if (w.table.ctx)
        nw_table_free(&w.table);
    nw_arch_free(w.back);
    nw_arch_free(w.arch);
    nw_arena_free(&w.names);
    return status;
}
