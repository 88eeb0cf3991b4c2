/*
 * surrogate.c - ensembles of small nets; see surrogate.h.
 *
 * The nets of words are those with which PNAS [1] guesses accuracies. A row of T words
 * becomes T rows of E numbers; then
 *
 *   LSTM     LSTM over the T rows, its last output -> 1
 *   BLOCKS   (T / block, block * E), mean over the first -> hidden -> hidden -> 1
 *
 * Rows of another width are another graph over the same weights: a view. Members are
 * trained one after the other, member i of m without the i-th part of the lessons where
 * each sees 1 - 1/m of them, else on a window of the shuffled lessons that begins there.
 *
 * [1] C. Liu et al. 2018, Progressive Neural Architecture Search, arXiv:1712.00559.
 */
#include "surrogate.h"

#include "family.h"
#include "random.h"

#include <math.h>
#include <string.h>

enum { MOST_WIDTHS = 64, GUESSES = 256 };

static const double EMBEDDING_INIT = .1;

struct nw_surrogate {
    nw_ctx *ctx;
    nw_surrogate_config c;
    int n_width, width[MOST_WIDTHS];
    nw_space *space[MOST_WIDTHS];
    /* Of a member: [0] has the weights, the others look at them. */
    nw_learner *net[NW_SURROGATE_MEMBERS][MOST_WIDTHS];
    double mean, deviation; /* of what is learned: y = mean + deviation * output */
    int32_t is_scaled;      /* these two are known                               */
};

/* ---- Nets ---------------------------------------------------------------------------
 */

static nw_ref dense_layers(const nw_surrogate *s, nw_space *space, nw_ref x)
{
    for (int i = 0; i < s->c.layers; i++)
        x = nw_opf(space, x, "dense out=%d name=layer_%d | relu", s->c.hidden, i + 1);
    return x;
}

/* The mean of `rows` rows. */
static nw_ref mean_row(const nw_surrogate *s, nw_space *space, nw_ref x, int rows)
{
    nw_ref row[MOST_WIDTHS];

    x = nw_opf(space, x, "reshape to=%dx%d", rows, s->c.block * s->c.embedding);
    for (int i = 0; i < rows; i++)
        row[i] = nw_opf(space, x, "slice h=%d:%d | flatten", i, i + 1);
    if (rows == 1)
        return row[0];
    return nw_opf(space, nw_op_n(space, "add", (size_t)rows, row), "scale by=%.17g",
                  1. / rows);
}

static nw_ref body(const nw_surrogate *s, nw_space *space, nw_ref x, int width)
{
    if (s->c.kind == NW_SURROGATE_DENSE)
        return dense_layers(s, space, x);
    x = nw_opf(space, x, "embedding num=%d dim=%d name=words", s->c.words,
               s->c.embedding);
    if (s->c.kind == NW_SURROGATE_BLOCKS)
        return dense_layers(s, space, mean_row(s, space, x, width / s->c.block));
    return nw_opf(space, x, "lstm hidden=%d name=memory | slice h=%d:%d | flatten",
                  s->c.hidden, width - 1, width);
}

static nw_space *make_space(const nw_surrogate *s, int width)
{
    nw_space *space = nw_space_new(s->ctx);
    nw_ref x = nw_op_n(space, "flatten", 1, (nw_ref[]){nw_input(space, width, 1, 1)});

    x = nw_opf(space, body(s, space, x, width), "dense out=1 name=head%s",
               s->c.is_sigmoid ? " | sigmoid" : "");
    if (x >= 0 && nw_output(space, x) >= 0)
        return space;
    nw_space_free(space);
    return NULL;
}

/* Of a fresh net: embeddings, its first parameter, are small, and its last, the bias of
 * the output, is as asked. */
