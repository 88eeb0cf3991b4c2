/*
 * csv.c - one example a line, one of the columns its label.
 *
 * Labels that are whole numbers from 0 on are taken as they are; otherwise the classes
 * are the different texts of the column, sorted.
 */
#include "fields.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CLASSES = 1 << 20 };

struct reader {
    nw_source *src;
    const nw_csv_config *config;
    nw_fields cut; /* the record that is looked at now */
    size_t label;  /* column                           */
};

/* ---- Header and columns ----------------------------------------------------- */

static int is_header(const struct reader *r)
{
    double value;

    for (size_t i = 0; i < r->cut.n; i++)
        if (i != r->label && !nw_parse_number(r->cut.field[i], &value))
            return 1;
    return 0;
}

static nw_status find_label(struct reader *r, int *named)
{
    const char *want = r->config->label;
    char *end;
    long i = strtol(want, &end, 10);

    r->label = r->cut.n - 1;
    *named = 0;
    if (!want[0])
        return NW_OK;
    if (!*end && (i < 0 || (size_t)i >= r->cut.n))
        return nw_fail(r->src->ctx, NW_ESPEC, "%s: label=%s: %s has columns 0..%zu",
                       r->src->format, want, r->src->path, r->cut.n - 1);
    if (!*end) {
        r->label = (size_t)i;
        return NW_OK;
    }
    *named = 1;
    for (r->label = 0; r->label < r->cut.n; r->label++)
        if (!strcmp(r->cut.field[r->label], want))
            return NW_OK;
    return nw_fail(r->src->ctx, NW_ESPEC,
                   "%s: label=%s: no such column in line %zu of %s", r->src->format, want,
                   r->cut.line, r->src->path);
}

/* Read the first line; is_row: it is an example already. */
static nw_status start(struct reader *r, int *is_row)
{
    const char *header = r->config->header;
    nw_status status = nw_fields_first(&r->cut, r->src, r->config->separator);
    int named;

    NW_TRY(status);
    if (status == NW_DONE)
        return nw_source_bad(r->src, "holds no examples");
    if (r->cut.n < 2)
        return nw_source_bad(r->src, "line %zu: one column only, no \"%c\"", r->cut.line,
                             r->config->separator);
    NW_TRY(find_label(r, &named));
    if (strcmp(header, "auto") && strcmp(header, "yes") && strcmp(header, "no"))
        return nw_fail(r->src->ctx, NW_ESPEC, "%s: header=%s is not auto, yes or no",
                       r->src->format, header);
    *is_row = !named && (header[0] == 'n' || (header[0] == 'a' && !is_header(r)));
    return NW_OK;
}

/* ---- Rows ------------------------------------------------------------------- */

static nw_status read_row(struct reader *r, float *values, const char **label)
{
    const nw_csv_config *c = r->config;
    double v;

    *label = r->cut.field[r->label];
    if (!**label)
        return nw_fields_bad(&r->cut, r->label, "is no label");
    if (c->classes && nw_parse_number(*label, &v) && (v < 0 || v >= c->classes))
        return nw_fields_bad(&r->cut, r->label, "is a label outside the classes");
    for (size_t i = 0; i < r->cut.n; i++) {
        if (i == r->label)
            continue;
        if (!nw_parse_number(r->cut.field[i], &v))
            return nw_fields_bad(&r->cut, i, "is not a number");
        *values = (float)(v * c->scale);
        if (!isfinite(*values++))
            return nw_fields_bad(&r->cut, i, "is not a finite number");
    }
    return NW_OK;
}

/* Lines that are left, but not more than there can be: each of a row's fields takes a
 * byte at least. */
static size_t count_lines(const struct reader *r)
{
    const char *p = r->cut.next, *end = (const char *)r->src->data + r->src->size;
    size_t n = 1, most = (r->src->size + 1) / r->cut.n + 1;

    while (p < end && (p = memchr(p, '\n', (size_t)(end - p)))) {
        n++;
        p++;
    }
    return n + 1 < most ? n + 1 : most;
}

static nw_status read_rows(struct reader *r, int is_row, const char **label,
                           nw_data_info *info)
{
    float *values = (float *)info->floats;
    size_t n = r->cut.n - 1;

    for (;; info->count++) {
        nw_status status = is_row ? NW_OK : nw_fields_next(&r->cut);

        NW_TRY(status);
        if (status == NW_DONE)
            break;
        is_row = 0;
        NW_TRY(read_row(r, values + info->count * n, &label[info->count]));
    }
    return info->count ? NW_OK : nw_source_bad(r->src, "holds no examples");
}

/* ---- Labels ----------------------------------------------------------------- */

