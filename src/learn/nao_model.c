/*
 * nao_model.c - the nets of NAO [1] on learners, and the loss that they share.
 *
 * n words, V in the vocabulary, E = embedding, T vectors of H = hidden numbers; T = n, or
 * n / 2 where two words, an input and an op, are read at once.
 *
 * encoder    words (n) -> embedding (n, E) -> (T, E or 2E) -> LSTM (T, H) -> length 1: S
 * vector     v = mean of S over T, length 1
 * predictor  f = sigmoid(layers of dropout, dense, relu on v)
 * decoder    the start and the words but the last -> embedding (n, E) -> LSTM from h0 =
 *            c0 = v: D (n, H)
 *            attention: softmax(D Wq S') S = C (n, H);  tanh(W [C D]) -> dense: (n, V)
 * words      softmax over the range of the word at hand, of V
 *
 * Four learners share the weights: all of it, which learns; the encoder alone; the
 * predictor with the gradient of its input; the decoder one word on, whose input is that
 * word, h, c and S. So a sentence is decoded in n small steps for the whole batch.
 *
 * The authors' PyTorch code normalises over the whole vocabulary in training and over the
 * range when it decodes; here both are over the range, which spares the decoder to learn
 * the grammar. That the decoder's embedding has E numbers as the encoder's is unverified.
 *
 * [1] Luo et al. 2018, Neural architecture optimization, arXiv:1808.07233; figures of
 *     renqianluo/NAO_pytorch.
 */
#include "nao_model.h"

#include "ctx.h"
#include "family.h"

#include <math.h>
#include <string.h>

struct nw_nao {
    nw_ctx *ctx;
    const nw_words *words;
    nw_nao_config is;
    int steps; /* T */
    nw_space *space[4];
    nw_learner *all, *encoder, *predictor, *speaker;
    float *x;   /* what goes into a net */
    double *dy; /* gradient of what comes out of it */
    size_t room_x, room_dy;
};

/* ---- The nets ------------------------------------------------------------------- */

static nw_ref embed(const nw_nao *m, nw_space *s, nw_ref words, const char *name)
{
    return nw_opf(s, words, "embedding num=%d dim=%d name=%s", m->words->vocabulary,
                  m->is.embedding, name);
}

static nw_ref encoder(const nw_nao *m, nw_space *s, nw_ref words)
{
    nw_ref x = embed(m, s, words, "encoder.words");

    if (m->steps != m->words->n)
        x = nw_opf(s, x, "reshape to=%dx%d", m->steps, 2 * m->is.embedding);
    return nw_opf(s, x, "lstm hidden=%d name=encoder.lstm | l2norm", m->is.hidden);
}

static nw_ref vector(nw_space *s, nw_ref state)
{
    return nw_op(s, "globalpool | l2norm", state);
}

static nw_ref predictor(const nw_nao *m, nw_space *s, nw_ref v, double dropout)
{
    for (int i = 0; i <= m->is.mlp_layers; i++) {
        const int last = i == m->is.mlp_layers;

        if (dropout > 0)
            v = nw_opf(s, v, "dropout p=%g", dropout);
        v = nw_opf(s, v, "dense out=%d name=predictor.%d | %s",
                   last ? 1 : m->is.mlp_hidden, i, last ? "sigmoid" : "relu");
    }
    return v;
}

/* Logits (., V) of the words that follow, from the LSTM's outputs d (., H). */
static nw_ref speak(const nw_nao *m, nw_space *s, nw_ref d, nw_ref state)
{
    nw_ref a = nw_opf(s, d, "dense out=%d bias=0 name=decoder.query", m->is.hidden);

    a = nw_op(s, "softmax", nw_op(s, "matmul tb=1", a, state));
    a = nw_op(s, "concat", nw_op(s, "matmul", a, state), d);
    return nw_opf(s, a,
                  "dense out=%d bias=0 name=decoder.mix | tanh | "
                  "dense out=%d name=decoder.out | flatten",
                  m->is.hidden, m->words->vocabulary);
}

static nw_ref part(nw_space *s, nw_ref x, int *at, int n)
{
    const int first = *at;

    *at += n;
    return nw_opf(s, x, "slice c=%d:%d", first, *at);
}