static void start(const nw_surrogate *s, nw_learner *l)
{
    const size_t n = (size_t)s->c.words * (size_t)s->c.embedding;

    for (size_t i = 0; s->c.kind != NW_SURROGATE_DENSE && i < n; i++)
        nw_learner_set_weight(l, i, EMBEDDING_INIT * nw_learner_weight(l, i));
    nw_learner_set_weight(l, nw_learner_count(l) - 1, s->c.bias);
}

static nw_status start_members(nw_surrogate *s)
{
    for (int m = 0; m < s->c.members; m++) {
        const nw_learner_config config = {
            .seed = nw_subseed(s->c.seed, NW_FOR_WEIGHTS, (uint64_t)m),
            .precision = s->c.precision};

        s->net[m][0] = nw_learner_open(s->ctx, s->space[0], &config);
        if (!s->net[m][0])
            return nw_errstatus(s->ctx);
        start(s, s->net[m][0]);
    }
    return NW_OK;
}

/* Views before what they look at. */
static void close_members(nw_surrogate *s)
{
    for (int m = 0; m < s->c.members; m++)
        for (int w = s->n_width - 1; w >= 0; w--) {
            nw_learner_close(s->net[m][w]);
            s->net[m][w] = NULL;
        }
}

static nw_status add_width(nw_surrogate *s, int width)
{
    if (s->n_width == MOST_WIDTHS)
        return nw_fail(s->ctx, NW_EINVAL, "surrogate: rows of more than %d widths",
                       MOST_WIDTHS);
    s->space[s->n_width] = make_space(s, width);
    if (!s->space[s->n_width])
        return nw_errstatus(s->ctx);
    s->width[s->n_width++] = width;
    return NW_OK;
}

static nw_status check_width(const nw_surrogate *s, int width)
{
    const nw_surrogate_config *c = &s->c;
    const int fits = c->kind == NW_SURROGATE_DENSE ? width == c->width
                     : c->kind == NW_SURROGATE_BLOCKS
                         ? width % c->block == 0 && width / c->block < MOST_WIDTHS
                         : 1;

    return width > 0 && fits
               ? NW_OK
               : nw_fail(s->ctx, NW_EINVAL, "surrogate: no rows of width %d", width);
}

/* Which of the widths it is; below 0 = a failure. */
static int find_width(nw_surrogate *s, int width)
{
    for (int w = 0; w < s->n_width; w++)
        if (s->width[w] == width)
            return w;
    NW_TRY(check_width(s, width));
    NW_TRY(add_width(s, width));
    return s->n_width - 1;
}

static nw_learner *net_for(nw_surrogate *s, int member, int w)
{
    nw_learner **net = &s->net[member][w];

    if (!*net)
        *net = nw_learner_view(s->net[member][0], s->space[w], 0);
    return *net;
}

nw_learner *nw_surrogate_net(nw_surrogate *s, int member, int width)
{
    const int w = find_width(s, width);

    return w < 0 ? NULL : net_for(s, member, w);
}

/* ---- Life ---------------------------------------------------------------------------
 */

static void set_default(int *key, int value)
{
    if (!*key)
        *key = value;
}

static nw_status check_config(nw_surrogate *s)
{
    nw_surrogate_config *c = &s->c;

    set_default(&c->block, 1);
    set_default(&c->embedding, 100);
    set_default(&c->hidden, 100);
    set_default(&c->layers, 2);
    set_default(&c->members, 1);
    set_default(&c->batch, 32);
    c->share = c->share > 0 && c->share < 1 ? c->share : 1;
    if (c->members < 1 || c->members > NW_SURROGATE_MEMBERS)
        return nw_fail(s->ctx, NW_EINVAL, "surrogate: %d members, not 1 to %d",
                       c->members, NW_SURROGATE_MEMBERS);
    if (c->kind != NW_SURROGATE_DENSE && c->words < 1)
        return nw_fail(s->ctx, NW_EINVAL, "surrogate: %d words", c->words);
    return NW_OK;
}

