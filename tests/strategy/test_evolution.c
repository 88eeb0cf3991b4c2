/*
 * test_evolution.c - random search, evolution and the genetic algorithm on all 6,561
 * networks of NAS-Bench-Macro, against a simulation that others made of the published
 * methods.
 *
 * An estimate is the accuracy of one of a network's three trainings, drawn once for each
 * network and search; what is reported is the mean of the three for the network whose
 * estimate was the best. So a search is judged by what it never saw.
 *
 * The simulation was of 100 searches a row. Its evolution knows no mutation that changes
 * nothing, and it reports the mean of the last estimates, which selection makes better
 * than the networks are.
 */
#include "ranktest.h"
#include "steered.h"

#include <jansson.h>
#include <stdlib.h>

#define TABLE "../shared/data/nasbench-macro/nas-bench-macro_cifar10.json"

enum { BLOCKS = 8, NETS = 6561, RUNS = 3 };
enum {
    SEARCHES = 400,
    SIMULATED_SEARCHES = 100,
    MOST = 600,
    FIFTH = MOST / 5,
    FIRST = 20
};

/* Budgets that are looked at. */
enum { BUDGETS = 3 };
static const int budget[BUDGETS] = {100, 300, 600};

struct table {
    double run[NETS][RUNS], mean[NETS];
};

/* Of all searches with one strategy. */
struct row {
    double final[BUDGETS][SEARCHES]; /* mean accuracy of the best by estimate, percent */
    double first[SEARCHES];          /* mean of the first 20 estimates             */
    double last[SEARCHES];           /* mean of the last fifth                     */
};

/* ---- Searches ------------------------------------------------------------------ */

static int index_of(const int *x)
{
    int at = 0;

    for (int i = 0; i < BLOCKS; i++)
        at = 3 * at + x[i];
    return at;
}

static void read_table(json_t *root, struct table *table)
{
    const char *digits;
    json_t *net;

    assert_int_equal(json_object_size(root), NETS);
    json_object_foreach(root, digits, net)
    {
        const json_t *runs = json_object_get(net, "test_acc");
        int x[BLOCKS];

        for (int i = 0; i < BLOCKS; i++)
            x[i] = digits[i] - '0';
        table->mean[index_of(x)] = json_number_value(json_object_get(net, "mean_acc"));
        for (size_t r = 0; r < RUNS; r++)
            table->run[index_of(x)][r] = json_number_value(json_array_get(runs, r));
    }
}

/* *state = NULL: it is not there. */
static int open_table(void **state)
{
    json_t *root = json_load_file(TABLE, 0, NULL);

    *state = NULL;
    if (!root)
        return 0;
    *state = calloc(1, sizeof(struct table));
    read_table(root, *state);
    json_decref(root);
    return 0;
}

/* The table, or the test is skipped. */
static const struct table *table_of(void **state)
{
    if (!*state) {
        print_message("skipped: no %s\n", TABLE);
        skip();
    }
    return *state;
}

static int close_table(void **state)
{
    free(*state);
    return 0;
}

static void search_once(const struct table *table, nw_space *space, const char *spec,
                        int search, struct row *out)
{
    const uint64_t seed = (uint64_t)search + 1;
    struct steered *s = steered_open(space, spec, seed);
    double best = 0, mean = 0, last = 0, first = 0;

    for (int t = 0; t < MOST; t++) {
        int x[BLOCKS], at;
        double estimate;

        if (steered_propose(s, x) != NW_OK)
            fail_msg("%s ended after %d trials", spec, t);
        at = index_of(x);
        estimate = table->run[at][nw_below(seed, NW_FOR_TEST, (uint64_t)at, RUNS)];
        steered_observe(s, estimate);
        first += t < FIRST ? estimate / FIRST : 0;
        last += t >= MOST - FIFTH ? estimate / FIFTH : 0;
        if (estimate > best) {
            best = estimate;
            mean = table->mean[at];
        }
        for (int b = 0; b < BUDGETS; b++)
            if (t + 1 == budget[b])
                out->final[b][search] = mean;
    }
    out->first[search] = first;
    out->last[search] = last;
    steered_close(s);
}

static struct row *search_all(const struct table *table, const char *spec)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_space *space = nw_space_open(ctx, "nasbench-macro", NULL, 0);
    struct row *row = calloc(1, sizeof(*row));

    check_ok(ctx, nw_space_seal(space));
    for (int i = 0; i < SEARCHES; i++)
        search_once(table, space, spec, i, row);
    nw_close(ctx);
    return row;
}

/* Of two samples of searches. */
static nw_ranktest against(const double *a, const double *b)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_ranktest test;

    check_ok(ctx, nw_mann_whitney(ctx, a, SEARCHES, b, SEARCHES, &test));
    nw_close(ctx);
    return test;
}

static void print_row(const char *spec, const struct row *row, const struct row *random)
{
    print_message("%-36s", spec);
    for (int b = 0; b < BUDGETS; b++)
        print_message(" %.3f+-%.3f (A12 %.2f)", nw_mean(row->final[b], SEARCHES),
                      nw_deviation(row->final[b], SEARCHES),
                      against(row->final[b], random->final[b]).a12);
    print_message(" last %.2f\n", nw_mean(row->last, SEARCHES));
}

