/* listing.c - the rows of a study for people and programs: nw_study_print(). */
#include "db.h"
#include "netwright_ext.h"
#include "spec.h"
#include "study.h"
#include "table.h"

#include <string.h>

/* Keys of a listing: all are optional. */
struct filter {
    char stage[NW_TEXT_SIZE];
    int trial;
};

static const nw_attr filters[] = {
    {"stage", NW_TEXT, offsetof(struct filter, stage), "", 0, 0, "only of this stage",
     NULL},
    {"trial", NW_INT, offsetof(struct filter, trial), "all", 0, 2147483647,
     "only of this trial; 0 = of the stage as a whole", "all"},
    {0},
};

struct listing {
    NW_TYPE_HEAD
    const char *sql; /* ?1: name of a stage, '' = all; ?2: a trial, -1 = all           */
    const char *kinds; /* by column: t text, i integer, u unsigned, r real, b yes or no,
                          s status, j JSON */
    const nw_column *columns;
};

#define OF_TRIAL(column) "WHERE (?1 = '' OR s.name = ?1) AND (?2 < 0 OR " column " = ?2) "

static const nw_column stage_columns[] = {
    {"stage", NW_LEFT, 0, 0},    {"trials", NW_RIGHT, 0, 0}, {"finished", NW_LEFT, 0, 0},
    {"seconds", NW_RIGHT, 1, 0}, {"config", NW_LEFT, 0, 1},
};

static const struct listing stages = {
    .name = "stages",
    .doc = "the runs of which the study is made",
    .sql = "SELECT name, (SELECT count(*) FROM trial WHERE stage = s.id), finished,"
           " seconds, config FROM stage s ORDER BY s.id",
    .kinds = "tibrj",
    .columns = stage_columns,
};

static const nw_column trial_columns[] = {
    {"stage", NW_LEFT, 0, 0},       {"trial", NW_RIGHT, 0, 0},
    {"status", NW_LEFT, 0, 0},      {"quality", NW_RIGHT, 4, 0},
    {"accuracy", NW_RIGHT, 4, 0},   {"loss", NW_RIGHT, 4, 0},
    {"top5", NW_RIGHT, 4, 1},       {"params", NW_RIGHT, 0, 0},
    {"macs", NW_RIGHT, 0, 0},       {"peak_bytes", NW_RIGHT, 0, 0},
    {"latency_ms", NW_RIGHT, 3, 1}, {"cost_s", NW_RIGHT, 2, 0},
    {"fidelity", NW_RIGHT, 4, 1},   {"seed", NW_RIGHT, 0, 1},
    {"reason", NW_LEFT, 0, 1},      {"arch", NW_LEFT, 0, 0},
};

static const struct listing trials = {
    .name = "trials",
    .doc = "every arch that was tried, and its score",
    .attrs = filters,
    .sql =
        "SELECT s.name, t.id, t.status, t.quality, t.accuracy, t.loss, t.top5, t.params,"
        " t.macs, t.peak_bytes, t.latency_ms, t.cost_s, t.fidelity, t.seed, t.reason, "
        "t.arch"
        " FROM trial t JOIN stage s ON s.id = t.stage " OF_TRIAL(
            "t.id") "ORDER BY s.id, t.id",
    .kinds = "tisrrrrrrrrrrutj",
    .columns = trial_columns,
};

static const nw_column epoch_columns[] = {
    {"stage", NW_LEFT, 0, 0},       {"trial", NW_RIGHT, 0, 0},
    {"epoch", NW_RIGHT, 0, 0},      {"lr", NW_RIGHT, 0, 0},
    {"train_loss", NW_RIGHT, 4, 0}, {"train_accuracy", NW_RIGHT, 4, 0},
    {"valid_loss", NW_RIGHT, 4, 0}, {"valid_accuracy", NW_RIGHT, 4, 0},
    {"seconds", NW_RIGHT, 2, 0},
};

static const struct listing epochs = {
    .name = "epochs",
    .doc = "the numbers of every epoch of training",
    .attrs = filters,
    .sql = "SELECT s.name, e.trial, e.epoch, e.lr, e.train_loss, e.train_accuracy,"
           " e.valid_loss, e.valid_accuracy, e.seconds"
           " FROM epoch e JOIN stage s ON s.id = e.stage " OF_TRIAL(
               "e.trial") "ORDER BY s.id, e.trial, e.epoch",
    .kinds = "tiirrrrrr",
    .columns = epoch_columns,
};

