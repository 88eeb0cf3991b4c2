/* arch_json.c - archs as people and files have them: {"conv1":0,"skip":[1]}. */
#include "space.h"

#include <jansson.h>
#include <string.h>

/* NULL when memory runs out. */
static json_t *choice_json(const nw_arch *arch, const nw_choice *c)
{
    const double *w = arch->w + c->first;
    double *taken;
    json_t *list;
    int failed = 0;

    if (c->kind != NW_SOME)
        return json_integer(nw_strongest(w, c->n, -1));
    taken = nw_alloc(arch->ctx, (size_t)c->n * sizeof(*taken));
    list = taken ? json_array() : NULL;
    if (!list) {
        nw_release(arch->ctx, taken);
        return NULL;
    }
    memcpy(taken, w, (size_t)c->n * sizeof(*taken));
    nw_take_strongest(taken, c->n, c->k);
    for (int i = 0; i < c->n; i++)
        if (taken[i] != 0)
            failed |= json_array_append_new(list, json_integer(i));
    nw_release(arch->ctx, taken);
    if (failed)
        json_decref(list);
    return failed ? NULL : list;
}

/* NULL when memory runs out. */
static json_t *arch_json(const nw_arch *arch)
{
    json_t *object = json_object();

    for (int c = 0; object && c < arch->space->n_choice; c++) {
        const nw_choice *choice = &arch->space->choice[c];

        if (json_object_set_new(object, choice->name, choice_json(arch, choice))) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

nw_status nw_arch_write(const nw_arch *arch, FILE *out)
{
    json_t *object;
    int failed;

    if (!arch)
        return NW_ENOMEM;
    nw_clear(arch->ctx);
    object = arch_json(arch);
    if (!object)
        return nw_fail(arch->ctx, NW_ENOMEM, "out of memory: an architecture's text");
    failed = json_dumpf(object, out, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(object);
    return failed ? nw_fail(arch->ctx, NW_EIO, "the architecture could not be written")
                  : NW_OK;
}

static int option_of(const nw_choice *c, const json_t *value)
{
    if (json_is_integer(value)) {
        json_int_t i = json_integer_value(value);

        return i >= 0 && i < c->n ? (int)i : -1;
    }
    for (int i = 0; json_is_string(value) && i < c->n; i++)
        if (!strcmp(c->option_name[i], json_string_value(value)))
            return i;
    return -1;
}

static nw_status read_choice(nw_arch *arch, int c, const json_t *value, const char *where)
{
    const nw_choice *choice = &arch->space->choice[c];
    int n = json_is_array(value) ? (int)json_array_size(value) : 1;

    memset(arch->w + choice->first, 0, (size_t)choice->n * sizeof(double));
    if (n != choice->k)
        return nw_fail(arch->ctx, NW_EFORMAT, "%s: \"%s\" takes %d option%s, not %d",
                       where, choice->name, choice->k, choice->k == 1 ? "" : "s", n);
    for (int i = 0; i < n; i++) {
        const json_t *item =
            json_is_array(value) ? json_array_get(value, (size_t)i) : value;
        int option = option_of(choice, item);

        if (option < 0 || arch->w[choice->first + option] != 0)
            return nw_fail(
                arch->ctx, NW_EFORMAT,
                "%s: \"%s\" needs option numbers 0 to %d or their names, each once",
                where, choice->name, choice->n - 1);
        arch->w[choice->first + option] = 1;
    }
    return NW_OK;
}

static nw_status check_rules(nw_arch *arch, const char *where)
{
    char why[256];

    for (int r = 0; r < arch->space->n_keep; r++) {
        const nw_keep_rule *rule = &arch->space->keep[r];
        int kept = nw_arch_kept(arch, r);

        if (kept != rule->k)
            return nw_fail(
                arch->ctx, NW_EFORMAT,
                "%s: exactly %d of the %d choices from \"%s\" on may be taken, not %d",
                where, rule->k, rule->n, arch->space->choice[rule->choice[0]].name, kept);
    }
    if (!nw_arch_is_legal(arch, why))
        return nw_fail(arch->ctx, NW_EFORMAT, "%s: not legal: %s", where, why);
    return NW_OK;
}

/* 1 = the object has a value for every choice, and nothing else. */
static int is_complete(const nw_arch *arch, const json_t *object)
{
    const nw_space *space = arch->space;
    int c = 0;

    while (c < space->n_choice && json_object_get(object, space->choice[c].name))
        c++;
    return c == space->n_choice && json_object_size(object) == (size_t)c;
}

static nw_status check_keys(nw_arch *arch, json_t *object)
{
    const char *key;
    json_t *value;

    if (is_complete(arch, object))
        return NW_OK;
    json_object_foreach(object, key,
                        value) if (nw_arch_find(arch, key) < 0) return NW_ENAME;
    return NW_OK;
}

static nw_status read_object(nw_arch *arch, json_t *object, const char *where)
{
    NW_TRY(check_keys(arch, object));
    for (int c = 0; c < arch->space->n_choice; c++) {
        const char *name = arch->space->choice[c].name;
        const json_t *value = json_object_get(object, name);

        if (!value)
            return nw_fail(arch->ctx, NW_EFORMAT, "%s: choice \"%s\" is missing", where,
                           name);
        NW_TRY(read_choice(arch, c, value, where));
    }
    return check_rules(arch, where);
}

/* The choices stand by themselves or, in a file that has more to say, under "arch". */
static nw_status read_root(nw_arch *arch, json_t *root, const char *where)
{
    json_t *inner = json_is_object(root) ? json_object_get(root, "arch") : NULL;
    size_t size = (size_t)arch->space->n_weight * sizeof(double);
    double *before;
    nw_status status;

    inner = json_is_object(inner) ? inner : root;
    if (!json_is_object(inner))
        return nw_fail(arch->ctx, NW_EFORMAT, "%s: not an object of choices", where);
    before = nw_alloc(arch->ctx, size + 1);
    if (!before)
        return NW_ENOMEM;
    memcpy(before, arch->w, size);
    status = read_object(arch, inner, where);
    if (status < 0)
        memcpy(arch->w, before, size);
    nw_release(arch->ctx, before);
    return status;
}

nw_status nw_arch_read(nw_arch *arch, const char *json, const char *where)
{
    json_error_t error;
    json_t *root;
    nw_status status;

    if (!arch)
        return NW_ENOMEM;
    nw_clear(arch->ctx);
    where = where ? where : "arch";
    root = json ? json_loads(json, JSON_REJECT_DUPLICATES, &error) : NULL;
    if (!json)
        return nw_fail(arch->ctx, NW_EINVAL, "%s: no text", where);
    if (!root)
        return nw_fail(arch->ctx, NW_EFORMAT, "%s:%d:%d: %s", where, error.line,
                       error.column, error.text);
    status = read_root(arch, root, where);
    json_decref(root);
    return status;
}
