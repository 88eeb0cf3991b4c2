/*
 * table_keys.c - tables that are known, and columns by name.
 *
 * NAS-Bench-201 (arXiv:2001.00326): a search on it sees the validation accuracy after 12
 * epochs and pays 12/200 of the seconds that 200 epochs took (its paper adds the seconds
 * of one evaluation, which the table does not have). Searches that train for 200 epochs
 * draw one of the published runs; with a fidelity of 12/200 or less they see the shorter
 * training. What is reported is the test accuracy after 200 epochs. The operations of the
 * table are the multiply-accumulates and the classifier's biases, one a class. Parameters
 * are those that follow from the cell; with 100 classes they are 90 * 65 more.
 *
 * NAS-Bench-Macro (arXiv:2103.11922): three runs of every chain, of which one is drawn;
 * their mean is reported.
 *
 * Accel-NASBench (arXiv:2404.08005): one run; parameters and operations are in millions,
 * and its operations are more than multiply-accumulates (see src/space/accel_nasbench.c).
 *
 * Tables that netwright builds itself hold one row a run, with a curve; a fidelity below
 * 1 is read from it, though a shorter training with its own schedule would end higher.
 */
#include "table_keys.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const nw_part_names[NW_PARTS] = {"score",  "report", "low",  "curve",
                                             "cost",   "params", "macs", "peak_bytes",
                                             "device", "loss",   "top5"};

/* ---- Tables that are known -------------------------------------------------------- */

struct preset {
    const char *name, *data;
    int epochs;
    const char *marks[3]; /* columns that no other table has */
    double scale, cost_scale, low_at;
    int may_lack; /* parts whose columns are not there are left out */
    const char *part[NW_PARTS];
};

#define NB201                                                                            \
    "nasbench201", .marks = {"c10valid_val_12ep", "c10_params_formula"}, .scale = .01
#define C10                                                                              \
    .data = "cifar10", .part = {[NW_PART_REPORT] = "c10_test_200ep_mean",                \
                                [NW_PART_COST] = "c10valid_train_seconds_200ep",         \
                                [NW_PART_PARAMS] = "c10_params_formula",                 \
                                [NW_PART_MACS] = "c10_flops_formula-10"
#define C100                                                                             \
    .data = "cifar100", .part = {[NW_PART_REPORT] = "c100_test_200ep_mean",              \
                                 [NW_PART_COST] = "c100_train_seconds_200ep",            \
                                 [NW_PART_PARAMS] = "c10_params_formula+5850",           \
                                 [NW_PART_MACS] = "c100_flops_formula-100"

/* The first of a name is meant when data= and epochs= are not given. */
/* clang-format off */
static const struct preset presets[] = {
    {.name = NB201, .epochs = 12, .cost_scale = .06,
     C10, [NW_PART_SCORE] = "c10valid_val_12ep"}},
    {.name = NB201, .epochs = 200, .low_at = .06,
     C10, [NW_PART_SCORE] = "c10valid_val_200ep_s0+c10valid_val_200ep_s1+c10valid_val_200ep_s2",
          [NW_PART_LOW] = "c10valid_val_12ep"}},
    {.name = NB201, .epochs = 12, .cost_scale = .06,
     C100, [NW_PART_SCORE] = "c100_val_12ep"}},
    {.name = NB201, .epochs = 200, .low_at = .06,
     C100, [NW_PART_SCORE] = "c100_val_200ep_mean_derived",
           [NW_PART_LOW] = "c100_val_12ep"}},
    {.name = "nasbench-macro", .marks = {"test_acc_0", "mean_acc", "flops"}, .scale = .01,
     .part = {[NW_PART_SCORE] = "test_acc_0+test_acc_1+test_acc_2",
              [NW_PART_REPORT] = "mean_acc",
              [NW_PART_PARAMS] = "params", [NW_PART_MACS] = "flops"}},
    {.name = "accel-nasbench", .marks = {"block0_se", "val_top1", "train_time"}, .scale = .01,
     .part = {[NW_PART_SCORE] = "val_top1", [NW_PART_COST] = "train_time",
              [NW_PART_PARAMS] = "params*1e6", [NW_PART_MACS] = "macs*1e6",
              [NW_PART_TOP5] = "val_top5*.01"}},
    {.name = "netwright", .marks = {"run", "valid_accuracy", "seconds"}, .may_lack = 1,
     .part = {[NW_PART_SCORE] = "valid_accuracy", [NW_PART_REPORT] = "test_accuracy",
              [NW_PART_CURVE] = "valid_e", [NW_PART_COST] = "seconds",
              [NW_PART_PARAMS] = "params", [NW_PART_MACS] = "macs",
              [NW_PART_PEAK] = "peak_bytes", [NW_PART_LATENCY] = "latency_ms",
              [NW_PART_LOSS] = "valid_loss"}},
};
/* clang-format on */

