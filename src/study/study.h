/*
 * study.h - everything that a search must remember, in one SQLite file.
 *
 * A study has *stages* ("search", "final", "random"): each is one run of the loop with
 * a configuration of its own. A stage has trials, trials have epochs and named values,
 * and a stage in progress has one checkpoint. Every call below is one transaction:
 * killed at any instant, the file holds all or nothing of it. docs/explain/study.md
 * tells what is stored where, and what survives what.
 *
 * Texts that are handed over are copied. Numbers come back bit for bit; a NaN comes back
 * as a NaN.
 */
#ifndef NW_STUDY_H
#define NW_STUDY_H

#include "ctx.h"
#include "netwright_ext.h"

/* A blob that grows while it is written and is walked through while it is read. */
typedef struct nw_blob {
    nw_ctx *ctx;
    unsigned char *data;
    size_t size, room, at;
} nw_blob;

void nw_blob_free(nw_blob *blob);

/* nw_state over a blob: the same function of an extension writes and reads its fields.
 * Reading past the end or a size that differs is NW_EFORMAT. */
nw_state nw_blob_writer(nw_blob *blob);
nw_state nw_blob_reader(nw_blob *blob);

/* Begin a stage, or take it up again. config is its whole configuration as a JSON object
 * (an unsigned 64-bit seed as text: JSON readers stop at 2^63); a stage that exists with
 * another configuration is refused with NW_EMATCH, and the message names the first key
 * that differs. The order of keys and blanks do not count.
 * config NULL only looks the stage up: NW_ENAME if there is none. */
nw_status nw_study_stage(nw_study *study, const char *stage, const char *config,
                         int64_t *id);

typedef struct nw_stored_trial {
    uint64_t id; /* of the trial, from 1                                  */
    uint64_t seed;
    double fidelity;
    const char *arch; /* JSON                                                  */
    nw_status status;
    const char *reason; /* or NULL                                               */
    nw_score score;
} nw_stored_trial;

/* Several calls as one transaction, which does not nest. After a failure inside it every
 * further call fails with the same status, and nw_study_commit() rolls back and reports
 * it: so the calls between need no check. nw_study_begin() waits a few seconds for
 * another program that writes to the file, then returns NW_EBUSY; it may be called again.
 *
 * Rows that one checkpoint covers are written with it, so that resuming from it writes
 * them again and gets the same: rows replace older ones of the same key. */
nw_status nw_study_begin(nw_study *study);
nw_status nw_study_commit(nw_study *study);
void nw_study_rollback(nw_study *study);

nw_status nw_study_put_trial(nw_study *study, int64_t stage,
                             const nw_stored_trial *trial);
nw_status nw_study_put_epoch(nw_study *study, int64_t stage, uint64_t trial,
                             const nw_epoch *epoch);
nw_status nw_study_put_value(nw_study *study, int64_t stage, uint64_t trial, int epoch,
                             const char *name, double value);
/* The same words for the same trial are kept once. */
nw_status nw_study_put_note(nw_study *study, int64_t stage, uint64_t trial,
                            const char *words);

/* The checkpoint of a stage; replaces the one before. seconds: spent so far. */
nw_status nw_study_put_checkpoint(nw_study *study, int64_t stage, const nw_blob *blob,
                                  double seconds);
/* NW_DONE if there is none. out is zeroed, or a blob that is replaced. */
nw_status nw_study_get_checkpoint(nw_study *study, int64_t stage, nw_blob *out,
                                  double *seconds);

/* Files by name: weights of a finished trial and the like. NW_DONE if there is none. */
nw_status nw_study_put_file(nw_study *study, int64_t stage, const char *name,
                            const nw_blob *blob);
nw_status nw_study_get_file(nw_study *study, int64_t stage, const char *name,
                            nw_blob *out);

/* A stage is finished: its checkpoint goes, `seconds` it took stay. */
nw_status nw_study_finish(nw_study *study, int64_t stage, double seconds);
int nw_study_is_finished(nw_study *study, int64_t stage);
double nw_study_seconds(nw_study *study, int64_t stage);

/* Call visit for every trial of the stage, by id; a negative answer ends it and is
 * returned. The texts of a trial are gone after the visit. */
nw_status nw_study_trials(nw_study *study, int64_t stage,
                          nw_status (*visit)(void *user, const nw_stored_trial *trial),
                          void *user);

/* The same for the epochs of a trial, in order. */
nw_status nw_study_epochs(nw_study *study, int64_t stage, uint64_t trial,
                          nw_status (*visit)(void *user, const nw_epoch *epoch),
                          void *user);

/* The value of that name in the last epoch that has one; NaN = none has. */
nw_status nw_study_get_value(nw_study *study, int64_t stage, uint64_t trial,
                             const char *name, double *out);

/* A number or text that belongs to the study as a whole ("split_hash"). NULL = none, or
 * a failure that is pending; else it lives as long as the study. */
nw_status nw_study_put_fact(nw_study *study, const char *name, const char *value);
const char *nw_study_fact(nw_study *study, const char *name);

const char *nw_study_dir(const nw_study *study);

/* In a child process that will not touch the study (may be NULL): let go of its lock. */
void nw_study_leave(nw_study *study);

/* For study.c: is config a JSON object, and the same as the one stored? */
nw_status nw_config_check(nw_study *study, const char *stage, const char *config);
nw_status nw_config_same(nw_study *study, const char *stage, const char *stored,
                         const char *config);

#endif
