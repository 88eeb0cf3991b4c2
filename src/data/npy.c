/*
 * npy.c - NumPy arrays: .npy files, and two of them in one .npz.
 *
 * A file is the magic "\x93NUMPY", two bytes of version, the length of the header (2
 * bytes in version 1, else 4), and the header: a Python dictionary such as
 * {'descr': '<f4', 'fortran_order': False, 'shape': (60000, 28, 28), }. Then the numbers.
 */
#include "source.h"

#include <ctype.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { MAGIC = 6, LONGEST_HEADER = 4096 };

/* The text behind 'key': in the header, or NULL. */
static const char *find(const char *header, const char *key)
{
    const char *p = strstr(header, key);

    if (!p)
        return NULL;
    p += strlen(key);
    while (*p == ' ' || *p == ':')
        p++;
    return p;
}

static nw_status parse_type(const nw_source *src, const char *header, nw_npy *out)
{
    const char *p = find(header, "'descr'");
    char type[8] = "";
    size_t n = 0;

    if (p && (*p == '\'' || *p == '"'))
        for (p++; *p && *p != '\'' && *p != '"' && n + 1 < sizeof(type);)
            type[n++] = *p++;
    if (type[0] == '>')
        return nw_source_bad(src, "numbers of type %s: the high byte comes first", type);
    out->kind = type[1];
    out->width = n == 3 ? type[2] - '0' : 0;
    if (n == 3 && strchr("<|=", type[0]) &&
        ((strchr("ui", type[1]) && strchr("1248", type[2])) ||
         (type[1] == 'f' && strchr("48", type[2]))))
        return NW_OK;
    return nw_source_bad(
        src, "numbers of type \"%s\" are not integers, float32 or float64", type);
}

static nw_status parse_shape(const nw_source *src, const char *header, nw_npy *out)
{
    const char *p = find(header, "'shape'");
    char *end;

    if (!p || *p++ != '(')
        return nw_source_bad(src, "no shape in its header");
    out->count = 1;
    for (out->rank = 0; *p != ')'; p = end) {
        long dim;

        while (*p == ' ' || *p == ',')
            p++;
        if (*p == ')')
            break;
        dim = strtol(p, &end, 10);
        if (end == p || !isdigit((unsigned char)*p) || out->rank == 4)
            return nw_source_bad(src, "its shape is not one of up to 4 axes");
        if (dim > INT_MAX || (dim && out->count > (size_t)INT64_MAX / 8 / (size_t)dim))
            return nw_source_bad(src, "its shape is too large");
        out->dim[out->rank++] = (int)dim;
        out->count *= (size_t)dim;
    }
    return NW_OK;
}

/* Where the header starts, and its length. */
static nw_status find_header(const nw_source *src, size_t *start, size_t *length)
{
    const uint8_t *p = src->data;

    if (src->size < MAGIC + 6 || memcmp(p, "\x93NUMPY", MAGIC))
        return nw_source_bad(src, "offset 0: not a NumPy array");
    if (p[MAGIC] < 1 || p[MAGIC] > 3)
        return nw_source_bad(src, "offset %d: version %d is not 1 to 3", MAGIC, p[MAGIC]);
    *start = p[MAGIC] == 1 ? MAGIC + 4 : MAGIC + 6;
    *length = p[8] | (size_t)p[9] << 8;
    if (p[MAGIC] > 1)
        *length |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
    if (*length >= LONGEST_HEADER || *length > src->size - *start)
        return nw_source_bad(src, "offset 8: a header of %zu bytes is too long", *length);
    return NW_OK;
}

nw_status nw_npy_parse(const nw_source *src, nw_npy *out)
{
    char header[LONGEST_HEADER];
    const char *order;
    size_t start = 0, length = 0;

    NW_TRY(find_header(src, &start, &length));
    memcpy(header, src->data + start, length);
    header[length] = 0;
    NW_TRY(parse_type(src, header, out));
    order = find(header, "'fortran_order'");
    if (!order || strncmp(order, "False", 5))
        return nw_source_bad(src, "its numbers are not in C order");
    NW_TRY(parse_shape(src, header, out));
    out->start = start + length;
    if (out->count * (size_t)out->width != src->size - out->start)
        return nw_source_bad(src, "%s at offset %zu: its header promises %zu bytes",
                             out->count * (size_t)out->width > src->size - out->start
                                 ? "cut short"
                                 : "goes on after its end",
                             src->size, out->start + out->count * (size_t)out->width);
    return NW_OK;
}

/* ---- Numbers ---------------------------------------------------------------- */

#define READ(type)                                                                       \
    {                                                                                    \
        type v;                                                                          \
        memcpy(&v, p, sizeof(v));                                                        \
        return (double)v;                                                                \
    }

