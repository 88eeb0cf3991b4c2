#include "npz.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void die(const char *what, const char *name)
{
    fprintf(stderr, "npz: %s: %s\n", name, what);
    exit(1);
}

static void *get(size_t size)
{
    void *p = calloc(1, size + 1);

    if (!p)
        die("out of memory", "");
    return p;
}

static void parse_shape(struct array *a, const char *header)
{
    const char *s = strstr(header, "'shape':");

    s = s ? strchr(s, '(') : NULL;
    if (!s)
        die("no shape", a->name);
    a->count = 1;
    for (s++; *s && *s != ')' && a->rank < 6;) {
        char *end;
        long d = strtol(s, &end, 10);

        if (end == s)
            break;
        a->dim[a->rank++] = (int)d;
        a->count *= (size_t)d;
        for (s = end; *s == ',' || *s == ' '; s++)
            ;
    }
}

static double number(const unsigned char *p, const char *type)
{
    float f;
    double d;
    int32_t i;
    int64_t l;

    if (!strcmp(type, "<f4"))
        return memcpy(&f, p, 4), f;
    if (!strcmp(type, "<f8"))
        return memcpy(&d, p, 8), d;
    if (!strcmp(type, "<i4"))
        return memcpy(&i, p, 4), i;
    if (!strcmp(type, "<i8"))
        return memcpy(&l, p, 8), (double)l;
    die("unknown dtype", type);
    return 0;
}

static void parse(struct array *a, const unsigned char *data, size_t size)
{
    size_t header = size > 10 ? (size_t)data[8] + 256u * data[9] : 0, width;
    char *text = get(header), type[16] = "";
    const unsigned char *body = data + 10 + header;
    const char *s;

    if (size < 10 + header || memcmp(data, "\x93NUMPY", 6))
        die("not an npy", a->name);
    memcpy(text, data + 10, header);
    s = strstr(text, "'descr':");
    if (!s || sscanf(s + 8, " '%15[^']'", type) != 1)
        die("no dtype", a->name);
    parse_shape(a, text);
    free(text);
    if (type[1] == 'U') { /* UTF-32 little endian, of which only ASCII is expected */
        width = (size_t)atoi(type + 2);
        a->text = get(width);
        for (size_t i = 0; i < width; i++)
            a->text[i] = (char)body[4 * i];
        return;
    }
    width = (size_t)atoi(type + 2);
    if (size - 10 - header < a->count * width)
        die("truncated", a->name);
    a->number = get(a->count * sizeof(double));
    for (size_t i = 0; i < a->count; i++)
        a->number[i] = number(body + i * width, type);
}

struct npz *npz_open(const char *path)
{
    struct archive *in = archive_read_new();
    struct archive_entry *entry;
    struct npz *npz = get(sizeof(*npz));

    archive_read_support_format_zip(in);
    if (archive_read_open_filename(in, path, 1 << 16) != ARCHIVE_OK)
        die(archive_error_string(in), path);
    while (archive_read_next_header(in, &entry) == ARCHIVE_OK) {
        const char *name = archive_entry_pathname(entry);
        size_t size = 0, room = 1 << 16;
        unsigned char *data = get(room);
        la_ssize_t n;

        while ((n = archive_read_data(in, data + size, room - size)) > 0) {
            size += (size_t)n;
            if (size == room)
                data = realloc(data, room *= 2);
            if (!data)
                die("out of memory", path);
        }
        npz->array = realloc(npz->array, (size_t)(npz->n + 1) * sizeof(*npz->array));
        npz->array[npz->n] = (struct array){.name = get(strlen(name))};
        memcpy(npz->array[npz->n].name, name, strlen(name) - 4); /* without ".npy" */
        parse(&npz->array[npz->n++], data, size);
        free(data);
    }
    archive_read_free(in);
    return npz;
}

void npz_close(struct npz *npz)
{
    for (int i = 0; i < npz->n; i++) {
        free(npz->array[i].name);
        free(npz->array[i].number);
        free(npz->array[i].text);
    }
    free(npz->array);
    free(npz);
}

const struct array *npz_find(const struct npz *npz, const char *name)
{
    for (int i = 0; i < npz->n; i++)
        if (!strcmp(npz->array[i].name, name))
            return &npz->array[i];
    return NULL;
}

const struct array *npz_get(const struct npz *npz, const char *format, ...)
{
    char name[300];
    const struct array *a;
    va_list list;

    va_start(list, format);
    vsnprintf(name, sizeof(name), format, list);
    va_end(list);
    a = npz_find(npz, name);
    if (!a)
        die("no such array", name);
    return a;
}
