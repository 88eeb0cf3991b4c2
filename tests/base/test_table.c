/* test_table.c - the three ways to print rows. */
#include "table.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const nw_column columns[] = {{"name", NW_LEFT, 0, 0},
                                    {"n", NW_RIGHT, 0, 0},
                                    {"x", NW_RIGHT, 3, 0},
                                    {"arch", NW_LEFT, 0, 0}};

static void fill(nw_table *table, nw_ctx *ctx)
{
    nw_table_init(table, ctx, columns, 4);
    nw_table_text(table, "a, \"b\"\nc");
    nw_table_integer(table, -7);
    nw_table_real(table, 0.1);
    nw_table_json(table, "{\"c\": [1]}");
    nw_table_text(table, "\xc3\xa9");
    nw_table_unsigned(table, UINT64_MAX);
    nw_table_real(table, NAN);
    nw_table_json(table, NULL);
}

static char *written(nw_table *table, const char *format)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    assert_int_equal(nw_table_write(table, format, out), NW_OK);
    fclose(out);
    return text;
}

static void test_table__aligns_for_people(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_table table;
    char *text;

    (void)state;
    fill(&table, ctx);
    text = written(&table, NULL);
    assert_string_equal(text, "name                         n      x  arch\n"
                              "a, \"b\" c                    -7  0.100  {\"c\": [1]}\n"
                              "\xc3\xa9         18446744073709551615      -  -\n");
    free(text);
    nw_table_free(&table);
    nw_close(ctx);
}

static void test_table__details_are_not_for_people(void **state)
{
    static const nw_column some[] = {
        {"a", NW_LEFT, 0, 1}, {"b", NW_LEFT, 0, 0}, {"c", NW_LEFT, 0, 1}};
    nw_ctx *ctx = nw_open(NULL);
    nw_table table;
    char *text;

    (void)state;
    nw_table_init(&table, ctx, some, 3);
    for (int i = 1; i <= 3; i++)
        nw_table_integer(&table, i);
    text = written(&table, "table");
    assert_string_equal(text, "b\n2\n");
    free(text);
    text = written(&table, "csv");
    assert_string_equal(text, "a,b,c\r\n1,2,3\r\n");
    free(text);
    nw_table_free(&table);
    nw_close(ctx);
}

static void test_table__csv_quotes(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_table table;
    char *text;

    (void)state;
    fill(&table, ctx);
    text = written(&table, "csv");
    assert_string_equal(text, "name,n,x,arch\r\n"
                              "\"a, \"\"b\"\"\nc\",-7,0.1,\"{\"\"c\"\": [1]}\"\r\n"
                              "\xc3\xa9,18446744073709551615,,\r\n");
    free(text);
    nw_table_free(&table);
    nw_close(ctx);
}

static void test_table__json_reads_back(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_table table;
    json_t *rows, *first;
    char *text;

    (void)state;
    fill(&table, ctx);
    nw_table_text(&table, "\xff"); /* not UTF-8 */
    nw_table_integer(&table, 1);
    nw_table_real(&table, INFINITY);
    nw_table_json(&table, "no json {");
    text = written(&table, "json");
    rows = json_loads(text, 0, NULL);
    assert_int_equal(json_array_size(rows), 3);
    first = json_array_get(rows, 0);
    assert_string_equal(json_string_value(json_object_get(first, "name")), "a, \"b\"\nc");
    assert_true(json_real_value(json_object_get(first, "x")) == 0.1);
    assert_true(json_is_object(json_object_get(first, "arch")));
    assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 1), "n")),
                        "18446744073709551615");
    assert_true(json_is_null(json_object_get(json_array_get(rows, 1), "x")));
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(rows, 2), "name")), "?");
    assert_true(json_is_string(json_object_get(json_array_get(rows, 2), "arch")));
    json_decref(rows);
    free(text);
    nw_table_free(&table);
    nw_close(ctx);
}

static void test_table__no_rows(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_table table;
    char *text;

    (void)state;
    nw_table_init(&table, ctx, columns, 4);
    text = written(&table, "json");
    assert_string_equal(text, "[]\n");
    free(text);
    text = written(&table, "csv");
    assert_string_equal(text, "name,n,x,arch\r\n");
    free(text);
    nw_table_free(&table);
    nw_close(ctx);
}

static void test_table__names_the_near_format(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_table table;

    (void)state;
    nw_table_init(&table, ctx, columns, 4);
    assert_int_equal(nw_table_write(&table, "cvs", stdout), NW_ENAME);
    assert_string_equal(nw_errmsg(ctx), "format: \"cvs\": there are table, json and csv "
                                        "(did you mean csv?)");
    nw_table_free(&table);
    nw_close(ctx);
}

static void test_table__full_device_is_reported(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    FILE *full = fopen("/dev/full", "w");
    nw_table table;

    (void)state;
    if (!full) {
        print_message("skipped: no /dev/full here\n");
        nw_close(ctx);
        skip();
    }
    fill(&table, ctx);
    assert_int_equal(nw_table_write(&table, "csv", full), NW_EIO);
    assert_non_null(strstr(nw_errmsg(ctx), "No space left"));
    fclose(full);
    nw_table_free(&table);
    nw_close(ctx);
}

static void test_table__doubles_read_back(void **state)
{
    static const double values[] = {0.1, 1.0 / 3, 1e300, 5e-324, -0.0, 123456789.125};
    char text[32];

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
        assert_true(strtod(nw_real_text(values[i], text), NULL) == values[i]);
    assert_string_equal(nw_real_text(0.1, text), "0.1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table__aligns_for_people),
        cmocka_unit_test(test_table__details_are_not_for_people),
        cmocka_unit_test(test_table__csv_quotes),
        cmocka_unit_test(test_table__json_reads_back),
        cmocka_unit_test(test_table__no_rows),
        cmocka_unit_test(test_table__names_the_near_format),
        cmocka_unit_test(test_table__full_device_is_reported),
        cmocka_unit_test(test_table__doubles_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
