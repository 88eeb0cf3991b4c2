/*
 * test_dense_stage.c - the stage of 3x3 convolutions against sums in double: output,
 * moments, both gradients and the sums that a batch norm before wants, over sizes that
 * tiles do not divide, channels that vectors do not, one image and many, with and without
 * what can be left out.
 */
#include "netwright_ext.h"
#include "parallel.h"
#include "random.h"
#include "stage.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Of the largest number. Errors of 2e-6 were seen; plain float sums have 1e-6. */
static const double limit = 1e-5;

enum { TAPS = 9 };

struct problem {
    nw_stage s;
    nw_stage_args a;
    int normed;
    size_t nx, ny, nw;
    double *act, *y, *dz, *dx, *dw; /* by direct sums */
    float *before;                  /* of dx           */
};

static float *noise(size_t n, uint64_t seed, double scale, double shift)
{
    float *x = malloc(n * sizeof(*x));

    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(shift + scale * nw_normal(seed, NW_FOR_TEST, i));
    return x;
}

static double *zeros(size_t n)
{
    double *x = calloc(n, sizeof(*x));

    assert_non_null(x);
    return x;
}

static void close_problem(struct problem *q)
{
    const nw_stage_args *a = &q->a;
    const void *all[] = {a->x,      a->mean,     a->scale, a->shift, a->w[0],   a->y,
                         a->moment, a->variance, a->dy,    a->on_dy, a->y_mean, a->on_y,
                         a->fixed,  a->dx,       a->dw[0], q->act,   q->y,      q->dz,
                         q->dx,     q->dw,       q->before};

    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        union {
            const void *from;
            void *to;
        } p = {all[i]};

        free(p.to);
    }
}

static void open_problem(struct problem *q, int n, int c, int oc, int h, int w,
                         nw_gate gate, int normed)
{
    const size_t k = (size_t)c, o = (size_t)oc;

    *q = (struct problem){.normed = normed};
    q->s = (nw_stage){.n = n,
                      .threads = 2,
                      .c = c,
                      .ih = h,
                      .iw = w,
                      .oc = oc,
                      .oh = h,
                      .ow = w,
                      .k = 3,
                      .stride = 1,
                      .pad = 1,
                      .dil = 1,
                      .gate = gate};
    q->nx = (size_t)(n * h * w) * k;
    q->ny = (size_t)(n * h * w) * o;
    q->nw = k * o * TAPS;
    q->a = (nw_stage_args){.x = noise(q->nx, 1, 2, .5),
                           .mean = normed ? noise(k, 2, .2, .5) : NULL,
                           .scale = normed ? noise(k, 3, .3, 1) : NULL,
                           .shift = normed ? noise(k, 4, .3, .2) : NULL,
                           .w = {noise(q->nw, 5, .2, 0)},
                           .y = noise(q->ny, 6, 1, 0),
                           .moment = noise(o, 7, 1, 0),
                           .variance = noise(o, 8, 1, 0),
                           .dy = noise(q->ny, 9, 1, 0),
                           .on_dy = noise(o, 10, .3, 1),
                           .y_mean = noise(o, 11, .2, 0),
                           .on_y = noise(o, 12, .1, 0),
                           .fixed = noise(o, 13, .1, 0),
                           .dx = noise(q->nx, 14, 1, 0),
                           .dw = {noise(q->nw, 15, 1, 0)}};
    q->act = zeros(q->nx), q->dx = zeros(q->nx);
    q->y = zeros(q->ny), q->dz = zeros(q->ny);
    q->dw = zeros(q->nw);
    q->before = noise(q->nx, 14, 1, 0);
}

/* ---- Direct sums ---------------------------------------------------------------------
 */

static void gate_directly(struct problem *q)
{
    const nw_stage_args *a = &q->a;
    const size_t c = (size_t)q->s.c;

    for (size_t i = 0; i < q->nx; i++) {
        double v = a->x[i];

        if (q->normed)
            v = (v - a->mean[i % c]) * a->scale[i % c] + a->shift[i % c];
        if (q->s.gate != NW_GATE_NONE)
            v = fmax(v, 0);
        q->act[i] = q->s.gate == NW_GATE_RELU6 ? fmin(v, 6) : v;
    }
}

static int is_open(const struct problem *q, size_t i)
{
    return q->s.gate == NW_GATE_NONE ||
           (q->act[i] > 0 && (q->s.gate == NW_GATE_RELU || q->act[i] < 6));
}

