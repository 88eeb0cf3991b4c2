/* study_test.h - folders of their own for the tests of the study. */
#ifndef STUDY_TEST_H
#define STUDY_TEST_H

#include "db.h"
#include "random.h"
#include "study.h"

#include <ftw.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static inline int remove_one(const char *path, const struct stat *st, int kind,
                             struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

/* A fresh directory; free() what comes back after remove_folder(). */
static inline char *new_folder(void)
{
    const char *base = getenv("TMPDIR");
    char *dir = NULL;

    assert_true(asprintf(&dir, "%s/netwright-study-XXXXXX", base ? base : P_tmpdir) > 0);
    assert_non_null(mkdtemp(dir));
    return dir;
}

static inline void remove_folder(char *dir)
{
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(dir);
}

static inline char *path_in(const char *dir, const char *name)
{
    char *path = NULL;

    assert_true(asprintf(&path, "%s/%s", dir, name) > 0);
    return path;
}

static inline void assert_says(const nw_ctx *ctx, const char *part)
{
    if (!strstr(nw_errmsg(ctx), part))
        fail_msg("\"%s\" does not say \"%s\"", nw_errmsg(ctx), part);
}

/* Exit status of the child, or 128 + the signal that ended it. */
static inline int wait_for(pid_t child)
{
    int status;

    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline nw_stored_trial sample_trial(uint64_t id)
{
    return (nw_stored_trial){
        .id = id,
        .seed = id * 0x9e3779b97f4a7c15u,
        .fidelity = 1,
        .arch = "{\"conv1\":0}",
        .score = {.quality = 0.1 * (double)id,
                  .loss = NAN,
                  .accuracy = 0.1 * (double)id,
                  .top5 = NAN,
                  .params = 61706,
                  .macs = 416520,
                  .peak_bytes = 1e5,
                  .cost_s = 0.25},
    };
}

static inline int64_t count_trials(nw_study *study)
{
    int64_t n = -1;

    assert_int_equal(nw_db_number(study, "SELECT count(*) FROM trial", &n), NW_OK);
    return n;
}

static inline void expect_trials(const char *dir, int64_t n)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_study *study = nw_study_open(ctx, dir);

    if (!study)
        fail_msg("%s", nw_errmsg(ctx));
    assert_int_equal(count_trials(study), n);
    nw_close(ctx);
}

#endif
