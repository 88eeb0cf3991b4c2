/*
 * netwright.h - neural architecture search in C.
 *
 * This is the whole public interface: what is not declared here may change at
 * any time. Writers of new ops, strategies, estimators, data sets and exporters
 * also include netwright_ext.h.
 *
 * Flow: a *space* holds every network you would accept; a *trial* names one
 * point of it (an *arch*); an *estimator* turns the arch into a *net* and
 * scores it; a *strategy* proposes trials and observes scores; a *study*
 * remembers every trial; an *exporter* writes the winner down.
 *
 * Specs. Ops, spaces, strategies, estimators, data sets and exporters are all
 * named by one kind of string, "name key=value key=value". Ops may be chained
 * with '|' and put side by side as "(a | b, c)". `netwright help NAME` prints the
 * keys, their defaults and the source paper.
 *
 * Errors. Functions return nw_status: 0 and above is success, below 0 failure, and
 * nw_errmsg() then says what went wrong in words. Constructors return NULL and
 * space builders a negative node; both leave the failure pending. A function
 * given such a NULL or node does nothing and passes the pending failure on, and
 * the next function that returns a status reports it. So check once, at the end.
 *
 * Ownership. A context owns all that is made from it, and nw_close() frees it
 * all. The *_free() functions only give memory back sooner; each
 * accepts NULL. Strings passed in are copied. Pointers handed out as `const`
 * are borrowed: they live as long as the object they came from.
 *
 * Threads. A context and everything made from it belong to one thread at a
 * time; but a sealed space and an opened data set no longer change, and any
 * thread may read them. Distinct contexts share nothing else. The library never
 * logs to stderr, never exits, never reads the environment, and keeps no mutable
 * global state.
 */
#ifndef NETWRIGHT_H
#define NETWRIGHT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NW_VERSION "0.1.0"

/* ---- Status --------------------------------------------------------------- */

#define NW_STATUS_MAP(X)                                                                 \
    X(NW_OK, 0, "ok")                                                                    \
    X(NW_DONE, 1, "nothing left to do")                                                  \
    X(NW_MORE, 2, "more to do")                                                          \
    X(NW_ENOMEM, -1, "out of memory")                                                    \
    X(NW_EINVAL, -2, "invalid argument")                                                 \
    X(NW_ENAME, -3, "no such name")                                                      \
    X(NW_ESPEC, -4, "malformed spec")                                                    \
    X(NW_ESHAPE, -5, "shapes do not agree")                                              \
    X(NW_EIO, -6, "input or output failed")                                              \
    X(NW_EFORMAT, -7, "file is not what it should be")                                   \
    X(NW_EMATCH, -8, "parts do not fit together")                                        \
    X(NW_EDIVERGED, -9, "training diverged")                                             \
    X(NW_ESTOPPED, -10, "stopped by the caller")                                         \
    X(NW_EBUSY, -11, "in use by another process")                                        \
    X(NW_EINFEASIBLE, -12, "nothing fits the limits")                                    \
    X(NW_EDIFFER, -13, "verification found a difference")                                \
    X(NW_ECRASHED, -14, "a worker process died or hung")

typedef enum nw_status {
#define X(name, value, text) name = value,
    NW_STATUS_MAP(X)
#undef X
} nw_status;

/* ---- Types ---------------------------------------------------------------- */

typedef struct nw_ctx nw_ctx;     /* allocator, threads, last error             */
typedef struct nw_space nw_space; /* graph of ops, some of them choices         */
typedef struct nw_arch nw_arch;   /* one weight per option of every choice      */
typedef struct nw_net nw_net;     /* a space at an arch, memory and parameters  */
typedef struct nw_data nw_data;   /* examples and labels                        */
typedef struct nw_study nw_study; /* stored history of one search               */

typedef int32_t nw_ref; /* a node of a space; below 0 after an error */

/* All-zero is the default of every field, here and in every config below. */
typedef struct nw_config {
    void *(*realloc)(void *user, void *ptr, size_t size); /* size 0 frees       */
    void *user;                                           /* handed to realloc  */
    int threads;                                          /* 0 = one per core   */
} nw_config;

