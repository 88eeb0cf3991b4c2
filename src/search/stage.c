/*
 * stage.c - what a stage of the study is known by: all that its result depends on.
 */
#include "graph.h"
#include "loop.h"
#include "random.h"

#include <jansson.h>
#include <string.h>

static uint64_t add_text(uint64_t h, const char *text)
{
    return nw_hash(h, text, strlen(text) + 1);
}

/* What can be decided, and from what. */
static uint64_t choices_hash(uint64_t h, const nw_space *s)
{
    for (int c = 0; c < s->n_choice; c++) {
        const nw_choice *choice = &s->choice[c];

        h = add_text(h, choice->name);
        h = nw_hash(h, &choice->k, sizeof(choice->k));
        for (int i = 0; i < choice->n; i++)
            h = add_text(h, choice->option_name[i]);
    }
    return h;
}

/* Places say all of a graph; of a coded space only its words do. */
uint64_t nw_space_hash(const nw_space *s)
{
    uint64_t h = choices_hash(NW_HASH_START, s);

    if (nw_is_coded(s)) {
        h = nw_hash(h, s->input, sizeof(s->input));
        h = nw_hash(h, &s->classes, sizeof(s->classes));
        return add_text(h, s->origin);
    }
    for (int i = 0; i < s->n_place; i++) {
        const nw_place *p = &s->place[i];

        h = add_text(h, p->spec);
        h = add_text(h, p->name);
        h = nw_hash(h, p->in, (size_t)p->n_in * sizeof(int));
    }
    return h;
}

void nw_json_hash(json_t *object, const char *key, uint64_t hash)
{
    char text[24];

    snprintf(text, sizeof(text), "%016llx", (unsigned long long)hash);
    json_object_set_new(object, key, json_string(text));
}

static void add_text_of(json_t *object, const char *key, const char *text)
{
    if (text && *text)
        json_object_set_new(object, key, json_string(text));
}

/* All that the result depends on: a stage is only resumed by the same. */
static char *stage_config(const struct loop *l)
{
    const nw_search_config *c = l->config;
    json_t *object = json_object();
    char *text;

    json_object_set_new(object, "strategy", json_string(c->strategy));
    json_object_set_new(object, "estimator", json_string(c->estimator));
    json_object_set_new(object, "seed", json_integer((json_int_t)c->seed));
    json_object_set_new(object, "threads", json_integer(nw_threads(l->ctx)));
    add_text_of(object, "limits", c->limits);
    add_text_of(object, "objective", c->objective);
    if (c->ahead > 1)
        json_object_set_new(object, "ahead", json_integer(c->ahead));
    nw_json_hash(object, "space", nw_space_hash(l->space));
    nw_json_hash(object, "train", c->train ? nw_data_hash(c->train) : 0);
    nw_json_hash(object, "valid", c->valid ? nw_data_hash(c->valid) : 0);
    if (c->test)
        nw_json_hash(object, "test", nw_data_hash(c->test));
    nw_json_hash(object, "arch", c->arch ? nw_arch_hash(c->arch) : 0);
    text = json_dumps(object, JSON_PRESERVE_ORDER);
    json_decref(object);
    return text;
}

nw_status nw_loop_stage(struct loop *l)
{
    char *text = stage_config(l);
    nw_status status = text ? nw_study_stage(l->study, l->stage_name, text, &l->stage)
                            : nw_fail(l->ctx, NW_ENOMEM, "out of memory");

    free(text);
    return status;
}
