/* open.c - published spaces and files by name, and the networks derived from them. */
#include "family.h"
#include "graph.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST_ORIGIN = 2048, LARGEST_FILE = 16 << 20 };

nw_ref nw_opf(nw_space *space, nw_ref x, const char *format, ...)
{
    char spec[1024];
    va_list list;

    va_start(list, format);
    vsnprintf(spec, sizeof(spec), format, list);
    va_end(list);
    return nw_op_n(space, spec, 1, &x);
}

static nw_space *network_at(nw_space *space, const nw_arch *arch);

enum { MOST_TYPES = 512 };

static int append(const void **all, int n, const nw_space_type *const *list)
{
    for (; *list && n < MOST_TYPES; list++)
        all[n++] = *list;
    return n;
}

/* A space of that name or else a network, or the other way round. */
static const nw_space_type *find_type(nw_ctx *ctx, const char *spec, int is_net)
{
    const void *all[MOST_TYPES + 1];
    int n = append(all, 0, is_net ? nw_nets : nw_spaces);

    n = append(all, n, is_net ? nw_spaces : nw_nets);
    all[n] = NULL;
    return nw_spec_find(ctx, is_net ? "network" : "space", all, spec);
}

static nw_status build_type(nw_space *space, const nw_space_type *type, const char *spec,
                            const int input[3], int classes, const nw_arch *arch)
{
    void *self = type ? nw_arena_get(&space->arena, type->size + 1) : NULL;

    space->origin = self ? nw_arena_dup(&space->arena, spec) : NULL;
    if (!space->origin ||
        nw_spec_parse(space->ctx, (const nw_head *)type, spec, NULL, self) < 0)
        goto failed;
    for (int i = 0; input && i < 3; i++)
        space->input[i] = input[i];
    space->classes = classes;
    space->keys = self;
    if (type->build(self, space, input, classes, arch) < 0)
        goto failed;
    if (!arch) { /* else it is one network, without the family's rules */
        space->family = type;
        space->at = network_at;
    }
    return NW_OK;
failed:
    nw_space_pass_on(space);
    return space->status;
}

nw_status nw_family_build(nw_space *space, const char *spec, const int input[3],
                          int classes, const nw_arch *arch)
{
    return build_type(space, find_type(space->ctx, spec, 0), spec, input, classes, arch);
}

nw_status nw_read_file(nw_ctx *ctx, const char *path, char **text, size_t *length)
{
    FILE *file = fopen(path, "rb");
    nw_status status = NW_OK;
    long size;

    *text = NULL;
    if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) < 0) {
        status = nw_fail(ctx, NW_EIO, "%s: %s", path, strerror(errno));
    } else if (size > LARGEST_FILE) {
        status = nw_fail(ctx, NW_EFORMAT, "%s: larger than %d bytes", path, LARGEST_FILE);
    } else {
        rewind(file);
        *text = nw_alloc(ctx, (size_t)size + 1);
        *length = (size_t)size;
        status = *text ? NW_OK : NW_ENOMEM;
    }
    if (*text && fread(*text, 1, *length, file) != *length) {
        status = nw_fail(ctx, NW_EIO, "%s: cannot be read", path);
        nw_release(ctx, *text);
        *text = NULL;
    }
    if (file)
        fclose(file);
    return status;
}

static nw_space *open_file(nw_ctx *ctx, const char *path, const int input[3], int classes)
{
    size_t length;
    char *text;
    nw_space *space;

    if (nw_read_file(ctx, path, &text, &length) < 0)
        return NULL;
    space = nw_space_parse(ctx, text, length, path, input, classes);
    nw_release(ctx, text);
    return space;
}

static int ends_in(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n > m && !strcmp(text + n - m, end);
}

/* A file, not the name of a family with keys, of which the last may be a file. */
static int is_file(const char *spec)
{
    const size_t word = strcspn(spec, " \t\n");

    return (ends_in(spec, ".yaml") || ends_in(spec, ".yml") || ends_in(spec, ".json")) &&
           !strchr(spec + word, '=');
}