/* What an estimator found. Unknown fields are NaN. */
typedef struct nw_score {
    double quality;    /* the objective, higher is better; NaN = trial failed  */
    double loss;       /* mean loss on validation data                         */
    double accuracy;   /* fraction right (top-1) on validation data, 0..1      */
    double top5;       /* fraction with the label among the five best, 0..1    */
    double params;     /* trainable numbers                                    */
    double macs;       /* multiply-accumulates of conv and dense, one example  */
    double peak_bytes; /* activations of one forward pass at batch 1           */
    double layers;     /* convolutions, dense layers and matrix products       */
    double aux_params, aux_macs; /* of the auxiliary head, beside those        */
    double latency_ms;           /* one example on the device in question      */
    double cost_s; /* seconds this estimate took, or is said to have taken      */
} nw_score;

/* What a trial asks of its estimator. */
typedef enum nw_want {
    NW_WANT_SCORE,  /* a score                                                  */
    NW_WANT_GRAD,   /* d quality / d arch weight on a validation batch          */
    NW_WANT_UPDATE, /* one step of the shared weights at this arch              */
} nw_want;

/* The unit of work: goes once round strategy -> estimator -> study -> strategy. */
typedef struct nw_trial {
    uint64_t id;        /* 1, 2, 3, ... in order of proposal                    */
    uint64_t seed;      /* derived from the search seed and id alone            */
    nw_arch *arch;      /* written by the strategy                              */
    nw_want want;       /* written by the strategy                              */
    double fidelity;    /* share of full effort, (0, 1]; written by strategy    */
    double epoch;       /* epochs of shared weights so far; by the estimator    */
    nw_score score;     /* written by the estimator                             */
    nw_status status;   /* NW_OK, or why the estimator failed                   */
    const char *reason; /* words for a failed status, else NULL                 */
    const double *grad; /* d quality / d weight, laid out as the arch, or NULL  */
} nw_trial;

/* ---- Context -------------------------------------------------------------- */

/* config may be NULL. Returns NULL when out of memory, which needs no check:
 * every function accepts that NULL in place of an object and answers NW_ENOMEM. */
nw_ctx *nw_open(const nw_config *config);
void nw_close(nw_ctx *ctx);
const char *nw_errmsg(const nw_ctx *ctx);
nw_status nw_errstatus(const nw_ctx *ctx); /* of that message; NW_OK when there is none */
const char *nw_strstatus(nw_status status);
const char *nw_version(void);

/* Let the calling thread, and what it starts, run on every core of the process, though
 * OpenMP has bound it to one (OMP_PROC_BIND): for a process that is forked. */
void nw_unbind(void);

/* ---- Space ---------------------------------------------------------------- */

nw_space *nw_space_new(nw_ctx *ctx);

/* A published space or network ("darts c=16 layers=8"), or a file ("naive.yaml").
 * input is the shape of one example and classes the number of outputs; 0 means
 * that the spec or the file says it. */
nw_space *nw_space_open(nw_ctx *ctx, const char *spec, const int input[3], int classes);

/* The same, but a name that both a space and a network have is the network. */
nw_space *nw_space_open_net(nw_ctx *ctx, const char *spec, const int input[3],
                            int classes);
void nw_space_free(nw_space *space);

/* Shape of one example without the batch axis: channels, height, width. */
nw_ref nw_input(nw_space *space, int channels, int height, int width);

/* Apply an op, or a chain "a | b | (c, d) | add", to `n` nodes. The key name=
 * names the module (its parameters are "name.weight" and so on); without it the
 * name is made of the op and a number. */
nw_ref nw_op_n(nw_space *space, const char *spec, size_t n, const nw_ref *in);

/* Choice of one among `n` nodes (NNI's LayerChoice). Two choices of one name are
 * one decision. name NULL: "_mutation_1", "_mutation_2", ... in order of making. */
nw_ref nw_one_of_n(nw_space *space, const char *name, size_t n, const nw_ref *in);

/* Choice of the sum of `k` among `n` nodes (NNI's InputChoice). */
nw_ref nw_some_of_n(nw_space *space, const char *name, int k, size_t n, const nw_ref *in);

/* Choice of a number; specs use it as $name, as in "conv2d out=$width". */
nw_status nw_int_of(nw_space *space, const char *name, size_t n, const int *value);

