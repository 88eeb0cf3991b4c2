/*
 * test_every_space.c - what every search space must keep to, over 10,000 random archs
 * each.
 *
 * Written and read back it is the same arch; a mutation is legal and changes something; a
 * child of two is legal; the genotype in the family's words leads to the same network;
 * small spaces have as many archs as they say, each once.
 */
#include "counting.h"

#include "random.h"

enum { ARCHS = 10000, MOST_LISTED = 20000 };

struct walk {
    nw_ctx *ctx;
    nw_space *space;
    nw_arch *arch, *other, *third;
};

static void same_weights(const struct walk *w, const nw_arch *a, const nw_arch *b,
                         const char *what)
{
    if (memcmp(a->w, b->w, (size_t)w->space->n_weight * sizeof(double)))
        fail_msg("%s: %s", w->space->origin, what);
}

static void good(const struct walk *w, nw_status status)
{
    if (status < 0)
        fail_msg("%s: %s", w->space->origin, nw_errmsg(w->ctx));
}

static void written(const struct walk *w, const nw_arch *arch, char *text, size_t size,
                    nw_status (*write)(const nw_arch *, FILE *))
{
    FILE *out = fmemopen(text, size, "w");

    assert_non_null(out);
    good(w, write(arch, out));
    assert_int_equal(fclose(out), 0);
}

static void round_trip(const struct walk *w)
{
    static char text[1 << 16];

    written(w, w->arch, text, sizeof(text), nw_arch_write);
    good(w, nw_arch_read(w->other, text, "text"));
    same_weights(w, w->arch, w->other, "JSON does not lead back");
    if (!w->space->family->genotype || !w->space->family->read)
        return;
    written(w, w->arch, text, sizeof(text), nw_arch_write_genotype);
    good(w, nw_arch_read_genotype(w->other, text, "text"));
    same_weights(w, w->arch, w->other, "the genotype does not lead back");
}

static void mutation(const struct walk *w, uint64_t seed)
{
    good(w, nw_arch_copy(w->other, w->arch));
    good(w, nw_arch_mutate(w->other, seed));
    good(w, nw_arch_check(w->other));
    if (!memcmp(w->arch->w, w->other->w, (size_t)w->space->n_weight * sizeof(double)))
        fail_msg("%s: a mutation changed nothing", w->space->origin);
}

static void crossover(const struct walk *w, uint64_t seed)
{
    good(w, nw_arch_cross(w->third, w->arch, w->other, seed));
    good(w, nw_arch_check(w->third));
    good(w, nw_arch_cross(w->third, w->arch, w->arch, seed));
    same_weights(w, w->arch, w->third, "the child of one parent is another");
}

/* Neighbours are legal and differ from where they start. */
static void neighbours(const struct walk *w)
{
    size_t n = nw_arch_moves(w->arch), legal = 0;

    for (size_t i = 0; i < n; i++)
        if (nw_arch_move(w->other, w->arch, i)) {
            good(w, nw_arch_check(w->other));
            legal++;
        }
    assert_true(legal > 0);
    assert_false(nw_arch_move(w->other, w->arch, n));
}

static int begin(struct walk *w, nw_ctx *ctx, const nw_space_type *type)
{
    w->ctx = ctx;
    w->space = opened(ctx, type->name, NULL);
    w->arch = nw_arch_new(ctx, w->space);
    w->other = nw_arch_new(ctx, w->space);
    w->third = nw_arch_new(ctx, w->space);
    assert_non_null(w->third);
    return nw_space_choices(w->space);
}

static void end(struct walk *w)
{
    nw_arch_free(w->arch);
    nw_arch_free(w->other);
    nw_arch_free(w->third);
    nw_space_free(w->space);
}

static void test_every_space__archs_go_round(void **state)
{
    for (int s = 0; nw_spaces[s]; s++) {
        struct walk w;

        assert_true(begin(&w, *state, nw_spaces[s]) > 0);
        for (uint64_t i = 0; i < ARCHS; i++) {
            good(&w, nw_arch_random(w.arch, i));
            good(&w, nw_arch_check(w.arch));
            round_trip(&w);
            mutation(&w, i);
            if (i % 10 == 0)
                crossover(&w, i);
            if (i % 1000 == 0)
                neighbours(&w);
        }
        end(&w);
    }
}

/* As many archs as it says, no two alike. */
static void list(struct walk *w, long expected)
{
    uint64_t *seen = nw_alloc(w->ctx, MOST_LISTED * sizeof(*seen));
    long n = 0;

    assert_non_null(seen);
    for (int more = nw_arch_first(w->arch); more; more = nw_arch_next(w->arch)) {
        good(w, nw_arch_check(w->arch));
        assert_true(n < MOST_LISTED);
        seen[n++] = nw_arch_hash(w->arch);
    }
    if (n != expected)
        fail_msg("%s: %ld architectures, but it says %ld", w->space->origin, n, expected);
    for (long i = 1; i < n; i++)
        assert_true(seen[i] != seen[i - 1]);
    nw_release(w->ctx, seen);
}

static void test_every_space__small_ones_have_as_many_archs_as_they_say(void **state)
{
    for (int s = 0; nw_spaces[s]; s++) {
        struct walk w;
        const char *count;

        begin(&w, *state, nw_spaces[s]);
        count = nw_space_count(w.space);
        if (count && strlen(count) < 6 && atol(count) <= MOST_LISTED)
            list(&w, atol(count));
        end(&w);
    }
}

/* A network at each of a few archs: what the strategy proposes can be built. */
static void test_every_space__random_archs_can_be_counted(void **state)
{
    for (int s = 0; nw_spaces[s]; s++) {
        struct walk w;

        begin(&w, *state, nw_spaces[s]);
        for (uint64_t i = 0; i < 20; i++) {
            nw_score score;

            good(&w, nw_arch_random(w.arch, 1000 + i));
            good(&w, nw_arch_cost(w.arch, &score));
            assert_true(score.params > 0 && score.macs > 0 && score.peak_bytes > 0);
        }
        end(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_space__archs_go_round, open_context,
                                        close_context),
        cmocka_unit_test_setup_teardown(
            test_every_space__small_ones_have_as_many_archs_as_they_say, open_context,
            close_context),
        cmocka_unit_test_setup_teardown(test_every_space__random_archs_can_be_counted,
                                        open_context, close_context),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
