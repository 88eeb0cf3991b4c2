/* print.c - standings, runs and curves as rows, one column a number. */
#include "compare.h"
#include "table.h"

#include <string.h>

/* ---- Standings -------------------------------------------------------------------- */

static const nw_column standing_columns[] = {
    {"strategy", NW_LEFT, 0, 0}, {"runs", NW_RIGHT, 0, 0},
    {"failed", NW_RIGHT, 0, 0},  {"valid", NW_RIGHT, 0, 0},
    {"score", NW_RIGHT, 0, 0},   {"deviation", NW_RIGHT, 0, 0},
    {"median", NW_RIGHT, 0, 0},  {"a12", NW_RIGHT, 3, 0},
    {"p", NW_RIGHT, 0, 0},       {"rank", NW_RIGHT, 2, 0},
    {"trials", NW_RIGHT, 1, 0},  {"cost_s", NW_RIGHT, 0, 0},
    {"early", NW_RIGHT, 0, 0},   {"late", NW_RIGHT, 0, 0},
};

static void add_standings(nw_table *table, const nw_compare_state *c)
{
    for (int i = 0; i < c->found.n; i++) {
        const nw_standing *s = &c->standing[i];

        nw_table_text(table, s->strategy);
        nw_table_integer(table, s->runs);
        nw_table_integer(table, s->failed);
        nw_table_real(table, s->valid);
        nw_table_real(table, s->score);
        nw_table_real(table, s->deviation);
        nw_table_real(table, s->median);
        nw_table_real(table, s->a12);
        nw_table_real(table, s->p);
        nw_table_real(table, s->rank);
        nw_table_real(table, s->trials);
        nw_table_real(table, s->cost_s);
        nw_table_real(table, s->early);
        nw_table_real(table, s->late);
    }
}

/* ---- Runs ---------------------------------------------------------------------------
 */

static const nw_column run_columns[] = {
    {"strategy", NW_LEFT, 0, 0}, {"seed", NW_RIGHT, 0, 0},   {"arch", NW_LEFT, 0, 0},
    {"trials", NW_RIGHT, 0, 0},  {"cost_s", NW_RIGHT, 0, 0}, {"valid", NW_RIGHT, 0, 0},
    {"score", NW_RIGHT, 0, 0},   {"early", NW_RIGHT, 0, 0},  {"late", NW_RIGHT, 0, 0},
    {"status", NW_RIGHT, 0, 0},  {"reason", NW_LEFT, 0, 0},
};

static void add_runs(nw_table *table, const nw_compare_state *c)
{
    for (int i = 0; i < c->found.n_run; i++) {
        const nw_outcome *r = &c->run[i];

        nw_table_text(table, c->standing[r->strategy].strategy);
        nw_table_unsigned(table, r->seed);
        nw_table_text(table, r->arch);
        nw_table_unsigned(table, r->trials);
        nw_table_real(table, r->cost_s);
        nw_table_real(table, r->valid);
        nw_table_real(table, r->score);
        nw_table_real(table, r->early);
        nw_table_real(table, r->late);
        nw_table_integer(table, r->status);
        nw_table_text(table, r->reason);
    }
}

/* ---- Curves -------------------------------------------------------------------------
 */

#define CURVE_COLUMNS(x)                                                                 \
    {"strategy", NW_LEFT, 0, 0}, {x, NW_RIGHT, 0, 0}, {"runs", NW_RIGHT, 0, 0},          \
        {"score", NW_RIGHT, 0, 0}, {"score_error", NW_RIGHT, 0, 0},                      \
        {"score_quarter", NW_RIGHT, 0, 0}, {"score_median", NW_RIGHT, 0, 0},             \
        {"score_three_quarters", NW_RIGHT, 0, 0}, {"valid", NW_RIGHT, 0, 0},             \
    {                                                                                    \
        "valid_error", NW_RIGHT, 0, 0                                                    \
    }

static const nw_column trial_columns[] = {CURVE_COLUMNS("trials")};
static const nw_column cost_columns[] = {CURVE_COLUMNS("cost_s")};

static void add_curves(nw_table *table, const nw_compare_state *c)
{
    const nw_curves *curves = &c->curves;

    for (int i = 0; i < c->found.n * curves->n; i++) {
        const nw_band *score = &curves->score[i], *valid = &curves->valid[i];

        nw_table_text(table, c->standing[i / curves->n].strategy);
        nw_table_real(table, curves->x[i % curves->n]);
        nw_table_integer(table, score->runs);
        nw_table_real(table, score->mean);
        nw_table_real(table, score->error);
        nw_table_real(table, score->low);
        nw_table_real(table, score->median);
        nw_table_real(table, score->high);
        nw_table_real(table, valid->mean);
        nw_table_real(table, valid->error);
    }
}

/* ---- All of them ----------------------------------------------------------------------
 */

struct view {
    const char *name;
    const nw_column *column;
    size_t n;
    void (*add)(nw_table *table, const nw_compare_state *c);
};

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const struct view views[] = {
    {"standings", standing_columns, COUNT(standing_columns), add_standings},
    {"runs", run_columns, COUNT(run_columns), add_runs},
    {"curves", trial_columns, COUNT(trial_columns), add_curves},
};

nw_status nw_comparison_print(const nw_comparison *comparison, const char *what,
                              const char *format, FILE *out)
{
    const nw_compare_state *c = (const nw_compare_state *)comparison;
    const struct view *view = views;
    const nw_column *column;
    nw_table table;
    nw_status status;

    if (!c || !what || !out)
        return NW_EINVAL;
    nw_clear(c->ctx);
    while (view < views + COUNT(views) && strcmp(view->name, what))
        view++;
    if (view == views + COUNT(views))
        return nw_fail(c->ctx, NW_ENAME,
                       "comparison: \"%s\": there are standings, runs and curves", what);
    column = view->add == add_curves && c->curves.by_cost ? cost_columns : view->column;
    nw_table_init(&table, c->ctx, column, (int)view->n);
    view->add(&table, c);
    status = nw_table_write(&table, format, out);
    nw_table_free(&table);
    return status;
}
