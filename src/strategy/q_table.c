/* q_table.c - rows of values, found by a number of the state, made when first met. */
#include "q_table.h"

#include "ctx.h"

#include <math.h>

struct nw_q_row {
    uint64_t first; /* value */
    int32_t n, unused;
};

void nw_q_init(nw_q_table *table, nw_ctx *ctx, double initial)
{
    *table = (nw_q_table){.ctx = ctx, .initial = initial, .states = {.ctx = ctx}};
}

void nw_q_free(nw_q_table *table)
{
    nw_index_free(&table->states);
    nw_release(table->ctx, table->row);
    nw_release(table->ctx, table->value);
    nw_q_init(table, table->ctx, table->initial);
}

static size_t enough(size_t room, size_t n)
{
    room = room ? room : 64;
    while (room < n)
        room *= 2;
    return room;
}

/* Room for so many rows and values. */
static nw_status reserve(nw_q_table *table, size_t rows, size_t values)
{
    const size_t room = enough(table->room, rows);
    const size_t room_value = enough(table->room_value, values);
    void *more;

    if (room > table->room) {
        more = nw_resize(table->ctx, table->row, table->room * sizeof(*table->row),
                         room * sizeof(*table->row));
        if (!more)
            return NW_ENOMEM;
        table->row = more;
        table->room = room;
    }
    if (room_value > table->room_value) {
        more = nw_resize(table->ctx, table->value, table->room_value * sizeof(double),
                         room_value * sizeof(double));
        if (!more)
            return NW_ENOMEM;
        table->value = more;
        table->room_value = room_value;
    }
    return NW_OK;
}

double *nw_q_of(nw_q_table *table, uint64_t state, int n)
{
    int64_t r = nw_index_find(&table->states, state);

    if (r != NW_INDEX_NONE)
        return table->value + table->row[r].first;
    if (reserve(table, table->states.n + 1, table->n_value + (size_t)n) < 0)
        return NULL;
    r = nw_index_add(&table->states, state);
    if (r == NW_INDEX_NONE)
        return NULL;
    table->row[r] = (struct nw_q_row){table->n_value, n, 0};
    for (int u = 0; u < n; u++)
        table->value[table->n_value++] = table->initial;
    return table->value + table->row[r].first;
}

static int may(const nw_q_step *step, int action)
{
    return !step->legal || step->legal[action];
}

static double best_of(const double *value, const nw_q_step *step)
{
    double best = -INFINITY;

    for (int u = 0; u < step->n; u++)
        if (may(step, u))
            best = fmax(best, value[u]);
    return best;
}

int nw_q_greedy(const double *value, const nw_q_step *step, double u)
{
    const double best = best_of(value, step);
    int equals = 0, nth;

    for (int a = 0; a < step->n; a++)
        equals += may(step, a) && value[a] == best;
    nth = (int)(u * equals);
    for (int a = 0; a < step->n; a++)
        if (may(step, a) && value[a] == best && nth-- == 0)
            return a;
    return 0;
}

nw_status nw_q_learn(nw_q_table *table, const nw_q_step *step, int n, double rate,
                     double discount, double reward)
{
    double goal = reward;

    for (int t = n - 1; t >= 0; t--) {
        double *value = nw_q_of(table, step[t].state, step[t].n);

        if (!value)
            return NW_ENOMEM;
        value[step[t].action] += rate * (goal - value[step[t].action]);
        goal = discount * best_of(value, &step[t]);
    }
    return NW_OK;
}

nw_status nw_q_state(nw_q_table *table, nw_state *state)
{
    uint64_t n = table->n_value;

    NW_TRY(nw_index_state(&table->states, state));
    NW_TRY(state->bytes(state, &n, sizeof(n)));
    if (state->reading) {
        if (n > INT32_MAX)
            return nw_fail(table->ctx, NW_EFORMAT, "stored state: too many values");
        table->n_value = (size_t)n;
        NW_TRY(reserve(table, table->states.n, table->n_value));
    }
    if (!table->states.n)
        return NW_OK;
    NW_TRY(state->bytes(state, table->row, table->states.n * sizeof(*table->row)));
    return state->bytes(state, table->value, table->n_value * sizeof(double));
}
