/* Views, hashes, moments, augmentation and batches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "data.h"
#include "parallel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static nw_ctx *ctx;

static int open_ctx(void **state)
{
    (void)state;
    ctx = nw_open(NULL);
    return 0;
}

static int close_ctx(void **state)
{
    (void)state;
    nw_close(ctx);
    return 0;
}

/* Bytes whose value says where they are, so that a test sees what moved. */
static nw_data *make(size_t n, int c, int h, int w)
{
    nw_data *data = nw_alloc(ctx, sizeof(*data));
    size_t size = n * (size_t)(c * h * w);
    uint8_t *bytes = nw_alloc(ctx, size);
    int32_t *labels = nw_alloc(ctx, n * sizeof(*labels));

    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(1 + i % 251);
    for (size_t i = 0; i < n; i++)
        labels[i] = (int32_t)(i % 3);
    *data =
        (nw_data){.ctx = ctx, .count = n, .whole = data, .spec = nw_strdup(ctx, "made")};
    data->info = (nw_data_info){.shape = {c, h, w},
                                .classes = 3,
                                .count = n,
                                .bytes = bytes,
                                .scale = 1 / 255.,
                                .labels = labels};
    return data;
}

/* ---- Views ------------------------------------------------------------------ */

static void test_views__partition(void **state)
{
    nw_data *all = nw_data_open(ctx, "planted n=100 size=3");
    nw_data *a = nw_data_slice(all, 7, 0, 60), *b = nw_data_slice(all, 7, 60, 40);
    char seen[100] = {0};

    (void)state;
    for (size_t i = 0; i < 60; i++)
        seen[nw_data_example(a, i)]++;
    for (size_t i = 0; i < 40; i++)
        seen[nw_data_example(b, i)]++;
    for (int i = 0; i < 100; i++)
        assert_int_equal(seen[i], 1);
    assert_true(nw_data_example(a, 0) != 0 || nw_data_example(a, 1) != 1);
    assert_int_equal(nw_data_example(nw_data_slice(all, 0, 10, 5), 2), 12);
}

static void test_views__nested(void **state)
{
    nw_data *all = nw_data_open(ctx, "planted n=50 size=3");
    nw_data *a = nw_data_slice(all, 3, 10, 30), *b = nw_data_slice(a, 0, 5, 10);

    (void)state;
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(nw_data_example(b, i), nw_data_example(a, i + 5));
    nw_data_free(all); /* stays until its views go */
    nw_data_free(a);
    assert_int_equal(nw_data_count(b), 10);
    assert_true(nw_data_hash(b) != 0);
    nw_data_free(b);
    assert_int_equal(nw_held_bytes(ctx), 0);
}

static void test_views__out_of_range(void **state)
{
    nw_data *all = nw_data_open(ctx, "planted n=50 size=3");

    (void)state;
    assert_null(nw_data_slice(all, 1, 20, 31));
    assert_string_equal(
        nw_errmsg(ctx),
        "data slice: 31 examples from 20 on: \"planted n=50 size=3\" has 50");
    assert_int_equal(nw_pending(ctx), NW_EINVAL);
    assert_null(nw_data_slice(all, 1, SIZE_MAX, 2));
    assert_int_equal(nw_pending(ctx), NW_EINVAL);
    assert_null(nw_data_slice(all, 1, 0, 0));
    assert_int_equal(nw_pending(ctx), NW_EINVAL);
    assert_null(nw_data_slice(NULL, 1, 0, 1));
}

static void test_views__hash(void **state)
{
    nw_data *all = nw_data_open(ctx, "planted n=50 size=3");
    nw_data *a = nw_data_slice(all, 1, 0, 50), *b = nw_data_slice(all, 2, 0, 50);
    nw_data *same = nw_data_slice(all, 0, 0, 50);

    (void)state;
    assert_true(nw_data_hash(all) == nw_data_hash(same));
    assert_true(nw_data_hash(a) != nw_data_hash(b));
    assert_true(nw_data_hash(a) != nw_data_hash(all));
}

/* ---- Moments ---------------------------------------------------------------- */

static void test_views__moments(void **state)
{
    nw_data *data = make(700, 3, 5, 4), *view = nw_data_slice(data, 9, 100, 555);
    double mean[3], sd[3], again[3], other[3];

    (void)state;
    assert_int_equal(nw_data_moments(ctx, view, mean, sd), NW_OK);
    for (size_t c = 0; c < 3; c++) {
        double sum = 0, square = 0, n = 555 * 20;

        for (size_t i = 0; i < 555; i++)
            for (size_t k = 0; k < 20; k++) {
                size_t at = (nw_data_example(view, i) * 3 + c) * 20 + k;
                double v = data->info.bytes[at] / 255.;

                sum += v;
                square += v * v;
            }
        assert_true(fabs(mean[c] - sum / n) < 1e-12);
        assert_true(fabs(sd[c] - sqrt(square / n - sum / n * (sum / n))) < 1e-9);
    }
    nw_set_threads(1);
    assert_int_equal(nw_data_moments(ctx, view, again, other), NW_OK);
    nw_set_threads(2);
    assert_memory_equal(mean, again, sizeof(mean));
    assert_memory_equal(sd, other, sizeof(sd));
}

