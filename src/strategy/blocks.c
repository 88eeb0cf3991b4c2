/* blocks.c - a space as a row of blocks; see blocks.h. */
#include "blocks.h"

#include "ctx.h"
#include "index.h"
#include "random.h"

#include <stdlib.h>
#include <string.h>

/* ---- Depth and size ------------------------------------------------------------------
 */

static int decision_named(const nw_blocks *b, const char *name)
{
    for (int i = 0; i < b->code->n; i++)
        if (!strcmp(b->code->name[i], name))
            return i;
    return -1;
}

static nw_status find_depth(nw_blocks *b, const struct nw_blocks_keys *keys)
{
    static const char *const usual[] = {"blocks", "layers"};

    b->depth = *keys->depth ? decision_named(b, keys->depth) : -1;
    if (*keys->depth && b->depth < 0)
        return nw_fail(b->ctx, NW_EMATCH, "depth=%s: the space has no such decision",
                       keys->depth);
    for (int i = 0; i < 2 && b->depth < 0; i++)
        b->depth = decision_named(b, usual[i]);
    return NW_OK;
}

/* How the other decisions fall into blocks. */
static nw_status cut(nw_blocks *b, const struct nw_blocks_keys *keys)
{
    const int parts = b->code->n - (b->depth >= 0);
    const int n = b->depth >= 0 ? b->code->options[b->depth] : 0;

    b->per = keys->block ? keys->block : n && parts % n == 0 ? parts / n : 1;
    if (!parts)
        return nw_fail(b->ctx, NW_EMATCH, "the space has no choices");
    if (parts % b->per)
        return nw_fail(b->ctx, NW_EMATCH,
                       "block=%d does not divide the %d decisions of the space", b->per,
                       parts);
    b->n = parts / b->per;
    if (n && n != b->n)
        return nw_fail(
            b->ctx, NW_EMATCH,
            "decision \"%s\" has %d options, but blocks of %d decisions are %d",
            b->code->name[b->depth], n, b->per, b->n);
    return NW_OK;
}

/* ---- Names ---------------------------------------------------------------------------
 */

/* Name of option v of decision i, or NULL where the decision is not one plain choice. */
static const char *option_name(const nw_blocks *b, int i, int v)
{
    const nw_code *code = b->code;
    int same = 0, choice = -1;

    for (int k = 0; k < code->n; k++)
        same += !strcmp(code->name[k], code->name[i]);
    for (int c = 0; c < nw_space_choices(code->space); c++)
        if (!strcmp(nw_space_choice_name(code->space, c), code->name[i]))
            choice = c;
    if (same != 1 || choice < 0 ||
        nw_space_options(code->space, choice) != code->options[i])
        return NULL;
    return nw_space_option_name(code->space, choice, v);
}

static int option_named(const nw_blocks *b, int i, const char *name)
{
    for (int v = 0; v < b->code->options[i]; v++) {
        const char *own = option_name(b, i, v);

        if (own && !strcmp(own, name))
            return v;
    }
    return -1;
}

/* "2", or a name that some decision has; -1 = not this decision. */
static int asked_neutral(const nw_blocks *b, int i, const char *text)
{
    char *end;
    const long v = strtol(text, &end, 10);
    const int named = option_named(b, i, text);

    if (named >= 0 || *end || end == text || v < 0 || v >= b->code->options[i])
        return named;
    return (int)v;
}

static int usual_neutral(const nw_blocks *b, int i)
{
    static const char *const usual[] = {"identity", "id",   "skip_connect",
                                        "skip",     "none", "zero"};

    for (size_t k = 0; k < sizeof(usual) / sizeof(*usual); k++) {
        const int v = option_named(b, i, usual[k]);

        if (v >= 0)
            return v;
    }
    return 0;
}

static nw_status find_neutral(nw_blocks *b, const char *text)
{
    int found = 0;

    for (int i = 0; i < b->code->n && b->depth < 0; i++) {
        const int v = *text ? asked_neutral(b, i, text) : -1;

        found += v >= 0;
        b->neutral[i] = v >= 0 ? v : usual_neutral(b, i);
    }
    return !*text || found ? NW_OK
                           : nw_fail(b->ctx, NW_ESPEC,
                                     "neutral=%s: no decision of the space has that "
                                     "option",
                                     text);
}

/* ---- Words ---------------------------------------------------------------------------
 */

/* What option v of decision i says in any place: its name, else which of how many. */
static uint64_t meaning(const nw_blocks *b, int i, int v)
{
    const char *name = option_name(b, i, v);
    const int number[2] = {b->code->options[i], v};

    return name ? nw_hash(NW_HASH_START, name, strlen(name))
                : nw_hash(NW_HASH_START, number, sizeof(number));
}

