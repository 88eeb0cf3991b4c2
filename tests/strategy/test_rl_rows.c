/*
 * test_rl_rows.c - reinforce and metaqnn on NAS-Bench-Macro, beside what an independent
 * simulation of the same rules measured: mean accuracy in percent, over seeds, of the
 * network with the best estimate.
 *
 * NW_TEST_ROWS=all takes every row with all its seeds (minutes); else the rows of 300
 * trials with 30. A row holds when it is within two standard errors of the difference.
 */
#include "check.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TABLE "../shared/data/nasbench-macro/nas-bench-macro_cifar10.json"

enum { FEW_SEEDS = 30, DEFAULT_TRIALS = 300 };

struct row {
    const char *strategy;
    int trials, seeds; /* of the simulation */
    double mean, deviation;
    double a12; /* beaten random at least so; 0 = nothing is asked. Less than measured,
                   by three deviations of A12 at 30 seeds, .075 each */
};

static const struct row rows[] = {
    {"random", 100, 100, 92.81, .16, 0},
    {"reinforce lr=.01", 100, 100, 92.87, .15, 0},
    {"reinforce lr=.05", 100, 100, 92.96, .13, .55},
    {"reinforce lr=.1", 100, 100, 92.98, .13, .57},
    {"metaqnn models=100", 100, 30, 92.77, .20, 0},
    {"random", 300, 100, 92.92, .13, 0},
    {"reinforce lr=.01", 300, 100, 93.00, .11, 0},
    {"reinforce lr=.05", 300, 100, 93.06, .08, .59},
    {"reinforce lr=.1", 300, 100, 93.05, .08, .58},
    {"metaqnn models=300", 300, 30, 92.91, .15, 0},
    {"random", 600, 100, 92.94, .13, 0},
    {"reinforce lr=.01", 600, 100, 93.04, .08, .51},
    {"reinforce lr=.05", 600, 100, 93.08, .06, .59},
    {"reinforce lr=.1", 600, 100, 93.05, .09, .53},
    {"metaqnn models=600", 600, 30, 92.95, .13, 0},
};

enum { ROWS = sizeof(rows) / sizeof(*rows) };

static int takes_all(void)
{
    const char *kind = getenv("NW_TEST_ROWS");

    return kind && !strcmp(kind, "all");
}

static const nw_standing *standing_of(const nw_comparison *found, const char *strategy)
{
    for (int i = 0; i < found->n; i++)
        if (!strcmp(found->standing[i].strategy, strategy))
            return &found->standing[i];
    fail_msg("%s was not compared", strategy);
    return NULL;
}

/* 1 = it holds. */
static int compare_row(nw_ctx *ctx, const struct row *row)
{
    nw_space *space = nw_space_open(ctx, "nasbench-macro", (const int[3]){0}, 0);
    const int seeds = takes_all() ? row->seeds : FEW_SEEDS;
    const nw_compare_config config = {.n = 1,
                                      .strategy = &row->strategy,
                                      .estimator = "table file=" TABLE,
                                      .seed = 1,
                                      .seeds = seeds,
                                      .max_trials = (uint64_t)row->trials};
    const nw_standing *s;
    nw_comparison *found;
    double error, apart;

    check_ok(ctx, nw_compare(space, &config, &found));
    s = standing_of(found, row->strategy);
    assert_int_equal(s->runs, seeds);
    error = sqrt(row->deviation * row->deviation / row->seeds +
                 1e4 * s->deviation * s->deviation / seeds);
    apart = fabs(100 * s->score - row->mean) / error;
    print_message("%-20s %d trials, %3d seeds: %.3f +- %.3f, simulated %.2f +- %.2f: "
                  "%.1f errors apart; A12 %.2f, p %.1e\n",
                  row->strategy, row->trials, seeds, 100 * s->score, 100 * s->deviation,
                  row->mean, row->deviation, apart, s->a12, s->p);
    return apart <= 2 && (row->a12 == 0 || (s->a12 >= row->a12 && s->p < .05));
}

static void test_rl_rows__are_those_of_the_simulation(void **state)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    int missed = 0;

    (void)state;
    if (access(TABLE, R_OK) != 0) {
        print_message("skipped: %s is not there\n", TABLE);
        nw_close(ctx);
        skip();
    }
    for (int i = 0; i < ROWS; i++)
        if (takes_all() || rows[i].trials == DEFAULT_TRIALS)
            missed += !compare_row(ctx, &rows[i]);
    assert_int_equal(missed, 0);
    nw_close(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rl_rows__are_those_of_the_simulation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
