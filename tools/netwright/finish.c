/* finish.c - the end of a job: the test, the files, the summary. */
#include "archs.h"
#include "paths.h"
#include "sheet.h"
#include "specs.h"
#include "work.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

enum { TEST_BATCH = 100 };

/* What a finished study holds beside its database. */
static const struct product {
    const char *file, *exporter;
    int of_net; /* has its weights */
} products[] = {
    {"arch.json", "json", 0},
    {"arch.svg", "svg", 0},
    {"model.onnx", "onnx", 1},
    {"model.safetensors", "safetensors", 1},
};

enum { N_PRODUCTS = sizeof(products) / sizeof(*products) };

static int test_all(struct work *work)
{
    for (int i = 0; i < work->n_candidate; i++) {
        struct candidate *c = &work->candidate[i];
        nw_status status;

        detail(work->tool, "%s: evaluating on test data", c->stage);
        status = nw_net_score(c->net, work->test, TEST_BATCH, &c->test);
        if (status >= 0)
            status = nw_net_cost(c->net, &c->test);
        if (status < 0)
            return failed(work->tool, status);
    }
    return EXIT_OK;
}

/* Write one file and read it back. */
static int write_product(struct work *work, const struct product *product)
{
    const struct candidate *winner = &work->candidate[0];
    /* Files tell of the architecture in the search space; the model is of its network. */
    const nw_arch *arch = winner->arch ? winner->arch : winner->own;
    const char *path = paths_join(work->tool, work->dir, product->file);
    nw_status status = nw_export(arch, winner->net, product->exporter, path);

    if (status >= 0)
        status = nw_export_verify(arch, winner->net, product->exporter, path);
    if (status < 0)
        return failed(work->tool, status);
    detail(work->tool, "%s: read back: same", path);
    return EXIT_OK;
}

static int write_curves(struct work *work)
{
    struct tool *tool = work->tool;
    const char *path = paths_join(tool, work->dir, "curves.csv");
    FILE *out = fopen(path, "w");
    nw_status status;

    if (!out)
        return fail(tool, "%s: cannot be written", path);
    status = nw_study_print(work->study, "epochs", "csv", out);
    if (fclose(out) && status >= 0)
        return fail(tool, "%s: cannot be written", path);
    return status < 0 ? failed(tool, status) : EXIT_OK;
}

static const char *label(const struct work *work, int i)
{
    if (i)
        return work->candidate[i].stage;
    return isnan(work->search_s) ? "network" : "winner";
}

static void fill_summary(const struct work *work, struct sheet *sheet)
{
    sheet_open(sheet, work->tool,
               "network|accuracy|loss|parameters|MACs|peak bytes|search|training");
    for (int i = 0; i < work->n_candidate; i++) {
        const struct candidate *c = &work->candidate[i];

        sheet_text(sheet, label(work, i));
        sheet_number(sheet, c->test.accuracy, STYLE_PERCENT);
        sheet_number(sheet, c->test.loss, STYLE_REAL);
        sheet_number(sheet, c->test.params, STYLE_WHOLE);
        sheet_number(sheet, c->test.macs, STYLE_WHOLE);
        sheet_number(sheet, c->test.peak_bytes, STYLE_WHOLE);
        sheet_number(sheet, i ? NAN : work->search_s, STYLE_SECONDS);
        sheet_number(sheet, c->seconds, STYLE_SECONDS);
    }
}

static json_t *real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *describe_candidate(const struct work *work, int i)
{
    const struct candidate *c = &work->candidate[i];
    const char *arch = archs_text(work->tool, c->arch ? c->arch : c->own);

    return json_pack(
        "{s:s s:s s:o? s:o s:o s:o s:o s:o s:o s:o s:o}", "network", label(work, i),
        "stage", c->stage, "arch", arch ? json_loads(arch, 0, NULL) : NULL, "accuracy",
        real(c->test.accuracy), "loss", real(c->test.loss), "top5", real(c->test.top5),
        "valid_accuracy", real(c->valid.accuracy), "params",
        json_integer((json_int_t)c->test.params), "macs",
        json_integer((json_int_t)c->test.macs), "peak_bytes",
        json_integer((json_int_t)c->test.peak_bytes), "seconds", real(c->seconds));
}

