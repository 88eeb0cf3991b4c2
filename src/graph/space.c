#include "space.h"

#include <stdio.h>
#include <string.h>

static void space_destroy(void *object)
{
    nw_space *s = object;

    nw_arena_free(&s->arena);
    nw_release(s->ctx, s->place);
    nw_release(s->ctx, s->choice);
    nw_release(s->ctx, s->keep);
    nw_release(s->ctx, s->group);
    nw_release(s->ctx, s->count);
}

nw_space *nw_space_new(nw_ctx *ctx)
{
    nw_space *s = nw_new(ctx, sizeof(*s), space_destroy);

    if (!s)
        return NULL;
    s->ctx = ctx;
    s->output = s->aux = s->group_now = -1;
    nw_arena_init(&s->arena, ctx);
    return s;
}

void nw_space_free(nw_space *space)
{
    if (space)
        nw_release(space->ctx, space);
}

nw_ref nw_space_fail(nw_space *space, nw_status status, const char *format, ...)
{
    char words[600];
    va_list list;

    if (space->status < 0)
        return -1;
    va_start(list, format);
    vsnprintf(words, sizeof(words), format, list);
    va_end(list);
    space->status = status;
    nw_fail(space->ctx, status, "%s%s%s", space->where, *space->where ? ": " : "", words);
    return -1;
}

static int refuses(nw_space *space)
{
    if (space && space->sealed)
        nw_space_fail(space, NW_EINVAL, "the space is sealed and takes no more nodes");
    return !space || space->status < 0;
}

void nw_enter(nw_space *space, const char *format, ...)
{
    size_t n;
    va_list list;

    if (!space)
        return;
    n = strlen(space->scope);
    if (n + 1 < sizeof(space->scope) && n)
        space->scope[n++] = '.';
    va_start(list, format);
    vsnprintf(space->scope + n, sizeof(space->scope) - n, format, list);
    va_end(list);
    if (strlen(space->scope) + 40 > sizeof(space->scope))
        nw_space_fail(space, NW_EINVAL, "names nest too deeply: %s", space->scope);
    for (char *c = space->scope + n; *c; c++) /* marks where this level began */
        if (*c == '.')
            *c = '\1';
}

void nw_leave(nw_space *space)
{
    char *dot;

    if (!space)
        return;
    dot = strrchr(space->scope, '.');
    *(dot ? dot : space->scope) = 0;
}

/* The scope as users see it: inner dots of one level are marked \1 meanwhile. */
static char *full_name(nw_space *space, const char *name)
{
    char text[2 * NW_TEXT_SIZE];

    snprintf(text, sizeof(text), "%s%s%s", space->scope, *space->scope ? "." : "", name);
    for (char *c = text; *c; c++)
        if (*c == '\1')
            *c = '.';
    return nw_arena_dup(&space->arena, text);
}

/* A name for a module that the user gave none: op and number, unique among places. */
static const char *made_name(const nw_space *space, const nw_op_type *op, char out[80])
{
    int n = 1;

    for (int i = 0; i < space->n_place; i++)
        n += space->place[i].op == op;
    for (int i = 0; i < space->n_group; i++)
        n += space->group[i].op == op;
    snprintf(out, 80, "%s_%d", op->name, n);
    return out;
}

static int first_value(void *user, const char *name, int *value)
{
    nw_space *space = user;
    int c = nw_choice_find(space, name);

    if (c < 0 || space->choice[c].kind != NW_NUMBER)
        return 0;
    *value = space->choice[c].value[0];
    return 1;
}

static nw_status check_spec(nw_space *space, const nw_op_type *op, const char *spec)
{
    nw_lookup lookup = {space, first_value};
    void *attr = nw_arena_get(&space->arena, op->size + 1);

    if (!attr)
        return space->status = NW_ENOMEM;
    nw_clear(space->ctx);
    if (nw_spec_parse(space->ctx, (const nw_head *)op, spec, &lookup, attr) >= 0)
        return NW_OK;
    nw_clear(space->ctx);
    nw_space_fail(space, NW_ESPEC, "%s", nw_errmsg(space->ctx));
    return NW_ESPEC;
}

static int check_inputs(nw_space *space, const nw_op_type *op, int n_in, const nw_ref *in)
{
    if (n_in < op->min_in || (op->max_in >= 0 && n_in > op->max_in)) {
        nw_space_fail(space, NW_EINVAL, "%s takes %d%s input%s, not %d", op->name,
                      op->min_in, op->max_in == op->min_in ? "" : " or more",
                      op->max_in == 1 ? "" : "s", n_in);
        return 0;
    }
    for (int i = 0; i < n_in; i++)
        if (in[i] < 0 || in[i] >= space->n_place) {
            nw_space_fail(space, NW_EINVAL, "%s: input %d is not a node", op->name, i);
            return 0;
        }
    return 1;
}