/* ---- Against the simulation ------------------------------------------------------ */

struct expected {
    const char *spec;
    double mean[BUDGETS], deviation[BUDGETS], last; /* 0 = not simulated */
};

enum { RANDOM, GENETIC = 4 };
static const struct expected simulated[] = {
    {"random", {92.81, 92.92, 92.94}, {.16, .13, .13}, 90.26},
    {"amoebanet population=20 sample=5 identity=0",
     {92.98, 93.04, 93.06},
     {.14, .10, .08},
     92.53},
    {"amoebanet population=50 sample=10 identity=0",
     {92.91, 93.06, 93.07},
     {.17, .09, .07},
     92.60},
    {"amoebanet identity=0", {0, 93.05, 93.07}, {0, .10, .07}, 92.61},
    {"genetic-cnn", {92.76, 92.92, 93.00}, {.19, .16, .12}, 92.82},
};

enum { SIMULATED = sizeof(simulated) / sizeof(*simulated) };

/* Within two standard errors, and half of the last digit that the simulation gives. */
static void check_mean(const double *x, double mean, double deviation)
{
    const double mine = nw_deviation(x, SEARCHES);
    const double error =
        sqrt(mine * mine / SEARCHES + deviation * deviation / SIMULATED_SEARCHES);

    check_near(nw_mean(x, SEARCHES), mean, 2 * error + .005);
}

static void check_row(const struct expected *e, const struct row *row)
{
    for (int b = 0; b < BUDGETS; b++)
        if (e->mean[b] > 0)
            check_mean(row->final[b], e->mean[b], e->deviation[b]);
    check_mean(row->last, e->last, nw_deviation(row->last, SEARCHES));
}

static void test_evolution__rows_are_those_of_the_simulation(void **state)
{
    const struct table *table = table_of(state);
    struct row *row[SIMULATED];

    for (int i = 0; i < SIMULATED; i++) {
        row[i] = search_all(table, simulated[i].spec);
        print_row(simulated[i].spec, row[i], row[RANDOM]);
    }
    for (int i = 0; i < SIMULATED; i++)
        check_row(&simulated[i], row[i]);
    for (int i = 0; i < SIMULATED; i++)
        free(row[i]);
}

/* ---- What is expected of the methods --------------------------------------------- */

static void check_beats(const double *a, const double *b, double least_a12)
{
    const nw_ranktest test = against(a, b);

    print_message("  A12 %.3f, p %.1g\n", test.a12, test.p);
    assert_true(test.a12 >= least_a12);
    assert_true(test.p < .01);
}

/* With the identity mutation of the paper; and that it is the oldest who dies counts. */
static void test_evolution__aging_evolution_beats_random_search(void **state)
{
    const struct table *table = table_of(state);
    struct row *random = search_all(table, "random"),
               *aging = search_all(table, "amoebanet population=50 sample=10"),
               *worst = search_all(table, "amoebanet population=50 sample=10 kill=worst");

    print_row("amoebanet population=50 sample=10", aging, random);
    print_row("the same, kill=worst", worst, random);
    assert_true(nw_mean(aging->final[1], SEARCHES) >= 93.03);
    check_beats(aging->final[1], random->final[1], .70);
    check_beats(aging->final[2], worst->final[2], .5);
    free(random);
    free(aging);
    free(worst);
}

/* Late: at 300 estimates it is no better than random search. */
static void test_evolution__genetic_algorithm_beats_random_search(void **state)
{
    const struct table *table = table_of(state);
    struct row *random = search_all(table, "random"),
               *genetic = search_all(table, "genetic-cnn");

    check_beats(genetic->final[2], random->final[2], .58);
    assert_true(against(genetic->final[1], random->final[1]).a12 < .56);
    assert_true(nw_mean(genetic->last, SEARCHES) >=
                nw_mean(genetic->first, SEARCHES) + 2);
    free(random);
    free(genetic);
}

/* Every estimate is of another network, and tops are left behind. */
static void test_evolution__hill_climbing_beats_random_search(void **state)
{
    const struct table *table = table_of(state);
    static const char *const specs[] = {"local", "local best=all"};
    struct row *random = search_all(table, "random unique=1");

    for (int i = 0; i < 2; i++) {
        struct row *local = search_all(table, specs[i]);

        print_row(specs[i], local, random);
        for (int b = 0; b < BUDGETS; b++)
            check_beats(local->final[b], random->final[b], .65);
        free(local);
    }
    free(random);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_evolution__rows_are_those_of_the_simulation),
        cmocka_unit_test(test_evolution__aging_evolution_beats_random_search),
        cmocka_unit_test(test_evolution__genetic_algorithm_beats_random_search),
        cmocka_unit_test(test_evolution__hill_climbing_beats_random_search),
    };

    return cmocka_run_group_tests(tests, open_table, close_table);
}
