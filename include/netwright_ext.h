/*
 * netwright_ext.h - write a new op, space, strategy, estimator, data set or exporter.
 *
 * Every kind is one constant table in one file, plus one line in that folder's
 * list.def. The tests, the help and the manual run over the lists, so a new entry is
 * tested and documented the moment it is listed.
 */
#ifndef NETWRIGHT_EXT_H
#define NETWRIGHT_EXT_H

#include "netwright.h"

/* ---- Specs ---------------------------------------------------------------- */

typedef enum nw_attr_type {
    NW_INT,  /* int; also a product or quotient of two, "16*4", "36/2"           */
    NW_REAL, /* double                                                            */
    NW_BOOL, /* int; 0 1 no yes off on false true                                 */
    NW_TEXT, /* char[NW_TEXT_SIZE]; "in quotes" if it has blanks                  */
    NW_PAIR, /* int[2] as height, width; "3" means 3x3, "1x7" is not square       */
} nw_attr_type;

enum { NW_TEXT_SIZE = 256 };

/* One key of a spec. Parsing, range checks, help text, manual pages and the
 * written form of a space all come from this row. A table ends at key NULL. */
typedef struct nw_attr {
    const char *key;
    nw_attr_type type;
    size_t offset;       /* of the field it fills, offsetof(struct foo, k)       */
    const char *initial; /* default as text; NULL = must be given                */
    double min, max;     /* both 0 = unbounded                                   */
    const char *doc;     /* one line, with the unit                              */
    const char *word;    /* a word that NW_INT and NW_PAIR take for -1, or NULL;
                            NW_INT takes it times n, "in*6", for -n              */
} nw_attr;

/* Head of every table below. */
#define NW_TYPE_HEAD                                                                     \
    const char *name;     /* as in specs: lower case, no blanks            */            \
    const char *doc;      /* one line                                      */            \
    const char *paper;    /* author year, title, arXiv number; or NULL     */            \
    const nw_attr *attrs; /* keys, or NULL                                 */            \
    size_t size;          /* bytes of state, zeroed before open()          */

typedef struct nw_head {
    NW_TYPE_HEAD
} nw_head; /* what any of the tables can be looked at as */

/* ---- Ops ------------------------------------------------------------------ */

/* Files of ops and kernels are compiled twice: for float, which is what runs, and
 * for double, which proves it. NW_R(x) names the twin at hand. */
#ifdef NW_DOUBLE
typedef double nw_real;
#define NW_R(x) x##_f64
#else
typedef float nw_real;
#define NW_R(x) x##_f32
#endif

enum { NW_MAX_RANK = 3, NW_MAX_PARAM = 4 };

/* One example, without the batch axis: (C, H, W), (T, C), (C) or (), as users write
 * it. In memory a batch of (C, H, W) stands as (N, H, W, C), all else as written. */
typedef struct nw_shape {
    int rank;
    int dim[NW_MAX_RANK];
} nw_shape;

/* A parameter or a buffer of a node, in PyTorch's layout. */
typedef struct nw_param {
    const char *suffix; /* "weight", "bias", "running_mean" ...                   */
    int rank, dim[4];
    int fan_in;       /* uniform in +-1/sqrt(fan_in), PyTorch's default start;
                         0 = `initial` everywhere                                 */
    double initial;   /* first value when fan_in is 0                             */
    int is_buffer;    /* not trained: running statistics                          */
    int never_decays; /* bias, or scale and shift of a normalisation              */
} nw_param;

/* A node while its shape is worked out. */
typedef struct nw_node {
    const void *attr; /* the op's struct, filled from the spec                    */
    int n_in;
    const nw_shape *in;
    nw_shape out;
    int n_param;
    nw_param param[NW_MAX_PARAM];
    double macs;   /* of one example: convolutions and dense layers only           */
    char why[256]; /* infer() writes here why it refuses                          */
} nw_node;