static void assert_no_augment(const nw_data *data, const char *spec, const char *words)
{
    nw_augment a;

    assert_int_equal(nw_augment_parse(ctx, spec, data, &a), NW_ESPEC);
    assert_string_equal(nw_errmsg(ctx), words);
    nw_clear(ctx);
}

static void test_views__augment_parse(void **state)
{
    nw_data *data = make(10, 3, 4, 4);
    nw_augment a;

    (void)state;
    assert_int_equal(
        nw_augment_parse(ctx, "crop=4 flip cutout=16 mean=.5,.4,.3 std=1,2,3", data, &a),
        NW_OK);
    assert_int_equal(a.crop, 4);
    assert_int_equal(a.flip, 1);
    assert_int_equal(a.cutout, 16);
    assert_int_equal(a.n_channel, 3);
    assert_true(a.mean[1] == .4 && a.sd[2] == 3);
    assert_int_equal(nw_augment_parse(ctx, "normalise=none", data, &a), NW_OK);
    assert_int_equal(a.n_channel, 0);
    assert_no_augment(data, "flop=1",
                      "augment: no key \"flop\" (did you mean \"flip\"?)");
    assert_no_augment(data, "mean=1,2", "augment: mean=1,2: 2 numbers for 3 channels");
    assert_no_augment(data, "mean=1,2,3,4",
                      "augment: mean=1,2,3,4 is not 3 numbers with commas");
    assert_no_augment(data, "std=1,0,1", "augment: std=1,0,1: 0 is not above 0");
    assert_no_augment(data, "normalise=some",
                      "augment: normalise=some is not auto or none");
}

/* ---- Batches ---------------------------------------------------------------- */

enum { N = 64, C = 3, H = 6, W = 5, SIZE = C * H * W };

static void test_views__plain_batch(void **state)
{
    nw_data *data = make(N, C, H, W), *view = nw_data_slice(data, 5, 0, N);
    uint32_t order[4] = {3, 0, 63, 9};
    float x[4 * SIZE];
    int32_t label[4];
    nw_augment a;

    (void)state;
    assert_int_equal(
        nw_augment_parse(ctx, "crop=2 flip cutout=4 mean=.5,.4,.3 std=2,1,1", data, &a),
        NW_OK);
    nw_data_batch(view, &a, order, 4, 0, 1, 1, x, label);
    for (size_t i = 0; i < 4; i++) {
        size_t e = nw_data_example(view, order[i]);

        assert_int_equal(label[i], data->info.labels[e]);
        for (size_t k = 0; k < SIZE; k++) {
            size_t c = k / (H * W);
            double want = (data->info.bytes[e * SIZE + k] / 255. - a.mean[c]) / a.sd[c];

            assert_true(fabs((double)x[i * SIZE + k] - want) < 1e-6);
        }
    }
}

/* Find the crop and mirror that explain an example; 1 = there is exactly such a one. */
static int explain(const nw_data *data, size_t e, const float *x, int crop, int *flipped)
{
    const uint8_t *v = data->info.bytes + e * SIZE;

    for (int m = 0; m < 2 * (2 * crop + 1) * (2 * crop + 1); m++) {
        int flip = m % 2, dy = m / 2 / (2 * crop + 1) - crop;
        int dx = m / 2 % (2 * crop + 1) - crop, ok = 1;

        for (int k = 0; ok && k < SIZE; k++) {
            int c = k / (H * W), y = k / W % H + dy, col = k % W;
            int from = (flip ? W - 1 - col : col) + dx;
            int in = y >= 0 && y < H && from >= 0 && from < W;
            float want = in ? (float)v[(c * H + y) * W + from] : 0;

            ok = fabsf(x[k] - want) < 1e-3f;
        }
        if (ok) {
            *flipped = flip;
            return 1;
        }
    }
    return 0;
}

static void test_views__crop_and_flip(void **state)
{
    nw_data *data = make(N, C, H, W);
    uint32_t order[N];
    float x[N * SIZE];
    int32_t label[N];
    int flips = 0, flipped = 0;
    nw_augment a = {.crop = 2, .flip = 1};

    (void)state;
    data->info.scale = 1;
    for (uint32_t i = 0; i < N; i++)
        order[i] = i;
    nw_data_batch(data, &a, order, N, 1, 42, 3, x, label);
    for (size_t i = 0; i < N; i++) {
        assert_true(explain(data, i, x + i * SIZE, 2, &flipped));
        flips += flipped;
    }
    assert_in_range(flips, N / 4, 3 * N / 4);
}

