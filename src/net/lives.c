/*
 * lives.c - when every buffer of a plan is needed.
 *
 * Instants: turn t works forward at t and backward at 2n - 1 - t. A value lives until its
 * last reader, forward or backward; a gradient from its first writer to its owner's
 * backward turn; what is kept, from the one turn of its owner to the other.
 */
#include "plan.h"

#include <string.h>

static int new_life(nw_plan *plan, int birth, int death, size_t bytes)
{
    plan->life[plan->n_life] = (nw_life){birth, death, bytes, 0};
    return plan->n_life++;
}

static int back(const nw_plan *plan, int turn)
{
    return 2 * plan->n - 1 - turn;
}

static size_t value_bytes(const nw_plan *plan, const nw_turn *t)
{
    return nw_count(&t->info.out) * (size_t)plan->config.batch * plan->net->real_size;
}

static void last_until(nw_plan *plan, int life, int instant)
{
    if (plan->life[life].death < instant)
        plan->life[life].death = instant;
}

/* The last instant at which a turn looks at its inputs; what it defers is looked at by
 * its reader, who wants sums of it even where it has no gradient itself. */
static int last_look(const nw_plan *plan, int turn, int needs_x)
{
    const nw_turn *t = &plan->turn[turn];
    int last = t->works_back && needs_x ? back(plan, turn) : turn;

    if (t->reader < 0 || t->works_back)
        return last;
    for (turn = t->reader; plan->turn[turn].reader >= 0;)
        turn = plan->turn[turn].reader; /* it only passes it on */
    return plan->turn[turn].works_back ? back(plan, turn) : turn;
}

/* Examples and labels are put in their places before the first turn. */
static int comes_from_outside(const nw_plan *plan, int turn)
{
    return turn == plan->input || turn == plan->label;
}

/* Everything that redo() reads is there: what is deferred, or nothing at all. */
static int can_redo(const nw_plan *plan, const nw_turn *t)
{
    if (!t->op->redo || t->reader >= 0 || !t->works_back || plan->config.no_shortcuts)
        return 0;
    for (int j = 0; j < t->info.n_in && t->op->flags & NW_TAKES_DEFERRED; j++)
        if (t->in[j] >= 0 && (!t->due[j] || !plan->turn[t->in[j]].works_back))
            return 0;
    return 1;
}

/* Turn `reader` wants the value of turn i going back, and is the first that does if none
 * did before: readers are met from the last one on. */
static void want_redo(nw_plan *plan, int i, int reader)
{
    nw_turn *t = &plan->turn[i];

    if (t->redo >= 0)
        return;
    t->redo =
        new_life(plan, back(plan, reader), back(plan, reader), value_bytes(plan, t));
    t->next_redo = plan->turn[reader].wanted_redo;
    plan->turn[reader].wanted_redo = i;
}

/* Values that die after the forward pass, and come again. */
static void redone(nw_plan *plan)
{
    for (int i = plan->n - 1; i >= 0; i--) {
        const nw_turn *t = &plan->turn[i];

        for (int j = 0; j < t->info.n_in; j++)
            if (t->in[j] >= 0 && !t->due[j] && t->works_back &&
                t->op->flags & NW_NEEDS_X && can_redo(plan, &plan->turn[t->in[j]])) {
                want_redo(plan, t->in[j], i);
                last_until(plan, plan->turn[t->in[j]].redo, back(plan, i));
            }
    }
}

static void values(nw_plan *plan)
{
    int end = 2 * plan->n;

    for (int i = 0; i < plan->n; i++) {
        nw_turn *t = &plan->turn[i];

        if (t->reader < 0)
            t->y = new_life(plan, comes_from_outside(plan, i) ? 0 : i, i,
                            value_bytes(plan, t));
        if (t->works_back && t->op->flags & NW_NEEDS_Y)
            last_until(plan, t->y, back(plan, i));
        for (int j = 0; j < t->info.n_in; j++)
            if (t->in[j] >= 0 && !t->due[j])
                last_until(plan, plan->turn[t->in[j]].y,
                           plan->turn[t->in[j]].redo >= 0
                               ? i
                               : last_look(plan, i, t->op->flags & NW_NEEDS_X));
    }
    last_until(plan, plan->turn[plan->logits].y, end);
    if (plan->loss >= 0)
        last_until(plan, plan->turn[plan->loss].y, end);
    if (plan->aux_loss >= 0)
        last_until(plan, plan->turn[plan->aux_loss].y, end);
}

/* Readers come after their inputs, so going back through the turns meets the readers of
 * a value, in the order of their backward turns, before its owner. */
static void gradients(nw_plan *plan)
{
    for (int i = plan->n - 1; i >= 0; i--) {
        nw_turn *t = &plan->turn[i];
        int now = back(plan, i);

        if (t->works_back && t->dy < 0) /* a start: nobody writes its gradient but us */
            t->dy = new_life(plan, plan->n - 1, now, value_bytes(plan, t));
        for (int j = 0; j < t->info.n_in; j++) {
            nw_turn *from = t->in[j] >= 0 ? &plan->turn[t->in[j]] : NULL;

            if (!nw_sends_gradient(plan, t, j))
                continue;
            if (t->due[j]) { /* it reads the gradient of its reader */
                from->dy = t->dy;
                last_until(plan, t->dy, back(plan, t->in[j]));
                continue;
            }
            t->add[j] = from->dy >= 0;
            if (from->dy < 0)
                from->dy =
                    new_life(plan, now, back(plan, t->in[j]), value_bytes(plan, from));
            else if (!(t->op->flags & NW_ADDS))
                t->temp[j] = new_life(plan, now, now, value_bytes(plan, from));
        }
    }
    if (plan->config.input_grad && plan->turn[plan->input].dy >= 0)
        last_until(plan, plan->turn[plan->input].dy, 2 * plan->n);
}

static void keeps(nw_plan *plan)
{
    size_t most = 0;

    for (int i = 0; i < plan->n; i++) {
        nw_turn *t = &plan->turn[i];

        if (t->run.keep_bytes)
            t->keep = new_life(plan, i, last_look(plan, i, 1), t->run.keep_bytes);
        if (t->run.keep_bytes && t->reader >= 0 && t->run.due && t->works_back)
            last_until(plan, t->keep, back(plan, t->in[0])); /* its input reads it */
        most = t->run.scratch_bytes > most ? t->run.scratch_bytes : most;
    }
    plan->scratch_bytes = most;
    plan->scratch = new_life(plan, 0, 2 * plan->n, most);
}

nw_status nw_plan_lives(nw_plan *plan)
{
    size_t most = 1;

    for (int i = 0; i < plan->n; i++)
        most += 4 + (size_t)plan->turn[i].info.n_in;
    plan->life = nw_arena_get(&plan->arena, most * sizeof(*plan->life));
    if (!plan->life)
        return NW_ENOMEM;
    keeps(plan);
    redone(plan);
    values(plan);
    gradients(plan);
    return nw_layout(plan->net->ctx, plan->life, (size_t)plan->n_life, &plan->bytes);
}
