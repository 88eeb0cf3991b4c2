/* What the readers of image files take, and the exact words with which they refuse. */
#include "opening.h"

#include <archive.h>
#include <archive_entry.h>
#include <zlib.h>

/* ---- idx -------------------------------------------------------------------- */

static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0,
                                 0, 1, 0, 0, 0, 2, 7, 8, 9, 255};
static const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 3, 1};

static void test_readers__idx_plain_and_gz(void **state)
{
    nw_data *data, *again;
    gzFile gz;

    (void)state;
    write_file("x", images, sizeof(images));
    write_file("y", labels, sizeof(labels));
    gz = gzopen(in_dir("x.gz"), "wb");
    gzwrite(gz, images, sizeof(images));
    gzclose(gz);
    data = open_good("idx images=DIR/x labels=DIR/y");
    assert_shape(data, 2, 1, 1, 2, 4);
    assert_int_equal(data->info.bytes[3], 255);
    assert_int_equal(data->info.labels[0], 3);
    again = open_good("idx images=DIR/x.gz labels=DIR/y classes=10 cache=anywhere");
    assert_shape(again, 2, 1, 1, 2, 10);
    assert_true(nw_data_hash(data) != nw_data_hash(again)); /* other classes */
}

static void test_readers__idx_refuses(void **state)
{
    uint8_t bad[sizeof(images)];
    static const char spec[] = "idx images=DIR/x labels=DIR/y classes=4";

    (void)state;
    write_file("y", labels, sizeof(labels));
    assert_bad(spec, NW_EIO, "idx: DIR/x: No such file or directory");
    write_file("x", images, sizeof(images) - 1);
    assert_bad(spec, NW_EFORMAT,
               "idx: DIR/x: cut short at offset 19: its header promises 20 bytes");
    write_file("x", images, 9);
    assert_bad(spec, NW_EFORMAT, "idx: DIR/x: cut short in its header at offset 9");
    write_file("x", images, 0);
    assert_bad(spec, NW_EFORMAT, "idx: DIR/x: 0 bytes are too short for an idx file");
    memcpy(bad, images, sizeof(bad));
    bad[2] = 13;
    write_file("x", bad, sizeof(bad));
    assert_bad(spec, NW_EFORMAT,
               "idx: DIR/x: offset 0: 00 00 0d is not 00 00 08, idx with unsigned bytes");
    write_file("x", labels, sizeof(labels));
    assert_bad(spec, NW_EFORMAT, "idx: DIR/x: offset 3: 1 axes, not 3 to 4");
    memcpy(bad, images, sizeof(bad));
    bad[7] = 0;
    write_file("x", bad, 16);
    assert_bad(spec, NW_EFORMAT, "idx: DIR/x: offset 4: an axis of 0: no examples");
    write_file("x", images, sizeof(images));
    write_file("y", "\0\0\10\1\0\0\0\2\3\4", 10);
    assert_bad(spec, NW_EFORMAT, "idx: DIR/y: offset 9: label 4 is outside 0..3");
    write_file("y", "\0\0\10\1\0\0\0\1\3", 9);
    assert_bad(spec, NW_EFORMAT, "idx: DIR/x: 2 images, but 1 labels in DIR/y");
    assert_bad("idx images=DIR/x", NW_ESPEC,
               "idx: key \"labels\" must be given (file of N bytes, .gz or plain)");
    assert_bad("ixd images=DIR/x", NW_ENAME,
               "there is no data set \"ixd\" (did you mean \"idx\"?)");
}

static void test_readers__gzip_cut_short(void **state)
{
    uint8_t bytes[256];
    size_t n;
    FILE *in;
    gzFile gz = gzopen(in_dir("x.gz"), "wb");

    (void)state;
    gzwrite(gz, images, sizeof(images));
    gzclose(gz);
    in = fopen(in_dir("x.gz"), "rb");
    n = fread(bytes, 1, sizeof(bytes), in);
    fclose(in);
    write_file("x.gz", bytes, n - 9);
    write_file("y", labels, sizeof(labels));
    assert_bad("idx images=DIR/x.gz labels=DIR/y", NW_EFORMAT,
               "idx: DIR/x.gz: gzip cut short after 20 bytes");
    bytes[n - 8] ^= 1; /* of the checksum */
    write_file("x.gz", bytes, n);
    assert_bad("idx images=DIR/x.gz labels=DIR/y", NW_EFORMAT,
               "idx: DIR/x.gz: damaged gzip after 0 bytes");
}