/* Of the one_of choices named, exactly `k` take an option other than `none` (an
 * option index that all of them have); the others take `none`. DARTS cells keep
 * two incoming edges of every node this way. */
nw_status nw_keep(nw_space *space, int k, int none, size_t n, const char *const *choice);

/* Prefix for the names of what is made until the matching nw_leave(). */
void nw_enter(nw_space *space, const char *format, ...);
void nw_leave(nw_space *space);

nw_status nw_output(nw_space *space, nw_ref node);

/* A second output that only training computes, its loss weighted by `weight`. */
nw_status nw_aux_output(nw_space *space, nw_ref node, double weight);

/* Check everything: every option of every choice has the same shape, every spec
 * parses, every name is unique; then freeze. Idempotent. */
nw_status nw_space_seal(nw_space *space);

/* Exact number of archs in decimal, borrowed. Seals the space. */
const char *nw_space_count(nw_space *space);

/* Write what the choices offer, how many archs there are, and the smallest and largest
 * parameters, MACs and peak bytes, each with an arch that has them: exact when all archs
 * could be looked at, else marked "found". format: "table" (NULL), "json" or "csv". */
nw_status nw_space_check(nw_space *space, const char *format, FILE *out);

/* Write all nodes, or with an arch those that are left at it, as a table. */
nw_status nw_space_show(nw_space *space, const nw_arch *arch, FILE *out);

/* The network to train from scratch once `arch` is found: a published space
 * answers with its evaluation network (spec may set its keys, as in "c=36
 * layers=20"), any other with itself frozen at arch. */
nw_space *nw_space_derive(nw_space *space, const nw_arch *arch, const char *spec);

#ifndef __cplusplus
#define NW_REFS(...)                                                                     \
    sizeof((nw_ref[]){__VA_ARGS__}) / sizeof(nw_ref), (nw_ref[])                         \
    {                                                                                    \
        __VA_ARGS__                                                                      \
    }
#define nw_op(space, spec, ...)     nw_op_n((space), (spec), NW_REFS(__VA_ARGS__))
#define nw_one_of(space, name, ...) nw_one_of_n((space), (name), NW_REFS(__VA_ARGS__))
#define nw_some_of(space, name, k, ...)                                                  \
    nw_some_of_n((space), (name), (k), NW_REFS(__VA_ARGS__))
#endif

/* ---- Arch ----------------------------------------------------------------- */

/* Seals the space. Starts with equal weights for all options of a choice. */
nw_arch *nw_arch_new(nw_ctx *ctx, nw_space *space);
void nw_arch_free(nw_arch *arch);
nw_status nw_arch_random(nw_arch *arch, uint64_t seed); /* uniform among hard archs */
nw_status nw_arch_set(nw_arch *arch, const char *choice, int option);
int nw_arch_get(const nw_arch *arch, const char *choice); /* strongest; < 0 = none */
nw_status nw_arch_harden(nw_arch *arch); /* the strongest options take all */
uint64_t nw_arch_hash(const nw_arch *arch);
nw_status nw_arch_read(nw_arch *arch, const char *json, const char *where);
nw_status nw_arch_write(const nw_arch *arch, FILE *out); /* {"conv1":0,"skip":[1]} */

/* Parameters, MACs and peak bytes of the net at a hard arch, without building it. */
nw_status nw_arch_cost(const nw_arch *arch, nw_score *out);

/* Does the net at a hard arch keep limits such as nw_search_config has? Of a measure that
 * only an estimator can tell, as latency_ms, the limit is not looked at. */
nw_status nw_arch_within(const nw_arch *arch, const char *limits, int *is_within);

/* ---- Data ----------------------------------------------------------------- */

nw_data *nw_data_open(nw_ctx *ctx, const char *spec); /* "cifar10 dir=data split=train" */

/* A view of `count` examples from `first` on, in an order that depends on `seed`
 * alone (0 = as stored). Views of one data set with one seed do not overlap when
 * their ranges do not. */