static nw_status name_words(nw_blocks *b)
{
    nw_index index = {.ctx = b->ctx};
    int64_t found = 0;

    for (int k = 0; k < b->n * b->per; k++)
        for (int i = b->part[k], v = 0; v < b->code->options[i] && found != NW_INDEX_NONE;
             v++) {
            found = nw_index_add(&index, meaning(b, i, v));
            b->word[b->first[i] + v] = (int)found;
        }
    b->n_words = (int)index.n;
    nw_index_free(&index);
    return found == NW_INDEX_NONE ? NW_ENOMEM : NW_OK;
}

/* With "both" the words of places follow those of names; see nw_blocks_write(). */
static nw_status find_words(nw_blocks *b, const char *kind, int options)
{
    b->per_place = strcmp(kind, "both") ? 1 : 2;
    if (strcmp(kind, "both") && strcmp(kind, "name") && strcmp(kind, "place"))
        return nw_fail(b->ctx, NW_ESPEC, "words=%s is neither name nor place nor both",
                       kind);
    if (!strcmp(kind, "place")) {
        for (int i = 0; i < options; i++)
            b->word[i] = i;
        b->n_words = options;
        return NW_OK;
    }
    NW_TRY(name_words(b));
    b->names = b->n_words;
    b->n_words += b->per_place == 2 ? options : 0;
    return NW_OK;
}

/* ---- Life ----------------------------------------------------------------------------
 */

static nw_status make_room(nw_blocks *b, int *options)
{
    const size_t n = (size_t)b->code->n;

    b->part = nw_alloc(b->ctx, n * sizeof(int));
    b->neutral = nw_alloc(b->ctx, n * sizeof(int));
    b->first = nw_alloc(b->ctx, n * sizeof(int));
    if (!b->part || !b->neutral || !b->first)
        return NW_ENOMEM;
    for (int i = 0, k = 0; i < b->code->n; i++) {
        if (i == b->depth)
            continue;
        b->part[k++] = i;
        b->first[i] = *options;
        *options += b->code->options[i];
    }
    b->word = nw_alloc(b->ctx, (size_t)*options * sizeof(int));
    return b->word ? NW_OK : NW_ENOMEM;
}

nw_status nw_blocks_open(nw_blocks *b, nw_ctx *ctx, nw_space *space,
                         const struct nw_blocks_keys *keys)
{
    int options = 0;

    *b = (nw_blocks){.ctx = ctx, .code = nw_code_new(ctx, space)};
    if (!b->code)
        return nw_errstatus(ctx);
    NW_TRY(find_depth(b, keys));
    NW_TRY(cut(b, keys));
    NW_TRY(make_room(b, &options));
    NW_TRY(find_neutral(b, keys->neutral));
    return find_words(b, keys->words, options);
}

void nw_blocks_close(nw_blocks *b)
{
    nw_code_free(b->code);
    nw_release(b->ctx, b->part);
    nw_release(b->ctx, b->neutral);
    nw_release(b->ctx, b->first);
    nw_release(b->ctx, b->word);
    *b = (nw_blocks){0};
}

/* ---- Cells ---------------------------------------------------------------------------
 */

static const int *parts_of(const nw_blocks *b, int block)
{
    return b->part + (size_t)block * (size_t)b->per;
}

size_t nw_blocks_ways(const nw_blocks *b, int block)
{
    size_t ways = 1;

    for (int k = 0; k < b->per; k++) {
        ways *= (size_t)b->code->options[parts_of(b, block)[k]];
        if (ways > (size_t)1 << 31)
            return 0;
    }
    return ways;
}

void nw_blocks_clear(const nw_blocks *b, int *x)
{
    memcpy(x, b->neutral, (size_t)b->code->n * sizeof(*x));
}

void nw_blocks_set(const nw_blocks *b, int *x, int block, size_t way)
{
    for (int k = b->per - 1; k >= 0; k--) {
        const int i = parts_of(b, block)[k];
        const size_t n = (size_t)b->code->options[i];

        x[i] = (int)(way % n);
        way /= n;
    }
}

void nw_blocks_set_level(const nw_blocks *b, int *x, int level)
{
    if (b->depth >= 0)
        x[b->depth] = level - 1;
}

int nw_blocks_width(const nw_blocks *b, int level)
{
    return level * b->per * b->per_place;
}

void nw_blocks_write(const nw_blocks *b, const int *x, int level, float *word)
{
    for (int k = 0; k < level * b->per; k++) {
        const int i = b->part[k], at = b->first[i] + x[i];

        *word++ = (float)b->word[at];
        if (b->per_place == 2)
            *word++ = (float)(b->names + at);
    }
}