static void test_readers__mnist_absent(void **state)
{
    (void)state;
    assert_bad("mnist", NW_EIO,
               "mnist: no train-images-idx3-ubyte in any place (dir= and cache= are not "
               "given): `netwright data get mnist` brings it");
    assert_bad("fashion-mnist dir=DIR split=test", NW_EIO,
               "fashion-mnist: no t10k-images-idx3-ubyte in DIR: the package "
               "dataset-fashion-mnist or `netwright data get fashion-mnist` brings it");
    assert_bad(
        "mnist cache=DIR", NW_EIO,
        "mnist: no train-images-idx3-ubyte in DIR/mnist: `netwright data get mnist` "
        "brings it");
    assert_bad("mnist dir=DIR split=valid", NW_ESPEC,
               "mnist: split=valid is not train or test");
}

static void test_readers__mnist_in_cache(void **state)
{
    (void)state;
    mkdir(in_dir("mnist"), 0777);
    write_file("mnist/t10k-images-idx3-ubyte", images, sizeof(images));
    write_file("mnist/t10k-labels-idx1-ubyte", labels, sizeof(labels));
    assert_shape(open_good("mnist cache=DIR split=test"), 2, 1, 1, 2, 10);
}

static void test_readers__real_mnist(void **state)
{
    nw_data *data;

    (void)state;
    if (have("/usr/share/datasets/fashion-mnist")) {
        data = open_good("fashion-mnist split=test");
        assert_shape(data, 10000, 1, 28, 28, 10);
        assert_int_equal(data->info.labels[0], 9);
        assert_string_equal(data->info.class_names[9], "Ankle boot");
    }
    if (have("../shared/data/mnist")) {
        data = open_good("mnist dir=../shared/data/mnist split=train");
        assert_shape(data, 60000, 1, 28, 28, 10);
        assert_int_equal(data->info.labels[0], 5);
    }
}

/* ---- CIFAR ------------------------------------------------------------------ */

enum { RECORD = 3073 };

/* `n` records whose labels count up and whose first pixels are 10 times the label. */
static size_t fill_records(uint8_t *out, int n, int n_label)
{
    size_t size = (size_t)(3072 + n_label);

    memset(out, 0, (size_t)n * size);
    for (int i = 0; i < n; i++) {
        out[(size_t)i * size + (size_t)n_label - 1] = (uint8_t)i;
        out[(size_t)i * size + (size_t)n_label] = (uint8_t)(10 * i);
    }
    return (size_t)n * size;
}

static void test_readers__cifar10_parts(void **state)
{
    static uint8_t bytes[10 * RECORD];
    size_t n = fill_records(bytes, 10, 1);
    nw_data *data;
    char name[32];

    (void)state;
    for (int i = 1; i <= 5; i++) {
        sprintf(name, "data_batch_%d.bin", i);
        if (i < 5)
            write_file(name, bytes, n);
    }
    assert_bad("cifar10 dir=DIR", NW_EIO,
               "cifar10: no data_batch_5.bin in DIR: `netwright data get cifar10` brings "
               "it");
    write_file("data_batch_5.bin", bytes, 2 * RECORD);
    data = open_good("cifar10 dir=DIR");
    assert_shape(data, 42, 3, 32, 32, 10);
    assert_int_equal(data->info.labels[41], 1);
    assert_int_equal(data->info.bytes[41 * 3072], 10);
    assert_string_equal(data->info.class_names[1], "automobile");
    bytes[RECORD] = 10;
    write_file("data_batch_3.bin", bytes, n);
    assert_bad("cifar10 dir=DIR", NW_EFORMAT,
               "cifar10: DIR/data_batch_3.bin: offset 3073: label 10 is outside 0..9");
    write_file("data_batch_3.bin", bytes, n - 1);
    assert_bad("cifar10 file=DIR/data_batch_3.bin", NW_EFORMAT,
               "cifar10: DIR/data_batch_3.bin: cut short at offset 30729: it is no whole "
               "number of records of 3073 bytes");
    write_file("data_batch_3.bin", bytes, 0);
    assert_bad("cifar10 file=DIR/data_batch_3.bin", NW_EFORMAT,
               "cifar10: DIR/data_batch_3.bin: holds no examples");
    assert_bad("cifar10 split=test", NW_EIO,
               "cifar10: no cifar-10-binary.tar.gz in any place (dir= and cache= are not "
               "given): `netwright data get cifar10` brings it");
}

static void write_tar(const char *name, const char *inner, const void *bytes, size_t n)
{
    struct archive *a = archive_write_new();
    struct archive_entry *e = archive_entry_new();

    archive_write_set_format_ustar(a);
    archive_write_add_filter_gzip(a);
    assert_int_equal(archive_write_open_filename(a, in_dir(name)), ARCHIVE_OK);
    archive_entry_set_pathname(e, inner);
    archive_entry_set_size(e, (la_int64_t)n);
    archive_entry_set_filetype(e, AE_IFREG);
    archive_entry_set_perm(e, 0644);
    archive_write_header(a, e);
    archive_write_data(a, bytes, n);
    archive_entry_free(e);
    archive_write_close(a);
    archive_write_free(a);
}

