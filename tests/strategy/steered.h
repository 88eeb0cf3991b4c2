/* steered.h - a strategy in the hands of a test: it is asked for trials and told their
 * results as the search's loop would, several under way if need be, and it can be closed
 * and taken up again from what a study would hold. */
#ifndef STEERED_H
#define STEERED_H

#include "check.h"
#include "ctx.h"
#include "netwright_ext.h"
#include "random.h"
#include "space.h"
#include "strategy.h"

enum { STEERED_MOST = 8192 };

struct steered {
    nw_ctx *ctx;
    const char *spec;
    const nw_strategy_type *type;
    void *self;
    nw_env env;
    nw_code *code;
    nw_trial trial[STEERED_MOST]; /* by id - 1 */
    int proposed, observed;
};

/* Of options[i] options each, named "a0", "a1" ... or as names says; sealed. */
nw_space *steered_space(nw_ctx *ctx, int n, const int *options, const char *const *names);

struct steered *steered_open(nw_space *space, const char *spec, uint64_t seed);

/* Asks for the next trial; its decisions go to x (may be NULL). */
nw_status steered_propose(struct steered *s, int *x);

/* Tells the result of the oldest trial under way; NaN = it failed. */
void steered_observe(struct steered *s, double quality);

/* The decisions of trial i (0 is the first). */
void steered_code(const struct steered *s, int i, int *x);

/* Close the strategy and open it again from its state, or by replaying the trials. */
void steered_resume(struct steered *s);

void steered_close(struct steered *s);

/* What a test's trial is worth. */
typedef double steered_worth(const int *x, int n, int id);

/* Runs until the strategy is done or `most` trials are observed, with up to `ahead` under
 * way, resumed after every `pause` trials (0 = never). The number of trials. */
int steered_run(struct steered *s, steered_worth *worth, int most, int ahead, int pause);

/* Two runs of the spec, one of them resumed again and again, propose the same. */
void steered_check_resume(const char *spec, steered_worth *worth, int most, int ahead);

#endif