static nw_ref row(nw_space *s, int n)
{
    return nw_op(s, "flatten", nw_input(s, n, 1, 1));
}

/* words, words one later -> f, logits */
static void build_all(const nw_nao *m, nw_space *s)
{
    const int n = m->words->n;
    int at = 0;
    nw_ref x = row(s, 2 * n), read = part(s, x, &at, n), said = part(s, x, &at, n);
    nw_ref state = encoder(m, s, read), v = vector(s, state), d;
    char lstm[80];

    snprintf(lstm, sizeof(lstm), "lstm hidden=%d name=decoder.lstm", m->is.hidden);
    d = nw_op(s, lstm, embed(m, s, said, "decoder.words"), v, v);
    nw_output(
        s, nw_op(s, "concat", predictor(m, s, v, m->is.dropout), speak(m, s, d, state)));
}

/* words -> state */
static void build_encoder(const nw_nao *m, nw_space *s)
{
    nw_output(s, nw_op(s, "flatten", encoder(m, s, row(s, m->words->n))));
}

/* state -> f */
static void build_predictor(const nw_nao *m, nw_space *s)
{
    nw_ref x = nw_opf(s, row(s, m->steps * m->is.hidden), "reshape to=%dx%d", m->steps,
                      m->is.hidden);

    nw_output(s, predictor(m, s, vector(s, x), 0));
}

/* word, h, c, state -> h, c, logits */
static void build_speaker(const nw_nao *m, nw_space *s)
{
    const int hidden = m->is.hidden, size = m->steps * hidden;
    int at = 0;
    nw_ref x = row(s, 1 + 2 * hidden + size), word = part(s, x, &at, 1);
    nw_ref h = part(s, x, &at, hidden), c = part(s, x, &at, hidden), state, d;
    char lstm[80];

    state = nw_opf(s, part(s, x, &at, size), "reshape to=%dx%d", m->steps, hidden);
    snprintf(lstm, sizeof(lstm), "lstm hidden=%d cell=1 name=decoder.lstm", hidden);
    x = nw_op(s, lstm, embed(m, s, word, "decoder.words"), h, c);
    d = nw_opf(s, x, "slice c=0:%d", hidden);
    nw_output(s, nw_op(s, "concat", nw_op(s, "flatten", x), speak(m, s, d, state)));
}

/* ---- Making --------------------------------------------------------------------- */

static void nao_destroy(void *object)
{
    nw_nao *m = object;
    nw_learner *const view[] = {m->encoder, m->predictor, m->speaker, m->all};

    for (int i = 0; i < 4; i++)
        nw_learner_close(view[i]);
    for (int i = 0; i < 4; i++)
        nw_space_free(m->space[i]);
    nw_release(m->ctx, m->x);
    nw_release(m->ctx, m->dy);
}

static nw_status make(nw_nao *m)
{
    const nw_learner_config config = {.lr = m->is.lr,
                                      .weight_decay = m->is.wd,
                                      .clip_norm = m->is.clip,
                                      .seed = m->is.seed,
                                      .precision = m->is.precision};
    void (*const build[])(const nw_nao *, nw_space *) = {build_all, build_encoder,
                                                         build_predictor, build_speaker};

    for (int i = 0; i < 4; i++) {
        m->space[i] = nw_space_new(m->ctx);
        if (!m->space[i])
            return NW_ENOMEM;
        build[i](m, m->space[i]);
    }
    m->all = nw_learner_open(m->ctx, m->space[0], &config);
    m->encoder = nw_learner_view(m->all, m->space[1], 0);
    m->predictor =
        nw_learner_view(m->all, m->space[2], NW_LEARNER_INPUT_GRAD | NW_LEARNER_FROZEN);
    m->speaker = nw_learner_view(m->all, m->space[3], 0);
    return m->encoder && m->predictor && m->speaker ? NW_OK : NW_ENOMEM;
}

nw_nao *nw_nao_open(nw_ctx *ctx, const nw_words *words, const nw_nao_config *config)
{
    nw_nao *m = words ? nw_new(ctx, sizeof(*m), nao_destroy) : NULL;

    if (!m)
        return NULL;
    m->ctx = ctx;
    m->words = words;
    m->is = *config;
    m->steps = words->pairs ? words->n / 2 : words->n;
    if (make(m) >= 0)
        return m;
    nw_nao_close(m);
    return NULL;
}