nw_surrogate *nw_surrogate_open(nw_ctx *ctx, const nw_surrogate_config *config)
{
    nw_surrogate *s = nw_alloc(ctx, sizeof(*s));
    nw_status status;

    if (!s)
        return NULL;
    s->ctx = ctx;
    s->c = *config;
    s->deviation = 1;
    status = check_config(s);
    if (status >= 0)
        status = find_width(s, s->c.kind == NW_SURROGATE_DENSE ? s->c.width : s->c.block);
    if (status >= 0)
        status = start_members(s);
    if (status >= 0)
        return s;
    nw_surrogate_close(s);
    return NULL;
}

void nw_surrogate_close(nw_surrogate *s)
{
    if (!s)
        return;
    close_members(s);
    for (int w = 0; w < s->n_width; w++)
        nw_space_free(s->space[w]);
    nw_release(s->ctx, s);
}

nw_status nw_surrogate_restart(nw_surrogate *s, uint64_t seed)
{
    close_members(s);
    s->c.seed = seed;
    s->mean = 0;
    s->deviation = 1;
    s->is_scaled = 0;
    return start_members(s);
}

nw_status nw_surrogate_state(nw_surrogate *s, nw_state *state)
{
    for (int m = 0; m < s->c.members; m++)
        NW_TRY(nw_learner_state(s->net[m][0], state));
    NW_TRY(state->bytes(state, &s->mean, sizeof(s->mean)));
    NW_TRY(state->bytes(state, &s->deviation, sizeof(s->deviation)));
    return state->bytes(state, &s->is_scaled, sizeof(s->is_scaled));
}

/* ---- Learning ------------------------------------------------------------------------
 */

/* Lessons of one width that make a step. */
struct batch {
    int w;
    size_t first, n; /* of the order */
};

struct fit {
    nw_surrogate *s;
    const nw_surrogate_fit_config *how;
    const nw_lesson *lesson; /* all of the caller's                                 */
    int *w;                  /* of every lesson: which width; -1 = left out         */
    size_t n;                /* lessons that count                                  */
    uint32_t *all;           /* those, shuffled once                                */
    size_t n_mine;           /* lessons of a member                                 */
    uint32_t *shuffle, *mine, *order;
    int rows; /* of a step */
    struct batch *batch;
    size_t n_batch, step, steps; /* steps done of all */
    float *x;
    double *dy;
};

/* The member's lessons in a new order, width by width. */
static void order_lessons(struct fit *f, uint64_t seed)
{
    size_t n = 0;

    nw_permutation(seed, NW_FOR_SHUFFLE, f->shuffle, f->n_mine);
    f->n_batch = 0;
    for (int w = 0; w < f->s->n_width; w++) {
        const size_t first = n;

        for (size_t i = 0; i < f->n_mine; i++)
            if (f->w[f->mine[f->shuffle[i]]] == w)
                f->order[n++] = f->mine[f->shuffle[i]];
        for (size_t at = first; at < n; at += (size_t)f->rows)
            f->batch[f->n_batch++] = (struct batch){
                w, at, n - at < (size_t)f->rows ? n - at : (size_t)f->rows};
    }
    nw_permutation(seed, NW_FOR_NOISE, f->shuffle, f->n_batch);
}

static double slope(nw_surrogate_loss loss, double error)
{
    return loss == NW_SURROGATE_L2 ? 2 * error : (error > 0) - (error < 0);
}

/* Rows beyond the batch's are zero, and nothing is asked of them. */
static void take_rows(const struct fit *f, const struct batch *b)
{
    const size_t width = (size_t)f->s->width[b->w];

    memset(f->x, 0, (size_t)f->rows * width * sizeof(*f->x));
    for (size_t i = 0; i < b->n; i++)
        memcpy(f->x + i * width, f->lesson[f->order[b->first + i]].x,
               width * sizeof(*f->x));
}

