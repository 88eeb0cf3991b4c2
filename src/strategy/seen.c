#include "seen.h"

#include "ctx.h"
#include "random.h"
#include "space.h"

#include <string.h>

enum { FIRST_SLOTS = 64, MOST_VECTORS = 1 << 28 };

/* Draws before what is left is listed, or walked to. */
enum { MOST_DRAWS = 1000 };
static const double MOST_LISTED = 1e6;

void nw_seen_init(nw_seen *seen, nw_ctx *ctx, const nw_code *code)
{
    *seen = (nw_seen){.ctx = ctx, .n = code->n ? code->n : 1};
}

void nw_seen_free(nw_seen *seen)
{
    if (!seen->ctx)
        return;
    nw_release(seen->ctx, seen->x);
    nw_release(seen->ctx, seen->slot);
}

/* ---- The table ----------------------------------------------------------------- */

static size_t bytes_of(const nw_seen *seen)
{
    return (size_t)seen->n * sizeof(int);
}

const int *nw_seen_at(const nw_seen *seen, int place)
{
    return seen->x + (size_t)place * (size_t)seen->n;
}

/* The slot that has the vector, or the free one where it belongs. */
static int slot_of(const nw_seen *seen, const int *x)
{
    const uint64_t hash = nw_hash(NW_HASH_START, x, bytes_of(seen));
    int i = (int)((hash ^ hash >> 32) & (uint64_t)(seen->slots - 1));

    while (seen->slot[i] &&
           memcmp(nw_seen_at(seen, seen->slot[i] - 1), x, bytes_of(seen)))
        i = (i + 1) & (seen->slots - 1);
    return i;
}

static nw_status make_slots(nw_seen *seen, int slots)
{
    int *slot = nw_alloc(seen->ctx, (size_t)slots * sizeof(*slot));

    if (!slot)
        return NW_ENOMEM;
    nw_release(seen->ctx, seen->slot);
    seen->slot = slot;
    seen->slots = slots;
    for (int i = 0; i < seen->count; i++)
        slot[slot_of(seen, nw_seen_at(seen, i))] = i + 1;
    return NW_OK;
}

int nw_seen_find(const nw_seen *seen, const int *x)
{
    return seen->slots ? seen->slot[slot_of(seen, x)] - 1 : -1;
}

int nw_seen_add(nw_seen *seen, const int *x)
{
    int place = nw_seen_find(seen, x);

    if (place >= 0)
        return place;
    if (seen->count == MOST_VECTORS)
        return nw_fail(seen->ctx, NW_ENOMEM, "more than %d architectures to remember",
                       MOST_VECTORS);
    if (2 * (seen->count + 1) > seen->slots)
        NW_TRY(make_slots(seen, seen->slots ? 2 * seen->slots : FIRST_SLOTS));
    NW_TRY(nw_grow(seen->ctx, &seen->x, seen->count, &seen->room, bytes_of(seen)));
    place = seen->count++;
    memcpy(seen->x + (size_t)place * (size_t)seen->n, x, bytes_of(seen));
    seen->slot[slot_of(seen, x)] = place + 1;
    return place;
}

static nw_status read_back(nw_seen *seen, int count)
{
    int slots = FIRST_SLOTS;

    if (count < 0 || count > MOST_VECTORS)
        return nw_fail(seen->ctx, NW_EFORMAT, "a state of %d architectures", count);
    nw_release(seen->ctx, seen->x);
    seen->count = seen->room = 0;
    seen->x = nw_alloc(seen->ctx, ((size_t)count + 1) * bytes_of(seen));
    if (!seen->x)
        return NW_ENOMEM;
    seen->room = count + 1;
    while (slots < 2 * count)
        slots *= 2;
    return make_slots(seen, slots);
}

nw_status nw_seen_state(nw_seen *seen, nw_state *state)
{
    int count = seen->count;

    NW_TRY(state->bytes(state, &count, sizeof(count)));
    if (state->reading)
        NW_TRY(read_back(seen, count));
    if (count)
        NW_TRY(state->bytes(state, seen->x, (size_t)count * bytes_of(seen)));
    seen->count = count;
    return state->reading ? make_slots(seen, seen->slots) : NW_OK;
}

/* ---- What was never met -------------------------------------------------------- */

static int is_new(const nw_seen *seen, const nw_code *code, const nw_arch *arch, int *x)
{
    nw_code_read(code, arch, x);
    return nw_seen_find(seen, x) < 0;
}

static int can_be_listed(const nw_code *code)
{
    double n = 1;

    for (int i = 0; i < code->n; i++)
        n *= code->options[i];
    return n <= MOST_LISTED;
}

/* One of all that are left: the k-th to come takes the place with probability 1/k. */
static nw_status draw_from_list(const nw_seen *seen, const nw_env *env,
                                const nw_code *code, uint64_t seed, nw_arch *arch, int *x)
{
    int *taken = nw_alloc(env->ctx, bytes_of(seen));
    uint64_t k = 0;

    if (!taken)
        return NW_ENOMEM;
    for (int more = nw_arch_first(arch); more; more = nw_arch_next(arch)) {
        if (!is_new(seen, code, arch, x) || !nw_env_allows(env, arch))
            continue;
        if (!nw_below(seed, NW_FOR_STRATEGY, k, k + 1))
            memcpy(taken, x, bytes_of(seen));
        k++;
    }
    memcpy(x, taken, bytes_of(seen));
    nw_release(env->ctx, taken);
    if (!k)
        return NW_DONE;
    nw_code_write(code, x, arch);
    return NW_OK;
}

/* Away from the last draw, one decision at a time. */
static nw_status walk(const nw_seen *seen, const nw_env *env, const nw_code *code,
                      uint64_t seed, nw_arch *arch, int *x)
{
    for (uint64_t i = 0; i < MOST_DRAWS; i++) {
        nw_status status = nw_arch_mutate(arch, nw_subseed(seed, NW_FOR_ARCH, i));

        if (status != NW_OK)
            return status;
        if (is_new(seen, code, arch, x) && nw_env_allows(env, arch))
            return NW_OK;
    }
    return NW_DONE;
}

nw_status nw_seen_draw(const nw_seen *seen, const nw_env *env, const nw_code *code,
                       uint64_t seed, nw_arch *arch, int *x)
{
    for (uint64_t i = 0; i < MOST_DRAWS; i++) {
        NW_TRY(nw_env_draw(env, arch, i ? nw_subseed(seed, NW_FOR_STRATEGY, i) : seed));
        if (is_new(seen, code, arch, x))
            return NW_OK;
    }
    return can_be_listed(code) ? draw_from_list(seen, env, code, seed, arch, x)
                               : walk(seen, env, code, seed, arch, x);
}
