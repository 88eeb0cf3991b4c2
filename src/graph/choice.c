/* choice.c - decisions of a space: choices among nodes, numbers, and keep rules. */
#include "space.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

int nw_choice_find(const nw_space *space, const char *name)
{
    for (int i = 0; i < space->n_choice; i++)
        if (!strcmp(space->choice[i].name, name))
            return i;
    return -1;
}

/* Choice names are keys of JSON and, for numbers, "$name" in specs. */
static int check_name(nw_space *space, const char *name, nw_choice_kind kind)
{
    int ok = name && nw_is_name(name);

    for (const char *c = name; ok && kind == NW_NUMBER && *c; c++)
        ok = isalnum((unsigned char)*c) || *c == '_';
    if (!ok)
        nw_space_fail(space, NW_ENAME, "\"%s\" cannot name a choice: %s",
                      name ? name : "",
                      kind == NW_NUMBER ? "letters, digits and _ can"
                                        : "printable ASCII without blanks can");
    return ok;
}

static int add_choice(nw_space *space, const char *name, nw_choice_kind kind, int k,
                      int n)
{
    nw_choice c = {
        .kind = kind, .k = k, .n = n, .offered = n, .first = space->n_weight, .keep = -1};
    char number[32];

    if (!check_name(space, name, kind))
        return -1;
    c.name = nw_arena_dup(&space->arena, name);
    c.where = nw_arena_dup(&space->arena, space->where);
    c.option_name = nw_arena_get(&space->arena, (size_t)n * sizeof(char *));
    c.value = nw_arena_get(&space->arena, (size_t)n * sizeof(int));
    if (!c.name || !c.where || !c.option_name || !c.value ||
        nw_grow(space->ctx, &space->choice, space->n_choice, &space->room_choice,
                sizeof(c)) < 0)
        return nw_space_pass_on(space);
    for (int i = 0; i < n; i++) {
        snprintf(number, sizeof(number), "%d", i);
        c.option_name[i] = nw_arena_dup(&space->arena, number);
        if (!c.option_name[i])
            return nw_space_pass_on(space);
    }
    space->n_weight += n;
    space->choice[space->n_choice] = c;
    return space->n_choice++;
}

static int same_choice(nw_space *space, int old, nw_choice_kind kind, int k, int n)
{
    const nw_choice *c = &space->choice[old];

    if (c->kind == kind && c->k == k && c->n == n)
        return 1;
    nw_space_fail(space, NW_EMATCH,
                  "choice \"%s\" was made with %d options (take %d); it cannot have %d "
                  "(take %d) here",
                  c->name, c->n, c->k, n, k);
    return 0;
}

static nw_ref place_choice(nw_space *space, const char *name, nw_choice_kind kind, int k,
                           size_t n, const nw_ref *in)
{
    char made[40];
    int c;
    nw_ref ref;

    if (nw_space_refuses(space))
        return -1;
    if (!n || n > NW_MOST_OPTIONS || k < 1 || (size_t)k > n)
        return nw_space_fail(space, NW_EINVAL,
                             "choice \"%s\": takes %d of %zu options (at most %d)",
                             name ? name : "", k, n, NW_MOST_OPTIONS);
    if (!name) {
        snprintf(made, sizeof(made), "_mutation_%d", space->n_mutable + 1);
        name = made;
    }
    space->n_mutable++; /* NNI counts every mutable, named or not */
    c = nw_choice_find(space, name);
    if (c >= 0 && !same_choice(space, c, kind, k, (int)n))
        return -1;
    if (c < 0)
        c = add_choice(space, name, kind, k, (int)n);
    ref = c < 0 ? -1 : nw_place_internal(space, "choice", name, (int)n, in);
    if (ref >= 0)
        space->place[ref].choice = c;
    return ref;
}

nw_ref nw_one_of_n(nw_space *space, const char *name, size_t n, const nw_ref *in)
{
    return place_choice(space, name, NW_ONE, 1, n, in);
}

nw_ref nw_some_of_n(nw_space *space, const char *name, int k, size_t n, const nw_ref *in)
{
    return place_choice(space, name, NW_SOME, k, n, in);
}

nw_status nw_int_of(nw_space *space, const char *name, size_t n, const int *value)
{
    int c;

    if (nw_space_refuses(space))
        return nw_space_report(space);
    if (!n || n > NW_MOST_OPTIONS)
        nw_space_fail(space, NW_EINVAL, "number \"%s\": %zu values (1 to %d can be)",
                      name ? name : "", n, NW_MOST_OPTIONS);
    else if (name && nw_choice_find(space, name) >= 0)
        nw_space_fail(space, NW_ENAME, "number \"%s\": a choice of that name exists",
                      name);
    c = space->status < 0 ? -1 : add_choice(space, name, NW_NUMBER, 1, (int)n);
    for (size_t i = 0; c >= 0 && i < n; i++) {
        char number[32];

        snprintf(number, sizeof(number), "%d", value[i]);
        space->choice[c].value[i] = value[i];
        nw_option_name(space, name, (int)i, number);
    }
    return nw_space_report(space);
}

