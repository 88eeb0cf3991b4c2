/* measure.c - the numbers of a score that can be sought or limited. */
#include "netwright_ext.h"

#include <string.h>

const nw_measure nw_measures[] = {
    {"quality", "what the estimator maximises", offsetof(nw_score, quality), 1, 0},
    {"accuracy", "share of validation examples that are right",
     offsetof(nw_score, accuracy), 1, 0},
    {"top5", "share with the label among the five best", offsetof(nw_score, top5), 1, 0},
    {"loss", "mean loss on validation data", offsetof(nw_score, loss), 0, 0},
    {"params", "trainable numbers", offsetof(nw_score, params), 0, 1},
    {"macs", "multiply-accumulates of one example", offsetof(nw_score, macs), 0, 1},
    {"peak_bytes", "activations of one forward pass at batch 1",
     offsetof(nw_score, peak_bytes), 0, 1},
    {"layers", "convolutions, dense layers and products", offsetof(nw_score, layers), 0,
     1},
    {"latency_ms", "time of one example on a device, from a table",
     offsetof(nw_score, latency_ms), 0, 1},
    {0},
};

double nw_measure_of(const nw_measure *measure, const nw_score *score)
{
    double value;

    memcpy(&value, (const char *)score + measure->offset, sizeof(value));
    return value;
}

double nw_measure_loss(const nw_measure *measure, const nw_score *score)
{
    const double value = nw_measure_of(measure, score);

    return measure->more_is_better ? -value : value;
}

const nw_measure *nw_measure_find(const char *name, size_t length)
{
    for (const nw_measure *m = nw_measures; m->name; m++)
        if (strlen(m->name) == length && !memcmp(m->name, name, length))
            return m;
    return NULL;
}
