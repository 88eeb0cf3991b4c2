/* test_workers.c - trials in processes of their own: the same result whatever their
 * number, and whatever happens to them, of a strategy that learns from what it is told. */
#include "../study/study_test.h"

#include "check.h"
#include "net.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TRIALS = 16, AHEAD = 5 };

static nw_space *small(nw_ctx *ctx)
{
    nw_space *s = nw_space_new(ctx);
    nw_ref x = nw_op(s, "conv2d out=4 | batchnorm | relu", nw_input(s, 1, 8, 8));

    x = nw_one_of(s, "a", nw_op(s, "sep_conv", x), nw_op(s, "conv2d k=3 pad=1", x),
                  nw_op(s, "identity", x));
    x = nw_one_of(s, "b", nw_op(s, "sep_conv", x), nw_op(s, "conv2d k=3 pad=1", x),
                  nw_op(s, "identity", x));
    nw_output(s, nw_op(s, "globalpool | dense out=4", x));
    return s;
}

/* What is left of a search: its trials and the weights of the best. */
struct found {
    nw_status status;
    int n;
    double quality[TRIALS];
    uint64_t arch[TRIALS];
    nw_status of_trial[TRIALS];
    char reason[TRIALS][128];
    size_t n_weight;
    float weights[4096];
};

struct watch {
    struct found *found;
    int (*on_progress)(void);
    int calls;
};

static int note_trial(void *user, const nw_trial *trial)
{
    struct found *f = ((struct watch *)user)->found;

    f->quality[f->n] = trial->score.quality;
    f->arch[f->n] = nw_arch_hash(trial->arch);
    f->of_trial[f->n] = trial->status;
    snprintf(f->reason[f->n], sizeof(f->reason[f->n]), "%s",
             trial->reason ? trial->reason : "");
    f->n++;
    return 0;
}

static int note_progress(void *user, const nw_progress *progress)
{
    struct watch *w = user;

    (void)progress;
    w->calls++;
    return w->on_progress ? w->on_progress() : 0;
}

static void search(const char *dir, int jobs, int (*on_progress)(void), double most,
                   struct found *out)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    nw_data *data = nw_data_open(ctx, "planted n=96 size=8");
    struct watch watch = {out, on_progress, 0};
    nw_search_config config = {.strategy = "amoebanet population=4 sample=3",
                               .estimator = "train epochs=3 batch=16",
                               .train = nw_data_slice(data, 1, 0, 64),
                               .valid = nw_data_slice(data, 1, 64, 32),
                               .study = dir ? nw_study_open(ctx, dir) : NULL,
                               .seed = 1,
                               .max_trials = TRIALS,
                               .max_trial_seconds = most,
                               .jobs = jobs,
                               .ahead = AHEAD,
                               .on_progress = note_progress,
                               .on_trial = note_trial,
                               .user = &watch};
    nw_net *net = NULL;

    memset(out, 0, sizeof(*out));
    out->status = nw_search(small(ctx), &config, NULL, &net, NULL);
    if (out->status < 0 && out->status != NW_ESTOPPED)
        fail_msg("%s", nw_errmsg(ctx));
    if (net) {
        out->n_weight = net->graph->n_trainable;
        assert_true(out->n_weight <= 4096);
        memcpy(out->weights, net->param, out->n_weight * sizeof(float));
    }
    nw_close(ctx);
}

static void assert_same(const struct found *a, const struct found *b)
{
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->quality, b->quality, sizeof(a->quality));
    assert_memory_equal(a->arch, b->arch, sizeof(a->arch));
    assert_int_equal(a->n_weight, b->n_weight);
    assert_true(a->n_weight > 0);
    assert_memory_equal(a->weights, b->weights, a->n_weight * sizeof(float));
}

