/* test_plot.c - ticks stand at round numbers, and their texts say them. */
#include "check.h"
#include "plot.h"

#include <stdlib.h>
#include <string.h>

static void check_ticks(nw_axis axis, int most, int n, const char *first,
                        const char *last)
{
    double tick[NW_MOST_TICKS];
    char text[40];
    int decimals, found = nw_axis_ticks(&axis, most, tick, &decimals);

    assert_int_equal(found, n);
    assert_string_equal(nw_tick_text(tick[0], decimals, text), first);
    assert_string_equal(nw_tick_text(tick[n - 1], decimals, text), last);
}

static void test_plot__linear_ticks(void **state)
{
    (void)state;
    check_ticks((nw_axis){.low = 91.4, .high = 94.4}, 8, 6, "91.5", "94.0");
    check_ticks((nw_axis){.low = 0, .high = 1}, 6, 6, "0.0", "1.0");
    check_ticks((nw_axis){.low = -3, .high = 12000}, 5, 3, "0", "10,000");
    check_ticks((nw_axis){.low = -0.3, .high = 0.3}, 8, 7,
                "\xe2\x88\x92"
                "0.3",
                "0.3");
    check_ticks((nw_axis){.low = .93011, .high = .93032}, 6, 4, "0.93015", "0.93030");
}

static void test_plot__log_ticks(void **state)
{
    double tick[NW_MOST_TICKS];
    const nw_axis wide = {.low = 1, .high = 1000, .is_log = 1, .from = 100, .to = 400};

    (void)state;
    check_ticks(wide, 8, 4, "1", "1,000");
    check_ticks((nw_axis){.low = 188, .high = 12000, .is_log = 1}, 8, 6, "200", "10,000");
    assert_int_equal(nw_axis_minor(&wide, tick), 24);
    check_near(nw_axis_at(&wide, 10), 200, 1e-9);
    check_near(nw_axis_at(&wide, 1000), 400, 1e-9);
}

/* An axis of one value has no ticks, and does not hang. */
static void test_plot__nothing_to_span(void **state)
{
    double tick[NW_MOST_TICKS];
    int decimals;

    (void)state;
    assert_int_equal(nw_axis_ticks(&(nw_axis){.low = 2, .high = 2}, 8, tick, &decimals),
                     0);
}

static void test_plot__texts_are_escaped(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_text out;

    (void)state;
    nw_text_init(&out, ctx);
    nw_plot_text(&out, (nw_label){.x = 1.5, .y = -.25}, (nw_pen){0}, "a<b & \"c\"");
    assert_non_null(strstr(out.data, ">a&lt;b &amp; \"c\"</text>"));
    assert_non_null(strstr(out.data, "x=\"1.5\" y=\"-0.25\""));
    nw_text_free(&out);
    nw_close(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plot__linear_ticks),
        cmocka_unit_test(test_plot__log_ticks),
        cmocka_unit_test(test_plot__nothing_to_span),
        cmocka_unit_test(test_plot__texts_are_escaped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
