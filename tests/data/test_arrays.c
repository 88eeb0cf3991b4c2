/* What the readers of tables and arrays take, and the exact words with which they refuse.
 */
#include "opening.h"

#include <archive.h>
#include <archive_entry.h>
#include <math.h>

/* ---- npy -------------------------------------------------------------------- */

static size_t make_npy(uint8_t *out, const char *type, const char *shape,
                       const void *numbers, size_t n)
{
    char header[118];

    snprintf(header, sizeof(header),
             "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", type, shape);
    memcpy(out, "\x93NUMPY\1\0\x76\0", 10);
    memset(out + 10, ' ', 118);
    memcpy(out + 10, header, strlen(header));
    out[127] = '\n';
    memcpy(out + 128, numbers, n);
    return 128 + n;
}

static void write_npy(const char *name, const char *type, const char *shape,
                      const void *numbers, size_t n)
{
    uint8_t bytes[1024];

    write_file(name, bytes, make_npy(bytes, type, shape, numbers, n));
}

static void test_arrays__npy(void **state)
{
    const uint8_t x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    const double f[] = {1, -2, 3.5, 4};
    const int64_t y[] = {1, 0};
    nw_data *data;

    (void)state;
    write_npy("y.npy", "<i8", "(2,)", y, sizeof(y));
    write_npy("x.npy", "|u1", "(2, 3, 1, 2)", x, sizeof(x));
    data = open_good("npy x=DIR/x.npy y=DIR/y.npy");
    assert_shape(data, 2, 3, 1, 2, 2);
    assert_int_equal(data->info.bytes[7], 8);
    write_npy("x.npy", "|u1", "(2, 1, 2, 3)", x, sizeof(x));
    data = open_good("npy x=DIR/x.npy y=DIR/y.npy layout=nhwc");
    assert_shape(data, 2, 3, 1, 2, 2);
    assert_int_equal(data->info.bytes[1], 4); /* channel 0, column 1 */
    assert_int_equal(data->info.bytes[8], 8); /* example 1, channel 1, column 0 */
    write_npy("x.npy", "<f8", "(2, 1, 2)", f, sizeof(f));
    data = open_good("npy x=DIR/x.npy y=DIR/y.npy scale=2 classes=5");
    assert_shape(data, 2, 1, 1, 2, 5);
    assert_true(data->info.floats[2] == 7.f);
}

static void test_arrays__npy_refuses(void **state)
{
    const double f[] = {1, 2, NAN, 4};
    const int32_t y[] = {1, -1};
    static const char spec[] = "npy x=DIR/x.npy y=DIR/y.npy";

    (void)state;
    write_npy("y.npy", "<i4", "(2,)", y, sizeof(y));
    write_npy("x.npy", "<f8", "(2, 2)", f, sizeof(f));
    assert_bad(spec, NW_EFORMAT,
               "npy: DIR/y.npy: offset 132: label -1 is outside 0..1048575");
    write_npy("y.npy", "<i4", "(2,)", (int32_t[]){1, 0}, 8);
    assert_bad(spec, NW_EFORMAT,
               "npy: DIR/x.npy: offset 144: nan is not a finite number");
    write_npy("x.npy", "<f8", "(2, 2)", f, 31);
    assert_bad(spec, NW_EFORMAT,
               "npy: DIR/x.npy: cut short at offset 159: its header promises 160 bytes");
    write_npy("x.npy", ">f8", "(2, 2)", f, 32);
    assert_bad(spec, NW_EFORMAT,
               "npy: DIR/x.npy: numbers of type >f8: the high byte comes first");
    write_npy("x.npy", "<c8", "(2, 2)", f, 32);
    assert_bad(spec, NW_EFORMAT,
               "npy: DIR/x.npy: numbers of type \"<c8\" are not integers, float32 or "
               "float64");
    write_npy("x.npy", "<f8", "(4, 1)", f, 32);
    assert_bad(spec, NW_EFORMAT, "npy: DIR/x.npy: 4 examples, but 2 labels in DIR/y.npy");
    write_npy("x.npy", "<f8", "(0, 2)", f, 0);
    assert_bad(spec, NW_EFORMAT, "npy: DIR/x.npy: holds no examples");
    write_file("x.npy", "PK\3\4 and so on", 14);
    assert_bad(spec, NW_EFORMAT, "npy: DIR/x.npy: offset 0: not a NumPy array");
}