void nw_nao_close(nw_nao *m)
{
    if (m)
        nw_release(m->ctx, m);
}

nw_learner *nw_nao_learner(nw_nao *m)
{
    return m->all;
}

size_t nw_nao_state_size(const nw_nao *m)
{
    return (size_t)(m->steps * m->is.hidden);
}

/* Room for that many numbers in and out. */
static nw_status make_room(nw_nao *m, size_t in, size_t out)
{
    if (in > m->room_x) {
        nw_release(m->ctx, m->x);
        m->room_x = 0;
        m->x = nw_alloc(m->ctx, in * sizeof(*m->x));
        m->room_x = m->x ? in : 0;
    }
    if (out > m->room_dy) {
        nw_release(m->ctx, m->dy);
        m->room_dy = 0;
        m->dy = nw_alloc(m->ctx, out * sizeof(*m->dy));
        m->room_dy = m->dy ? out : 0;
    }
    return m->room_x >= in && m->room_dy >= out ? NW_OK : NW_ENOMEM;
}

/* ---- Learning ------------------------------------------------------------------- */

static float word(const nw_nao *m, const int *sentence, int i)
{
    return (float)(m->words->first[i] + sentence[i]);
}

static void put_sentences(nw_nao *m, int batch, const int *sentence)
{
    const int n = m->words->n;

    for (int b = 0; b < batch; b++) {
        const int *s = sentence + b * n;
        float *read = m->x + 2 * b * n, *said = read + n;

        for (int i = 0; i < n; i++) {
            read[i] = word(m, s, i);
            said[i] = i ? read[i - 1] : 0;
        }
    }
}

/* -log softmax(y)[right]; dy (may be NULL) = `weight` times its gradient. */
static double surprise(const double *y, int n, int right, double weight, double *dy)
{
    double most = y[0], sum = 0, all;

    for (int i = 1; i < n; i++)
        most = fmax(most, y[i]);
    for (int i = 0; i < n; i++)
        sum += exp(y[i] - most);
    all = most + log(sum);
    for (int i = 0; i < n && dy; i++)
        dy[i] = weight * (exp(y[i] - all) - (i == right));
    return all - y[right];
}

/* Of one sentence; y and dy: f, then the logits of every word. */
static double loss_of(const nw_nao *m, int batch, const int *sentence, double target,
                      const double *y, double *dy)
{
    const nw_words *w = m->words;
    const double speech = (1 - m->is.share) / batch / w->n, apart = y[0] - target;
    double loss = m->is.share / batch * apart * apart;

    memset(dy, 0, (size_t)(1 + w->n * w->vocabulary) * sizeof(*dy));
    dy[0] = 2 * m->is.share / batch * apart;
    for (int i = 0; i < w->n; i++) {
        const int at = 1 + i * w->vocabulary + w->first[i];

        loss += speech * surprise(y + at, w->options[i], sentence[i], speech, dy + at);
    }
    return loss;
}

nw_status nw_nao_loss(nw_nao *m, int batch, const int *sentence, const double *target,
                      nw_mode mode, double *loss)
{
    const size_t n = (size_t)m->words->n, out = nw_learner_out(m->all);
    const double *y;

    NW_TRY(make_room(m, 2 * n * (size_t)batch, out * (size_t)batch));
    put_sentences(m, batch, sentence);
    NW_TRY(nw_learner_forward(m->all, batch, m->x, mode, &y));
    *loss = 0;
    for (size_t b = 0; b < (size_t)batch; b++)
        *loss +=
            loss_of(m, batch, sentence + b * n, target[b], y + b * out, m->dy + b * out);
    return mode == NW_EVAL ? NW_OK : nw_learner_backward(m->all, m->dy);
}

nw_status nw_nao_step(nw_nao *m)
{
    return nw_learner_step(m->all, NULL);
}

/* ---- Searching ------------------------------------------------------------------ */

