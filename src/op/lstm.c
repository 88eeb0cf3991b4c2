/*
 * lstm.c - long short-term memory [1] over a whole sequence, as PyTorch's nn.LSTM has it.
 *
 * in    x (N, T, D)   and, unless they are zero, the state before it: h0 (N, H), c0 (N,
 * H) par   weight_ih (4H, D)   weight_hh (4H, H)   bias_ih (4H)   bias_hh (4H) in the
 * order i f g o; the two biases only add up, PyTorch has both and so have we out   y (N,
 * T, H), or with cell=1 (N, T, 2H), where the cell's state stands beside h: what a caller
 * needs who walks step by step i, f, o = sigmoid(W_ih x_t + W_hh h + b),  g = tanh(the
 * same) c = f c + i g,  h = o tanh(c) back  through time to x, h0 and c0 cost  T * 4H *
 * (D + H) multiply-adds how   all steps' W_ih x_t are one product; sequences stand step
 * by step (T, N, ...) meanwhile, so that those of a step are one product too. PyTorch's
 * start, uniform in +-1/sqrt(H), is that of all four.
 *
 * [1] S. Hochreiter, J. Schmidhuber 1997, Long short-term memory; with forget gates:
 *     Gers et al. 2000, Learning to forget.
 */
#include "columns.h"
#include "curve.h"
#include "gemm.h"
#include "op.h"

struct lstm {
    int hidden, bias, cell;
};

static const nw_attr lstm_attrs[] = {
    {"hidden", NW_INT, offsetof(struct lstm, hidden), NULL, 1, 1 << 16,
     "numbers of the state", NULL},
    {"bias", NW_BOOL, offsetof(struct lstm, bias), "1", 0, 0,
     "add two learnt constants, as PyTorch does", NULL},
    {"cell", NW_BOOL, offsetof(struct lstm, cell), "0", 0, 0,
     "put the state of the cell beside every output", NULL},
    {0},
};

enum { IH, HH, BIAS_IH, BIAS_HH };

static int is_state(const nw_shape *s, int hidden)
{
    return s->rank == 1 && s->dim[0] == hidden;
}

static nw_status lstm_infer(nw_node *node)
{
    const struct lstm *a = node->attr;
    const nw_shape *x = &node->in[0];
    const int h = a->hidden;

    if (x->rank != 2)
        return nw_refuse(node,
                         "lstm: the input has %d axes: must be 2, steps and "
                         "features",
                         x->rank);
    if (node->n_in == 2)
        return nw_refuse(node, "lstm: h0 without c0: give both or none");
    for (int i = 1; i < node->n_in; i++)
        if (!is_state(&node->in[i], h))
            return nw_refuse(node, "lstm: %s must be a row of hidden=%d numbers",
                             i == 1 ? "h0" : "c0", h);
    node->out = (nw_shape){2, {x->dim[0], a->cell ? 2 * h : h}};
    node->param[IH] = (nw_param){
        .suffix = "weight_ih", .rank = 2, .dim = {4 * h, x->dim[1]}, .fan_in = h};
    node->param[HH] =
        (nw_param){.suffix = "weight_hh", .rank = 2, .dim = {4 * h, h}, .fan_in = h};
    node->param[BIAS_IH] = (nw_param){
        .suffix = "bias_ih", .rank = 1, .dim = {4 * h}, .fan_in = h, .never_decays = 1};
    node->param[BIAS_HH] = node->param[BIAS_IH];
    node->param[BIAS_HH].suffix = "bias_hh";
    node->n_param = a->bias ? 4 : 2;
    node->macs = (double)x->dim[0] * 4 * h * (x->dim[1] + h);
    return NW_OK;
}

/* ---- Sizes and places ------------------------------------------------------------- */

/* What the way back needs is kept: gates after their sigmoids, and all states. */
struct room {
    size_t n, t, d, h;
    nw_real *x;             /* (T, N, D) */
    nw_real *gate;          /* (T, N, 4H)     kept */
    nw_real *hidden, *cell; /* (T + 1, N, H) kept */
    nw_real *dx, *dgate;
    nw_real *dh, *dc; /* (N, H), of the state at hand */
    void *work;       /* of products and sums */
};