nw_data *nw_data_slice(nw_data *data, uint64_t seed, size_t first, size_t count);
size_t nw_data_count(const nw_data *data);
void nw_data_shape(const nw_data *data, int shape[3]); /* channels, height, width */
int nw_data_classes(const nw_data *data);
uint64_t nw_data_hash(const nw_data *data); /* of all examples, labels and order */
void nw_data_free(nw_data *data);           /* its views stay usable */

/* Shape, count, classes and their balance, range, mean, deviation: "table", "json",
 * "csv". */
nw_status nw_data_info_print(nw_data *data, const char *format, FILE *out);

/* Bring the official files of data set `name` to cache/NAME/, where a spec with the key
 * cache= finds them. What is there already stays, a partial file is gone on with, and
 * nothing whose checksum differs is kept. url replaces the official address (a mirror);
 * NULL = official. Bytes done and in total go to on_progress (may be NULL); nonzero
 * stops. */
nw_status nw_data_get(nw_ctx *ctx, const char *name, const char *url, const char *cache,
                      int (*on_progress)(void *user, double done, double total),
                      void *user);

/* ---- Net ------------------------------------------------------------------ */

typedef enum nw_precision { NW_F32, NW_F64 } nw_precision;

/* arch may be NULL for a space without choices. A hard arch gives the frozen
 * network, a soft one the supernet of all its options with weight above 0. */
nw_net *nw_net_new(nw_ctx *ctx, nw_space *space, const nw_arch *arch, uint64_t seed,
                   nw_precision precision);

/* A network and its weights from an ONNX file, as nw_export() writes it. */
nw_net *nw_net_open(nw_ctx *ctx, const char *path);
void nw_net_free(nw_net *net);
nw_status nw_net_cost(const nw_net *net, nw_score *out);

/* in (batch, C, H, W), out (batch, classes), both NCHW float32. A trained net takes
 * values as its data set gave them (images: 0..1) and normalises them itself. */
nw_status nw_net_run(nw_net *net, int batch, const float *in, float *out);

/* A copy of `net` for inference alone, which is faster there: batch norms are part of the
 * layers before them, and weights stand as the kernels want them. Its numbers are those
 * of `net` but for rounding. It can be run and scored, not trained or exported. */
nw_net *nw_net_fold(nw_net *net);

/* Loss, accuracy and top5 over `data`, which the net sees `batch` at a time. */
nw_status nw_net_score(nw_net *net, nw_data *data, int batch, nw_score *out);

/* ---- Study ---------------------------------------------------------------- */

/* One directory a study: study.db in SQLite, and what exporters write. Made when
 * absent. A second process on it is refused with NW_EBUSY. */
nw_study *nw_study_open(nw_ctx *ctx, const char *dir);

/* Of a study that is there, also while another process writes it; nothing is made. */
nw_study *nw_study_open_readonly(nw_ctx *ctx, const char *dir);

/* Rows of the study. what: "stages", "trials", "epochs", "values", "notes" or "facts",
 * the middle four also of one stage or trial ("trials stage=search", "epochs trial=3").
 * format: "table", "json" (an array of objects) or "csv" (RFC 4180); NULL = "table". */
nw_status nw_study_print(nw_study *study, const char *what, const char *format,
                         FILE *out);

/* The trials of a stage (NULL = "search") that no other beats in all measures of the
 * objective ("accuracy, macs"), best in the first of them first. volume (may be NULL):
 * the share that they dominate of the box between the best and the worst value of any
 * trial. */
nw_status nw_study_front(nw_study *study, const char *stage, const char *objective,
                         const char *format, FILE *out, double *volume);

/* A picture (SVG) of n searches: every trial, and the best so far, by trials and by the
 * seconds that they cost. */
nw_status nw_history_draw(nw_ctx *ctx, size_t n, nw_study *const *study,
                          const char *const *label, const char *stage, FILE *out);
void nw_study_free(nw_study *study);

/* ---- Search --------------------------------------------------------------- */

/* Called after every unit of work; a nonzero return stops the search, which can
 * be resumed. stage is the config's, total 0 when unknown. */
typedef struct nw_progress {
    const char *stage;
    double done, total;    /* steps                                              */
    uint64_t trial;        /* id                                                 */
    double epoch, epochs;  /* of this trial or of the supernet                   */
    double loss, accuracy; /* latest, NaN if none yet                            */
} nw_progress;

