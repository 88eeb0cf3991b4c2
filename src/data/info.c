/* info.c - what is in a data set, for people and for programs. */
#include "data.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

struct facts {
    const nw_data *data;
    int64_t *of_class; /* examples of each class */
    double min, max;
    double *mean, *sd; /* of each channel */
};

static const char *class_name(const struct facts *f, int i, char number[16])
{
    if (f->data->info.class_names)
        return f->data->info.class_names[i];
    snprintf(number, 16, "%d", i);
    return number;
}

static void find_range(struct facts *f)
{
    const nw_data_info *info = &f->data->info;
    size_t size = nw_data_example_size(f->data);
    double scale = info->bytes ? info->scale : 1, low = 1e300, high = -1e300;

    for (size_t i = 0; i < f->data->count; i++) {
        size_t example = nw_data_example(f->data, i);

        f->of_class[info->labels[example]]++;
        for (size_t k = example * size; k < (example + 1) * size; k++) {
            double v = info->bytes ? info->bytes[k] : (double)info->floats[k];

            low = v < low ? v : low;
            high = v > high ? v : high;
        }
    }
    f->min = scale * (scale < 0 ? high : low);
    f->max = scale * (scale < 0 ? low : high);
}

static nw_status find(struct facts *f, const nw_data *data)
{
    size_t channels = (size_t)data->info.shape[0];

    f->data = data;
    f->of_class = nw_alloc(data->ctx, (size_t)data->info.classes * sizeof(*f->of_class));
    f->mean = nw_alloc(data->ctx, 2 * channels * sizeof(*f->mean));
    if (!f->of_class || !f->mean)
        return NW_ENOMEM;
    f->sd = f->mean + channels;
    find_range(f);
    return nw_data_moments(data->ctx, data, f->mean, f->sd);
}

/* ---- Table ------------------------------------------------------------------ */

static void print_table(const struct facts *f, FILE *out)
{
    const nw_data_info *info = &f->data->info;
    char number[16];

    fprintf(out, "data      %s\n", f->data->spec);
    fprintf(out, "shape     %dx%dx%d\n", info->shape[0], info->shape[1], info->shape[2]);
    fprintf(out, "examples  %zu\n", f->data->count);
    fprintf(out, "classes   %d\n", info->classes);
    fprintf(out, "range     %g to %g\n", f->min, f->max);
    for (int c = 0; c < info->shape[0]; c++)
        fprintf(out, "%-9s mean %.6g  std %.6g\n", c ? "" : "channel", f->mean[c],
                f->sd[c]);
    fprintf(out, "hash      %016" PRIx64 "\n\n%-24s %9s %7s\n", nw_data_hash(f->data),
            "class", "examples", "share");
    for (int i = 0; i < info->classes; i++)
        fprintf(out, "%-24s %9" PRId64 " %6.2f%%\n", class_name(f, i, number),
                f->of_class[i], 100. * (double)f->of_class[i] / (double)f->data->count);
}

/* ---- CSV -------------------------------------------------------------------- */

static void print_quoted(const char *text, FILE *out)
{
    if (!strpbrk(text, ",\"\n")) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

/* One fact a row: which, of what, how much. */
static void print_csv(const struct facts *f, FILE *out)
{
    static const char *const axis[] = {"channels", "height", "width"};
    const nw_data_info *info = &f->data->info;
    char number[16];

    fprintf(out, "fact,of,value\n");
    for (int i = 0; i < 3; i++)
        fprintf(out, "shape,%s,%d\n", axis[i], info->shape[i]);
    fprintf(out, "examples,,%zu\nclasses,,%d\nmin,,%.9g\nmax,,%.9g\n", f->data->count,
            info->classes, f->min, f->max);
    for (int c = 0; c < info->shape[0]; c++)
        fprintf(out, "mean,%d,%.9g\nstd,%d,%.9g\n", c, f->mean[c], c, f->sd[c]);
    fprintf(out, "hash,,%016" PRIx64 "\n", nw_data_hash(f->data));
    for (int i = 0; i < info->classes; i++) {
        fprintf(out, "class,");
        print_quoted(class_name(f, i, number), out);
        fprintf(out, ",%" PRId64 "\n", f->of_class[i]);
    }
}

/* ---- JSON ------------------------------------------------------------------- */

static json_t *reals(const double *value, int n)
{
    json_t *array = json_array();

    for (int i = 0; i < n; i++)
        json_array_append_new(array, json_real(value[i]));
    return array;
}

static json_t *balance(const struct facts *f)
{
    json_t *array = json_array();
    char number[16];

    for (int i = 0; i < f->data->info.classes; i++)
        json_array_append_new(array,
                              json_pack("{s:s,s:I}", "name", class_name(f, i, number),
                                        "examples", (json_int_t)f->of_class[i]));
    return array;
}

static nw_status print_json(const struct facts *f, FILE *out)
{
    const nw_data_info *info = &f->data->info;
    const int *s = info->shape;
    char hash[32];
    json_t *root;
    int failed;

    snprintf(hash, sizeof(hash), "%016" PRIx64, nw_data_hash(f->data));
    root = json_pack("{s:s,s:[iii],s:I,s:i,s:f,s:f,s:o,s:o,s:s,s:o}", "data",
                     f->data->spec, "shape", s[0], s[1], s[2], "examples",
                     (json_int_t)f->data->count, "classes", info->classes, "min", f->min,
                     "max", f->max, "mean", reals(f->mean, s[0]), "std",
                     reals(f->sd, s[0]), "hash", hash, "balance", balance(f));
    if (!root)
        return nw_fail(f->data->ctx, NW_EFORMAT, "data info: a name is not UTF-8");
    failed = json_dumpf(root, out, JSON_INDENT(2)) || fputc('\n', out) == EOF;
    json_decref(root);
    return failed ? nw_fail(f->data->ctx, NW_EIO, "data info: cannot write") : NW_OK;
}

nw_status nw_data_info_print(nw_data *data, const char *format, FILE *out)
{
    struct facts f = {0};
    nw_status status;

    if (!data)
        return NW_ENOMEM;
    nw_clear(data->ctx);
    if (!format || !out)
        return nw_fail(data->ctx, NW_EINVAL, "data info: an argument is missing");
    status = find(&f, data);
    if (status >= 0 && !strcmp(format, "json"))
        status = print_json(&f, out);
    else if (status >= 0 && !strcmp(format, "csv"))
        print_csv(&f, out);
    else if (status >= 0 && !strcmp(format, "table"))
        print_table(&f, out);
    else if (status >= 0)
        status = nw_fail(data->ctx, NW_EINVAL,
                         "data info: format %s is not table, json or csv", format);
    nw_release(data->ctx, f.of_class);
    nw_release(data->ctx, f.mean);
    return status;
}