static nw_ref add_place(nw_space *space, const nw_op_type *op, const char *spec,
                        const char *name, int n_in, const nw_ref *in)
{
    nw_place p = {.op = op, .n_in = n_in, .choice = -1, .group = space->group_now};

    p.spec = nw_arena_dup(&space->arena, spec);
    p.name = full_name(space, name);
    p.where = nw_arena_dup(&space->arena, space->where);
    p.in = nw_arena_get(&space->arena, (size_t)(n_in + 1) * sizeof(int));
    if (!p.spec || !p.name || !p.where || !p.in ||
        nw_grow(space->ctx, &space->place, space->n_place, &space->room_place,
                sizeof(p)) < 0) {
        space->status = NW_ENOMEM;
        return -1;
    }
    for (int i = 0; i < n_in; i++)
        p.in[i] = in[i];
    space->place[space->n_place] = p;
    return space->n_place++;
}

/* The text of key in a spec of a composite op: as given, or its default. */
static const char *key_text(const nw_op_type *op, const char *spec, const char *key,
                            char out[NW_TEXT_SIZE])
{
    if (nw_spec_cut(spec, key, out, NW_TEXT_SIZE, NULL))
        return out;
    for (const nw_attr *a = op->attrs; a && a->key; a++)
        if (!strcmp(a->key, key))
            return a->initial;
    return NULL;
}

/* op->expand with every $key replaced by its text in `spec`. */
static void substitute(nw_text *out, const nw_op_type *op, const char *spec)
{
    char key[64], value[NW_TEXT_SIZE];

    for (const char *s = op->expand; *s;) {
        size_t n = 0;
        const char *text;

        if (*s != '$') {
            nw_text_add(out, s++, 1);
            continue;
        }
        while (((s[n + 1] >= 'a' && s[n + 1] <= 'z') || s[n + 1] == '_') && n < 63) {
            key[n] = s[n + 1];
            n++;
        }
        key[n] = 0;
        text = key_text(op, spec, key, value);
        nw_text_printf(out, "%s", text ? text : "");
        s += n + 1;
    }
}

static nw_ref place_composite(nw_space *space, const nw_op_type *op, const char *spec,
                              const char *name, int n_in, const nw_ref *in)
{
    nw_group group = {.op = op, .spec = nw_arena_dup(&space->arena, spec)};
    int outer = space->group_now, mine = space->n_group;
    nw_text text;
    nw_ref out;

    if (!group.spec ||
        nw_grow(space->ctx, &space->group, mine, &space->room_group, sizeof(group)) < 0) {
        space->status = NW_ENOMEM;
        return -1;
    }
    group.first = space->n_place;
    space->group[space->n_group++] = group;
    space->group_now = outer < 0 ? mine : outer; /* the outermost owns the places */
    nw_text_init(&text, space->ctx);
    substitute(&text, op, spec);
    nw_enter(space, "%s", name);
    out = text.data ? nw_op_n(space, text.data, (size_t)n_in, in) : -1;
    nw_leave(space);
    nw_text_free(&text);
    space->group_now = outer;
    space->group[mine].end = space->n_place;
    return out;
}

nw_ref nw_place_op(nw_space *space, const char *spec, const char *name, int n_in,
                   const nw_ref *in)
{
    const nw_op_type *op;
    char made[80];

    if (refuses(space))
        return -1;
    nw_clear(space->ctx);
    op = nw_spec_find(space->ctx, "op", (const void *const *)nw_ops_f32, spec);
    if (!op) {
        nw_clear(space->ctx);
        return nw_space_fail(space, NW_ENAME, "%s", nw_errmsg(space->ctx));
    }
    if (check_spec(space, op, spec) < 0 || !check_inputs(space, op, n_in, in))
        return -1;
    if (!name)
        name = made_name(space, op, made);
    if (op->expand)
        return place_composite(space, op, spec, name, n_in, in);
    return add_place(space, op, spec, name, n_in, in);
}

nw_ref nw_input(nw_space *space, int channels, int height, int width)
{
    char spec[80];

    snprintf(spec, sizeof(spec), "input c=%d h=%d w=%d", channels, height, width);
    return nw_place_op(space, spec, "input", 0, NULL);
}

int nw_choice_find(const nw_space *space, const char *name)
{
    for (int i = 0; i < space->n_choice; i++)
        if (!strcmp(space->choice[i].name, name))
            return i;
    return -1;
}

