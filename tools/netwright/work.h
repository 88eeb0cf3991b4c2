/*
 * work.h - what `search` and `train` share: a study, its data, networks that are trained
 * from scratch in it, and the files that remain.
 *
 * The examples stand in one order by the seed: first those set apart for the test (if
 * the data has no test split of its own), then what learns, then what watches.
 */
#ifndef TOOL_WORK_H
#define TOOL_WORK_H

#include "tool.h"

enum { MOST_CANDIDATES = 33 };

/* A network that was trained from scratch. */
struct candidate {
    const char *stage;   /* "final", "random", "random-2"                       */
    const nw_arch *arch; /* in the search space, NULL if that has no choices    */
    nw_arch *own;        /* in the space of the network itself                  */
    nw_net *net;
    nw_score valid, test;
    double seconds; /* of training                                         */
};

struct work {
    struct tool *tool;
    const char *dir;
    nw_study *study;
    nw_space *space;
    nw_data *data, *test;
    size_t first;    /* examples of data before it are the test            */
    double search_s; /* NaN: there was no search                           */
    struct candidate candidate[MOST_CANDIDATES];
    int n_candidate;
};

/* Read the job, open data, space and study. Answers an exit code. */
int work_open(struct work *work, struct tool *tool);

/* No network is trained at the end: --final none, or there is no data to train on. */
int work_only_searches(const struct work *work);

/* Part the training data: the last `share` of it into *valid, the rest into *train. */
void work_split(struct work *work, double share, nw_data **train, nw_data **valid);

/* The same for a search: --valid and --examples say how much of it. */
void work_split_search(struct work *work, const char *estimator, nw_data **train,
                       nw_data **valid);

/* Run one stage to its end with what opt says about seed, progress and so on. */
int work_run(struct work *work, nw_space *space, nw_search_config *config, nw_arch **best,
             nw_net **net, nw_score *score);

/* Train what `arch` stands for as --final says. Answers an exit code. */
int work_train(struct work *work, const char *stage, const nw_arch *arch);

/* Write the files of what a search found, and print it. Answers an exit code. */
int work_found(struct work *work, const nw_arch *best, const nw_score *score);

/* Evaluate every candidate once on test data, write the files of the first, check them,
 * and print the summary. Answers an exit code. */
int work_finish(struct work *work);

#endif
