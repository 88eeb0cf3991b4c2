/* nao_words.c - ranges of the vocabulary, nodes of two branches; see nao_words.h. */
#include "nao_words.h"

#include "ctx.h"
#include "random.h"

#include <string.h>

/* Beyond this the last layer of a decoder is larger than all the rest. */
enum { MOST_WORDS = 20000 };

/* ---- Kinds of decisions --------------------------------------------------------- */

/* The choice that decision i is, or -1 where it is one of subsets or under a rule. */
static int choice_of(const nw_code *code, int i)
{
    for (int c = 0; c < nw_space_choices(code->space); c++)
        if (!strcmp(nw_space_choice_name(code->space, c), code->name[i]))
            return nw_space_options(code->space, c) == code->options[i] ? c : -1;
    return -1;
}

/* Decisions of one kind: the options of one are the first ones of the other. */
static int same_kind(const nw_code *code, int i, int k)
{
    const int a = choice_of(code, i), b = choice_of(code, k);
    const int n =
        code->options[i] < code->options[k] ? code->options[i] : code->options[k];

    if (a < 0 || b < 0)
        return a < 0 && b < 0 && code->options[i] == code->options[k];
    for (int o = 0; o < n; o++)
        if (strcmp(nw_space_option_name(code->space, a, o),
                   nw_space_option_name(code->space, b, o)))
            return 0;
    return 1;
}

/* Every kind gets as many words as its largest decision has options, in order of first
 * appearance. */
static void give_range(nw_words *w, const nw_code *code, int i)
{
    const int begin = w->vocabulary;

    for (int k = i; k < w->n; k++)
        if (!w->first[k] && same_kind(code, w->place[i], w->place[k])) {
            w->first[k] = begin;
            if (begin + w->options[k] > w->vocabulary)
                w->vocabulary = begin + w->options[k];
        }
}

static nw_status share_out(nw_words *w, const nw_code *code)
{
    w->vocabulary = 1;
    for (int i = 0; i < w->n && w->vocabulary <= MOST_WORDS; i++)
        if (!w->first[i])
            give_range(w, code, i);
    if (w->vocabulary > MOST_WORDS)
        return nw_fail(w->ctx, NW_EMATCH,
                       "nao: the decisions of this space have more than %d different "
                       "options",
                       MOST_WORDS);
    return NW_OK;
}

/* ---- Nodes of two branches ------------------------------------------------------ */

static const char *const sides[][4] = {
    {"_in1", "_op1", "_in2", "_op2"},
    {"_in_left", "_op_left", "_in_right", "_op_right"},
};

/* The decision named as the first `length` letters of `name` and then `end`, or -1. */
static int decision(const nw_code *code, const char *name, size_t length, const char *end)
{
    for (int i = 0; i < code->n; i++)
        if (!strncmp(code->name[i], name, length) && !strcmp(code->name[i] + length, end))
            return i;
    return -1;
}

/* The four decisions of the node of which decision i is the first input. */
static int node_at(const nw_code *code, int i, int four[4])
{
    const char *name = code->name[i];

    for (int s = 0; s < 2; s++) {
        const size_t all = strlen(name), end = strlen(sides[s][0]);
        int found = all > end && !strcmp(name + all - end, sides[s][0]);

        for (int k = 0; k < 4 && found; k++)
            found = (four[k] = decision(code, name, all - end, sides[s][k])) >= 0;
        if (found && code->options[four[0]] == code->options[four[2]] &&
            code->options[four[1]] == code->options[four[3]])
            return 1;
    }
    return 0;
}

static void say(nw_words *w, const nw_code *code, int decision, unsigned char *said)
{
    said[decision] = 1;
    w->options[w->n] = code->options[decision];
    w->place[w->n++] = decision;
}

/* The first input of a node is decided before its other three. */
static void put_in_order(nw_words *w, const nw_code *code, unsigned char *said)
{
    int four[4];

    for (int i = 0; i < code->n; i++) {
        if (said[i])
            continue;
        if (!node_at(code, i, four)) {
            say(w, code, i, said);
            continue;
        }
        w->node[w->n_node++] = w->n;
        for (int k = 0; k < 4; k++)
            say(w, code, four[k], said);
    }
    w->pairs = w->n > 0 && w->n == 4 * w->n_node;
}

/* ---- Making --------------------------------------------------------------------- */

nw_words *nw_words_new(nw_ctx *ctx, const nw_code *code)
{
    const size_t n = code ? (size_t)code->n : 0;
    nw_words *w = code ? nw_alloc(ctx, sizeof(*w) + n * (4 * sizeof(int) + 1)) : NULL;

    if (!w)
        return NULL;
    w->ctx = ctx;
    w->place = (int *)(void *)(w + 1);
    w->options = w->place + n;
    w->first = w->options + n;
    w->node = w->first + n;
    put_in_order(w, code, (unsigned char *)(w->node + n));
    if (share_out(w, code) >= 0)
        return w;
    nw_words_free(w);
    return NULL;
}

void nw_words_free(nw_words *words)
{
    if (words)
        nw_release(words->ctx, words);
}

/* ---- Sentences ------------------------------------------------------------------ */

void nw_words_of(const nw_words *words, const int *x, int *s)
{
    for (int i = 0; i < words->n; i++)
        s[i] = x[words->place[i]];
}

void nw_words_to(const nw_words *words, const int *s, int *x)
{
    for (int i = 0; i < words->n; i++)
        x[words->place[i]] = s[i];
}

void nw_words_swap(const nw_words *words, uint64_t seed, int *s)
{
    for (int k = 0; k < words->n_node; k++) {
        int *node = s + words->node[k], left[2] = {node[0], node[1]};

        if (nw_below(seed, NW_FOR_AUGMENT, (uint64_t)k, 2)) {
            memmove(node, node + 2, sizeof(left));
            memcpy(node + 2, left, sizeof(left));
        }
    }
}