enum { N_PRESETS = sizeof(presets) / sizeof(*presets) };

static int has_marks(const struct preset *p, const nw_sheet *sheet)
{
    for (int i = 0; i < 3; i++)
        if (p->marks[i] && nw_sheet_find(sheet, p->marks[i]) < 0)
            return 0;
    return 1;
}

const char *nw_table_kind(const nw_sheet *sheet)
{
    for (int i = 0; i < N_PRESETS; i++)
        if (has_marks(&presets[i], sheet))
            return presets[i].name;
    return NULL;
}

static nw_status no_preset(const nw_table_keys *k, const nw_sheet *sheet,
                           const char *name)
{
    for (int i = 0; i < N_PRESETS; i++)
        if (name && !strcmp(presets[i].name, name))
            return nw_fail(sheet->ctx, NW_ESPEC,
                           "table: %s has no data=%s epochs=%d, only data=cifar10 or "
                           "cifar100 and epochs=12 or 200 of nasbench201",
                           name, *k->data ? k->data : "(any)", k->epochs);
    if (name)
        return nw_fail(sheet->ctx, NW_ESPEC,
                       "table: as=%s is not auto, none, nasbench201, nasbench-macro, "
                       "accel-nasbench or netwright",
                       name);
    return nw_fail(sheet->ctx, NW_ESPEC,
                   "table: data= and epochs= are keys of nasbench201");
}

/* NULL in *out: the table is not known. */
static nw_status find_preset(const nw_table_keys *k, const nw_sheet *sheet,
                             const struct preset **out)
{
    const char *name = !strcmp(k->as, "auto")   ? nw_table_kind(sheet)
                       : !strcmp(k->as, "none") ? NULL
                                                : k->as;

    *out = NULL;
    for (int i = 0; name && i < N_PRESETS && !*out; i++) {
        const struct preset *p = &presets[i];

        if (!strcmp(p->name, name) &&
            (!*k->data || (p->data && !strcmp(p->data, k->data))) &&
            (!k->epochs || p->epochs == k->epochs))
            *out = p;
    }
    return *out || (!name && !*k->data && !k->epochs) ? NW_OK : no_preset(k, sheet, name);
}

/* 1 = the column is there; of a curve its first. */
static int has_part(const nw_sheet *sheet, int part, const char *name)
{
    char first[NW_TEXT_SIZE];

    snprintf(first, sizeof(first), part == NW_PART_CURVE ? "%s1" : "%s", name);
    return nw_sheet_find(sheet, first) >= 0;
}

static nw_status which_score(const nw_sheet *sheet)
{
    nw_text names;
    nw_status status;

    nw_text_init(&names, sheet->ctx);
    for (int i = 0; i < sheet->n && names.length < 300; i++)
        nw_text_printf(&names, "%s%s", i ? ", " : "", sheet->name[i]);
    status = nw_fail(sheet->ctx, NW_ESPEC,
                     "table: %s: which column is the score? say score=COLUMN (there are "
                     "%.300s)",
                     sheet->src.path, names.data ? names.data : "none");
    nw_text_free(&names);
    return status;
}

nw_status nw_table_complete(nw_table_keys *keys, const nw_sheet *sheet)
{
    static const struct preset unknown = {.name = "none"};
    const struct preset *p;

    NW_TRY(find_preset(keys, sheet, &p));
    p = p ? p : &unknown;
    for (int i = 0; i < NW_PARTS; i++)
        if (!*keys->part[i] && p->part[i] &&
            (!p->may_lack || has_part(sheet, i, p->part[i])))
            snprintf(keys->part[i], NW_TEXT_SIZE, "%s", p->part[i]);
    keys->scale = keys->scale != 0 ? keys->scale : p->scale != 0 ? p->scale : 1;
    keys->low_at = keys->low_at > 0 ? keys->low_at : p->low_at;
    if (!(keys->cost_scale > 0))
        keys->cost_scale = p->cost_scale > 0 ? p->cost_scale : 1;
    if (!*keys->part[NW_PART_SCORE] && !*keys->part[NW_PART_CURVE] &&
        !*keys->part[NW_PART_LOSS])
        return which_score(sheet);
    return NW_OK;
}