static void test_readers__cifar100_archive(void **state)
{
    static uint8_t bytes[30 * (RECORD + 1)];
    size_t n = fill_records(bytes, 30, 2);
    nw_data *data;

    (void)state;
    bytes[0] = 19; /* coarse label of the first */
    mkdir(in_dir("cifar100"), 0777);
    write_tar("cifar100/cifar-100-binary.tar.gz", "cifar-100-binary/train.bin", bytes, n);
    data = open_good("cifar100 cache=DIR");
    assert_shape(data, 30, 3, 32, 32, 100);
    assert_int_equal(data->info.labels[29], 29);
    data = open_good("cifar100 cache=DIR fine=no");
    assert_shape(data, 30, 3, 32, 32, 20);
    assert_int_equal(data->info.labels[0], 19);
    assert_bad("cifar100 cache=DIR split=test", NW_EFORMAT,
               "cifar100: DIR/cifar100/cifar-100-binary.tar.gz: no test.bin in it");
    bytes[0] = 20;
    write_tar("cifar100/cifar-100-binary.tar.gz", "cifar-100-binary/train.bin", bytes, n);
    assert_bad(
        "cifar100 cache=DIR", NW_EFORMAT,
        "cifar100: DIR/cifar100/cifar-100-binary.tar.gz:train.bin: offset 0: label "
        "20 is outside 0..19");
    assert_int_equal(truncate(in_dir("cifar100/cifar-100-binary.tar.gz"), 100), 0);
    assert_bad("cifar100 cache=DIR", NW_EFORMAT,
               "cifar100: DIR/cifar100/cifar-100-binary.tar.gz: truncated gzip input");
}

/* Undo xz, or take `most` files out of a tar.xz, with the library that is here anyway. */
static int unpack(const char *path, const char *want, int most)
{
    struct archive *a = archive_read_new();
    struct archive_entry *e;
    char name[128];
    int n = 0;

    archive_read_support_filter_all(a);
    archive_read_support_format_tar(a);
    archive_read_support_format_raw(a);
    assert_int_equal(archive_read_open_filename(a, path, 1 << 16), ARCHIVE_OK);
    while (n < most && archive_read_next_header(a, &e) == ARCHIVE_OK) {
        const char *slash = strrchr(archive_entry_pathname(e), '/');
        FILE *out;

        if (want[0] && (!strstr(archive_entry_pathname(e), want) || !slash[1]))
            continue;
        snprintf(name, sizeof(name), "%s%s", want[0] ? want : "plain.bin",
                 want[0] ? slash + 1 : "");
        out = fopen(in_dir(name), "wb");
        assert_int_equal(archive_read_data_into_fd(a, fileno(out)), ARCHIVE_OK);
        fclose(out);
        n++;
    }
    archive_read_free(a);
    return n;
}

static void test_readers__real_cifar10(void **state)
{
    static const uint8_t start[] = {59, 43, 50, 68};
    nw_data *data;

    (void)state;
    if (!have("../shared/data/cifar10/train_first4000_exact.bin.xz"))
        return;
    unpack("../shared/data/cifar10/train_first4000_exact.bin.xz", "", 1);
    data = open_good("cifar10 file=DIR/plain.bin");
    assert_shape(data, 4000, 3, 32, 32, 10);
    assert_int_equal(data->info.labels[0], 6);
    assert_memory_equal(data->info.bytes, start, sizeof(start));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_readers__idx_plain_and_gz, open_ctx,
                                        close_ctx),
        cmocka_unit_test_setup_teardown(test_readers__idx_refuses, open_ctx, close_ctx),
        cmocka_unit_test_setup_teardown(test_readers__gzip_cut_short, open_ctx,
                                        close_ctx),
        cmocka_unit_test_setup_teardown(test_readers__mnist_absent, open_ctx, close_ctx),
        cmocka_unit_test_setup_teardown(test_readers__mnist_in_cache, open_ctx,
                                        close_ctx),
        cmocka_unit_test_setup_teardown(test_readers__real_mnist, open_ctx, close_ctx),
        cmocka_unit_test_setup_teardown(test_readers__cifar10_parts, open_ctx, close_ctx),
        cmocka_unit_test_setup_teardown(test_readers__cifar100_archive, open_ctx,
                                        close_ctx),
        cmocka_unit_test_setup_teardown(test_readers__real_cifar10, open_ctx, close_ctx),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