/* Whole numbers from 0: taken as they are. 0 = some are not. */
static int labels_are_numbers(const char *const *label, int32_t *out, size_t n,
                              int *classes)
{
    int most = 0;
    double v;

    for (size_t i = 0; i < n; i++) {
        if (!nw_parse_number(label[i], &v) || !(v >= 0 && v < MOST_CLASSES) ||
            v != floor(v))
            return 0;
        out[i] = (int32_t)v;
        most = out[i] + 1 > most ? out[i] + 1 : most;
    }
    *classes = most > *classes ? most : *classes;
    return 1;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static nw_status number_texts(const nw_source *src, const char *const *label, int classes,
                              nw_data_info *info)
{
    int32_t *out = (int32_t *)info->labels;
    size_t n = 0, size = info->count * sizeof(*label);
    const char **sorted = nw_alloc(src->ctx, size);
    nw_status status;

    if (!sorted)
        return NW_ENOMEM;
    memcpy(sorted, label, size);
    qsort(sorted, info->count, sizeof(*sorted), compare);
    for (size_t i = 0; i < info->count; i++)
        if (!i || strcmp(sorted[i], sorted[n - 1]))
            sorted[n++] = sorted[i];
    if (classes && n > (size_t)classes)
        status = nw_source_bad(src, "%zu different labels, but classes=%d", n, classes);
    else
        status = nw_class_names(src->ctx, (int)n, sorted, info);
    info->classes = (int)n;
    for (size_t i = 0; status >= 0 && i < info->count; i++) {
        const char **at = bsearch(&label[i], sorted, n, sizeof(*sorted), compare);

        out[i] = (int32_t)(at - sorted);
    }
    nw_release(src->ctx, sorted);
    return status;
}

/* ---- All of it -------------------------------------------------------------- */

static nw_status set_shape(const struct reader *r, nw_data_info *info)
{
    const int *s = r->config->shape;
    size_t n = r->cut.n - 1;

    info->shape[0] = (int)n;
    info->shape[1] = info->shape[2] = 1;
    if (!s[0])
        return NW_OK;
    if ((double)s[0] * s[1] * s[2] != (double)n)
        return nw_fail(r->src->ctx, NW_ESHAPE,
                       "%s: shape=%dx%dx%d: a line of %s has %zu numbers", r->src->format,
                       s[0], s[1], s[2], r->src->path, n);
    memcpy(info->shape, s, sizeof(info->shape));
    return NW_OK;
}

static nw_status read_all(struct reader *r, nw_data_info *info)
{
    nw_ctx *ctx = r->src->ctx;
    const char **label;
    nw_status status;
    size_t room;
    int is_row = 0;

    NW_TRY(start(r, &is_row));
    NW_TRY(set_shape(r, info));
    room = count_lines(r);
    info->scale = r->config->scale;
    info->floats = nw_map(ctx, room * (r->cut.n - 1) * sizeof(float));
    info->labels = nw_alloc(ctx, room * sizeof(int32_t));
    label = nw_alloc(ctx, room * sizeof(*label));
    status = info->floats && info->labels && label ? read_rows(r, is_row, label, info)
                                                   : NW_ENOMEM;
    info->classes = r->config->classes;
    if (status >= 0 &&
        !labels_are_numbers(label, (int32_t *)info->labels, info->count, &info->classes))
        status = number_texts(r->src, label, r->config->classes, info);
    nw_release(ctx, label);
    return status;
}

nw_status nw_csv_parse(nw_source *src, const nw_csv_config *config, nw_data_info *info)
{
    struct reader r = {.src = src, .config = config};
    nw_status status = read_all(&r, info);

    nw_fields_free(&r.cut);
    return status;
}

/* ---- The type --------------------------------------------------------------- */

struct csv {
    char file[NW_TEXT_SIZE], label[NW_TEXT_SIZE], header[NW_TEXT_SIZE];
    char separator[NW_TEXT_SIZE], shape[NW_TEXT_SIZE];
    int classes;
    double scale;
};

static const nw_attr attrs[] = {
    {"file", NW_TEXT, offsetof(struct csv, file), NULL, 0, 0, "text, .gz or plain", NULL},
    {"label", NW_TEXT, offsetof(struct csv, label), "", 0, 0,
     "name or index (from 0) of the label's column; default the last", NULL},
    {"header", NW_TEXT, offsetof(struct csv, header), "auto", 0, 0,
     "auto, yes or no: the first line has names", NULL},
    {"separator", NW_TEXT, offsetof(struct csv, separator), ",", 0, 0,
     "one character, or tab", NULL},
    {"shape", NW_TEXT, offsetof(struct csv, shape), "", 0, 0,
     "CxHxW of an example; default (columns, 1, 1)", NULL},
    {"classes", NW_INT, offsetof(struct csv, classes), "0", 0, MOST_CLASSES,
     "number of classes; 0 = as the labels say", NULL},
    {"scale", NW_REAL, offsetof(struct csv, scale), "1", 0, 0, "factor of every value",
     NULL},
    {0},
};

static nw_status configure(nw_ctx *ctx, const struct csv *o, nw_csv_config *out)
{
    char rest;

    *out = (nw_csv_config){.label = o->label,
                           .header = o->header,
                           .separator = o->separator[0],
                           .classes = o->classes,
                           .scale = o->scale};
    if (!strcmp(o->separator, "tab"))
        out->separator = '\t';
    else if (strlen(o->separator) != 1 || strchr("\"\n\r", o->separator[0]))
        return nw_fail(ctx, NW_ESPEC, "csv: separator=%s is not one character or tab",
                       o->separator);
    if (o->shape[0] && (sscanf(o->shape, "%5dx%5dx%5d%c", &out->shape[0], &out->shape[1],
                               &out->shape[2], &rest) != 3 ||
                        out->shape[0] < 1 || out->shape[1] < 1 || out->shape[2] < 1))
        return nw_fail(ctx, NW_ESPEC, "csv: shape=%s is not CxHxW", o->shape);
    return NW_OK;
}

static nw_status csv_open(void *self, nw_ctx *ctx, nw_data_info *info)
{
    const struct csv *o = self;
    nw_source src = {.ctx = ctx};
    nw_csv_config config;
    nw_status status;

    NW_TRY(configure(ctx, o, &config));
    status = nw_source_read(&src, ctx, "csv", o->file);
    if (status >= 0)
        status = nw_csv_parse(&src, &config, info);
    nw_source_free(&src);
    return status;
}

const nw_data_type nw_data_csv = {
    .name = "csv",
    .doc = "one example a line, one column its label",
    .attrs = attrs,
    .size = sizeof(struct csv),
    .open = csv_open,
};
