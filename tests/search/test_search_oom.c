/*
 * test_search_oom.c - memory runs out in the middle of a whole search: a clean failure,
 * nothing leaks, and the next try on the same study ends as if nothing had happened.
 *
 * The search has two stages, as the command has them: one finds an architecture, one
 * trains it from scratch; then files are written and read back. Every stride-th
 * allocation fails, once alone and once with all that follow it. A prime stride keeps
 * step with no loop, and a few seconds are enough for it.
 *
 * usage: test_search_oom [STRIDE], where 1 is every allocation (a minute)
 */
#include "../study/study_test.h"

#include "check.h"
#include "failing.h"
#include "ways.h"

static long stride = 11;

static const char *const files[] = {"json", "onnx", "safetensors"};
enum { FILES = sizeof(files) / sizeof(*files) };

/* All that one try makes. */
struct job {
    nw_ctx *ctx;
    const char *dir, *strategy, *estimator, *published; /* NULL: small() */
    nw_study *study;
    nw_space *space, *derived;
    nw_data *data, *train, *valid;
    nw_arch *best, *own;
    nw_net *net;
};

static nw_space *small(nw_ctx *ctx)
{
    nw_space *s = nw_space_new(ctx);
    nw_ref x = nw_op(s, "conv2d out=4 | batchnorm | relu", nw_input(s, 1, 8, 8));

    x = nw_one_of(s, "a", nw_op(s, "sep_conv", x),
                  nw_op(s, "maxpool k=3 stride=1 pad=1", x));
    nw_output(s, nw_op(s, "globalpool | dense out=4", x));
    return s;
}

static nw_space *published(nw_ctx *ctx, const char *spec)
{
    return nw_space_open(ctx, spec, (const int[3]){1, 8, 8}, 4);
}

static nw_status open_job(struct job *j)
{
    j->study = nw_study_open(j->ctx, j->dir);
    j->space = j->published ? published(j->ctx, j->published) : small(j->ctx);
    j->data = nw_data_open(j->ctx, "planted n=48 size=8");
    j->train = nw_data_slice(j->data, 1, 0, 32);
    j->valid = nw_data_slice(j->data, 1, 32, 16);
    return j->study && j->train && j->valid ? NW_OK : nw_pending(j->ctx);
}

static nw_status find(struct job *j)
{
    nw_search_config config = {.strategy = j->strategy,
                               .estimator = j->estimator,
                               .train = j->train,
                               .valid = j->valid,
                               .study = j->study,
                               .seed = 1};

    NW_TRY(nw_search(j->space, &config, &j->best, NULL, NULL));
    j->derived = nw_space_derive(j->space, j->best, "");
    config.stage = "final";
    config.strategy = "fixed";
    config.estimator = "train epochs=1 batch=16";
    return nw_search(j->derived, &config, &j->own, &j->net, NULL);
}

static nw_status write_files(struct job *j)
{
    nw_status status = NW_OK;

    for (int i = 0; i < FILES && status >= 0; i++) {
        char *path = path_in(j->dir, files[i]);

        status = nw_export(j->best, j->net, files[i], path);
        if (status >= 0)
            status = nw_export_verify(j->best, j->net, files[i], path);
        free(path);
    }
    return status;
}

static void close_job(struct job *j)
{
    nw_net_free(j->net);
    nw_arch_free(j->own);
    nw_arch_free(j->best);
    nw_space_free(j->derived);
    nw_space_free(j->space);
    nw_data_free(j->train);
    nw_data_free(j->valid);
    nw_data_free(j->data);
    nw_study_free(j->study);
}

static nw_status try(struct job j, struct failing *f)
{
    nw_config config = {.realloc = failing_realloc, .user = f, .threads = 1};
    nw_status status;

    j.ctx = nw_open(&config);
    status = open_job(&j);
    if (status >= 0)
        status = find(&j);
    if (status >= 0)
        status = write_files(&j);
    close_job(&j);
    if (j.ctx) {
        if (status < 0)
            assert_says(j.ctx, "out of memory");
        nw_ways_drop(j.ctx);
        assert_int_equal(nw_held_bytes(j.ctx), 0);
    }
    nw_close(j.ctx);
    assert_int_equal(f->blocks, 0);
    return status;
}

/* What a file of the study holds, with a zero at its end. */
static char *content(const char *dir, const char *name, long *size)
{
    char *path = path_in(dir, name), *bytes;
    FILE *in = fopen(path, "rb");

    assert_non_null(in);
    assert_int_equal(fseek(in, 0, SEEK_END), 0);
    *size = ftell(in);
    rewind(in);
    bytes = calloc(1, (size_t)*size + 1);
    assert_int_equal(fread(bytes, 1, (size_t)*size, in), *size);
    fclose(in);
    free(path);
    return bytes;
}

static void same_files(const char *a, const char *b)
{
    for (int i = 0; i < FILES; i++) {
        long n, m;
        char *left = content(a, files[i], &n), *right = content(b, files[i], &m);

        assert_int_equal(n, m);
        assert_memory_equal(left, right, (size_t)n);
        free(left);
        free(right);
    }
}

/* Fail allocation k, then try again on what that left. Answers the failure. */
static nw_status fail_at(struct job j, long k, int once, const char *undisturbed)
{
    char *dir = new_folder();
    struct failing f = {.left = k, .once = once};
    nw_status status;

    j.dir = dir;
    status = try(j, &f);
    if (status < 0 && status != NW_ENOMEM)
        fail_msg("allocation %ld: %s", k, nw_strstatus(status));
    f.left = -1;
    if (try(j, &f) < 0)
        fail_msg("allocation %ld: the next try failed", k);
    same_files(dir, undisturbed);
    remove_folder(dir);
    return status;
}

static void sweep(struct job j)
{
    char *undisturbed = new_folder();
    struct failing f = {.left = -1};
    int failed = 0;

    j.dir = undisturbed;
    if (try(j, &f) < 0)
        fail_msg("undisturbed, the search fails");
    for (long k = 0; k < f.asked; k += stride)
        for (int once = 0; once < 2; once++)
            failed += fail_at(j, k, once, undisturbed) < 0;
    print_message("%ld allocations, %d failures\n", f.asked, failed);
    remove_folder(undisturbed);
}

static void test_search_oom__shared_weights(void **state)
{
    (void)state;
    sweep((struct job){.strategy = "darts", .estimator = "supernet epochs=2 batch=8"});
}

static void test_search_oom__trained_one_by_one(void **state)
{
    (void)state;
    sweep((struct job){.strategy = "random trials=2",
                       .estimator = "train epochs=1 batch=8",
                       .published = "darts c=4 layers=2 steps=1 multiplier=1"});
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_search_oom__shared_weights),
        cmocka_unit_test(test_search_oom__trained_one_by_one),
    };

    if (argc > 1)
        stride = strtol(argv[1], NULL, 10);
    if (stride < 1)
        return 2;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