static void take_slopes(const struct fit *f, const struct batch *b, const double *y)
{
    const nw_surrogate *s = f->s;

    memset(f->dy, 0, (size_t)f->rows * sizeof(*f->dy));
    for (size_t i = 0; i < b->n; i++) {
        const double want = f->lesson[f->order[b->first + i]].y;

        f->dy[i] =
            slope(s->c.loss, y[i] - (want - s->mean) / s->deviation) / (double)b->n;
    }
}

static double rate(const struct fit *f)
{
    const double pi = 3.14159265358979323846;
    const double done = (double)f->step / (double)f->steps;

    return f->how->is_annealed ? f->how->lr * (1 + cos(pi * done)) / 2 : f->how->lr;
}

static nw_status learn(struct fit *f, int member, const struct batch *b)
{
    nw_learner *l = net_for(f->s, member, b->w);
    const double *y;

    if (!l)
        return nw_errstatus(f->s->ctx);
    take_rows(f, b);
    NW_TRY(nw_learner_forward(l, f->rows, f->x, NW_TRAIN, &y));
    take_slopes(f, b, y);
    NW_TRY(nw_learner_backward(l, f->dy));
    nw_learner_set_lr(l, rate(f));
    f->step++;
    return nw_learner_step(l, NULL);
}

/* A window of the shuffled lessons, all around. */
static void choose_lessons(struct fit *f, int member)
{
    const size_t first = f->n * (size_t)member / (size_t)f->s->c.members;

    for (size_t i = 0; i < f->n_mine; i++)
        f->mine[i] = f->all[(first + i) % f->n];
}

static nw_status fit_member(struct fit *f, int member)
{
    const uint64_t seed = nw_subseed(f->how->seed, NW_FOR_SHUFFLE, (uint64_t)member);

    choose_lessons(f, member);
    f->step = 0;
    for (int e = 0; e < f->how->epochs; e++) {
        order_lessons(f, nw_subseed(seed, NW_FOR_SHUFFLE, (uint64_t)e));
        f->steps = f->n_batch * (size_t)f->how->epochs;
        for (size_t b = 0; b < f->n_batch; b++)
            NW_TRY(learn(f, member, &f->batch[f->shuffle[b]]));
    }
    return NW_OK;
}

/* Mean and deviation of the lessons that count. */
static void scale(const struct fit *f)
{
    nw_surrogate *s = f->s;
    double sum = 0, square = 0;

    if (!s->c.is_scaled || (s->is_scaled && !f->how->rescales))
        return;
    for (size_t i = 0; i < f->n; i++)
        sum += f->lesson[f->all[i]].y / (double)f->n;
    for (size_t i = 0; i < f->n; i++)
        square += pow(f->lesson[f->all[i]].y - sum, 2) / (double)f->n;
    s->mean = sum;
    s->deviation = square > 0 ? sqrt(square) : 1;
    s->is_scaled = 1;
}

/* The lessons that count, shuffled. */
static nw_status look_at(struct fit *f, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        f->w[i] = isfinite(f->lesson[i].y) ? find_width(f->s, f->lesson[i].width) : -1;
        if (f->w[i] < -1)
            return f->w[i];
        if (f->w[i] >= 0)
            f->mine[f->n++] = (uint32_t)i;
    }
    nw_permutation(f->how->seed, NW_FOR_SPLIT, f->shuffle, f->n);
    for (size_t i = 0; i < f->n; i++)
        f->all[i] = f->mine[f->shuffle[i]];
    f->n_mine = (size_t)ceil(f->s->c.share * (double)f->n - 1e-9);
    f->rows = f->n_mine < (size_t)f->s->c.batch ? (int)f->n_mine : f->s->c.batch;
    return NW_OK;
}

static nw_status make_room(struct fit *f)
{
    int widest = 0;

    for (int w = 0; w < f->s->n_width; w++)
        widest = f->s->width[w] > widest ? f->s->width[w] : widest;
    f->x = nw_alloc(f->s->ctx, (size_t)f->rows * (size_t)widest * sizeof(*f->x));
    f->dy = nw_alloc(f->s->ctx, (size_t)f->rows * sizeof(*f->dy));
    return f->x && f->dy ? NW_OK : NW_ENOMEM;
}