/* Hashes of what each part of the data held, in hexadecimal. */
static json_t *describe_data(struct work *work)
{
    nw_data *train, *valid, *part[3];
    char hash[3][20];
    int shape[3];

    work_split(work, work->tool->opt.holdout, &train, &valid);
    part[0] = train, part[1] = valid, part[2] = work->test;
    for (int i = 0; i < 3; i++)
        snprintf(hash[i], sizeof(hash[i]), "%016" PRIx64, nw_data_hash(part[i]));
    nw_data_shape(work->data, shape);
    return json_pack("{s:s s:[i,i,i] s:i s:s s:s s:s}", "spec", work->tool->opt.data,
                     "shape", shape[0], shape[1], shape[2], "classes",
                     nw_data_classes(work->data), "train_hash", hash[0], "valid_hash",
                     hash[1], "test_hash", hash[2]);
}

static json_t *describe(struct work *work)
{
    struct tool *tool = work->tool;
    json_t *networks = json_array();

    for (int i = 0; i < work->n_candidate; i++)
        json_array_append_new(networks, describe_candidate(work, i));
    return json_pack("{s:s s:s s:s s:I s:o s:o s:o}", "netwright", nw_version(), "space",
                     specs_with(tool, "space", tool->opt.space), "architectures",
                     nw_space_count(work->space), "seed", (json_int_t)tool->opt.seed,
                     "data", describe_data(work), "search_seconds", real(work->search_s),
                     "networks", networks);
}

static int write_summary(struct work *work)
{
    const char *path = paths_join(work->tool, work->dir, "summary.json");
    json_t *root = describe(work);
    int bad =
        !root || json_dump_file(root, path, JSON_INDENT(2) | JSON_REAL_PRECISION(9));

    json_decref(root);
    return bad ? fail(work->tool, "%s: cannot be written", path) : EXIT_OK;
}

/* The best architecture of the search in the search's own words; NULL = it has none. */
static int write_found(struct work *work, const nw_arch *best)
{
    for (int i = 0; i < N_PRODUCTS; i++) {
        const struct product *p = &products[i];
        const char *path = paths_join(work->tool, work->dir, p->file);
        nw_status status = p->of_net ? NW_OK : nw_export(best, NULL, p->exporter, path);

        if (status < 0)
            return failed(work->tool, status);
    }
    return EXIT_OK;
}

int work_found(struct work *work, const nw_arch *best, const nw_score *score)
{
    struct tool *tool = work->tool;
    struct sheet sheet;
    int code = write_found(work, best);

    if (code)
        return code;
    sheet_open(&sheet, tool,
               "quality|accuracy|loss|parameters|MACs|peak bytes|latency|search|arch");
    sheet.one = 1;
    sheet_number(&sheet, score->quality, STYLE_REAL);
    sheet_number(&sheet, score->accuracy, STYLE_PERCENT);
    sheet_number(&sheet, score->loss, STYLE_REAL);
    sheet_number(&sheet, score->params, STYLE_WHOLE);
    sheet_number(&sheet, score->macs, STYLE_WHOLE);
    sheet_number(&sheet, score->peak_bytes, STYLE_WHOLE);
    sheet_number(&sheet, score->latency_ms, STYLE_REAL);
    sheet_number(&sheet, work->search_s, STYLE_SECONDS);
    sheet_text(&sheet, archs_text(tool, best));
    code = sheet_print(&sheet, stdout);
    note(tool, "%s: arch.json arch.svg", work->dir);
    return code;
}

int work_finish(struct work *work)
{
    struct sheet sheet;
    int code = test_all(work);

    for (int i = 0; i < N_PRODUCTS && !code; i++)
        code = write_product(work, &products[i]);
    if (!code)
        code = write_curves(work);
    if (!code)
        code = write_summary(work);
    if (code)
        return code;
    fill_summary(work, &sheet);
    code = sheet_print(&sheet, stdout);
    note(work->tool,
         "%s: arch.json arch.svg model.onnx model.safetensors curves.csv "
         "summary.json; read back: same",
         work->dir);
    return code;
}