static nw_space *finished(nw_space *space)
{
    if (space && nw_seal(space) < 0) {
        nw_space_free(space);
        return NULL;
    }
    return space;
}

static nw_space *open_spec(nw_ctx *ctx, const char *spec, const int input[3], int classes,
                           int is_net)
{
    nw_space *space;

    if (!ctx || !spec)
        return NULL;
    if (is_file(spec))
        return finished(open_file(ctx, spec, input, classes));
    space = nw_space_new(ctx);
    if (space)
        build_type(space, find_type(ctx, spec, is_net), spec, input, classes, NULL);
    return finished(space);
}

nw_space *nw_space_open(nw_ctx *ctx, const char *spec, const int input[3], int classes)
{
    return open_spec(ctx, spec, input, classes, 0);
}

nw_space *nw_space_open_net(nw_ctx *ctx, const char *spec, const int input[3],
                            int classes)
{
    return open_spec(ctx, spec, input, classes, 1);
}

/* ---- Derived networks --------------------------------------------------------- */

/* Of a value in a spec, quotes included. */
static size_t value_length(const char *s)
{
    size_t n;

    if (*s != '"' && *s != '\'')
        return strcspn(s, " \t\n");
    n = 1 + strcspn(s + 1, (char[]){*s, 0});
    return s[n] ? n + 1 : n;
}

/* `origin` with the keys of `more` instead of its own, or beside them. */
static nw_status merge(nw_ctx *ctx, const char *origin, const char *more,
                       char out[LONGEST_ORIGIN])
{
    const char *s = more;
    size_t n;

    if (strlen(origin) + strlen(more) + 2 > LONGEST_ORIGIN)
        return nw_fail(ctx, NW_ESPEC, "the spec is too long");
    snprintf(out, LONGEST_ORIGIN, "%s", origin);
    while (*(s += strspn(s, " \t\n"))) {
        char key[40], value[NW_TEXT_SIZE];
        size_t length = strcspn(s, "= \t\n");

        if (s[length] != '=' || length >= sizeof(key))
            return nw_fail(ctx, NW_ESPEC, "\"%s\" is not key=value", s);
        memcpy(key, s, length);
        key[length] = 0;
        nw_spec_cut(out, key, value, sizeof(value), out);
        s += length + 1;
        s += value_length(s);
    }
    n = strlen(out);
    snprintf(out + n, LONGEST_ORIGIN - n, " %s", more);
    return NW_OK;
}

static nw_space *derive_family(nw_space *space, const nw_arch *arch, const char *spec)
{
    char merged[LONGEST_ORIGIN];
    nw_space *out;

    if (merge(space->ctx, space->origin, spec, merged) < 0)
        return NULL;
    out = nw_space_new(space->ctx);
    if (out)
        build_type(out, space->family, merged, space->input, space->classes, arch);
    return finished(out);
}

static nw_space *network_at(nw_space *space, const nw_arch *arch)
{
    return nw_arch_check(arch) < 0 ? NULL : derive_family(space, arch, "");
}

nw_space *nw_space_derive(nw_space *space, const nw_arch *arch, const char *spec)
{
    if (!space || !arch || nw_seal(space) < 0)
        return NULL;
    spec = spec ? spec : "";
    if (!nw_arch_is_hard(arch)) {
        nw_fail(space->ctx, NW_EINVAL,
                "a network is derived from a hard architecture; harden it first");
        return NULL;
    }
    if (space->family)
        return derive_family(space, arch, spec);
    if (spec[strspn(spec, " \t\n")]) {
        nw_fail(space->ctx, NW_ESPEC, "only published spaces take keys, not \"%s\"",
                spec);
        return NULL;
    }
    return finished(nw_space_freeze(space, arch));
}