typedef struct nw_search_config {
    const char *stage;     /* name of this part of the study; NULL = "search"        */
    const char *strategy;  /* "darts lr=3e-4", "random trials=10" ...                */
    const char *estimator; /* "supernet epochs=50", "train epochs=5" ...             */
    nw_data *train;        /* weights learn from this                                */
    nw_data *valid;        /* scores come from this; never give it test data         */
    nw_data *test;         /* optional: what a trained network does on it is noted in
                              the study with its trial, and no score depends on it   */
    nw_study *study;       /* optional; a stage that is in it is resumed             */
    const nw_arch *arch;   /* optional: where strategy "fixed" starts                */
    uint64_t seed;
    uint64_t max_trials; /* 0 = until the strategy is done; if it never is, 100    */
    double max_seconds;  /* 0 = no limit; of a table: seconds that it says         */

    /* What no trial may exceed, "params<=1e6, latency_ms<=20": measures of nw_score that
     * are known before a network is trained. NW_EINFEASIBLE, with the smallest value that
     * was found, if nothing fits. */
    const char *limits;
    /* Measures that are sought, the first of them the quality: "accuracy" is what
     * estimators choose themselves (NULL), "accuracy, macs" also asks for few MACs. */
    const char *objective;
    double max_trial_seconds; /* with jobs: then a trial has failed; 0 = no limit     */
    int jobs;  /* worker processes of one thread each; 0 = work in this one        */
    int ahead; /* trials proposed before the first of them is observed; 0 = 1. The
                  result depends on it and on the seed, never on the number of jobs */
    int (*on_progress)(void *user, const nw_progress *progress);
    /* After a trial is observed; a nonzero return stops the search. */
    int (*on_trial)(void *user, const nw_trial *trial);
    void *user;
} nw_search_config;

/* best (hard) and net (its trained weights, if the estimator has any) may be NULL. */
nw_status nw_search(nw_space *space, const nw_search_config *config, nw_arch **best,
                    nw_net **net, nw_score *score);

/* ---- Speed ------------------------------------------------------------------ */

typedef enum nw_bench_by { NW_BY_NOTHING, NW_BY_OP, NW_BY_LAYER } nw_bench_by;

typedef struct nw_bench_config {
    int batch, passes;
    int inference;  /* forward at running statistics; else a training pass, both ways */
    nw_bench_by by; /* what the rows are of                                           */
} nw_bench_config;

/* Run the network (arch as of nw_net_new()) on random numbers and write how long it took,
 * by `format` as nw_study_print(). Operations are those of convolutions, dense layers and
 * products, two a multiply-accumulate, and three times as many in a training pass. */
nw_status nw_bench(nw_space *space, const nw_arch *arch, const nw_bench_config *config,
                   const char *format, FILE *out);

/* ---- Tables ---------------------------------------------------------------- */

/* What table of a space is wanted. */
typedef struct nw_tabulate_config {
    uint64_t sample; /* distinct archs drawn at random; 0 = all of them              */
    int runs;        /* times that each is estimated, from other seeds; 0 = 1        */
    int passes;      /* their median is the latency on one thread; 0 = not measured  */
} nw_tabulate_config;

/* Estimate all archs of a space, or a sample, and write the results as CSV, which the
 * estimator "table" reads. `how` is what nw_search() takes; its study is needed, and
 * strategy, arch, objective and budgets are not looked at. The runs are stages "run-1",
 * "run-2" ... of the study, so a table that was interrupted is gone on with. Failed
 * trials have a row without a score. Runs after the first need an estimator with a key
 * `run`. */
nw_status nw_tabulate(nw_space *space, const nw_search_config *how,
                      const nw_tabulate_config *what, const char *path);

/* Write the columns of any table of results, what they are taken for and their range:
 * "table", "json" or "csv". */
nw_status nw_table_print(nw_ctx *ctx, const char *path, const char *format, FILE *out);

/* ---- Comparison ----------------------------------------------------------- */

/* Several strategies, each run several times on equal budgets. A run is nw_search() with
 * one strategy and one seed; what it finds is chosen by validation and judged by what the
 * search never saw: the report of its estimator, or, if that has none, validation again.
 * Runs go to processes of one thread each; a run that fails or crashes loses. */
