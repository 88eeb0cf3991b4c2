/*
 * pareto.c - the trials of a stage that no other beats in everything that is sought.
 *
 * Only those of the highest fidelity count, as scores of unequal effort cannot be
 * compared.
 *
 * The volume is that of the box between the best and the worst value that any trial had
 * of each measure, of which the front dominates a share: 1 would be one trial that is
 * best in all.
 */
#include "db.h"
#include "front.h"
#include "goal.h"
#include "study.h"
#include "table.h"

#include <math.h>
#include <string.h>

struct entry {
    uint64_t id;
    nw_score score;
    char *arch;
};

struct front {
    nw_ctx *ctx;
    nw_arena arena;
    nw_goal goal;
    struct entry *entry;
    int n, room;
    double fidelity;             /* of all of them */
    double *loss, *best, *worst; /* loss: n rows */
    int *rank;
    size_t *order;
};

static nw_status add(void *user, const nw_stored_trial *trial)
{
    struct front *f = user;
    struct entry *e;

    for (int i = 0; i < f->goal.n_objective; i++)
        if (isnan(nw_measure_of(f->goal.objective[i], &trial->score)))
            return NW_OK;
    if (trial->fidelity < f->fidelity)
        return NW_OK;
    if (trial->fidelity > f->fidelity)
        f->n = 0;
    f->fidelity = trial->fidelity;
    NW_TRY(nw_grow(f->ctx, &f->entry, f->n, &f->room, sizeof(*f->entry)));
    e = &f->entry[f->n];
    *e = (struct entry){.id = trial->id, .score = trial->score};
    e->arch = nw_arena_dup(&f->arena, trial->arch ? trial->arch : "null");
    f->n += e->arch != NULL;
    return e->arch ? NW_OK : NW_ENOMEM;
}

static nw_status measure(struct front *f)
{
    const int m = f->goal.n_objective;

    f->loss = nw_arena_get(&f->arena, (size_t)(f->n + 1) * (size_t)m * sizeof(double));
    f->best = nw_arena_get(&f->arena, (size_t)m * sizeof(double));
    f->worst = nw_arena_get(&f->arena, (size_t)m * sizeof(double));
    f->rank = nw_arena_get(&f->arena, (size_t)(f->n + 1) * sizeof(int));
    f->order = nw_arena_get(&f->arena, (size_t)(f->n + 1) * sizeof(size_t));
    if (!f->loss || !f->best || !f->worst || !f->rank || !f->order)
        return NW_ENOMEM;
    for (int k = 0; k < f->n; k++)
        for (int i = 0; i < m; i++) {
            const double x = nw_measure_loss(f->goal.objective[i], &f->entry[k].score);

            f->loss[k * m + i] = x;
            f->best[i] = k ? fmin(f->best[i], x) : x;
            f->worst[i] = k ? fmax(f->worst[i], x) : x;
        }
    return NW_OK;
}

/* Every measure to 0 .. 1; one that never varies counts for nothing. */
static nw_status volume_of(struct front *f, double *volume)
{
    const int m = f->goal.n_objective;
    double one[NW_MOST_OBJECTIVES];
    nw_points points = {.n = (size_t)f->n, .m = m};
    double *share =
        nw_arena_get(&f->arena, (size_t)(f->n + 1) * (size_t)m * sizeof(double));

    if (!share)
        return NW_ENOMEM;
    for (int i = 0; i < m; i++) {
        const double range = f->worst[i] - f->best[i];

        one[i] = 1;
        for (int k = 0; k < f->n; k++)
            share[k * m + i] = range > 0 ? (f->loss[k * m + i] - f->best[i]) / range : 0;
    }
    points.loss = share;
    return nw_front_volume(f->ctx, &points, one, volume);
}

/* Trials of the first front, best in the first measure first; their number. */
static int sort_first(struct front *f)
{
    const int m = f->goal.n_objective;
    int n = 0;

    for (int k = 0; k < f->n; k++) {
        int at = n;

        if (f->rank[k])
            continue;
        for (; at > 0 && f->loss[f->order[at - 1] * (size_t)m] > f->loss[k * m]; at--)
            f->order[at] = f->order[at - 1];
        f->order[at] = (size_t)k;
        n++;
    }
    return n;
}

static nw_status write_front(struct front *f, int n, const char *format, FILE *out)
{
    nw_column column[NW_MOST_OBJECTIVES + 2] = {{"trial", NW_RIGHT, 0, 0}};
    const int m = f->goal.n_objective;
    nw_table table;
    nw_status status;

    for (int i = 0; i < m; i++)
        column[i + 1] = (nw_column){f->goal.objective[i]->name, NW_RIGHT, 0, 0};
    column[m + 1] = (nw_column){"arch", NW_LEFT, 0, 0};
    nw_table_init(&table, f->ctx, column, m + 2);
    for (int k = 0; k < n; k++) {
        const struct entry *e = &f->entry[f->order[k]];

        nw_table_unsigned(&table, e->id);
        for (int i = 0; i < m; i++)
            nw_table_real(&table, nw_measure_of(f->goal.objective[i], &e->score));
        nw_table_json(&table, e->arch);
    }
    status = nw_table_write(&table, format, out);
    nw_table_free(&table);
    return status;
}

static nw_status print(struct front *f, const char *format, FILE *out, double *volume)
{
    const nw_points points = {f->loss, (size_t)f->n, f->goal.n_objective};

    NW_TRY(nw_front_rank(f->ctx, &points, f->rank));
    if (volume)
        NW_TRY(volume_of(f, volume));
    return write_front(f, sort_first(f), format, out);
}

nw_status nw_study_front(nw_study *study, const char *stage, const char *objective,
                         const char *format, FILE *out, double *volume)
{
    struct front f = {0};
    nw_status status;
    int64_t id;

    if (!study)
        return NW_ENOMEM;
    f.ctx = study->ctx;
    NW_TRY(nw_goal_parse(f.ctx, NULL, objective, &f.goal));
    NW_TRY(nw_study_stage(study, stage ? stage : "search", NULL, &id));
    nw_arena_init(&f.arena, f.ctx);
    status = nw_study_trials(study, id, add, &f);
    if (status >= 0)
        status = measure(&f);
    if (status >= 0)
        status = print(&f, format, out, volume);
    nw_release(f.ctx, f.entry);
    nw_arena_free(&f.arena);
    return status;
}
