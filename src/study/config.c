/* config.c - is a stage taken up again with the configuration it was begun with? */
#include "db.h"
#include "study.h"
#include "table.h"
#include "text.h"

#include <jansson.h>

/* First member in which two objects differ, descended into: its dotted path and both
 * values, NULL for one that is not there. */
struct difference {
    nw_text path;
    const json_t *was, *is;
};

static json_t *object_of(const char *config)
{
    json_t *value = json_loads(config, JSON_REJECT_DUPLICATES, NULL);

    if (json_is_object(value))
        return value;
    json_decref(value);
    return NULL;
}

nw_status nw_config_check(nw_study *study, const char *stage, const char *config)
{
    json_t *value = object_of(config);

    if (!value)
        return nw_fail(study->ctx, NW_EINVAL,
                       "study: %s: stage \"%s\": configuration is not a JSON object: %s",
                       study->dir, stage, config);
    json_decref(value);
    return NW_OK;
}

/* Key of the first member of `a` that differs in `b`, or NULL. */
static const char *differing_key(const json_t *a, const json_t *b)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)a, key, value)
    {
        if (!json_equal(value, json_object_get(b, key)))
            return key;
    }
    return NULL;
}

static void descend(struct difference *d, const json_t *was, const json_t *is)
{
    while (json_is_object(was) && json_is_object(is)) {
        const char *key = differing_key(is, was);

        if (!key)
            key = differing_key(was, is);
        if (!key)
            return;
        nw_text_printf(&d->path, "%s%s", d->path.length ? "." : "", key);
        d->was = was = json_object_get(was, key);
        d->is = is = json_object_get(is, key);
    }
}

static int add_bytes(const char *bytes, size_t n, void *out)
{
    nw_text_add(out, bytes, n);
    return 0;
}

static void add_value(nw_text *out, const json_t *value)
{
    char number[32];

    if (json_is_real(value)) {
        nw_text_printf(out, "%s", nw_real_text(json_real_value(value), number));
        return;
    }
    if (!value ||
        json_dump_callback(value, add_bytes, out, JSON_ENCODE_ANY | JSON_COMPACT) < 0)
        nw_text_printf(out, "none");
}

static nw_status fail_differs(nw_study *study, const char *stage, struct difference *d)
{
    nw_text was, is;
    nw_status status;

    nw_text_init(&was, study->ctx);
    nw_text_init(&is, study->ctx);
    add_value(&was, d->was);
    add_value(&is, d->is);
    if (was.failed || is.failed || d->path.failed)
        status = NW_ENOMEM;
    else
        status = nw_fail(study->ctx, NW_EMATCH,
                         "study: %s: stage \"%s\" was begun with %s %s, not %s; use "
                         "another directory or the same configuration",
                         study->dir, stage, d->path.data, was.data, is.data);
    nw_text_free(&was);
    nw_text_free(&is);
    return status;
}

nw_status nw_config_same(nw_study *study, const char *stage, const char *stored,
                         const char *config)
{
    struct difference d = {0};
    nw_status status = NW_OK;
    json_t *was, *is;

    if (!stored)
        return nw_fail(study->ctx, NW_ENOMEM, "study: %s: out of memory", study->path);
    NW_TRY(nw_config_check(study, stage, config));
    nw_text_init(&d.path, study->ctx);
    was = object_of(stored);
    is = object_of(config);
    if (!was || !is)
        status = nw_fail(study->ctx, NW_EFORMAT,
                         "study: %s: configuration of stage \"%s\" is damaged",
                         study->path, stage);
    else if (!json_equal(was, is)) {
        descend(&d, was, is);
        status = fail_differs(study, stage, &d);
    }
    json_decref(was);
    json_decref(is);
    nw_text_free(&d.path);
    return status;
}