typedef enum nw_mode {
    NW_EVAL,        /* running statistics, no gradient                            */
    NW_TRAIN,       /* batch statistics, running statistics follow                */
    NW_TRAIN_STILL, /* batch statistics, running statistics stay                  */
    NW_RECALIBRATE, /* batch statistics, running ones become their plain average  */
} nw_mode;

/* An output that ends in a batch norm which has not been applied yet: the one reader does
 * it while it reads, and no tensor is written between the two. The value is
 * (x - mean) scale + shift, all vectors by channel. Going back, the reader says of its
 * own gradient dy, which the writer then reads too, what the batch norm must know. */
typedef struct nw_deferred {
    const nw_real *x; /* (N, H, W, C), what the batch norm reads            */
    const nw_real *mean, *scale, *shift;
    nw_real *sum, *prod; /* the reader's: sums of dy and of dy (x - mean)      */
    double weight;       /* the reader's: this output's gradient is weight dy  */
    const nw_real
        *each; /* (N): a factor of every example, of value and gradient; NULL = 1 */
} nw_deferred;

/* On what an op runs, for those who measure it. */
typedef struct nw_how {
    const char *forward, *data, *weights; /* implementation of the pass; NULL = there is
                                             no choice, or no such pass                */
    int turned;    /* weights brought to another layout, in all passes                 */
    int reordered; /* activations and their gradients, likewise                        */
} nw_how;

/* A node while it runs. All pointers are set by the executor and stay the same from
 * step to step; prepare() may read everything but the data. */
typedef struct nw_run {
    const void *attr;
    int n_in;
    const nw_shape *in;
    nw_shape out;
    int batch;
    int backward;            /* a backward pass will follow: keep what it needs    */
    int still;               /* the parameters stay as they are in prepare()       */
    nw_ctx *ctx;             /* for prepare() only                                 */
    const nw_real *const *x; /* inputs; NULL for one that is known to be zero     */
    nw_real *y;
    const nw_real *dy;
    nw_real *const *dx;       /* NULL where not wanted                            */
    const unsigned char *add; /* add[i]: dx[i] holds a sum already; else write it */
    nw_deferred *deferred;    /* the output stays deferred, y is NULL; set it; or NULL */
    nw_deferred *const *due;  /* due[i]: input i is deferred, x[i] is NULL; or NULL */
    nw_real *const *w;        /* parameters, then buffers                         */
    nw_real *const *dw;       /* ADD to it; NULL where not wanted                 */
    void *keep, *scratch;     /* as large as prepare() asked                      */
    size_t keep_bytes, scratch_bytes; /* set by prepare()                         */
    void *state;                      /* set by prepare(), given back in release() */
    nw_how how;                       /* optional, set by prepare()                */
    nw_mode mode;
    const double *mix; /* choice: one weight an input                              */
    double *dmix;      /* choice: d loss / d weight, ADD to it; NULL = not wanted  */
    uint64_t seed;     /* differs for every node and step                         */
    double progress;   /* share of training that is done, 0..1                    */
    long recalibrated; /* batches seen since recalibration began                  */
} nw_run;

/* One example of use, from which tests make shape, gradient and PyTorch checks. */
typedef struct nw_case {
    const char *spec;
    int n_in;
    nw_shape in[3];
} nw_case;

enum nw_op_flag {
    NW_NEEDS_X = 1,          /* backward reads the inputs                               */
    NW_NEEDS_Y = 2,          /* backward reads the output                               */
    NW_ADDS = 4,             /* backward honours add[]; without it the executor adds    */
    NW_IS_ZERO = 8,          /* the output is zero: choices skip it                     */
    NW_IS_ALIAS = 16,        /* the output is the first input, unchanged                */
    NW_NO_DATA_GRAD = 32,    /* input 1 takes no gradient (labels)                   */
    NW_SKIPS_ZERO = 64,      /* inputs that are known to be zero come as NULL        */
    NW_CAN_DEFER = 128,      /* the output may stay deferred (nw_deferred)             */
    NW_TAKES_DEFERRED = 256, /* inputs may be deferred                              */
    NW_PASSES_DEFERRED =
        1024,             /* takes a deferred input where its output stays deferred too */
    NW_ONLY_TRAINS = 512, /* in evaluation the output is the first input, unchanged  */
};

