/* Sigmoid and tanh of many numbers are those of the C library. */
#include "../check.h"
#include "curve.h"

enum { N = 200001 };

static float x[N], y[N];

/* In units of the last place of the true value. */
static double error_at(double truth, float found)
{
    return fabs((double)found - truth) / (ldexp(fabs(truth), -23) + 1e-44);
}

static void spread(double most)
{
    for (int i = 0; i < N; i++)
        x[i] = (float)(most * (2. * i / (N - 1) - 1));
}

static void check_all(double most)
{
    spread(most);
    nw_sigmoid_f32(N, x, y);
    for (int i = 0; i < N; i++)
        assert_true(error_at(1 / (1 + exp(-(double)x[i])), y[i]) < 3);
    nw_tanh_f32(N, x, y);
    for (int i = 0; i < N; i++)
        assert_true(error_at(tanh((double)x[i]), y[i]) < 3);
}

static void test_curve__is_that_of_the_library(void **state)
{
    (void)state;
    check_all(1e-4);
    check_all(1);
    check_all(12);
    check_all(80);
}

static void test_curve__is_flat_far_out(void **state)
{
    const float far[] = {-INFINITY, -1e30f, 1e30f, INFINITY, 0, -0.f};
    float out[6];

    (void)state;
    nw_tanh_f32(6, far, out);
    for (int i = 0; i < 6; i++)
        assert_true(out[i] == tanhf(far[i]));
    nw_sigmoid_f32(6, far, out);
    for (int i = 0; i < 2; i++)
        assert_true(out[i] >= 0 && out[i] < 1e-37f && out[2 + i] == 1);
    assert_true(out[4] == .5f);
}

static void test_curve__works_in_place_and_says_nan(void **state)
{
    float v[] = {1, NAN, -2};

    (void)state;
    nw_tanh_f32(3, v, v);
    check_near((double)v[0], tanh(1), 1e-7);
    assert_true(isnan(v[1]));
    nw_sigmoid_f32(3, v, v);
    assert_true(isnan(v[1]));
    check_near((double)v[2], 1 / (1 + exp(-tanh(-2))), 1e-7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_curve__is_that_of_the_library),
        cmocka_unit_test(test_curve__is_flat_far_out),
        cmocka_unit_test(test_curve__works_in_place_and_says_nan),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
