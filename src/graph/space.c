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
    snprintf(space->words, sizeof(space->words), "%s%s%s", space->where,
             *space->where ? ": " : "", words);
    nw_fail(space->ctx, status, "%s", space->words);
    return -1;
}

nw_ref nw_space_pass_on(nw_space *space)
{
    char words[sizeof(space->words)];

    if (space->status >= 0) {
        snprintf(words, sizeof(words), "%s", nw_errmsg(space->ctx));
        nw_space_fail(space, nw_pending(space->ctx), "%s", words);
    }
    return -1;
}

nw_status nw_space_report(nw_space *space)
{
    if (!space)
        return NW_ENOMEM;
    if (space->status < 0)
        nw_clear(space->ctx); /* the space remembers it */
    return space->status;
}

int nw_space_refuses(nw_space *space)
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

int nw_is_name(const char *text)
{
    for (const char *c = text; *c; c++)
        if (*c <= ' ' || *c > '~' || *c == '"' || *c == '\\')
            return 0;
    return *text != 0 && strlen(text) < NW_TEXT_SIZE;
}

/* A name for a module that the user gave none: op and number. */
static const char *made_name(nw_space *space, const nw_op_type *op, char out[80])
{
    int n = 0, i = 0;

    while (nw_ops_f32[n])
        n++;
    if (!space->made)
        space->made = nw_arena_get(&space->arena, (size_t)n * sizeof(int));
    if (!space->made) {
        nw_space_pass_on(space);
        return NULL;
    }
    while (nw_ops_f32[i] != op)
        i++;
    snprintf(out, 80, "%s_%d", op->name, ++space->made[i]);
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
    nw_status status = NW_ENOMEM;

    if (attr)
        status = nw_spec_parse(space->ctx, (const nw_head *)op, spec, &lookup, attr);
    if (status < 0)
        nw_space_pass_on(space);
    return status;
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
                sizeof(p)) < 0)
        return nw_space_pass_on(space);
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
        nw_grow(space->ctx, &space->group, mine, &space->room_group, sizeof(group)) < 0)
        return nw_space_pass_on(space);
    group.first = space->n_place;
    space->group[space->n_group++] = group;
    space->group_now = outer < 0 ? mine : outer; /* the outermost owns the places */
    nw_text_init(&text, space->ctx);
    substitute(&text, op, spec);
    nw_enter(space, "%s", name);
    out = text.failed ? nw_space_pass_on(space)
                      : nw_op_n(space, text.data, (size_t)n_in, in);
    nw_leave(space);
    nw_text_free(&text);
    space->group_now = outer;
    space->group[mine].end = space->n_place;
    return out;
}

/* Ops that builders place by functions of their own. */
static int is_internal(const nw_op_type *op)
{
    return !strcmp(op->name, "choice") || !strcmp(op->name, "input") ||
           !strcmp(op->name, "label");
}

static nw_ref place(nw_space *space, const nw_op_type *op, const char *spec,
                    const char *name, int n_in, const nw_ref *in)
{
    char made[80];

    if (check_spec(space, op, spec) < 0 || !check_inputs(space, op, n_in, in))
        return -1;
    if (!name && !(name = made_name(space, op, made)))
        return -1;
    if (!nw_is_name(name))
        return nw_space_fail(space, NW_ENAME,
                             "%s: name=%s is not printable ASCII without blanks",
                             op->name, name);
    if (op->expand)
        return place_composite(space, op, spec, name, n_in, in);
    return add_place(space, op, spec, name, n_in, in);
}

static const nw_op_type *find_op(nw_space *space, const char *spec)
{
    const nw_op_type *op =
        nw_spec_find(space->ctx, "op", (const void *const *)nw_ops_f32, spec);

    if (!op)
        nw_space_pass_on(space);
    return op;
}