typedef struct nw_compare_config {
    size_t n;
    const char *const
        *strategy; /* n specs; "random", the yardstick, is added if absent */
    const char *estimator;
    nw_data *train, *valid; /* as in nw_search_config                                */
    nw_study *study;        /* optional: runs that are in it are not made again      */
    uint64_t seed;          /* runs have the seeds seed, seed + 1, ...               */
    int seeds;              /* runs of each strategy; 0 = 30                         */
    uint64_t max_trials;    /* of each run; this or the next must be given           */
    double max_seconds;     /* a trial that ends later does not count                */
    const char *limits, *objective;
    int jobs; /* processes at a time; 0 = 1. The result does not depend on it */
    int (*on_progress)(void *user, const nw_progress *progress); /* steps are runs     */
    void *user;
} nw_compare_config;

typedef struct nw_outcome {
    int strategy; /* index in the standings                                    */
    uint64_t seed;
    nw_status status;   /* NW_OK, or why the run failed                               */
    const char *reason; /* words for a failed status, else NULL                       */
    const char *arch;   /* found, in the words of its family, else JSON; NULL = none  */
    uint64_t trials;
    double cost_s;      /* of its trials                                             */
    double valid;       /* of arch: what the search saw                              */
    double score;       /* of arch: what it is judged by; NaN = failed               */
    double early, late; /* mean that the search saw in its first and last fifth       */
} nw_outcome;

typedef struct nw_standing {
    const char *strategy;            /* spec                                     */
    int runs, failed;                /* that succeeded, and that did not         */
    double valid;                    /* means over runs, here and below          */
    double score, deviation, median; /* the deviation has the divisor runs - 1   */
    double a12, p;                   /* probability to be above random; one-sided
                                        Mann-Whitney, after Holm; NaN of random  */
    double rank;                     /* mean over seeds, 1 = best                */
    double trials, cost_s;
    double early, late; /* did it learn: means of the first and last fifth of trials */
} nw_standing;

typedef struct nw_comparison {
    int n, yardstick; /* strategies; which of them is random       */
    const nw_standing *standing;
    int n_run;             /* strategy by strategy, then seed by seed    */
    const nw_outcome *run; /* n_run of them                              */
    int is_held_out;       /* 0 = scores are those of validation         */
} nw_comparison;

/* Belongs to the context. Stopped or killed with a study, the same call goes on. */
nw_status nw_compare(nw_space *space, const nw_compare_config *config,
                     nw_comparison **out);
void nw_comparison_free(nw_comparison *comparison);

/* what: "standings", "runs", or "curves": score and validation of what was found so far,
 * over trials, or over cost if that is the budget. format as in nw_study_print(). */
nw_status nw_comparison_print(const nw_comparison *comparison, const char *what,
                              const char *format, FILE *out);

/* Curves and final scores as one SVG picture. */
nw_status nw_comparison_draw(const nw_comparison *comparison, FILE *out);

/* ---- Export and listing ---------------------------------------------------- */

/* spec: "json", "dot", "svg", "onnx", "safetensors". net may be NULL where no
 * weights are needed. */
nw_status nw_export(const nw_arch *arch, nw_net *net, const char *spec, const char *path);

/* Read what nw_export() wrote with these arguments and compare. Networks: every weight,
 * and the logits of a fixed batch within 1e-4; other files: byte by byte with what would
 * be written now. NW_EDIFFER and the difference in words when they are not the same. */
nw_status nw_export_verify(const nw_arch *arch, nw_net *net, const char *spec,
                           const char *path);

typedef enum nw_kind {
    NW_OPS,
    NW_SPACES,
    NW_NETS, /* published networks */
    NW_STRATEGIES,
    NW_ESTIMATORS,
    NW_DATASETS,
    NW_EXPORTERS,
} nw_kind;

const char *nw_list(const nw_ctx *ctx, nw_kind kind, size_t i); /* i-th name, or NULL */
nw_status nw_help(nw_ctx *ctx, nw_kind kind, const char *name, FILE *out);

#ifdef __cplusplus
}
#endif
#endif /* NETWRIGHT_H */