static void test_arrays__npz(void **state)
{
    struct archive *a = archive_write_new();
    struct archive_entry *e = archive_entry_new();
    uint8_t bytes[1024];
    const int64_t y[] = {1, 0};
    nw_data *data;

    (void)state;
    archive_write_set_format_zip(a);
    assert_int_equal(archive_write_open_filename(a, in_dir("d.npz")), ARCHIVE_OK);
    for (int i = 0; i < 2; i++) {
        size_t n = i ? make_npy(bytes, "<i8", "(2,)", y, sizeof(y))
                     : make_npy(bytes, "|u1", "(2, 1, 3)", "abcdef", 6);

        archive_entry_set_pathname(e, i ? "y.npy" : "images.npy");
        archive_entry_set_size(e, (la_int64_t)n);
        archive_entry_set_filetype(e, AE_IFREG);
        archive_write_header(a, e);
        archive_write_data(a, bytes, n);
    }
    archive_entry_free(e);
    archive_write_close(a);
    archive_write_free(a);
    data = open_good("npz file=DIR/d.npz x=images");
    assert_shape(data, 2, 1, 1, 3, 2);
    assert_int_equal(data->info.bytes[5], 'f');
    assert_bad("npz file=DIR/d.npz", NW_EFORMAT, "npz: DIR/d.npz: no x.npy in it");
    assert_bad("npz file=DIR/d.npz x=y y=images", NW_EFORMAT,
               "npz: DIR/d.npz:y.npy: its shape is not (N, ...)");
}

/* ---- CSV -------------------------------------------------------------------- */

static void write_text(const char *name, const char *text)
{
    write_file(name, text, strlen(text));
}

static void test_arrays__csv(void **state)
{
    nw_data *data;

    (void)state;
    write_text("a.csv", "a,b,kind\n1,2.5,cat\n\n-3,4e1,\"a \"\"b\"\", c\"\r\n5,6,cat");
    data = open_good("csv file=DIR/a.csv");
    assert_shape(data, 3, 2, 1, 1, 2);
    assert_true(data->info.floats[3] == 40.f);
    assert_string_equal(data->info.class_names[0], "a \"b\", c");
    assert_int_equal(data->info.labels[2], 1);
    data = open_good("csv file=DIR/a.csv label=kind shape=1x1x2");
    assert_shape(data, 3, 1, 1, 2, 2);
    write_text("b.csv", "3\t1\t2\n0\t3\t4\n");
    data = open_good("csv file=DIR/b.csv label=0 separator=tab");
    assert_shape(data, 2, 2, 1, 1, 4);
    assert_int_equal(data->info.labels[0], 3);
    assert_null(data->info.class_names);
}

static void test_arrays__csv_refuses(void **state)
{
    static const char spec[] = "csv file=DIR/a.csv";

    (void)state;
    write_text("a.csv", "1,2,0\n3,x4,1\n");
    assert_bad(spec, NW_EFORMAT, "csv: DIR/a.csv:2:3: \"x4\" is not a number");
    write_text("a.csv", "1,2,0\n3,nan,1\n");
    assert_bad(spec, NW_EFORMAT, "csv: DIR/a.csv:2:3: \"nan\" is not a finite number");
    write_text("a.csv", "1,2,0\n\n3,1\n");
    assert_bad(spec, NW_EFORMAT,
               "csv: DIR/a.csv:3:1: 2 fields, but the first line has 3");
    write_text("a.csv", "1,2,\n");
    assert_bad(spec, NW_EFORMAT, "csv: DIR/a.csv:1:5: \"\" is no label");
    write_text("a.csv", "a,b\n");
    assert_bad(spec, NW_EFORMAT, "csv: DIR/a.csv: holds no examples");
    write_text("a.csv", "\n");
    assert_bad(spec, NW_EFORMAT, "csv: DIR/a.csv: holds no examples");
    write_text("a.csv", "1;2\n");
    assert_bad(spec, NW_EFORMAT, "csv: DIR/a.csv: line 1: one column only, no \",\"");
    write_file("a.csv", "1,2\0", 4);
    assert_bad(spec, NW_EFORMAT, "csv: DIR/a.csv: a zero byte: this is not text");
    write_text("a.csv", "1,\"2\n");
    assert_bad(spec, NW_EFORMAT,
               "csv: DIR/a.csv:1:3: a quote that does not end with its field");
    write_text("a.csv", "1,2\n3,7\n");
    assert_bad("csv file=DIR/a.csv classes=5", NW_EFORMAT,
               "csv: DIR/a.csv:2:3: \"7\" is a label outside the classes");
    assert_bad("csv file=DIR/a.csv label=kind", NW_ESPEC,
               "csv: label=kind: no such column in line 1 of DIR/a.csv");
    assert_bad("csv file=DIR/a.csv label=2", NW_ESPEC,
               "csv: label=2: DIR/a.csv has columns 0..1");
    assert_bad("csv file=DIR/a.csv shape=1x8x8", NW_ESHAPE,
               "csv: shape=1x8x8: a line of DIR/a.csv has 1 numbers");
}