static void pixel_directly(struct problem *q, size_t from, size_t to, int tap)
{
    const size_t c = (size_t)q->s.c, oc = (size_t)q->s.oc;

    for (size_t o = 0; o < oc; o++)
        for (size_t k = 0; k < c; k++) {
            const size_t w = (o * c + k) * TAPS + (size_t)tap, x = from * c + k,
                         y = to * oc + o;

            q->y[y] += q->act[x] * (double)q->a.w[0][w];
            q->dx[x] += q->dz[y] * (double)q->a.w[0][w];
            q->dw[w] += q->dz[y] * q->act[x];
        }
}

static void convolve_directly(struct problem *q)
{
    const int h = q->s.ih, w = q->s.iw;

    for (int n = 0; n < q->s.n; n++)
        for (int at = 0; at < h * w * TAPS; at++) {
            const int tap = at % TAPS, i = at / TAPS / w, j = at / TAPS % w,
                      r = i + tap / 3 - 1, s = j + tap % 3 - 1;

            if (r >= 0 && r < h && s >= 0 && s < w)
                pixel_directly(q, (size_t)((n * h + r) * w + s),
                               (size_t)((n * h + i) * w + j), tap);
        }
}

/* The gradient behind refers to the y of the stage, which has run. */
static void compute_directly(struct problem *q)
{
    const nw_stage_args *a = &q->a;
    const size_t o = (size_t)q->s.oc;

    gate_directly(q);
    for (size_t i = 0; i < q->ny; i++)
        q->dz[i] = (double)a->on_dy[i % o] * (double)a->dy[i] +
                   (double)a->on_y[i % o] * ((double)a->y[i] - (double)a->y_mean[i % o]) +
                   (double)a->fixed[i % o];
    convolve_directly(q);
    for (size_t i = 0; i < q->nx; i++)
        q->dx[i] = is_open(q, i) ? q->dx[i] : 0;
}

/* ---- Comparison ----------------------------------------------------------------------
 */

static void compare(const struct problem *q, const char *what, size_t n, const float *a,
                    const double *b)
{
    double most = 1e-30, apart = 0;

    for (size_t i = 0; i < n; i++) {
        most = fmax(most, fabs(b[i]));
        apart = fmax(apart, fabs((double)a[i] - b[i]));
        if (!isfinite(a[i]))
            fail_msg("%s: not finite", what);
    }
    if (apart > limit * most)
        fail_msg("%d of %dx%dx%d to %d: %s: %g apart of %g", q->s.n, q->s.c, q->s.ih,
                 q->s.iw, q->s.oc, what, apart, most);
}

static void compare_moments(const struct problem *q)
{
    const size_t c = (size_t)q->s.oc, rows = q->ny / c;
    double *mean = zeros(c), *var = zeros(c);

    for (size_t i = 0; i < q->ny; i++)
        mean[i % c] += q->y[i] / (double)rows;
    for (size_t i = 0; i < q->ny; i++)
        var[i % c] += pow(q->y[i] - mean[i % c], 2) / (double)rows;
    compare(q, "mean", c, q->a.moment, mean);
    compare(q, "variance", c, q->a.variance, var);
    free(mean);
    free(var);
}

static void compare_sums(const struct problem *q, const float *sum, const float *prod)
{
    const size_t c = (size_t)q->s.c;
    double *s = zeros(c), *p = zeros(c);

    for (size_t i = 0; i < q->nx; i++) {
        s[i % c] += q->dx[i];
        p[i % c] += q->dx[i] * ((double)q->a.x[i] - (double)q->a.mean[i % c]);
    }
    compare(q, "sum", c, sum, s);
    compare(q, "product", c, prod, p);
    free(s);
    free(p);
}

/* dw is added to, dx where it is asked for. */
static void add_before(struct problem *q)
{
    float *dw = noise(q->nw, 15, 1, 0);

    for (size_t i = 0; i < q->nw; i++)
        q->dw[i] += (double)dw[i];
    for (size_t i = 0; i < q->nx && q->a.add; i++)
        q->dx[i] += (double)q->before[i];
    free(dw);
}

static void run_backward(struct problem *q, int wants)
{
    float *sum = noise((size_t)q->s.c, 16, 1, 0), *prod = noise((size_t)q->s.c, 17, 1, 0);
    nw_stage_args a = q->a;

    a.dx = wants & 1 ? a.dx : NULL;
    a.dw[0] = wants & 2 ? a.dw[0] : NULL;
    if (a.dx && a.mean && !a.add)
        a.dx_sum = sum, a.dx_prod = prod;
    nw_stage_dense.backward(&q->s, &a);
    if (a.dx_sum)
        compare_sums(q, sum, prod);
    add_before(q);
    if (a.dx)
        compare(q, "dx", q->nx, a.dx, q->dx);
    if (a.dw[0])
        compare(q, "dw", q->nw, a.dw[0], q->dw);
    free(sum);
    free(prod);
}

