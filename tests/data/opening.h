/* opening.h - open data sets out of the test's directory, or be refused. */
#ifndef NW_TEST_OPENING_H
#define NW_TEST_OPENING_H

#include "files.h"

#include "data.h"

static nw_ctx *ctx;

static int open_ctx(void **state)
{
    ctx = nw_open(NULL);
    return make_test_dir(state);
}

static int close_ctx(void **state)
{
    nw_close(ctx);
    return remove_test_dir(state);
}

/* DIR in a text stands for the test's directory. */
static const char *expand(const char *text)
{
    static char out[2][2048];
    static int next;
    char *p = out[next++ % 2], *end = p;
    const char *hit;

    while ((hit = strstr(text, "DIR"))) {
        end += sprintf(end, "%.*s%s", (int)(hit - text), text, test_dir);
        text = hit + 3;
    }
    strcpy(end, text);
    return p;
}

static nw_data *open_good(const char *spec)
{
    nw_data *data = nw_data_open(ctx, expand(spec));

    if (!data)
        fail_msg("%s: %s", spec, nw_errmsg(ctx));
    return data;
}

static void assert_bad(const char *spec, nw_status status, const char *words)
{
    size_t held = nw_held_bytes(ctx);

    assert_null(nw_data_open(ctx, expand(spec)));
    assert_string_equal(nw_errmsg(ctx), expand(words));
    assert_int_equal(nw_pending(ctx), status);
    assert_int_equal(nw_held_bytes(ctx), held);
}

static void assert_shape(nw_data *data, size_t n, int c, int h, int w, int classes)
{
    int shape[3];

    nw_data_shape(data, shape);
    assert_int_equal(nw_data_count(data), n);
    assert_int_equal(shape[0], c);
    assert_int_equal(shape[1], h);
    assert_int_equal(shape[2], w);
    assert_int_equal(nw_data_classes(data), classes);
}

static int have(const char *path)
{
    if (!access(path, R_OK))
        return 1;
    print_message("skipped: %s is not there\n", path);
    return 0;
}

#endif