static size_t rounded(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

static nw_real *take(char *block, size_t *at, size_t count)
{
    const size_t here = *at;

    *at += rounded(count * sizeof(nw_real));
    return block ? (nw_real *)(block + here) : NULL;
}

/* Gates of all steps from their inputs, of one step from the state before it. */
static nw_gemm input_product(const struct room *r)
{
    return (nw_gemm){
        .m = r->t * r->n, .n = 4 * r->h, .k = r->d, .count = 1, .tb = 1, .add = 1};
}

static nw_gemm step_product(const struct room *r)
{
    return (nw_gemm){.m = r->n, .n = 4 * r->h, .k = r->h, .count = 1, .tb = 1, .add = 1};
}

/* Gradient of `rows` rows of `width` numbers that the gates were made of. */
static nw_gemm data_product(const struct room *r, size_t rows, size_t width)
{
    return (nw_gemm){.m = rows, .n = width, .k = 4 * r->h, .count = 1};
}

static nw_gemm weight_product(const struct room *r, size_t width)
{
    return (nw_gemm){
        .m = 4 * r->h, .n = width, .k = r->t * r->n, .count = 1, .ta = 1, .add = 1};
}

static size_t work_bytes(const struct room *r, int backward)
{
    const nw_gemm all[] = {input_product(r),
                           step_product(r),
                           data_product(r, r->t * r->n, r->d),
                           data_product(r, r->n, r->h),
                           weight_product(r, r->d),
                           weight_product(r, r->h)};
    size_t most = NW_R(nw_column_scratch)(r->t * r->n, 4 * r->h);

    for (int i = 0; i < (backward ? 6 : 2); i++) {
        size_t bytes = NW_R(nw_gemm_scratch)(&all[i]);

        most = bytes > most ? bytes : most;
    }
    return most;
}

/* Places in the two blocks, each NULL while it is only measured; their sizes. */
static struct room room_of(const nw_run *run, size_t *keep, size_t *scratch)
{
    const struct lstm *a = run->attr;
    struct room r = {.n = (size_t)run->batch,
                     .t = (size_t)run->in[0].dim[0],
                     .d = (size_t)run->in[0].dim[1],
                     .h = (size_t)a->hidden};
    const size_t state = r.n * r.h;
    size_t kept = 0, at = 0;
    char *block = run->backward ? run->keep : run->scratch;

    r.gate = take(block, &kept, r.t * state * 4);
    r.hidden = take(block, &kept, (r.t + 1) * state);
    r.cell = take(block, &kept, (r.t + 1) * state);
    if (!run->backward)
        at = kept;
    r.x = take(run->scratch, &at, r.t * r.n * r.d);
    if (run->backward) {
        r.dx = take(run->scratch, &at, r.t * r.n * r.d);
        r.dgate = take(run->scratch, &at, r.t * state * 4);
        r.dh = take(run->scratch, &at, state);
        r.dc = take(run->scratch, &at, state);
    }
    r.work = run->scratch ? (char *)run->scratch + at : NULL;
    *keep = run->backward ? kept : 0;
    *scratch = at + work_bytes(&r, run->backward);
    return r;
}

static struct room placed(const nw_run *run)
{
    size_t keep, scratch;

    return room_of(run, &keep, &scratch);
}

static nw_status lstm_prepare(nw_run *run)
{
    room_of(run, &run->keep_bytes, &run->scratch_bytes);
    return NW_OK;
}

/* ---- Turning -------------------------------------------------------------------------
 *
 * (N, T, width) <-> (T, N, width); rows in memory may be longer than what is moved. */

static void turn_in(const struct room *r, const nw_real *from, nw_real *to)
{
    for (size_t t = 0; t < r->t; t++)
        for (size_t n = 0; n < r->n; n++)
            memcpy(to + (t * r->n + n) * r->d, from + (n * r->t + t) * r->d,
                   r->d * sizeof(*to));
}

static void turn_out(const struct room *r, const nw_real *from, nw_real *to, int add)
{
    for (size_t t = 0; t < r->t; t++)
        for (size_t n = 0; n < r->n; n++)
            nw_store(to + (n * r->t + t) * r->d, from + (t * r->n + n) * r->d, r->d, add);
}

/* ---- Forward ---------------------------------------------------------------------- */

/* Examples of one step. */
struct step {
    const nw_run *run;
    const struct room *room;
    size_t t;
};

/* Gates from their sums, and the state from the gates. */
static void step_forward_part(void *arg, size_t begin, size_t end)
{
    const struct step *s = arg;
    const struct room *r = s->room;
    const size_t h = r->h, width = nw_width(&s->run->out);

    for (size_t n = begin; n < end; n++) {
        const size_t row = s->t * r->n + n, next = row + r->n;
        nw_real *i = r->gate + row * 4 * h, *f = i + h, *g = f + h, *o = g + h;
        nw_real *y = s->run->y + (n * r->t + s->t) * width;
        nw_real *c = r->cell + next * h, *hidden = r->hidden + next * h;

        NW_R(nw_sigmoid)(2 * h, i, i); /* and f */
        NW_R(nw_tanh)(h, g, g);
        NW_R(nw_sigmoid)(h, o, o);
        for (size_t k = 0; k < h; k++)
            c[k] = f[k] * r->cell[row * h + k] + i[k] * g[k];
        NW_R(nw_tanh)(h, c, hidden);
        for (size_t k = 0; k < h; k++)
            hidden[k] *= o[k];
        memcpy(y, hidden, h * sizeof(*y));
        if (width > h)
            memcpy(y + h, c, h * sizeof(*y));
    }
}

static void each_example(struct step *s, nw_body body)
{
    nw_parallel(s->room->n, nw_grain_of(16 * s->room->h), body, s);
}

/* Sums of all gates but for what the state adds to them. */
static void open_gates(const nw_run *run, const struct room *r)
{
    const struct lstm *a = run->attr;
    nw_gemm g = input_product(r);

    turn_in(r, run->x[0], r->x);
    g.add = a->bias;
    if (a->bias) {
        NW_R(nw_column_spread)(g.m, g.n, run->w[BIAS_IH], r->gate);
        for (size_t row = 0; row < g.m; row++)
            nw_store(r->gate + row * g.n, run->w[BIAS_HH], g.n, 1);
    }
    NW_R(nw_gemm)(&g, r->x, run->w[IH], r->gate, r->work);
}

static void start_state(const nw_run *run, const struct room *r)
{
    const size_t bytes = r->n * r->h * sizeof(nw_real);

    if (run->n_in > 1) {
        memcpy(r->hidden, run->x[1], bytes);
        memcpy(r->cell, run->x[2], bytes);
    } else {
        memset(r->hidden, 0, bytes);
        memset(r->cell, 0, bytes);
    }
}

static void lstm_forward(const nw_run *run)
{
    const struct room r = placed(run);
    const nw_gemm g = step_product(&r);
    const size_t state = r.n * r.h;
    struct step s = {run, &r, 0};

    open_gates(run, &r);
    start_state(run, &r);
    for (; s.t < r.t; s.t++) {
        if (s.t || run->n_in > 1)
            NW_R(nw_gemm)
        (&g, r.hidden + s.t * state, run->w[HH], r.gate + s.t * 4 * state, r.work);
        each_example(&s, step_forward_part);
    }
}

/* ---- Backward --------------------------------------------------------------------- */

/* From dh and dc after the step to the gradients of its gates' sums, and to dc before. */
static void step_backward_part(void *arg, size_t begin, size_t end)
{
    const struct step *s = arg;
    const struct room *r = s->room;
    const size_t h = r->h, width = nw_width(&s->run->out);

    for (size_t n = begin; n < end; n++) {
        const size_t row = s->t * r->n + n, next = row + r->n;
        const nw_real *i = r->gate + row * 4 * h, *f = i + h, *g = f + h, *o = g + h;
        const nw_real *dy = s->run->dy + (n * r->t + s->t) * width;
        nw_real *di = r->dgate + row * 4 * h, *df = di + h, *dg = df + h, *d_o = dg + h;

        NW_R(nw_tanh)(h, r->cell + next * h, d_o); /* for now */
        for (size_t k = 0; k < h; k++) {
            const nw_real tanh_c = d_o[k];
            const nw_real dh = r->dh[n * h + k] + dy[k];
            const nw_real dc = r->dc[n * h + k] + (width > h ? dy[h + k] : 0) +
                               dh * o[k] * (1 - tanh_c * tanh_c);

            di[k] = dc * g[k] * i[k] * (1 - i[k]);
            df[k] = dc * r->cell[row * h + k] * f[k] * (1 - f[k]);
            dg[k] = dc * i[k] * (1 - g[k] * g[k]);
            d_o[k] = dh * tanh_c * o[k] * (1 - o[k]);
            r->dc[n * h + k] = dc * f[k];
        }
    }
}

static void back_through_time(const nw_run *run, const struct room *r)
{
    const nw_gemm g = data_product(r, r->n, r->h);
    const size_t state = r->n * r->h;
    struct step s = {run, r, r->t};

    memset(r->dh, 0, state * sizeof(*r->dh));
    memset(r->dc, 0, state * sizeof(*r->dc));
    while (s.t-- > 0) {
        each_example(&s, step_backward_part);
        if (s.t || run->n_in > 1)
            NW_R(nw_gemm)
        (&g, r->dgate + s.t * 4 * state, run->w[HH], r->dh, r->work);
    }
}

static void weights_backward(const nw_run *run, const struct room *r)
{
    const struct lstm *a = run->attr;
    const nw_gemm input = weight_product(r, r->d), state = weight_product(r, r->h);

    if (run->dw[IH])
        NW_R(nw_gemm)(&input, r->dgate, r->x, run->dw[IH], r->work);
    if (run->dw[HH])
        NW_R(nw_gemm)(&state, r->dgate, r->hidden, run->dw[HH], r->work);
    for (int i = BIAS_IH; a->bias && i <= BIAS_HH; i++)
        if (run->dw[i])
            NW_R(nw_column_sum)
    (r->t * r->n, 4 * r->h, r->dgate, run->dw[i], r->work);
}

static void lstm_backward(const nw_run *run)
{
    const struct room r = placed(run);
    const nw_gemm g = data_product(&r, r.t * r.n, r.d);

    turn_in(&r, run->x[0], r.x);
    back_through_time(run, &r);
    weights_backward(run, &r);
    if (run->dx[0]) {
        NW_R(nw_gemm)(&g, r.dgate, run->w[IH], r.dx, r.work);
        turn_out(&r, r.dx, run->dx[0], run->add[0]);
    }
    if (run->n_in > 1 && run->dx[1])
        nw_store(run->dx[1], r.dh, r.n * r.h, run->add[1]);
    if (run->n_in > 1 && run->dx[2])
        nw_store(run->dx[2], r.dc, r.n * r.h, run->add[2]);
}

static const nw_case lstm_cases[] = {
    {"lstm hidden=4", 1, {{2, {5, 3}}}},
    {"lstm hidden=7 bias=0", 1, {{2, {3, 9}}}},
    {"lstm hidden=3 cell=1", 1, {{2, {4, 2}}}},
    {"lstm hidden=5", 3, {{2, {3, 4}}, {1, {5}}, {1, {5}}}},
    {"lstm hidden=6 cell=1", 3, {{2, {1, 3}}, {1, {6}}, {1, {6}}}},
    {"lstm hidden=1", 1, {{2, {1, 1}}}},
    {0},
};

const nw_op_type NW_R(nw_op_lstm) = {
    .name = "lstm",
    .doc = "long short-term memory over a sequence (T, C), or on from a state h0, c0",
    .paper = "Hochreiter & Schmidhuber 1997, Long short-term memory",
    .attrs = lstm_attrs,
    .size = sizeof(struct lstm),
    .min_in = 1,
    .max_in = 3,
    .flags = NW_NEEDS_X | NW_ADDS,
    .infer = lstm_infer,
    .prepare = lstm_prepare,
    .forward = lstm_forward,
    .backward = lstm_backward,
    .cases = lstm_cases,
};