nw_status nw_nao_encode(nw_nao *m, int batch, const int *sentence, float *state)
{
    const size_t n = (size_t)(batch * m->words->n);
    const double *y;

    NW_TRY(make_room(m, n, 0));
    for (size_t i = 0; i < n; i++)
        m->x[i] = (float)(m->words->first[i % (size_t)m->words->n] + sentence[i]);
    NW_TRY(nw_learner_forward(m->encoder, batch, m->x, NW_EVAL, &y));
    for (size_t i = 0; i < (size_t)batch * nw_nao_state_size(m); i++)
        state[i] = (float)y[i];
    return NW_OK;
}

nw_status nw_nao_predict(nw_nao *m, int batch, const float *state, double *f,
                         float *slope)
{
    const double *y;

    NW_TRY(make_room(m, 0, (size_t)batch));
    NW_TRY(nw_learner_forward(m->predictor, batch, state,
                              slope ? NW_TRAIN_STILL : NW_EVAL, &y));
    memcpy(f, y, (size_t)batch * sizeof(*f));
    if (!slope)
        return NW_OK;
    for (int b = 0; b < batch; b++)
        m->dy[b] = 1;
    NW_TRY(nw_learner_backward(m->predictor, m->dy));
    for (size_t i = 0; i < (size_t)batch * nw_nao_state_size(m); i++)
        slope[i] = (float)nw_learner_input_grad(m->predictor, i);
    return NW_OK;
}

static void normalise(float *x, int n)
{
    double sum = 0;

    for (int i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    for (int i = 0; i < n && sum > 0; i++)
        x[i] = (float)((double)x[i] / sqrt(sum));
}

void nw_nao_climb(const nw_nao *m, int batch, const float *state, const float *slope,
                  double eta, float *to)
{
    const size_t n = (size_t)batch * nw_nao_state_size(m);

    for (size_t i = 0; i < n; i++)
        to[i] = (float)((double)state[i] + eta * (double)slope[i]);
    for (size_t i = 0; i < n; i += (size_t)m->is.hidden)
        normalise(to + i, m->is.hidden);
}

/* The vector of the architecture: mean over the state, length 1. */
static void mean_of(const nw_nao *m, const float *state, float *v)
{
    const int hidden = m->is.hidden;

    for (int i = 0; i < hidden; i++) {
        double sum = 0;

        for (int t = 0; t < m->steps; t++)
            sum += (double)state[t * hidden + i];
        v[i] = (float)(sum / m->steps);
    }
    normalise(v, hidden);
}

/* The start, h = c = the vector, and the state, for every sentence. */
static void begin_speech(nw_nao *m, int batch, const float *state)
{
    const size_t hidden = (size_t)m->is.hidden, size = nw_nao_state_size(m);
    const size_t width = 1 + 2 * hidden + size;

    for (size_t b = 0; b < (size_t)batch; b++) {
        float *x = m->x + b * width;

        x[0] = 0;
        mean_of(m, state + b * size, x + 1);
        memcpy(x + 1 + hidden, x + 1, hidden * sizeof(*x));
        memcpy(x + 1 + 2 * hidden, state + b * size, size * sizeof(*x));
    }
}

static int best_of(const double *y, int n)
{
    int best = 0;

    for (int i = 1; i < n; i++)
        best = y[i] > y[best] ? i : best;
    return best;
}

/* y: h and c, then logits. */
static int say(const nw_nao *m, int i, const double *y, float *x)
{
    const int state = 2 * m->is.hidden;
    const int option = best_of(y + state + m->words->first[i], m->words->options[i]);

    x[0] = (float)(m->words->first[i] + option);
    for (int k = 0; k < state; k++)
        x[1 + k] = (float)y[k];
    return option;
}

nw_status nw_nao_decode(nw_nao *m, int batch, const float *state, int *sentence)
{
    const size_t in = nw_learner_in(m->speaker), out = nw_learner_out(m->speaker);
    const int n = m->words->n;
    const double *y;

    NW_TRY(make_room(m, (size_t)batch * in, 0));
    begin_speech(m, batch, state);
    for (int i = 0; i < n; i++) {
        NW_TRY(nw_learner_forward(m->speaker, batch, m->x, NW_EVAL, &y));
        for (int b = 0; b < batch; b++)
            sentence[b * n + i] = say(m, i, y + (size_t)b * out, m->x + (size_t)b * in);
    }
    return NW_OK;
}