static double real_at(const nw_source *src, const nw_npy *a, size_t i)
{
    const uint8_t *p = src->data + a->start + i * (size_t)a->width;

    if (a->kind == 'f') {
        if (a->width == 4)
            READ(float)
        READ(double)
    }
    switch (a->width + (a->kind == 'i')) {
    case 1:
        READ(uint8_t)
    case 2:
        if (a->kind == 'i')
            READ(int8_t)
        READ(uint16_t)
    case 3:
        READ(int16_t)
    case 4:
        READ(uint32_t)
    case 5:
        READ(int32_t)
    case 8:
        READ(uint64_t)
    default:
        READ(int64_t)
    }
}

static nw_status read_labels(const nw_source *src, const nw_npy *a, int classes,
                             nw_data_info *info)
{
    int32_t *labels;

    if (a->kind == 'f' || a->rank < 1 || a->count != (size_t)a->dim[0])
        return nw_source_bad(src, "labels are not integers of shape (N)");
    labels = nw_alloc(src->ctx, info->count * sizeof(*labels));
    if (!labels)
        return NW_ENOMEM;
    info->labels = labels;
    info->classes = classes;
    for (size_t i = 0; i < info->count; i++) {
        double v = real_at(src, a, i);

        if (v < 0 || v >= (classes ? classes : 1 << 20))
            return nw_source_bad(src, "offset %zu: label %.0f is outside 0..%d",
                                 a->start + i * (size_t)a->width, v,
                                 (classes ? classes : 1 << 20) - 1);
        labels[i] = (int32_t)v;
        if (!classes && labels[i] >= info->classes)
            info->classes = labels[i] + 1;
    }
    return NW_OK;
}

/* ---- Images ----------------------------------------------------------------- */

static nw_status set_shape(const nw_source *src, const nw_npy *a, int nhwc,
                           nw_data_info *info)
{
    int *s = info->shape;

    if (a->rank < 2 || !a->count)
        return nw_source_bad(
            src, "%s", a->count ? "its shape is not (N, ...)" : "holds no examples");
    info->count = (size_t)a->dim[0];
    s[0] = s[1] = s[2] = 1;
    if (a->rank == 2) /* (N, features) */
        s[0] = a->dim[1];
    if (a->rank == 3)
        memcpy(s + 1, a->dim + 1, 2 * sizeof(int));
    if (a->rank == 4) {
        s[0] = a->dim[nhwc ? 3 : 1];
        s[1] = a->dim[nhwc ? 1 : 2];
        s[2] = a->dim[nhwc ? 2 : 3];
    }
    return NW_OK;
}

/* Where number i of the file stands in NCHW. */
static size_t place(const int shape[3], int nhwc, size_t i)
{
    size_t c = (size_t)shape[0], hw = (size_t)shape[1] * (size_t)shape[2];

    return nhwc ? i / (c * hw) * (c * hw) + i % c * hw + i % (c * hw) / c : i;
}

static nw_status read_values(const nw_source *src, const nw_npy *a, int nhwc,
                             double scale, nw_data_info *info)
{
    int is_bytes = a->kind == 'u' && a->width == 1;
    uint8_t *bytes = is_bytes ? nw_map(src->ctx, a->count) : NULL;
    float *floats = is_bytes ? NULL : nw_map(src->ctx, a->count * sizeof(*floats));

    info->bytes = bytes;
    info->floats = floats;
    info->scale = scale != 0 ? scale : is_bytes ? 1 / 255. : 1;
    if (!bytes && !floats)
        return NW_ENOMEM;
    for (size_t i = 0; bytes && i < a->count; i++)
        bytes[place(info->shape, nhwc, i)] = src->data[a->start + i];
    for (size_t i = 0; floats && i < a->count; i++) {
        float v = (float)(real_at(src, a, i) * info->scale);

        if (!(v - v == 0)) /* not a number, or infinite */
            return nw_source_bad(src, "offset %zu: %g is not a finite number",
                                 a->start + i * (size_t)a->width, (double)v);
        floats[place(info->shape, nhwc, i)] = v;
    }
    return NW_OK;
}

nw_status nw_npy_read(const nw_source *x, const nw_source *y, const nw_npy_config *config,
                      nw_data_info *info)
{
    nw_npy ax = {0}, ay = {0};
    int nhwc;

    NW_TRY(nw_npy_parse(x, &ax));
    NW_TRY(nw_npy_parse(y, &ay));
    nhwc = config->nhwc && ax.rank == 4;
    NW_TRY(set_shape(x, &ax, nhwc, info));
    if (ay.rank < 1 || ay.dim[0] != ax.dim[0])
        return nw_source_bad(x, "%d examples, but %d labels in %s", ax.dim[0],
                             ay.rank ? ay.dim[0] : 0, y->path);
    NW_TRY(read_labels(y, &ay, config->classes, info));
    return read_values(x, &ax, nhwc, config->scale, info);
}