static int add_choice(nw_space *space, const char *name, nw_choice_kind kind, int k,
                      int n)
{
    nw_choice c = {.kind = kind, .k = k, .n = n, .first = space->n_weight, .keep = -1};
    char number[32];

    c.name = nw_arena_dup(&space->arena, name);
    c.where = nw_arena_dup(&space->arena, space->where);
    c.option_name = nw_arena_get(&space->arena, (size_t)n * sizeof(char *));
    c.value = nw_arena_get(&space->arena, (size_t)n * sizeof(int));
    if (!c.name || !c.where || !c.option_name || !c.value ||
        nw_grow(space->ctx, &space->choice, space->n_choice, &space->room_choice,
                sizeof(c)) < 0) {
        space->status = NW_ENOMEM;
        return -1;
    }
    for (int i = 0; i < n; i++) {
        snprintf(number, sizeof(number), "%d", i);
        c.option_name[i] = nw_arena_dup(&space->arena, number);
        if (!c.option_name[i]) {
            space->status = NW_ENOMEM;
            return -1;
        }
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
    char made[40], spec[64];
    int c;
    nw_ref ref;

    if (refuses(space))
        return -1;
    if (!n || n > 4096 || k < 1 || (size_t)k > n)
        return nw_space_fail(space, NW_EINVAL, "choice \"%s\": %d of %zu options",
                             name ? name : "", k, n);
    if (!name) {
        snprintf(made, sizeof(made), "_mutation_%d", space->unnamed + 1);
        name = made;
    }
    space->unnamed++; /* NNI counts every mutable, named or not */
    c = nw_choice_find(space, name);
    if (c >= 0 && !same_choice(space, c, kind, k, (int)n))
        return -1;
    if (c < 0)
        c = add_choice(space, name, kind, k, (int)n);
    snprintf(spec, sizeof(spec), "choice");
    ref = c < 0 ? -1 : nw_place_op(space, spec, name, (int)n, in);
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

    if (refuses(space))
        return space ? space->status : NW_ENOMEM;
    if (!n || n > 4096 || nw_choice_find(space, name) >= 0) {
        nw_space_fail(space, NW_EINVAL, "number \"%s\" has no values or exists already",
                      name);
        return space->status;
    }
    c = add_choice(space, name, NW_NUMBER, 1, (int)n);
    for (size_t i = 0; c >= 0 && i < n; i++) {
        char number[32];

        snprintf(number, sizeof(number), "%d", value[i]);
        space->choice[c].value[i] = value[i];
        nw_option_name(space, name, (int)i, number);
    }
    return space->status;
}

nw_status nw_option_name(nw_space *space, const char *choice, int option,
                         const char *name)
{
    int c = space->status < 0 ? -1 : nw_choice_find(space, choice);
    char *copy;

    if (c < 0 || option < 0 || option >= space->choice[c].n) {
        nw_space_fail(space, NW_ENAME, "choice \"%s\" has no option %d", choice, option);
        return space->status;
    }
    copy = nw_arena_dup(&space->arena, name);
    if (!copy)
        return space->status = NW_ENOMEM;
    space->choice[c].option_name[option] = copy;
    return NW_OK;
}

static nw_status bind_keep(nw_space *space, int rule, const char *name)
{
    nw_keep_rule *r = &space->keep[rule];
    int c = nw_choice_find(space, name);

    if (c < 0 || space->choice[c].kind != NW_ONE || space->choice[c].keep >= 0 ||
        r->none < 0 || r->none >= space->choice[c].n) {
        nw_space_fail(
            space, NW_EINVAL,
            "keep: \"%s\" is not a one_of with option %d that no other rule has", name,
            r->none);
        return space->status;
    }
    space->choice[c].keep = rule;
    r->choice[r->n++] = c;
    return NW_OK;
}

nw_status nw_keep(nw_space *space, int k, int none, size_t n, const char *const *choice)
{
    nw_keep_rule rule = {.k = k, .none = none};

    if (refuses(space))
        return space ? space->status : NW_ENOMEM;
    if (k < 1 || (size_t)k > n) {
        nw_space_fail(space, NW_EINVAL, "keep: %d of %zu choices", k, n);
        return space->status;
    }
    rule.choice = nw_arena_get(&space->arena, n * sizeof(int));
    if (!rule.choice || nw_grow(space->ctx, &space->keep, space->n_keep,
                                &space->room_keep, sizeof(rule)) < 0)
        return space->status = NW_ENOMEM;
    space->keep[space->n_keep++] = rule;
    for (size_t i = 0; i < n; i++)
        NW_TRY(bind_keep(space, space->n_keep - 1, choice[i]));
    return NW_OK;
}

static nw_status set_output(nw_space *space, int *slot, nw_ref node, const char *what)
{
    if (refuses(space))
        return space ? space->status : NW_ENOMEM;
    if (node < 0 || node >= space->n_place)
        nw_space_fail(space, NW_EINVAL, "%s: not a node", what);
    else if (*slot >= 0)
        nw_space_fail(space, NW_EINVAL, "%s: there is one already", what);
    else
        *slot = node;
    return space->status;
}

nw_status nw_output(nw_space *space, nw_ref node)
{
    return set_output(space, space ? &space->output : NULL, node, "output");
}

nw_status nw_aux_output(nw_space *space, nw_ref node, double weight)
{
    if (space)
        space->aux_weight = weight;
    return set_output(space, space ? &space->aux : NULL, node, "auxiliary output");
}

int nw_space_choices(const nw_space *space)
{
    return space->n_choice;
}

int nw_space_options(const nw_space *space, int choice)
{
    return space->choice[choice].n;
}

const char *nw_space_choice_name(const nw_space *space, int choice)
{
    return space->choice[choice].name;
}

const char *nw_space_option_name(const nw_space *space, int choice, int option)
{
    return space->choice[choice].option_name[option];
}
