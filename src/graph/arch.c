#include "random.h"
#include "space.h"

#include <jansson.h>
#include <string.h>

static void arch_destroy(void *object)
{
    nw_arch *a = object;

    nw_release(a->ctx, a->w);
}

nw_arch *nw_arch_new(nw_ctx *ctx, nw_space *space)
{
    nw_arch *a;

    if (!space || nw_space_seal(space) < 0)
        return NULL;
    a = nw_new(ctx, sizeof(*a), arch_destroy);
    if (!a)
        return NULL;
    a->ctx = ctx;
    a->space = space;
    a->w = nw_alloc(ctx, (size_t)space->n_weight * sizeof(double) + 1);
    if (!a->w) {
        nw_arch_free(a);
        return NULL;
    }
    for (int c = 0; c < space->n_choice; c++)
        for (int i = 0; i < space->choice[c].n; i++)
            a->w[space->choice[c].first + i] = 1.0 / space->choice[c].n;
    return a;
}

void nw_arch_free(nw_arch *arch)
{
    if (arch)
        nw_release(arch->ctx, arch);
}

double *nw_arch_weights(nw_arch *arch, int choice)
{
    return arch->w + arch->space->choice[choice].first;
}

static void clear_choice(nw_arch *arch, int choice)
{
    memset(nw_arch_weights(arch, choice), 0,
           (size_t)arch->space->choice[choice].n * sizeof(double));
}

nw_status nw_arch_pick(nw_arch *arch, int choice, int option)
{
    if (!arch)
        return NW_ENOMEM;
    if (choice < 0 || choice >= arch->space->n_choice || option < 0 ||
        option >= arch->space->choice[choice].n)
        return nw_fail(arch->ctx, NW_ENAME, "choice %d has no option %d", choice, option);
    clear_choice(arch, choice);
    nw_arch_weights(arch, choice)[option] = 1;
    return NW_OK;
}

