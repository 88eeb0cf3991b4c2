/*
 * onnx_attention.c - the nodes that our op "attention" is in a file, read as it again.
 *
 * Reshape to (batch, 3 heads, d, pixels), of which three Slices take q, k and v; q
 * transposed, MatMul with k, Mul by 1 / sqrt(d), Softmax, transposed; MatMul of v with
 * that, Reshape to the picture.
 */
#include "onnx_read.h"

#include <math.h>
#include <string.h>

enum { Q, K, V, SWAP_Q, COMPARE, SCALE, SOFTEN, SWAP_A, MIX, BACK, PARTS };

struct pattern {
    nw_reader *r;
    int64_t heads, d;
    const Onnx__NodeProto *part[PARTS];
};

/* Does the Slice take channels [p heads, (p + 1) heads)? */
static int takes(struct pattern *a, const Onnx__NodeProto *slice, int p)
{
    int64_t from, to, axis;
    int n, m, k;

    return slice->n_input == 4 && nw_node_is_constant(a->r, slice, 1) &&
           nw_node_is_constant(a->r, slice, 2) && nw_node_is_constant(a->r, slice, 3) &&
           nw_node_ints(a->r, slice, 1, 1, &from, &n) >= 0 &&
           nw_node_ints(a->r, slice, 2, 1, &to, &m) >= 0 &&
           nw_node_ints(a->r, slice, 3, 1, &axis, &k) >= 0 && axis == 1 &&
           from == p * a->heads && to == (p + 1) * a->heads;
}

/* q, k and v: three Slices that alone read the Reshape. */
static int find_slices(struct pattern *a)
{
    const char *whole = a->r->node->output[0];
    const nw_value *value = nw_value_find(a->r, whole);

    if (!value || value->readers != 3)
        return 0;
    for (size_t i = 0; i < a->r->graph->n_node; i++) {
        const Onnx__NodeProto *node = a->r->graph->node[i];

        if (strcmp(node->op_type, "Slice") || !nw_node_has(node, 0) ||
            strcmp(node->input[0], whole))
            continue;
        for (int p = Q; p <= V; p++)
            if (takes(a, node, p))
                a->part[p] = node;
    }
    return a->part[Q] && a->part[K] && a->part[V];
}

static int swaps(const Onnx__NodeProto *transpose)
{
    static const int64_t last_two[] = {0, 1, 3, 2};

    return transpose && nw_attr_equals(transpose, "perm", 4, last_two);
}

static int reads(const Onnx__NodeProto *node, const Onnx__NodeProto *a,
                 const Onnx__NodeProto *b)
{
    return node && node->n_input == 2 && !strcmp(node->input[0], a->output[0]) &&
           !strcmp(node->input[1], b->output[0]);
}

static int find_products(struct pattern *a)
{
    const Onnx__NodeProto **p = a->part;
    const float root = 1 / sqrtf((float)a->d);

    p[SWAP_Q] = nw_node_next(a->r, p[Q], "Transpose");
    p[COMPARE] = nw_node_next(a->r, p[SWAP_Q], "MatMul");
    p[SCALE] = nw_node_next(a->r, p[COMPARE], "Mul");
    p[SOFTEN] = nw_node_next(a->r, p[SCALE], "Softmax");
    p[SWAP_A] = nw_node_next(a->r, p[SOFTEN], "Transpose");
    p[MIX] = nw_node_next(a->r, p[SWAP_A], "MatMul");
    p[BACK] = nw_node_next(a->r, p[MIX], "Reshape");
    return p[BACK] && swaps(p[SWAP_Q]) && swaps(p[SWAP_A]) &&
           reads(p[COMPARE], p[SWAP_Q], p[K]) && reads(p[MIX], p[V], p[SWAP_A]) &&
           nw_node_is_number(a->r, p[SCALE], 1, root) &&
           (nw_attr_int(p[SOFTEN], "axis", -1) == 3 ||
            nw_attr_int(p[SOFTEN], "axis", -1) == -1);
}

/* The last Reshape gives the picture back. */
static int is_picture(struct pattern *a, const nw_shape *x)
{
    int64_t shape[4];
    int n;

    return nw_node_is_constant(a->r, a->part[BACK], 1) &&
           nw_node_ints(a->r, a->part[BACK], 1, 4, shape, &n) >= 0 && n == 4 &&
           shape[0] == 0 && shape[1] == a->heads * a->d && shape[2] == x->dim[1] &&
           shape[3] == x->dim[2];
}

static void mark(struct pattern *a, nw_ref ref)
{
    nw_reader *r = a->r;

    r->done[r->at] = 1;
    for (int p = 0; p < PARTS; p++)
        r->done[nw_value_find(r, a->part[p]->output[0])->maker] = 1;
    nw_value_find(r, a->part[BACK]->output[0])->ref = ref;
}

nw_status nw_read_attention(nw_reader *r, const int64_t shape[4])
{
    struct pattern a = {.r = r, .heads = shape[1] / 3, .d = shape[2]};
    const nw_shape *s;
    char spec[64];
    nw_ref x;

    NW_TRY(nw_node_ref(r, r->node, 0, &x));
    s = nw_ref_shape(r, x);
    if (s->rank != 3 || shape[0] || a.heads < 1 || a.heads > 4096 || a.d < 1 ||
        3 * a.heads != shape[1] || shape[1] * a.d != s->dim[0] || !find_slices(&a) ||
        !find_products(&a) || !is_picture(&a, s)) {
        nw_clear(r->ctx); /* of what was not as it was looked for */
        return NW_DONE;
    }
    snprintf(spec, sizeof(spec), "attention heads=%d", (int)a.heads);
    NW_TRY(nw_node_place(r, spec, NULL, 1, (nw_ref[]){x}, &x));
    mark(&a, x);
    return NW_OK;
}
