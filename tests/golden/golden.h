/* golden.h - what the two golden programs share: a net against arrays of an npz. */
#ifndef GOLDEN_H
#define GOLDEN_H

#include "data.h"
#include "net.h"
#include "npz.h"

/* Relative error |a - b| / |b| in the Euclidean norm; prints a line, counts failures. */
struct checks {
    int passed, failed;
};

void check_norm(struct checks *c, const char *what, const double *have,
                const double *want, size_t n, double tolerance);
void check_text(struct checks *c, const char *what, const char *have, const char *want);

/* Set every parameter from "<prefix>/<name>"; exit when one is missing or of other size.
 */
void load_weights(nw_net *net, const struct npz *npz, const char *prefix);

/* Norm-wise over all parameters; block NULL = the parameters themselves, else net->grad.
 */
void check_weights(struct checks *c, const nw_net *net, const void *grad,
                   const struct npz *npz, const char *prefix, double tolerance);

/* A data set of the batches named by `batch` (n of them), in that order. */
nw_data *batches(nw_ctx *ctx, const struct npz *npz, const int *batch, int n,
                 int classes);

/* Logits (batch, classes) of the plan as double. */
void check_logits(struct checks *c, const char *what, const nw_plan *plan,
                  const nw_net *net, const struct array *want, double tolerance);

#endif