static void test_workers__their_number_changes_nothing(void **state)
{
    static struct found here, one, three, five;

    (void)state;
    search(NULL, 0, NULL, 0, &here);
    search(NULL, 1, NULL, 0, &one);
    search(NULL, 3, NULL, 0, &three);
    search(NULL, 5, NULL, 0, &five);
    assert_int_equal(here.n, TRIALS);
    assert_same(&here, &one);
    assert_same(&here, &three);
    assert_same(&here, &five);
}

/* Signal the first child of this process, once. */
static int sig, sent;

static int signal_a_child(void)
{
    FILE *in = fopen("/proc/thread-self/children", "r");
    int pid;

    if (!in || sent || fscanf(in, "%d", &pid) != 1) {
        if (in)
            fclose(in);
        return 0;
    }
    fclose(in);
    sent = 1;
    kill(pid, sig);
    return 0;
}

static void one_fails(int with, double most, const char *words)
{
    static struct found found;
    int failed = 0;

    sig = with;
    sent = 0;
    search(NULL, 2, signal_a_child, most, &found);
    assert_int_equal(found.n, TRIALS);
    for (int i = 0; i < TRIALS; i++) {
        failed += found.of_trial[i] < 0;
        if (found.of_trial[i] < 0) {
            assert_int_equal(found.of_trial[i], NW_ECRASHED);
            assert_true(isnan(found.quality[i]));
            assert_non_null(strstr(found.reason[i], words));
        }
    }
    assert_int_equal(failed, 1);
}

static void test_workers__one_that_is_killed_fails_its_trial(void **state)
{
    (void)state;
    one_fails(SIGKILL, 0, "signal 9");
    one_fails(SIGSEGV, 0, "signal 11");
}

static void test_workers__one_that_hangs_fails_its_trial(void **state)
{
    (void)state;
    one_fails(SIGSTOP, 2, "not over after 2 seconds");
}

static int stop_now(void)
{
    return 1;
}

/* Stopped after every look at the workers, then gone on with by another number of them.
 */
static void test_workers__stopped_and_resumed(void **state)
{
    static struct found whole, part, all;
    char *dir = new_folder();
    int runs = 0;

    (void)state;
    search(NULL, 2, NULL, 0, &whole);
    do {
        search(dir, runs % 4, stop_now, 0, &part);
        for (int i = 0; i < part.n; i++) {
            all.quality[all.n] = part.quality[i];
            all.arch[all.n++] = part.arch[i];
        }
        runs++;
    } while (part.status == NW_ESTOPPED && runs < 1000);
    assert_int_equal(part.status, NW_OK);
    assert_true(runs > 3);
    all.n_weight = part.n_weight;
    memcpy(all.weights, part.weights, sizeof(all.weights));
    assert_same(&whole, &all);
    remove_folder(dir);
}

static pid_t victim(const char *dir)
{
    static struct found part;
    const pid_t pid = fork();

    if (pid)
        return pid;
    search(dir, 2, NULL, 0, &part);
    _exit(0);
}

/* kill -9 of the search itself, at several moments: its workers go with it. */
static void test_workers__killed_and_resumed(void **state)
{
    static struct found whole, rest;
    char *dir = new_folder();

    (void)state;
    search(NULL, 2, NULL, 0, &whole);
    for (useconds_t wait = 20000; wait < 300000; wait += 60000) {
        const pid_t pid = victim(dir);

        usleep(wait);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    search(dir, 2, NULL, 0, &rest);
    assert_int_equal(rest.status, NW_OK);
    assert_int_equal(rest.n_weight, whole.n_weight);
    assert_memory_equal(rest.weights, whole.weights, whole.n_weight * sizeof(float));
    remove_folder(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_workers__their_number_changes_nothing),
        cmocka_unit_test(test_workers__one_that_is_killed_fails_its_trial),
        cmocka_unit_test(test_workers__one_that_hangs_fails_its_trial),
        cmocka_unit_test(test_workers__stopped_and_resumed),
        cmocka_unit_test(test_workers__killed_and_resumed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