static int find(const nw_arch *arch, const char *name)
{
    const char *names[256], *near;
    int c = nw_choice_find(arch->space, name), n = arch->space->n_choice;

    if (c >= 0)
        return c;
    n = n < 256 ? n : 256;
    for (int i = 0; i < n; i++)
        names[i] = arch->space->choice[i].name;
    near = nw_near(name, names, (size_t)n);
    nw_fail(arch->ctx, NW_ENAME, "there is no choice \"%s\"%s%s%s", name,
            near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
    return -1;
}

nw_status nw_arch_set(nw_arch *arch, const char *choice, int option)
{
    int c;

    if (!arch)
        return NW_ENOMEM;
    nw_clear(arch->ctx);
    c = find(arch, choice);
    if (c < 0)
        return NW_ENAME;
    if (option < 0 || option >= arch->space->choice[c].n)
        return nw_fail(arch->ctx, NW_EINVAL, "choice \"%s\" has options 0 to %d, not %d",
                       choice, arch->space->choice[c].n - 1, option);
    return nw_arch_pick(arch, c, option);
}

/* Index of the largest of n, the first among equals; skip = an index to leave out. */
static int strongest(const double *w, int n, int skip)
{
    int best = -1;

    for (int i = 0; i < n; i++)
        if (i != skip && (best < 0 || w[i] > w[best]))
            best = i;
    return best;
}

int nw_arch_get(const nw_arch *arch, const char *choice)
{
    int c = arch ? nw_choice_find(arch->space, choice) : -1;

    return c < 0 ? -1
                 : strongest(nw_arch_weights((nw_arch *)arch, c),
                             arch->space->choice[c].n, -1);
}

/* The k largest of w[n] become 1 and the rest 0. */
static void take_strongest(double *w, int n, int k)
{
    for (int taken = 0; taken < k; taken++) {
        int best = -1;

        for (int i = 0; i < n; i++)
            if (w[i] >= 0 && (best < 0 || w[i] > w[best]))
                best = i;
        w[best] = -1;
    }
    for (int i = 0; i < n; i++)
        w[i] = w[i] == -1;
}

static nw_status harden_rule(nw_arch *arch, const nw_keep_rule *rule)
{
    double *strength = nw_alloc(arch->ctx, (size_t)rule->n * sizeof(double));

    if (!strength)
        return NW_ENOMEM;
    for (int i = 0; i < rule->n; i++) {
        double *w = nw_arch_weights(arch, rule->choice[i]);

        strength[i] = w[strongest(w, arch->space->choice[rule->choice[i]].n, rule->none)];
    }
    take_strongest(strength, rule->n, rule->k);
    for (int i = 0; i < rule->n; i++) {
        int c = rule->choice[i];
        double *w = nw_arch_weights(arch, c);

        nw_arch_pick(arch, c,
                     strength[i] != 0 ? strongest(w, arch->space->choice[c].n, rule->none)
                                      : rule->none);
    }
    nw_release(arch->ctx, strength);
    return NW_OK;
}

nw_status nw_arch_harden(nw_arch *arch)
{
    if (!arch)
        return NW_ENOMEM;
    for (int c = 0; c < arch->space->n_choice; c++)
        if (arch->space->choice[c].keep < 0)
            take_strongest(nw_arch_weights(arch, c), arch->space->choice[c].n,
                           arch->space->choice[c].k);
    for (int r = 0; r < arch->space->n_keep; r++)
        NW_TRY(harden_rule(arch, &arch->space->keep[r]));
    return NW_OK;
}

int nw_arch_is_hard(const nw_arch *arch)
{
    for (int c = 0; c < arch->space->n_choice; c++) {
        const nw_choice *choice = &arch->space->choice[c];
        int ones = 0;

        for (int i = 0; i < choice->n; i++) {
            double w = arch->w[choice->first + i];

            if (w != 0 && w != 1)
                return 0;
            ones += w == 1;
        }
        if (ones != choice->k)
            return 0;
    }
    return 1;
}

/* e[j] = sum over j-subsets of x[i..n) of the product of x */
static void polynomial(const double *x, int i, int n, double *e, int k)
{
    for (int j = 0; j <= k; j++)
        e[j] = j == 0;
    for (; i < n; i++)
        for (int j = k; j > 0; j--)
            e[j] += e[j - 1] * x[i];
}

/* Draw a k-subset of n, each with probability in proportion to the product of x. */
static void draw_subset(const double *x, int n, int k, double *e, uint64_t seed,
                        uint64_t stream, unsigned char *in)
{
    for (int i = 0; i < n; i++) {
        double all;

        polynomial(x, i, n, e, k);
        all = e[k];
        polynomial(x, i + 1, n, e, k);
        in[i] =
            k > 0 && nw_uniform(seed, NW_FOR_ARCH, stream + (uint64_t)i) * all >= e[k];
        k -= in[i];
    }
}

static nw_status random_subset(nw_arch *arch, const double *x, int n, int k,
                               uint64_t seed, uint64_t stream, unsigned char *in)
{
    double *e = nw_alloc(arch->ctx, (size_t)(k + 1) * sizeof(double));

    if (!e)
        return NW_ENOMEM;
    draw_subset(x, n, k, e, seed, stream, in);
    nw_release(arch->ctx, e);
    return NW_OK;
}

/* Every choice and every rule has a stretch of random numbers of its own. */
static uint64_t stretch(int index)
{
    return (uint64_t)index << 16;
}

static nw_status random_some(nw_arch *arch, int c, uint64_t seed)
{
    const nw_choice *choice = &arch->space->choice[c];
    size_t n = (size_t)choice->n;
    double *x = nw_alloc(arch->ctx, n * sizeof(double));
    unsigned char *in = nw_alloc(arch->ctx, n);
    nw_status status = NW_ENOMEM;

    if (x && in) {
        for (size_t i = 0; i < n; i++)
            x[i] = 1;
        status = random_subset(arch, x, choice->n, choice->k, seed, stretch(c), in);
        for (size_t i = 0; i < n; i++)
            nw_arch_weights(arch, c)[i] = in[i];
    }
    nw_release(arch->ctx, x);
    nw_release(arch->ctx, in);
    return status;
}

static nw_status random_rule(nw_arch *arch, int r, uint64_t seed)
{
    const nw_keep_rule *rule = &arch->space->keep[r];
    size_t n = (size_t)rule->n;
    double *x = nw_alloc(arch->ctx, n * sizeof(double));
    unsigned char *in = nw_alloc(arch->ctx, n);
    nw_status status = NW_ENOMEM;

    if (x && in) {
        for (size_t i = 0; i < n; i++)
            x[i] = arch->space->choice[rule->choice[i]].n - 1;
        status = random_subset(arch, x, rule->n, rule->k, seed,
                               stretch(arch->space->n_choice + r), in);
    }
    for (size_t i = 0; status >= 0 && i < n; i++) {
        int c = rule->choice[i], options = arch->space->choice[c].n;
        int o = (int)nw_below(seed, NW_FOR_ARCH, stretch(c), (uint64_t)options - 1);

        nw_arch_pick(arch, c, in[i] ? o + (o >= rule->none) : rule->none);
    }
    nw_release(arch->ctx, x);
    nw_release(arch->ctx, in);
    return status;
}

nw_status nw_arch_random(nw_arch *arch, uint64_t seed)
{
    if (!arch)
        return NW_ENOMEM;
    for (int c = 0; c < arch->space->n_choice; c++) {
        const nw_choice *choice = &arch->space->choice[c];

        if (choice->kind == NW_SOME)
            NW_TRY(random_some(arch, c, seed));
        else if (choice->keep < 0)
            NW_TRY(nw_arch_pick(
                arch, c,
                (int)nw_below(seed, NW_FOR_ARCH, stretch(c), (uint64_t)choice->n)));
    }
    for (int r = 0; r < arch->space->n_keep; r++)
        NW_TRY(random_rule(arch, r, seed));
    return NW_OK;
}

uint64_t nw_arch_hash(const nw_arch *arch)
{
    uint64_t hash = NW_HASH_START;

    for (int c = 0; arch && c < arch->space->n_choice; c++) {
        const nw_choice *choice = &arch->space->choice[c];

        hash = nw_hash(hash, choice->name, strlen(choice->name) + 1);
        hash = nw_hash(hash, arch->w + choice->first, (size_t)choice->n * sizeof(double));
    }
    return hash;
}

nw_status nw_arch_copy(nw_arch *to, const nw_arch *from)
{
    if (!to || !from)
        return NW_ENOMEM;
    for (int c = 0; c < to->space->n_choice; c++) {
        const nw_choice *a = &to->space->choice[c], *b;
        int other = from->space == to->space ? c : nw_choice_find(from->space, a->name);

        b = other < 0 ? NULL : &from->space->choice[other];
        if (!b || b->n != a->n || b->kind != a->kind)
            return nw_fail(to->ctx, NW_EMATCH,
                           "the architecture has no choice \"%s\" with %d options",
                           a->name, a->n);
        memcpy(to->w + a->first, from->w + b->first, (size_t)a->n * sizeof(double));
    }
    return NW_OK;
}

/* ---- JSON ------------------------------------------------------------------- */

static json_t *choice_json(const nw_arch *arch, const nw_choice *c)
{
    const double *w = arch->w + c->first;
    json_t *list;

    if (c->kind != NW_SOME)
        return json_integer(strongest(w, c->n, -1));
    list = json_array();
    for (int i = 0; i < c->n; i++)
        if (w[i] > 0)
            json_array_append_new(list, json_integer(i));
    return list;
}

nw_status nw_arch_write(const nw_arch *arch, FILE *out)
{
    json_t *object;
    int failed;

    if (!arch)
        return NW_ENOMEM;
    object = json_object();
    for (int c = 0; c < arch->space->n_choice; c++)
        json_object_set_new(object, arch->space->choice[c].name,
                            choice_json(arch, &arch->space->choice[c]));
    failed = json_dumpf(object, out, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(object);
    return failed ? nw_fail(arch->ctx, NW_EIO, "the architecture could not be written")
                  : NW_OK;
}

static int option_of(const nw_choice *c, const json_t *value)
{
    if (json_is_integer(value)) {
        json_int_t i = json_integer_value(value);

        return i >= 0 && i < c->n ? (int)i : -1;
    }
    for (int i = 0; json_is_string(value) && i < c->n; i++)
        if (!strcmp(c->option_name[i], json_string_value(value)))
            return i;
    return -1;
}

static nw_status read_choice(nw_arch *arch, int c, const json_t *value, const char *where)
{
    const nw_choice *choice = &arch->space->choice[c];
    int n = json_is_array(value) ? (int)json_array_size(value) : 1;

    clear_choice(arch, c);
    if (n != choice->k)
        return nw_fail(arch->ctx, NW_EFORMAT, "%s: \"%s\" takes %d option%s, not %d",
                       where, choice->name, choice->k, choice->k == 1 ? "" : "s", n);
    for (int i = 0; i < n; i++) {
        const json_t *item =
            json_is_array(value) ? json_array_get(value, (size_t)i) : value;
        int option = option_of(choice, item);

        if (option < 0 || arch->w[choice->first + option] != 0)
            return nw_fail(
                arch->ctx, NW_EFORMAT,
                "%s: \"%s\" needs option numbers 0 to %d or their names, each once",
                where, choice->name, choice->n - 1);
        arch->w[choice->first + option] = 1;
    }
    return NW_OK;
}

static nw_status check_rules(nw_arch *arch, const char *where)
{
    for (int r = 0; r < arch->space->n_keep; r++) {
        const nw_keep_rule *rule = &arch->space->keep[r];
        int kept = 0;

        for (int i = 0; i < rule->n; i++)
            kept += nw_arch_weights(arch, rule->choice[i])[rule->none] == 0;
        if (kept != rule->k)
            return nw_fail(
                arch->ctx, NW_EFORMAT,
                "%s: exactly %d of the %d choices from \"%s\" on may be taken, not %d",
                where, rule->k, rule->n, arch->space->choice[rule->choice[0]].name, kept);
    }
    return NW_OK;
}

static nw_status read_object(nw_arch *arch, json_t *object, const char *where)
{
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value) if (find(arch, key) < 0) return NW_ENAME;
    for (int c = 0; c < arch->space->n_choice; c++) {
        value = json_object_get(object, arch->space->choice[c].name);
        if (!value)
            return nw_fail(arch->ctx, NW_EFORMAT, "%s: choice \"%s\" is missing", where,
                           arch->space->choice[c].name);
        NW_TRY(read_choice(arch, c, value, where));
    }
    return check_rules(arch, where);
}

nw_status nw_arch_read(nw_arch *arch, const char *json, const char *where)
{
    json_error_t error;
    json_t *object, *inner;
    nw_status status;

    if (!arch)
        return NW_ENOMEM;
    nw_clear(arch->ctx);
    where = where ? where : "arch";
    object = json_loads(json, JSON_REJECT_DUPLICATES, &error);
    if (!object)
        return nw_fail(arch->ctx, NW_EFORMAT, "%s:%d:%d: %s", where, error.line,
                       error.column, error.text);
    inner = json_is_object(object) ? json_object_get(object, "arch") : NULL;
    if (!json_is_object(inner))
        inner = object; /* the choices themselves, not a file that has more to say */
    status = json_is_object(inner)
                 ? read_object(arch, inner, where)
                 : nw_fail(arch->ctx, NW_EFORMAT, "%s: not an object of choices", where);
    json_decref(object);
    return status;
}
