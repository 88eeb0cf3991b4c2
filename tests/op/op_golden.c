#include "op_golden.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char head[] = "NWOPS 1\n";

int golden_open(struct golden *g)
{
    FILE *f = fopen("tests/golden/ops.bin", "rb");
    long size;

    *g = (struct golden){0};
    if (!f)
        return 0;
    fseek(f, 0, SEEK_END);
    size = ftell(f);
    rewind(f);
    g->bytes = malloc((size_t)size + 1);
    g->size = g->bytes ? fread(g->bytes, 1, (size_t)size, f) : 0;
    fclose(f);
    g->at = sizeof(head) - 1;
    return g->size > g->at && !memcmp(g->bytes, head, g->at);
}

void golden_close(struct golden *g)
{
    free(g->bytes);
}

static const unsigned char *take(struct golden *g, size_t n)
{
    static const unsigned char zeros[256];
    const unsigned char *p = g->bytes + g->at;

    if (n > g->size - g->at) {
        g->broken = 1;
        return zeros;
    }
    g->at += n;
    return p;
}

static unsigned take_number(struct golden *g, size_t bytes)
{
    const unsigned char *p = take(g, bytes);
    unsigned v = 0;

    for (size_t i = 0; i < bytes; i++)
        v |= (unsigned)p[i] << 8 * i;
    return v;
}

static void take_text(struct golden *g, size_t length, char *out, size_t size)
{
    if (length >= size)
        g->broken = 1;
    else
        memcpy(out, take(g, length), length);
    out[g->broken ? 0 : length] = 0;
}

static void take_shape(struct golden *g, nw_shape *out)
{
    out->rank = (int)take_number(g, 1);
    if (out->rank > NW_MAX_RANK)
        g->broken = 1;
    for (int i = 0; !g->broken && i < out->rank; i++)
        out->dim[i] = (int)take_number(g, 4);
}

static void take_array(struct golden *g, struct golden_array *a)
{
    take_text(g, take_number(g, 1), a->name, sizeof(a->name));
    a->bytes = (int)take_number(g, 1);
    a->n = take_number(g, 4);
    a->data = take(g, a->n * (size_t)a->bytes);
}

int golden_next(struct golden *g, struct golden_row *row)
{
    *row = (struct golden_row){0};
    if (g->at >= g->size || g->broken)
        return 0;
    take_text(g, take_number(g, 2), row->spec, sizeof(row->spec));
    row->c.spec = row->spec;
    row->c.n_in = (int)take_number(g, 1);
    for (int i = 0; i < row->c.n_in && i < OP_MOST_IN; i++)
        take_shape(g, &row->c.in[i]);
    row->batch = (int)take_number(g, 4);
    row->mode = (nw_mode)take_number(g, 1);
    row->recalibrated = (long)take_number(g, 4);
    row->n = (int)take_number(g, 1);
    if (row->n > GOLDEN_MOST_ARRAYS)
        g->broken = 1;
    for (int i = 0; !g->broken && i < row->n; i++)
        take_array(g, &row->array[i]);
    return !g->broken;
}

const struct golden_array *golden_find(const struct golden_row *row, const char *kind,
                                       const char *name)
{
    char full[2 * NW_TEXT_SIZE];

    snprintf(full, sizeof(full), "%s%s", kind, name);
    for (int i = 0; i < row->n; i++)
        if (!strcmp(row->array[i].name, full))
            return &row->array[i];
    return NULL;
}

double golden_get(const struct golden_array *a, size_t i)
{
    double d;
    float f;

    if (a->bytes == sizeof(f)) {
        memcpy(&f, a->data + i * sizeof(f), sizeof(f));
        return (double)f;
    }
    memcpy(&d, a->data + i * sizeof(d), sizeof(d));
    return d;
}

static size_t place(const nw_shape *shape, size_t i)
{
    return shape ? op_place(shape, i) : i;
}

void golden_load(const struct op_run *r, const struct op_array *to, const nw_shape *shape,
                 const struct golden_array *from)
{
    for (size_t i = 0; i < from->n && i < to->n; i++)
        op_set(r, to, place(shape, i), golden_get(from, i));
}

double golden_distance(const struct op_run *r, const struct op_array *mine,
                       const nw_shape *shape, const struct golden_array *golden)
{
    double apart = 0, norm = 0;

    if (mine->n != golden->n)
        return (double)INFINITY;
    for (size_t i = 0; i < golden->n; i++) {
        double g = golden_get(golden, i), d = op_get(r, mine, place(shape, i)) - g;

        apart += d * d;
        norm += g * g;
    }
    return isfinite(apart) ? sqrt(apart) / fmax(sqrt(norm), 1e-3) : (double)INFINITY;
}