/* ---- Columns ------------------------------------------------------------------------
 */

static nw_status add_term(nw_terms *t, nw_term term, enum nw_part part)
{
    NW_TRY(nw_grow(t->ctx, &t->term, t->n, &t->room, sizeof(*t->term)));
    t->term[t->n++] = term;
    t->count[part]++;
    return NW_OK;
}

/* 1 = the text is a number, which goes to *out, and then nothing or "-10". */
static int read_factor(char *text, double *out, char **rest)
{
    *out = strtod(text, rest);
    return *rest != text && isfinite(*out) && (!**rest || **rest == '-');
}

/* "name*2", "name-10" or "name*2-10": cut the numbers off and take them into the term. */
static void cut_factor(char *word, nw_term *term)
{
    char *star = strrchr(word, '*'), *minus = strrchr(word, '-');
    double scale, offset;

    if (star) {
        if (!read_factor(star + 1, &scale, &minus))
            return;
        term->scale = scale;
        *star = 0;
    }
    if (!minus || !*minus || !nw_parse_number(minus + 1, &offset) || !isfinite(offset))
        return;
    term->offset = -offset;
    *minus = 0;
}

/* One piece of "a*2+b+10". */
static nw_status add_piece(nw_terms *t, const nw_sheet *sheet, enum nw_part part,
                           char *word)
{
    nw_term term = {nw_sheet_find(sheet, word), 1, 0};
    double value;

    if (term.column < 0 && t->count[part] && nw_parse_number(word, &value) &&
        isfinite(value)) {
        t->term[t->n - 1].offset += value;
        return NW_OK;
    }
    if (term.column < 0)
        cut_factor(word, &term);
    NW_TRY(nw_sheet_column(sheet, nw_part_names[part], word, &term.column));
    return add_term(t, term, part);
}

static nw_status add_part(nw_terms *t, const nw_sheet *sheet, enum nw_part part,
                          const char *text)
{
    char words[NW_TEXT_SIZE], *word = words;
    nw_term whole = {nw_sheet_find(sheet, text), 1, 0};

    if (whole.column >= 0)
        return add_term(t, whole, part);
    snprintf(words, sizeof(words), "%s", text);
    for (char *next = word; next; word = next) {
        next = strchr(word, '+');
        if (next)
            *next++ = 0;
        NW_TRY(add_piece(t, sheet, part, word));
    }
    if (part > NW_PART_CURVE && t->count[part] > 1)
        return nw_fail(sheet->ctx, NW_ESPEC, "table: %s=%s: one column is taken, not %d",
                       nw_part_names[part], text, t->count[part]);
    return NW_OK;
}

/* Columns PREFIX1, PREFIX2 ... as far as there are. */
static nw_status add_curve(nw_terms *t, const nw_sheet *sheet, const char *prefix)
{
    for (int epoch = 1;; epoch++) {
        char name[NW_TEXT_SIZE + 16];
        int column;

        snprintf(name, sizeof(name), "%s%d", prefix, epoch);
        column = nw_sheet_find(sheet, name);
        if (column < 0 && epoch == 1)
            return nw_sheet_column(sheet, "curve", name, &column);
        if (column < 0)
            return NW_OK;
        NW_TRY(add_term(t, (nw_term){column, 1, 0}, NW_PART_CURVE));
    }
}

nw_status nw_table_terms(const nw_table_keys *keys, const nw_sheet *sheet, nw_terms *out)
{
    *out = (nw_terms){.ctx = sheet->ctx};
    for (int i = 0; i < NW_PARTS; i++) {
        const char *text = keys->part[i];

        out->first[i] = out->n;
        if (i == NW_PART_LATENCY && *keys->latency)
            NW_TRY(add_term(out, (nw_term){-1, 1, 0}, NW_PART_LATENCY));
        else if (i == NW_PART_CURVE && *text)
            NW_TRY(add_curve(out, sheet, text));
        else if (*text)
            NW_TRY(add_part(out, sheet, (enum nw_part)i, text));
    }
    for (enum nw_part i = NW_PART_SCORE; i <= NW_PART_CURVE; i++)
        for (int k = 0; k < out->count[i]; k++) {
            out->term[out->first[i] + k].scale *= keys->scale;
            out->term[out->first[i] + k].offset *= keys->scale;
        }
    return NW_OK;
}