/* ---- The types -------------------------------------------------------------- */

struct npy {
    char x[NW_TEXT_SIZE], y[NW_TEXT_SIZE], layout[NW_TEXT_SIZE], file[NW_TEXT_SIZE];
    double scale;
    int classes;
};

static nw_status read_arrays(const struct npy *o, const nw_source *x, const nw_source *y,
                             nw_data_info *info)
{
    int nhwc = !strcmp(o->layout, "nhwc");

    if (!nhwc && strcmp(o->layout, "nchw"))
        return nw_fail(x->ctx, NW_ESPEC, "%s: layout=%s is not nchw or nhwc", x->format,
                       o->layout);
    return nw_npy_read(x, y, &(nw_npy_config){nhwc, o->classes, o->scale}, info);
}

#define COMMON                                                                           \
    {"layout", NW_TEXT, offsetof(struct npy, layout),       "nchw",                      \
     0,        0,       "nchw or nhwc, for x of four axes", NULL},                       \
        {"scale",                                                                        \
         NW_REAL,                                                                        \
         offsetof(struct npy, scale),                                                    \
         "0",                                                                            \
         0,                                                                              \
         0,                                                                              \
         "factor of every value; 0 = 1/255 for bytes, else 1",                           \
         NULL},                                                                          \
    {                                                                                    \
        "classes", NW_INT, offsetof(struct npy, classes), "0", 0, 1 << 20,               \
            "number of classes; 0 = largest label + 1", NULL                             \
    }

static const nw_attr npy_attrs[] = {
    {"x", NW_TEXT, offsetof(struct npy, x), NULL, 0, 0,
     "file of shape (N, features), (N, H, W), (N, C, H, W) or (N, H, W, C)", NULL},
    {"y", NW_TEXT, offsetof(struct npy, y), NULL, 0, 0, "file of N labels", NULL},
    COMMON,
    {0},
};

static nw_status npy_open(void *self, nw_ctx *ctx, nw_data_info *info)
{
    const struct npy *o = self;
    nw_source x = {.ctx = ctx}, y = {.ctx = ctx};
    nw_status status = nw_source_read(&x, ctx, "npy", o->x);

    if (status >= 0)
        status = nw_source_read(&y, ctx, "npy", o->y);
    if (status >= 0)
        status = read_arrays(o, &x, &y, info);
    nw_source_free(&x);
    nw_source_free(&y);
    return status;
}

const nw_data_type nw_data_npy = {
    .name = "npy",
    .doc = "two NumPy arrays, examples and labels",
    .attrs = npy_attrs,
    .size = sizeof(struct npy),
    .open = npy_open,
};

static const nw_attr npz_attrs[] = {
    {"file", NW_TEXT, offsetof(struct npy, file), NULL, 0, 0,
     "what numpy.savez() or savez_compressed() wrote", NULL},
    {"x", NW_TEXT, offsetof(struct npy, x), "x", 0, 0, "name of the examples", NULL},
    {"y", NW_TEXT, offsetof(struct npy, y), "y", 0, 0, "name of the labels", NULL},
    COMMON,
    {0},
};

static nw_status npz_open(void *self, nw_ctx *ctx, nw_data_info *info)
{
    const struct npy *o = self;
    char name[2][NW_TEXT_SIZE + 8], where[2][NW_PATH_SIZE];
    const char *const names[] = {name[0], name[1]};
    nw_source src[2];
    nw_status status;

    snprintf(name[0], sizeof(name[0]), "%s.npy", o->x);
    snprintf(name[1], sizeof(name[1]), "%s.npy", o->y);
    status = nw_archive_read(ctx, "npz", o->file, 2, names, src);
    for (int i = 0; status >= 0 && i < 2; i++) {
        if (!src[i].data)
            status = nw_source_bad(&src[i], "no %s in it", name[i]);
        snprintf(where[i], NW_PATH_SIZE, "%s:%s", o->file, name[i]);
        src[i].path = where[i];
    }
    if (status >= 0)
        status = read_arrays(o, &src[0], &src[1], info);
    nw_source_free(&src[0]);
    nw_source_free(&src[1]);
    return status;
}

const nw_data_type nw_data_npz = {
    .name = "npz",
    .doc = "examples and labels in one NumPy archive",
    .attrs = npz_attrs,
    .size = sizeof(struct npy),
    .open = npz_open,
};
