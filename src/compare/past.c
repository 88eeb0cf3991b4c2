/*
 * past.c - runs of a comparison in the study, one file each: "run SEED STRATEGY".
 *
 * The stage is known by what all runs share: estimator, space, data, budget. Strategies
 * and seeds are not part of that, so a later call may ask for more of either and pays
 * for the new ones alone. Rows go in together, four times a second: a kill costs the runs
 * of a quarter of a second.
 */
#include "compare.h"

#include "clock.h"
#include "loop.h"
#include "text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const double COMMIT_S = .25;

static char *stage_config(const nw_compare_state *c)
{
    const nw_compare_config *given = c->config;
    json_t *object = json_object();
    char *text;

    json_object_set_new(object, "estimator",
                        json_string(given->estimator ? given->estimator : "train"));
    json_object_set_new(object, "max_trials",
                        json_integer((json_int_t)given->max_trials));
    json_object_set_new(object, "max_seconds", json_real(given->max_seconds));
    json_object_set_new(object, "limits",
                        json_string(given->limits ? given->limits : ""));
    json_object_set_new(object, "objective",
                        json_string(given->objective ? given->objective : ""));
    nw_json_hash(object, "space", nw_space_hash(c->space));
    nw_json_hash(object, "train", given->train ? nw_data_hash(given->train) : 0);
    nw_json_hash(object, "valid", given->valid ? nw_data_hash(given->valid) : 0);
    text = json_dumps(object, JSON_PRESERVE_ORDER);
    json_decref(object);
    return text;
}

static nw_status name_of(const nw_compare_state *c, int i, nw_text *name)
{
    const nw_outcome *run = &c->run[i];

    nw_text_init(name, c->ctx);
    nw_text_printf(name, "run %llu %s", (unsigned long long)run->seed,
                   c->standing[run->strategy].strategy);
    return name->failed ? NW_ENOMEM : NW_OK;
}

static nw_status recall(nw_compare_state *c, int i, nw_blob *blob)
{
    nw_text name;
    nw_state reader;
    nw_status status = name_of(c, i, &name);

    if (status >= 0)
        status = nw_study_get_file(c->config->study, c->stage, name.data, blob);
    nw_text_free(&name);
    if (status != NW_OK)
        return status;
    reader = nw_blob_reader(blob);
    return nw_compare_pack(c, i, &reader);
}

nw_status nw_compare_recall(nw_compare_state *c)
{
    nw_blob blob = {.ctx = c->ctx};
    nw_status status = NW_OK;
    char *config;

    if (!c->config->study)
        return NW_OK;
    config = stage_config(c);
    status = config ? nw_study_stage(c->config->study, "compare", config, &c->stage)
                    : nw_fail(c->ctx, NW_ENOMEM, "out of memory");
    free(config);
    for (int i = 0; i < c->found.n_run && status >= 0; i++)
        status = recall(c, i, &blob);
    nw_blob_free(&blob);
    NW_TRY(status);
    c->committed = nw_now();
    return nw_study_begin(c->config->study);
}

nw_status nw_compare_remember(nw_compare_state *c, int i)
{
    nw_blob blob = {.ctx = c->ctx};
    nw_state writer = nw_blob_writer(&blob);
    nw_status status;
    nw_text name;

    if (!c->config->study)
        return NW_OK;
    status = name_of(c, i, &name);
    if (status >= 0)
        status = nw_compare_pack(c, i, &writer);
    if (status >= 0)
        status = nw_study_put_file(c->config->study, c->stage, name.data, &blob);
    nw_text_free(&name);
    nw_blob_free(&blob);
    if (status < 0 || nw_now() - c->committed < COMMIT_S)
        return status;
    NW_TRY(nw_study_commit(c->config->study));
    c->committed = nw_now();
    return nw_study_begin(c->config->study);
}

nw_status nw_compare_finish(nw_compare_state *c, double seconds)
{
    nw_study *study = c->config->study;

    if (!study)
        return NW_OK;
    seconds += nw_study_seconds(study, c->stage);
    NW_TRY(nw_study_finish(study, c->stage, seconds));
    return nw_study_commit(study);
}