static const nw_column value_columns[] = {
    {"stage", NW_LEFT, 0, 0}, {"trial", NW_RIGHT, 0, 0}, {"epoch", NW_RIGHT, 0, 0},
    {"name", NW_LEFT, 0, 0},  {"value", NW_RIGHT, 0, 0},
};

static const struct listing values = {
    .name = "values",
    .doc = "named numbers beside those of an epoch",
    .attrs = filters,
    .sql = "SELECT s.name, v.trial, v.epoch, v.name, v.value"
           " FROM value v JOIN stage s ON s.id = v.stage " OF_TRIAL(
               "v.trial") "ORDER BY s.id, v.trial, v.epoch, v.name",
    .kinds = "tiitr",
    .columns = value_columns,
};

static const nw_column note_columns[] = {
    {"stage", NW_LEFT, 0, 0}, {"trial", NW_RIGHT, 0, 0}, {"words", NW_LEFT, 0, 0}};

static const struct listing notes = {
    .name = "notes",
    .doc = "warnings that strategies and estimators left",
    .attrs = filters,
    .sql = "SELECT s.name, n.trial, n.words"
           " FROM note n JOIN stage s ON s.id = n.stage " OF_TRIAL(
               "n.trial") "ORDER BY s.id, n.id",
    .kinds = "tit",
    .columns = note_columns,
};

static const nw_column fact_columns[] = {{"name", NW_LEFT, 0, 0},
                                         {"value", NW_LEFT, 0, 0}};

static const struct listing facts = {
    .name = "facts",
    .doc = "what belongs to the study as a whole",
    .sql = "SELECT name, value FROM fact ORDER BY name",
    .kinds = "tt",
    .columns = fact_columns,
};

static const void *const listings[] = {&stages, &trials, &epochs, &values,
                                       &notes,  &facts,  NULL};

static void add_cell(nw_table *table, const nw_row *row, int column, char kind)
{
    const char *text;
    int64_t number = sqlite3_column_int64(row->stmt, column);

    if (sqlite3_column_type(row->stmt, column) == SQLITE_NULL) {
        nw_table_null(table);
        return;
    }
    if (kind == 'r') {
        nw_table_real(table, sqlite3_column_double(row->stmt, column));
    } else if (kind == 'i') {
        nw_table_integer(table, number);
    } else if (kind == 'u') {
        nw_table_unsigned(table, (uint64_t)number);
    } else if (kind == 's') {
        nw_table_text(table, nw_strstatus((nw_status)number));
    } else if (kind == 'b') {
        nw_table_json(table, number ? "true" : "false");
    } else {
        text = nw_row_text_at(row, column);
        (kind == 'j' ? nw_table_json : nw_table_text)(table, text);
    }
}

static nw_status print_rows(nw_study *study, const struct listing *listing,
                            const struct filter *filter, nw_table *table)
{
    nw_row row = nw_row_open(study, listing->sql);
    nw_status status;

    if (listing->attrs) {
        nw_row_text(&row, filter->stage);
        nw_row_int(&row, filter->trial);
    }
    while ((status = nw_row_next(&row)) == NW_MORE)
        for (int i = 0; listing->kinds[i]; i++)
            add_cell(table, &row, i, listing->kinds[i]);
    return status;
}

nw_status nw_study_print(nw_study *study, const char *what, const char *format, FILE *out)
{
    struct filter filter = {.trial = -1};
    const struct listing *listing;
    nw_status status;
    nw_table table;
    int64_t id;

    NW_TRY(nw_db_ready(study, 0));
    listing = nw_spec_find(study->ctx, "listing", listings, what);
    if (!listing)
        return nw_pending(study->ctx);
    NW_TRY(nw_spec_parse(study->ctx, (const nw_head *)listing, what, NULL, &filter));
    if (*filter.stage) /* an unknown one is an error, not an empty table */
        NW_TRY(nw_study_stage(study, filter.stage, NULL, &id));
    nw_table_init(&table, study->ctx, listing->columns, (int)strlen(listing->kinds));
    status = print_rows(study, listing, &filter, &table);
    if (status >= 0)
        status = nw_table_write(&table, format, out);
    nw_table_free(&table);
    return status;
}