static nw_status set_option_name(nw_space *space, int c, int option, const char *name)
{
    char *copy = nw_arena_dup(&space->arena, name);

    if (!copy) {
        nw_space_pass_on(space);
        return NW_ENOMEM;
    }
    space->choice[c].option_name[option] = copy;
    return NW_OK;
}

nw_status nw_option_reserve(nw_space *space, const char *choice)
{
    int c = space->status < 0 ? -1 : nw_choice_find(space, choice);

    if (c < 0 || space->choice[c].kind != NW_ONE || space->choice[c].n < 2)
        nw_space_fail(space, NW_EINVAL, "\"%s\" has no option to reserve", choice);
    else
        space->choice[c].offered = space->choice[c].n - 1;
    return space->status;
}

double nw_equal_weight(const nw_choice *choice, int option)
{
    return option < choice->offered ? 1.0 / choice->offered : 0;
}

nw_status nw_option_name(nw_space *space, const char *choice, int option,
                         const char *name)
{
    int c = space->status < 0 ? -1 : nw_choice_find(space, choice);

    if (c < 0 || option < 0 || option >= space->choice[c].n) {
        nw_space_fail(space, NW_ENAME, "choice \"%s\" has no option %d", choice, option);
        return space->status;
    }
    return set_option_name(space, c, option, name);
}

nw_status nw_decide(nw_space *space, const char *name, size_t n,
                    const char *const *option)
{
    int c = -1;

    if (nw_space_refuses(space))
        return nw_space_report(space);
    if (!n || n > NW_MOST_OPTIONS)
        nw_space_fail(space, NW_EINVAL, "decision \"%s\": %zu options (1 to %d can be)",
                      name ? name : "", n, NW_MOST_OPTIONS);
    else if (name && nw_choice_find(space, name) >= 0)
        nw_space_fail(space, NW_ENAME, "decision \"%s\": a choice of that name exists",
                      name);
    else
        c = add_choice(space, name, NW_ONE, 1, (int)n);
    for (size_t i = 0; c >= 0 && i < n; i++)
        set_option_name(space, c, (int)i, option[i]);
    return nw_space_report(space);
}

static int bind_keep(nw_space *space, int rule, const char *name)
{
    nw_keep_rule *r = &space->keep[rule];
    int c = name ? nw_choice_find(space, name) : -1;
    const nw_choice *choice = c < 0 ? NULL : &space->choice[c];
    const char *why = NULL;

    if (!choice)
        why = "there is no such choice";
    else if (choice->kind != NW_ONE)
        why = "it is not a one_of";
    else if (choice->keep >= 0)
        why = "another rule has it";
    else if (choice->n < 2 || r->none < 0 || r->none >= choice->n)
        why = "it has no such option as none, or nothing beside";
    if (why) {
        nw_space_fail(space, NW_EINVAL, "keep: \"%s\": %s", name ? name : "", why);
        return 0;
    }
    space->choice[c].keep = rule;
    r->choice[r->n++] = c;
    return 1;
}

nw_status nw_keep(nw_space *space, int k, int none, size_t n, const char *const *choice)
{
    nw_keep_rule rule = {.k = k, .none = none};

    if (nw_space_refuses(space))
        return nw_space_report(space);
    if (k < 1 || (size_t)k > n || n > NW_MOST_KEPT) {
        nw_space_fail(space, NW_EINVAL, "keep: %d of %zu choices (at most %d)", k, n,
                      NW_MOST_KEPT);
        return nw_space_report(space);
    }
    rule.choice = nw_arena_get(&space->arena, n * sizeof(int));
    if (!rule.choice || nw_grow(space->ctx, &space->keep, space->n_keep,
                                &space->room_keep, sizeof(rule)) < 0) {
        nw_space_pass_on(space);
        return nw_space_report(space);
    }
    space->keep[space->n_keep++] = rule;
    for (size_t i = 0; i < n; i++)
        if (!bind_keep(space, space->n_keep - 1, choice[i]))
            break;
    return nw_space_report(space);
}

const void *nw_space_keys(const nw_space *space)
{
    return space->keys;
}

int nw_space_choices(const nw_space *space)
{
    return space->n_choice;
}

int nw_space_options(const nw_space *space, int choice)
{
    return space->choice[choice].n;
}

int nw_space_offered(const nw_space *space, int choice)
{
    return space->choice[choice].offered;
}

const char *nw_space_choice_name(const nw_space *space, int choice)
{
    return space->choice[choice].name;
}

const char *nw_space_option_name(const nw_space *space, int choice, int option)
{
    return space->choice[choice].option_name[option];
}