/* Padding wider than the image: some examples see nothing but padding. */
static void test_views__crop_wider_than_the_image(void **state)
{
    nw_data *data = make(N, C, H, W);
    static float x[(N + 2) * SIZE];
    uint32_t order[N];
    nw_augment a = {.crop = 1000, .flip = 1};
    size_t zeros = 0;

    (void)state;
    for (uint32_t i = 0; i < N; i++)
        order[i] = i;
    for (size_t i = 0; i < (N + 2) * SIZE; i++)
        x[i] = -1;
    nw_data_batch(data, &a, order, N, 1, 1, 0, x + SIZE, NULL);
    for (size_t i = SIZE; i < (N + 1) * SIZE; i++)
        zeros += x[i] == 0;
    assert_true(zeros > N * SIZE * 9 / 10);
    for (size_t i = 0; i < SIZE; i++) /* nothing is written outside */
        assert_true(x[i] == -1 && x[(N + 1) * SIZE + i] == -1);
}

/* A black pixel in the padding is normalised like one of the image; the hole is 0. */
static void test_views__padding_and_hole(void **state)
{
    const double mean[] = {.5, .5, .5}, sd[] = {.25, .25, .25};
    nw_data *data = make(N, C, H, W);
    uint32_t order[N];
    static float x[N * SIZE];
    nw_augment a = {.crop = 1, .cutout = 2, .n_channel = 3, .mean = mean, .sd = sd};
    int padded = 0, holes = 0;

    (void)state;
    for (uint32_t i = 0; i < N; i++)
        order[i] = i;
    nw_data_batch(data, &a, order, N, 1, 1, 0, x, NULL);
    for (int i = 0; i < N * SIZE; i++) {
        padded += x[i] == -2;
        holes += x[i] == 0;
    }
    assert_true(padded > 0);
    assert_in_range(holes, N * C, N * C * 4); /* 2x2, or less at the border */
}

static void fill_batch(nw_data *data, int threads, uint64_t epoch, const uint32_t *order,
                       float *x)
{
    nw_augment a = {.crop = 2, .flip = 1, .cutout = 3};

    nw_set_threads(threads);
    nw_data_batch(data, &a, order, N, 1, 11, epoch, x, NULL);
    nw_set_threads(2);
}

static void test_views__same_whatever_the_threads(void **state)
{
    nw_data *data = make(N, C, H, W), *view = nw_data_slice(data, 4, 0, N);
    uint32_t order[N], place[N];
    static float one[N * SIZE], two[N * SIZE], other[N * SIZE], viewed[N * SIZE];

    (void)state;
    for (uint32_t i = 0; i < N; i++)
        order[i] = i;
    for (uint32_t i = 0; i < N; i++)
        place[nw_data_example(view, i)] = i;
    fill_batch(data, 1, 0, order, one);
    fill_batch(data, 2, 0, order, two);
    fill_batch(data, 2, 1, order, other);
    fill_batch(view, 2, 0, place, viewed);
    assert_memory_equal(one, two, sizeof(one));
    assert_memory_equal(one, viewed, sizeof(one)); /* by example, not by place */
    assert_memory_not_equal(one, other, sizeof(one));
}

/* ---- Facts for people ------------------------------------------------------- */

static const char *info_of(nw_data *data, const char *format)
{
    static char text[4096];
    FILE *out = fmemopen(text, sizeof(text), "w");

    assert_int_equal(nw_data_info_print(data, format, out), NW_OK);
    fclose(out);
    return text;
}

static void test_views__info(void **state)
{
    nw_data *data = nw_data_open(ctx, "planted n=6 classes=2 noise=0 size=3");

    (void)state;
    assert_non_null(strstr(info_of(data, "table"), "shape     1x3x3\nexamples  6\n"));
    assert_non_null(strstr(info_of(data, "table"), "range     -1 to 2\n"));
    assert_non_null(strstr(info_of(data, "csv"), "class,1,3\n"));
    assert_non_null(strstr(info_of(data, "csv"), "mean,0,0\n"));
    assert_non_null(strstr(info_of(data, "json"), "\"examples\": 6"));
    assert_int_equal(nw_data_info_print(data, "xml", stdout), NW_EINVAL);
    assert_string_equal(nw_errmsg(ctx),
                        "data info: format xml is not table, json or csv");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_views__partition, open_ctx, close_ctx),
        cmocka_unit_test_setup_teardown(test_views__nested, open_ctx, close_ctx),
        cmocka_unit_test_setup_teardown(test_views__out_of_range, open_ctx, close_ctx),
        cmocka_unit_test_setup_teardown(test_views__hash, open_ctx, close_ctx),
        cmocka_unit_test_setup_teardown(test_views__moments, open_ctx, close_ctx),
        cmocka_unit_test_setup_teardown(test_views__augment_parse, open_ctx, close_ctx),
        cmocka_unit_test_setup_teardown(test_views__plain_batch, open_ctx, close_ctx),
        cmocka_unit_test_setup_teardown(test_views__crop_and_flip, open_ctx, close_ctx),
        cmocka_unit_test_setup_teardown(test_views__crop_wider_than_the_image, open_ctx,
                                        close_ctx),
        cmocka_unit_test_setup_teardown(test_views__padding_and_hole, open_ctx,
                                        close_ctx),
        cmocka_unit_test_setup_teardown(test_views__same_whatever_the_threads, open_ctx,
                                        close_ctx),
        cmocka_unit_test_setup_teardown(test_views__info, open_ctx, close_ctx),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