static nw_status fit(struct fit *f, size_t n)
{
    NW_TRY(look_at(f, n));
    if (!f->n)
        return NW_OK;
    scale(f);
    NW_TRY(make_room(f));
    for (int m = 0; m < f->s->c.members; m++)
        NW_TRY(fit_member(f, m));
    return NW_OK;
}

nw_status nw_surrogate_fit(nw_surrogate *s, size_t n, const nw_lesson *lesson,
                           const nw_surrogate_fit_config *how)
{
    struct fit f = {.s = s, .how = how, .lesson = lesson};
    uint32_t *numbers = nw_alloc(s->ctx, (n + 1) * 4 * sizeof(*numbers));
    nw_status status = NW_ENOMEM;

    f.w = nw_alloc(s->ctx, (n + 1) * sizeof(*f.w));
    f.batch = nw_alloc(s->ctx, (n + 1) * sizeof(*f.batch));
    if (numbers && f.w && f.batch) {
        f.all = numbers;
        f.shuffle = f.all + n + 1;
        f.mine = f.shuffle + n + 1;
        f.order = f.mine + n + 1;
        status = fit(&f, n);
    }
    nw_release(s->ctx, numbers);
    nw_release(s->ctx, f.w);
    nw_release(s->ctx, f.batch);
    nw_release(s->ctx, f.x);
    nw_release(s->ctx, f.dy);
    return status;
}

/* ---- Guessing ------------------------------------------------------------------------
 */

/* Sums over members of up to GUESSES rows, of which x has room for all. */
static nw_status guess(nw_surrogate *s, int w, size_t n, const float *x, double *each)
{
    for (int m = 0; m < s->c.members; m++) {
        nw_learner *l = net_for(s, m, w);
        const double *y;

        if (!l)
            return nw_errstatus(s->ctx);
        NW_TRY(nw_learner_forward(l, GUESSES, x, NW_EVAL, &y));
        for (size_t i = 0; i < n; i++)
            each[i * (size_t)s->c.members + (size_t)m] = s->mean + s->deviation * y[i];
    }
    return NW_OK;
}

static void summarise(const double *each, int n, double *mean, double *sd)
{
    double sum = 0, square = 0;

    for (int m = 0; m < n; m++)
        sum += each[m] / n;
    for (int m = 0; m < n; m++)
        square += (each[m] - sum) * (each[m] - sum);
    *mean = sum;
    if (sd)
        *sd = n > 1 ? sqrt(square / (n - 1)) : 0;
}

static nw_status predict(nw_surrogate *s, size_t n, int w, const float *x, float *rows,
                         double *each, double *mean, double *sd)
{
    const size_t width = (size_t)s->width[w];

    for (size_t first = 0; first < n; first += GUESSES) {
        const size_t some = n - first < GUESSES ? n - first : GUESSES;

        memcpy(rows, x + first * width, some * width * sizeof(*rows));
        NW_TRY(guess(s, w, some, rows, each));
        for (size_t i = 0; i < some; i++)
            summarise(each + i * (size_t)s->c.members, s->c.members, &mean[first + i],
                      sd ? &sd[first + i] : NULL);
    }
    return NW_OK;
}

nw_status nw_surrogate_predict(nw_surrogate *s, size_t n, int width, const float *x,
                               double *mean, double *sd)
{
    const int w = find_width(s, width);
    float *rows;
    double *each;
    nw_status status = NW_ENOMEM;

    if (w < 0)
        return w;
    rows = nw_alloc(s->ctx, GUESSES * (size_t)width * sizeof(*rows));
    each = nw_alloc(s->ctx, GUESSES * (size_t)s->c.members * sizeof(*each));
    if (rows && each)
        status = predict(s, n, w, x, rows, each, mean, sd);
    nw_release(s->ctx, rows);
    nw_release(s->ctx, each);
    return status;
}