nw_ref nw_place_op(nw_space *space, const char *spec, const char *name, int n_in,
                   const nw_ref *in)
{
    const nw_op_type *op = nw_space_refuses(space) ? NULL : find_op(space, spec);

    if (!op)
        return -1;
    if (is_internal(op))
        return nw_space_fail(space, NW_EINVAL, "the op \"%s\" cannot be used by name",
                             op->name);
    return place(space, op, spec, name, n_in, in);
}

nw_ref nw_place_internal(nw_space *space, const char *spec, const char *name, int n_in,
                         const nw_ref *in)
{
    const nw_op_type *op = nw_space_refuses(space) ? NULL : find_op(space, spec);

    return op ? place(space, op, spec, name, n_in, in) : -1;
}

nw_ref nw_place_copy(nw_space *space, const nw_place *like, const char *spec, int n_in,
                     const nw_ref *in)
{
    const nw_op_type *op = nw_space_refuses(space) ? NULL : find_op(space, spec);
    nw_ref ref;

    if (!op)
        return -1;
    snprintf(space->where, sizeof(space->where), "%s", like->where);
    ref = check_spec(space, op, spec) < 0
              ? -1
              : add_place(space, op, spec, like->name, n_in, in);
    *space->where = 0;
    return ref;
}

nw_ref nw_input(nw_space *space, int channels, int height, int width)
{
    char spec[80];

    snprintf(spec, sizeof(spec), "input c=%d h=%d w=%d", channels, height, width);
    return nw_place_internal(space, spec, "input", 0, NULL);
}

static nw_status set_output(nw_space *space, int *slot, nw_ref node, const char *what)
{
    if (nw_space_refuses(space))
        return nw_space_report(space);
    if (node < 0 || node >= space->n_place)
        nw_space_fail(space, NW_EINVAL, "%s: not a node", what);
    else if (*slot >= 0)
        nw_space_fail(space, NW_EINVAL, "%s: there is one already", what);
    else
        *slot = node;
    return nw_space_report(space);
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

static int copy_cell(nw_space *space, nw_drawn_cell *copy, const nw_drawn_cell *cell)
{
    nw_arena *arena = &space->arena;
    nw_drawn_edge *edge = nw_arena_get(arena, (size_t)(cell->n_edge + 1) * sizeof(*edge));
    int *out = nw_arena_get(arena, (size_t)(cell->n_out + 1) * sizeof(int)), ok;

    *copy = *cell;
    copy->title = nw_arena_dup(arena, cell->title);
    copy->edge = edge;
    copy->out = out;
    copy->next = NULL;
    ok = edge && out && copy->title;
    for (int i = 0; ok && i < cell->n_edge; i++) {
        edge[i] = cell->edge[i];
        edge[i].op = nw_arena_dup(arena, cell->edge[i].op);
        ok = edge[i].op != NULL;
    }
    for (int i = 0; ok && i < cell->n_out; i++)
        out[i] = cell->out[i];
    return ok;
}

nw_status nw_space_add_cell(nw_space *space, const nw_drawn_cell *cell)
{
    nw_drawn_cell **end = space ? &space->cells : NULL, *copy;

    if (nw_space_refuses(space))
        return nw_space_report(space);
    copy = nw_arena_get(&space->arena, sizeof(*copy));
    if (!copy || !copy_cell(space, copy, cell)) {
        nw_space_pass_on(space);
        return nw_space_report(space);
    }
    while (*end)
        end = &(*end)->next;
    *end = copy;
    return NW_OK;
}

nw_status nw_space_add_stage(nw_space *space, const char *title)
{
    nw_drawn_stage **end = space ? &space->stages : NULL, *last = NULL;

    if (nw_space_refuses(space))
        return nw_space_report(space);
    for (; *end; end = &last->next)
        last = *end;
    if (last && !strcmp(last->title, title)) {
        last->times++;
        return NW_OK;
    }
    *end = nw_arena_get(&space->arena, sizeof(**end));
    if (*end)
        **end = (nw_drawn_stage){nw_arena_dup(&space->arena, title), 1, NULL};
    if (!*end || !(*end)->title) {
        *end = NULL;
        nw_space_pass_on(space);
    }
    return nw_space_report(space);
}