static void test_arrays__real_digits(void **state)
{
    (void)state;
    if (have("../shared/data/digits/digits.csv.gz"))
        assert_shape(
            open_good("csv file=../shared/data/digits/digits.csv.gz shape=1x8x8"), 1797,
            1, 8, 8, 10);
}

/* ---- Planted ---------------------------------------------------------------- */

static void test_arrays__planted(void **state)
{
    nw_data *a = open_good("planted n=40"), *b = open_good("planted n=40");
    nw_data *c = open_good("planted n=40 seed=2"), *d = open_good("planted n=40 noise=0");
    double sum = 0, energy = 0;

    (void)state;
    assert_shape(a, 40, 1, 16, 16, 4);
    assert_true(nw_data_hash(a) == nw_data_hash(b));
    assert_true(nw_data_hash(a) != nw_data_hash(c));
    for (int i = 0; i < 256; i++) {
        sum += (double)d->info.floats[i];
        energy += (double)d->info.floats[i] * (double)d->info.floats[i];
    }
    assert_true(sum == 0 && energy == 4 * 4.5);
}

/* ---- Memory ----------------------------------------------------------------- */

static int until_failure;

static void *failing_realloc(void *user, void *ptr, size_t size)
{
    (void)user;
    if (size)
        return until_failure-- ? realloc(ptr, size) : NULL;
    free(ptr);
    return NULL;
}

/* Whichever allocation fails: said so, and nothing is left behind. */
static void test_arrays__every_allocation_may_fail(void **state)
{
    const nw_config config = {.realloc = failing_realloc, .threads = 1};
    nw_data *data = NULL, *view = NULL;

    (void)state;
    write_text("a.csv", "a,b,kind\n1,2.5,cat\n-3,4e1,dog\n5,6,cat");
    for (int k = 1; !view; k++) {
        nw_ctx *c;

        until_failure = k;
        c = nw_open(&config);
        data = nw_data_open(c, expand("csv file=DIR/a.csv"));
        view = nw_data_slice(data, 1, 0, 2);
        if (!view) {
            assert_int_equal(nw_pending(c), NW_ENOMEM);
            nw_data_free(data);
            assert_int_equal(nw_held_bytes(c), 0);
        }
        assert_in_range(k, 1, 100);
        nw_close(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_arrays__npy, open_ctx, close_ctx),
        cmocka_unit_test_setup_teardown(test_arrays__npy_refuses, open_ctx, close_ctx),
        cmocka_unit_test_setup_teardown(test_arrays__npz, open_ctx, close_ctx),
        cmocka_unit_test_setup_teardown(test_arrays__csv, open_ctx, close_ctx),
        cmocka_unit_test_setup_teardown(test_arrays__csv_refuses, open_ctx, close_ctx),
        cmocka_unit_test_setup_teardown(test_arrays__real_digits, open_ctx, close_ctx),
        cmocka_unit_test_setup_teardown(test_arrays__planted, open_ctx, close_ctx),
        cmocka_unit_test_setup_teardown(test_arrays__every_allocation_may_fail, open_ctx,
                                        close_ctx),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