/* Where an op says how ONNX writes it. Names of tensors are made by the exporter. */
typedef struct nw_onnx nw_onnx;

typedef struct nw_op_type {
    NW_TYPE_HEAD
    int min_in, max_in;
    unsigned flags;
    const char *expand; /* an op made of others: "relu | conv2d k=$k | batchnorm", where
                           $k stands for its own keys. That is its meaning everywhere; its
                           own code, if it has any, is a shortcut for its execution with
                           the parameters of all parts in order                      */
    int (*fits)(const void *attr, const nw_shape *in); /* 1 = the shortcut takes these */
    nw_status (*infer)(nw_node *node);
    nw_status (*prepare)(nw_run *run); /* optional                                    */
    void (*release)(nw_run *run);      /* optional; state may be NULL or half made    */
    void (*forward)(const nw_run *run);
    void (*backward)(const nw_run *run);
    void (*redo)(const nw_run *run); /* optional: y again while the pass goes back, from
                                        what is kept and from deferred inputs alone   */
    const nw_case *cases; /* ends at spec NULL                                        */
    void (*onnx)(nw_onnx *out, const nw_node *node); /* NULL = cannot be exported     */
} nw_op_type;

/* infer() says why and refuses: return nw_refuse(node, "add: %d inputs", n). */
nw_status nw_refuse(nw_node *node, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Elements of one example. */
size_t nw_count(const nw_shape *shape);

/* For onnx(): start a node of ONNX type `type`, whose inputs are, in order, what the
 * following calls add; its output is a fresh tensor, or the op's own for the last. */
struct nw_onnx {
    void *self;
    void (*node)(nw_onnx *out, const char *type);
    void (*input)(nw_onnx *out, int i); /* input i of the op                */
    void (*param)(nw_onnx *out, int i); /* parameter i of the op            */
    void (*previous)(nw_onnx *out);     /* output of the node before        */
    void (*part)(nw_onnx *out, int n);  /* output of the op's n-th node, from 1 on */
    void (*values)(nw_onnx *out, int n, const float *value);    /* constant vector   */
    void (*indices)(nw_onnx *out, int n, const int64_t *value); /* constant vector  */
    void (*attr_int)(nw_onnx *out, const char *name, int64_t value);
    void (*attr_ints)(nw_onnx *out, const char *name, int n, const int64_t *value);
    void (*attr_float)(nw_onnx *out, const char *name, float value);
};

/* ---- Spaces ----------------------------------------------------------------- */

struct nw_big;  /* src/graph/big.h  */
struct nw_text; /* src/base/text.h  */

/* A search space, or a network that was published. Decisions are choices among nodes,
 * numbers, or what nw_decide() makes; rules that no choice can say are in legal(). All of
 * what follows build() is optional. */
typedef struct nw_space_type {
    NW_TYPE_HEAD
    /* Builds the search space (arch NULL) or the network to train at `arch`. */
    nw_status (*build)(void *self, nw_space *space, const int input[3], int classes,
                       const nw_arch *arch);
    /* `arch` in the words of the family's papers, as one JSON value, and back. */
    nw_status (*genotype)(const nw_arch *arch, FILE *out);
    nw_status (*read)(nw_arch *arch, const char *text, const char *where);
    /* 1 = these decisions go together; else why[] names the rule that they break. */
    int (*legal)(const nw_arch *arch, char why[256]);
    /* Change as little as makes a hard arch legal, after a mutation or a crossover. */
    void (*repair)(nw_arch *arch);
    /* Number of legal archs; NULL = the product of the choices. */
    nw_status (*count)(const nw_space *space, struct nw_big *total);
    /* A legal arch, all equally likely; NULL = draw until one is legal. */
    nw_status (*draw)(nw_arch *arch, uint64_t seed);
    /* One text for all archs that are the same network; NULL = the arch itself. */
    nw_status (*canonical)(const nw_arch *arch, struct nw_text *out);
    const char *published; /* of a network: what its paper reports, "2.76 % error ..." */
} nw_space_type;

/* A decision that no node stands for: one of `n` named options. A space with such
 * decisions has no output; its family builds a network for every arch. */
nw_status nw_decide(nw_space *space, const char *name, size_t n,
                    const char *const *option);

/* The keys of the family that built the space, as its attrs fill them. */
const void *nw_space_keys(const nw_space *space);

/* ---- Strategies ------------------------------------------------------------- */

/* What a strategy needs and an estimator gives. */
enum nw_trait {
    NW_GRADIENT = 1,  /* d quality / d arch weights                                    */
    NW_BUDGET = 2,    /* needs: does not end by itself                                 */
    NW_SEPARATE = 4,  /* gives: trials share nothing and may run side by side          */
    NW_SIMULATED = 8, /* gives: says itself what a trial costs, and budgets count that */
};

/* Numbers of one epoch, for the study and for curves.csv; NaN = none. */
typedef struct nw_epoch {
    int epoch; /* 1 after the first */
    double lr, train_loss, train_accuracy, valid_loss, valid_accuracy, seconds;
} nw_epoch;

/* A number of nw_score that can be sought or limited. */
typedef struct nw_measure {
    const char *name, *doc;
    size_t offset; /* in nw_score                                               */
    int more_is_better;
    int is_known_before; /* any training: a cost of the arch alone                    */
} nw_measure;

extern const nw_measure nw_measures[]; /* ends at name NULL */

const nw_measure *nw_measure_find(const char *name, size_t length); /* NULL = none */
double nw_measure_of(const nw_measure *measure, const nw_score *score);

/* The value of a measure, or minus it, such that less is better. */
double nw_measure_loss(const nw_measure *measure, const nw_score *score);

typedef struct nw_env {
    nw_ctx *ctx;
    nw_space *space;               /* sealed */
    nw_data *train, *valid, *test; /* as in nw_search_config */
    const nw_arch *arch;           /* of nw_search_config, may be NULL */
    uint64_t seed;
    int has_budget; /* trials or seconds end the search if the strategy does not */
    nw_status (*on_epoch)(void *loop, const nw_epoch *epoch); /* estimators call it */
    /* Any named number of an epoch beside those: "skip_normal", "entropy" ... */
    nw_status (*on_value)(void *loop, int epoch, const char *name, double value);
    nw_status (*on_note)(void *loop, const char *words); /* a warning for the user   */
    int (*allows)(void *loop, const nw_arch *arch);      /* NULL = there are no limits */
    double (*excess)(void *loop, const nw_arch *arch);   /* over the limits; 0 = none  */
    nw_status (*cost)(void *loop, const nw_arch *arch, nw_score *out);
    const nw_measure *const *objective; /* the quality first; ends at NULL            */
    void *loop;
} nw_env;

/* 1 = the hard arch is legal and within the limits. Strategies propose no other. */
int nw_env_allows(const nw_env *env, const nw_arch *arch);

/* A random arch within the limits, uniform among them; after many misses the random walk
 * from a small one. NW_EINFEASIBLE when none is found. */
nw_status nw_env_draw(const nw_env *env, nw_arch *arch, uint64_t seed);

/* What is known of an arch before it is estimated: params, macs, peak_bytes, layers, and
 * latency_ms where the estimator has a table of it; the rest NaN. */
nw_status nw_env_cost(const nw_env *env, const nw_arch *arch, nw_score *out);

/* State that survives: a function that goes over every field, to write or to read. */
typedef struct nw_state {
    void *self;
    int reading;
    nw_status (*bytes)(struct nw_state *state, void *data, size_t size);
} nw_state;

/* Trials are proposed in the order of their ids and observed in that order, failed ones
 * too (status below 0, quality NaN); up to config.ahead - 1 proposals may be made before
 * the first of them is observed. A trial's seed depends on the search's seed and its id
 * alone: draw from it, or from nw_subseed() of it. */
typedef struct nw_strategy_type {
    NW_TYPE_HEAD
    unsigned needs;
    nw_status (*open)(void *self, const nw_env *env);
    /* NW_DONE ends the search; NW_MORE waits for the trials under way first (and is an
     * error if there are none). */
    nw_status (*propose)(void *self, nw_trial *trial);
    nw_status (*observe)(void *self, const nw_trial *trial);
    nw_status (*best)(void *self, nw_arch *arch); /* NULL = best trial stored          */
    nw_status (*state)(void *self, nw_state *state); /* NULL = none: replay the trials */
    void (*close)(void *self);
} nw_strategy_type;

/* ---- Estimators ------------------------------------------------------------- */

typedef struct nw_estimator_type {
    NW_TYPE_HEAD
    unsigned gives;
    nw_status (*open)(void *self, const nw_env *env);

    /* One unit of work on the trial, at most about a second: NW_MORE = call again,
     * NW_OK = the trial is complete, NW_DONE = complete, and no further one can be
     * taken (shared weights are fully trained). A failure is the trial's, not the
     * search's, unless it is NW_ENOMEM, NW_EIO or NW_EMATCH. */
    nw_status (*work)(void *self, nw_trial *trial);
    void (*progress)(void *self, nw_progress *out); /* done, total, epoch, loss ...   */
    nw_status (*net)(void *self, const nw_arch *arch, nw_net **out); /* optional       */
    /* Optional: what is known of an arch before it is estimated; NULL = nw_arch_cost().
     */
    nw_status (*cost)(void *self, const nw_arch *arch, nw_score *out);
    /* Optional: the score of an arch on what the search never saw, for reports alone. */
    nw_status (*report)(void *self, const nw_arch *arch, nw_score *out);
    nw_status (*state)(void *self, nw_state *state); /* between any two calls of work() */
    void (*close)(void *self);
} nw_estimator_type;

/* ---- Data sets -------------------------------------------------------------- */

/* Every block that is pointed to is one of nw_alloc() and belongs to the data set. */
typedef struct nw_data_info {
    int shape[3]; /* channels, height, width */
    int classes;
    size_t count;
    /* Either one byte a number, value = byte * scale, or floats; NCHW. */
    const uint8_t *bytes;
    const float *floats;
    double scale;
    const int32_t *labels;
    const char *const *class_names; /* one block with its strings, or NULL */
} nw_data_info;

/* A file that nw_data_get() brings. */
typedef struct nw_data_file {
    const char *name;
    const char *sum; /* SHA-256 in hex; MD5 (32 digits) where only that is published */
    double size;     /* bytes */
} nw_data_file;

/* open() fills info or fails with one clear message; nw_data_open() then checks the
 * labels and that floats are finite. A type with a key "cache" is told the directory
 * that nw_data_get() fills: its files are in cache/NAME/. */
typedef struct nw_data_type {
    NW_TYPE_HEAD
    nw_status (*open)(void *self, nw_ctx *ctx, nw_data_info *info);
    const char *url; /* official address, to which file names are added; or NULL */
    const nw_data_file *files; /* ends at name NULL */
} nw_data_type;

/* ---- Exporters -------------------------------------------------------------- */

typedef struct nw_export_type {
    NW_TYPE_HEAD
    const char *suffix;
    int wants_net;
    nw_status (*write)(void *self, nw_ctx *ctx, const nw_arch *arch, nw_net *net,
                       FILE *out);
    /* Optional: the network that is in a file written from `net`, to verify it. It may
     * have a space of its own, which is then freed with it. */
    nw_status (*open)(nw_net *net, const char *path, nw_net **out);
} nw_export_type;

/* Zeroed; freed with the context at the latest. Never call malloc() in an extension. */
void *nw_alloc(nw_ctx *ctx, size_t size);
void nw_release(nw_ctx *ctx, void *ptr);

/* Fill in nw_errmsg() and return `status`. */
nw_status nw_fail(nw_ctx *ctx, nw_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- For strategies: an arch as plain numbers -------------------------------- */

int nw_space_choices(const nw_space *space);             /* number of decisions     */
int nw_space_options(const nw_space *space, int choice); /* options of one decision */
/* The first so many of them are weighed in a search; one beyond is only what a rule
 * leaves to a choice that it drops, and has weight 0 in every mixture. */
int nw_space_offered(const nw_space *space, int choice);
const char *nw_space_choice_name(const nw_space *space, int choice);
const char *nw_space_option_name(const nw_space *space, int choice, int option);
double *nw_arch_weights(nw_arch *arch, int choice); /* one weight per option       */
nw_status nw_arch_pick(nw_arch *arch, int choice, int option);
int nw_arch_option(const nw_arch *arch, int choice);      /* strongest option           */
nw_status nw_arch_copy(nw_arch *to, const nw_arch *from); /* by the choices' names  */

/* ---- For strategies: an arch as a vector of decisions --------------------------- */

/* Every hard arch of a graph space has exactly one vector x, 0 <= x[i] < options[i]: the
 * option of a choice, the rank of a subset, and of a keep rule the rank of the subset
 * that is kept followed by an option of each. A family's own rules may forbid some
 * vectors. */
typedef struct nw_code {
    int n;
    const int *options;         /* of decision i                                        */
    const char *const *name;    /* for people                                           */
    const struct nw_slot *slot; /* what it stands for: src/graph/code.c                */
    const nw_space *space;
} nw_code;

/* Belongs to the context. NULL after nw_fail(), as when a decision has over 100,000
 * options. */
nw_code *nw_code_new(nw_ctx *ctx, nw_space *space);
void nw_code_free(nw_code *code);
void nw_code_read(const nw_code *code, const nw_arch *hard, int *x);
int nw_code_write(const nw_code *code, const int *x, nw_arch *arch); /* 0 = not legal */

/* ---- For strategies: from arch to arch ---------------------------------------- */

/* Changes of one decision that a hard arch has: another option, another subset, another
 * edge that a rule keeps. Some may turn out illegal. */
size_t nw_arch_moves(const nw_arch *arch);

/* Make `to` what change i makes of `from`, 0 <= i < nw_arch_moves(from); both of one
 * space. 0 = that change is not legal, and `to` is nothing. */
int nw_arch_move(nw_arch *to, const nw_arch *from, size_t i);

/* One decision, each equally likely, set anew: the arch changes and stays legal.
 * NW_DONE when it has no legal neighbour. */
nw_status nw_arch_mutate(nw_arch *arch, uint64_t seed);

/* Every decision from one of two parents, each with probability 1/2; legal. */
nw_status nw_arch_cross(nw_arch *child, const nw_arch *a, const nw_arch *b,
                        uint64_t seed);

/* NW_EINVAL and words unless the arch is hard and legal. */
nw_status nw_arch_check(const nw_arch *arch);

/* One text, and a number of it, for all archs that are the same network. */
nw_status nw_arch_canonical(const nw_arch *arch, FILE *out);
uint64_t nw_arch_class(const nw_arch *arch);

/* In the words of the family's papers, as JSON; NW_EINVAL where there are none. */
nw_status nw_arch_write_genotype(const nw_arch *arch, FILE *out);
nw_status nw_arch_read_genotype(nw_arch *arch, const char *text, const char *where);

#endif /* NETWRIGHT_EXT_H */