/* wants: 1 = dx, 2 = dw, 4 = dx is added to. */
static void check(int n, int c, int oc, int h, int w, nw_gate gate, int normed, int wants)
{
    struct problem q;
    size_t bytes, more;

    open_problem(&q, n, c, oc, h, w, gate, normed);
    q.a.add = wants & 4;
    bytes = nw_stage_dense.scratch(&q.s, 0), more = nw_stage_dense.scratch(&q.s, 1);
    bytes = bytes > more ? bytes : more;
    q.a.scratch = aligned_alloc(64, (bytes + 63) / 64 * 64);
    assert_non_null(q.a.scratch);
    memset(q.a.scratch, 0xff, bytes); /* floats that are not numbers */
    nw_stage_dense.forward(&q.s, &q.a);
    compute_directly(&q);
    compare(&q, "y", q.ny, q.a.y, q.y);
    compare_moments(&q);
    run_backward(&q, wants);
    free(q.a.scratch);
    close_problem(&q);
}

static void test_dense__agrees_with_direct_sums(void **state)
{
    static const int channels[] = {8, 9, 12, 16, 17, 20, 24};
    int turn = 0;

    (void)state;
    for (int size = 1; size <= 13; size++)
        for (int i = 0; i < 7; i++, turn++)
            check(1 + turn % 3, channels[i], channels[(i + size) % 7], size,
                  1 + (size * 5 + i) % 13, (nw_gate)(turn % 3), turn % 2, 3);
}

/* Parts of several images, blocks that end within one, and many panels. */
static void test_dense__agrees_over_parts(void **state)
{
    (void)state;
    check(17, 16, 16, 8, 8, NW_GATE_RELU, 1, 3);
    check(37, 8, 40, 5, 7, NW_GATE_RELU, 0, 3);
    check(5, 40, 33, 16, 16, NW_GATE_RELU, 0, 3);
    check(2, 8, 8, 33, 70, NW_GATE_RELU, 1, 3);
    check(70, 64, 64, 4, 4, NW_GATE_RELU, 0, 3);
}

static void test_dense__leaves_out_what_is_not_wanted(void **state)
{
    (void)state;
    check(3, 16, 12, 7, 9, NW_GATE_RELU, 1, 1);
    check(3, 16, 12, 7, 9, NW_GATE_RELU, 0, 2);
    check(3, 12, 16, 7, 9, NW_GATE_RELU6, 0, 1 | 4);
    check(3, 11, 16, 7, 9, NW_GATE_RELU, 0, 3 | 4);
}

static void test_dense__does_not_depend_on_threads(void **state)
{
    struct problem q[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        size_t bytes;

        open_problem(&q[i], 19, 16, 24, 9, 9, NW_GATE_RELU, 0);
        q[i].s.threads = i + 1;
        bytes = nw_stage_dense.scratch(&q[i].s, 1);
        q[i].a.scratch = aligned_alloc(64, (bytes + 63) / 64 * 64);
        nw_set_threads(i + 1);
        nw_stage_dense.forward(&q[i].s, &q[i].a);
        nw_stage_dense.backward(&q[i].s, &q[i].a);
        free(q[i].a.scratch);
    }
    assert_memory_equal(q[0].a.y, q[1].a.y, q[0].ny * sizeof(float));
    assert_memory_equal(q[0].a.dx, q[1].a.dx, q[0].nx * sizeof(float));
    assert_memory_equal(q[0].a.dw[0], q[1].a.dw[0], q[0].nw * sizeof(float));
    assert_memory_equal(q[0].a.variance, q[1].a.variance, 24 * sizeof(float));
    close_problem(&q[0]);
    close_problem(&q[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dense__agrees_with_direct_sums),
        cmocka_unit_test(test_dense__agrees_over_parts),
        cmocka_unit_test(test_dense__leaves_out_what_is_not_wanted),
        cmocka_unit_test(test_dense__does_not_depend_on_threads),
    };
    const nw_stage any = {.n = 1,
                          .c = 8,
                          .ih = 8,
                          .iw = 8,
                          .oc = 8,
                          .oh = 8,
                          .ow = 8,
                          .k = 3,
                          .stride = 1,
                          .pad = 1,
                          .dil = 1};

    if (!nw_stage_dense.fits(&any))
        return 0; /* not on this CPU */
    nw_set_threads(2);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
