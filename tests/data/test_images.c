/* Folders of JPEG and PNG images. */
#include "files.h"

#include "data.h"
#include "source.h"

#include <archive.h>
#include <archive_entry.h>
#include <jpeglib.h>
#include <png.h>

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

static const char *spec(const char *keys)
{
    static char out[512];

    snprintf(out, sizeof(out), "folder dir=%s/set %s", test_dir, keys);
    return out;
}

static void assert_bad(const char *keys, nw_status status, const char *format, ...)
{
    char words[1024];
    va_list list;

    va_start(list, format);
    vsnprintf(words, sizeof(words), format, list);
    va_end(list);
    assert_null(nw_data_open(ctx, spec(keys)));
    assert_string_equal(nw_errmsg(ctx), words);
    assert_int_equal(nw_pending(ctx), status);
}

static void write_png(const char *name, unsigned h, unsigned w, const uint8_t *rgb)
{
    png_image png = {
        .version = PNG_IMAGE_VERSION, .height = h, .width = w, .format = PNG_FORMAT_RGB};

    assert_true(png_image_write_to_file(&png, in_dir(name), 0, rgb, 0, NULL));
}

static void write_jpeg(const char *name, unsigned h, unsigned w, const uint8_t *rgb)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr err;
    FILE *out = fopen(in_dir(name), "wb");

    jpeg.err = jpeg_std_error(&err);
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, out);
    jpeg.image_height = h;
    jpeg.image_width = w;
    jpeg.input_components = 3;
    jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 100, TRUE);
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < h) {
        JSAMPROW row = (uint8_t *)rgb + jpeg.next_scanline * w * 3;

        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    fclose(out);
}

/* Two classes: "b" has a 2x3 PNG, "c" a grey 2x3 JPEG of value 100 everywhere. */
static const uint8_t colours[18] = {255, 0,  0,  0, 255, 0, 0, 0,  255,
                                    10,  20, 30, 1, 2,   3, 9, 99, 199};

static void make_set(void)
{
    uint8_t grey[18];

    memset(grey, 100, sizeof(grey));
    mkdir(in_dir("set"), 0777);
    mkdir(in_dir("set/b"), 0777);
    mkdir(in_dir("set/c"), 0777);
    write_png("set/b/1.png", 2, 3, colours);
    write_jpeg("set/c/2.JPG", 2, 3, grey);
    write_file("set/c/notes.txt", "x", 1);
    write_file("set/b/.hidden.png", "x", 1);
}

static void test_images__folder(void **state)
{
    nw_data *data;
    int shape[3];

    (void)state;
    make_set();
    data = nw_data_open(ctx, spec(""));
    assert_non_null(data);
    nw_data_shape(data, shape);
    assert_int_equal(nw_data_count(data), 2);
    assert_int_equal(shape[0], 3);
    assert_int_equal(shape[1], 2);
    assert_int_equal(shape[2], 3);
    assert_string_equal(data->info.class_names[1], "c");
    assert_int_equal(data->info.labels[1], 1);
    for (size_t i = 0; i < 18; i++) { /* planes in memory, pixels in the file */
        assert_int_equal(data->info.bytes[i], colours[i % 6 * 3 + i / 6]);
        assert_in_range(data->info.bytes[18 + i], 99, 101);
    }
    data = nw_data_open(ctx, spec("channels=1 size=1"));
    assert_non_null(data);
    assert_in_range(data->info.bytes[0], 50, 90);
    assert_in_range(data->info.bytes[1], 99, 101);
}

static void test_images__folder_refuses(void **state)
{
    (void)state;
    assert_bad("", NW_EIO, "folder: %s/set: No such file or directory", test_dir);
    make_set();
    mkdir(in_dir("set/a"), 0777);
    assert_bad("", NW_EFORMAT, "folder: %s/set/a: no .jpg, .jpeg or .png in this class",
               test_dir);
    write_png("set/a/1.png", 1, 3, colours);
    assert_bad("", NW_EFORMAT,
               "folder: %s/set/b/1.png: 2x3 pixels, but %s/set/a/1.png has 1x3 (size=HxW "
               "resamples)",
               test_dir, test_dir);
    assert_int_equal(truncate(in_dir("set/c/2.JPG"), 600), 0);
    assert_bad("size=4", NW_EFORMAT,
               "folder: %s/set/c/2.JPG: broken JPEG: Premature end of JPEG file",
               test_dir);
    write_file("set/c/2.JPG", "GIF89a", 6);
    assert_bad("size=4", NW_EFORMAT, "folder: %s/set/c/2.JPG: neither a JPEG nor a PNG",
               test_dir);
    unlink(in_dir("set/c/2.JPG"));
    write_png("set/c/2.png", 2, 3, colours);
    assert_int_equal(truncate(in_dir("set/c/2.png"), 50), 0);
    assert_null(nw_data_open(ctx, spec("size=4")));
    assert_non_null(strstr(nw_errmsg(ctx), "set/c/2.png: broken PNG: "));
    assert_int_equal(nw_pending(ctx), NW_EFORMAT);
}

/* Growing keeps a flat image flat, shrinking takes the mean of what it covers. */
static void test_images__resize(void **state)
{
    uint8_t pixel[64], out[64];
    nw_image image = {1, 8, 8, pixel};

    (void)state;
    for (int i = 0; i < 64; i++)
        pixel[i] = i % 2 ? 200 : 0;
    assert_int_equal(nw_image_resize(ctx, &image, 2, 2, out), NW_OK);
    for (int i = 0; i < 4; i++)
        assert_in_range(out[i], 90, 110);
    image.height = image.width = 1;
    pixel[0] = 77;
    assert_int_equal(nw_image_resize(ctx, &image, 4, 16, out), NW_OK);
    for (int i = 0; i < 64; i++)
        assert_int_equal(out[i], 77);
}

/* The first images of CIFAR-10 as JPEG, out of the archive. */
static void test_images__real_jpegs(void **state)
{
    static const char path[] = "../shared/data/cifar10/CIFAR-10-images-jpg.tar.xz";
    struct archive *a = archive_read_new();
    struct archive_entry *e;
    nw_data *data;
    int n = 0;

    (void)state;
    if (access(path, R_OK)) {
        print_message("skipped: %s is not there\n", path);
        archive_read_free(a);
        return;
    }
    mkdir(in_dir("set"), 0777);
    mkdir(in_dir("set/one"), 0777);
    archive_read_support_filter_all(a);
    archive_read_support_format_tar(a);
    assert_int_equal(archive_read_open_filename(a, path, 1 << 16), ARCHIVE_OK);
    while (n < 40 && archive_read_next_header(a, &e) == ARCHIVE_OK) {
        char name[64];
        FILE *out;

        if (!strstr(archive_entry_pathname(e), ".jpg"))
            continue;
        snprintf(name, sizeof(name), "set/one/%02d.jpg", n++);
        out = fopen(in_dir(name), "wb");
        archive_read_data_into_fd(a, fileno(out));
        fclose(out);
    }
    archive_read_free(a);
    data = nw_data_open(ctx, spec(""));
    assert_non_null(data);
    assert_int_equal(nw_data_count(data), 40);
    assert_int_equal(data->info.shape[1], 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_images__folder, open_ctx, close_ctx),
        cmocka_unit_test_setup_teardown(test_images__folder_refuses, open_ctx, close_ctx),
        cmocka_unit_test_setup_teardown(test_images__resize, open_ctx, close_ctx),
        cmocka_unit_test_setup_teardown(test_images__real_jpegs, open_ctx, close_ctx),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
