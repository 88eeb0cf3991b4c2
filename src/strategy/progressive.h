/*
 * progressive.h - the search that PNAS and DPP-Net share: cells grow block by block, and
 * a surrogate says which are worth training.
 *
 * A search goes from stage to stage. The first trains every cell of `first` blocks. Each
 * of the following fits the surrogate, makes *candidates*, puts them in order, and trains
 * the best k of them that are new:
 *
 *   growth   every cell of the stage before, with every possible next block
 *   change   (after the last block, rounds= times) the best cells so far, with one block
 *            replaced by every other: k of them, or more if nothing new is around these
 *
 * How candidates are put in order is the strategy's own: that is all that PNAS and
 * DPP-Net differ in.
 *
 * Cells that are the same network (nw_arch_class()) are trained once, unless
 * distinct=arch. A candidate for growth that is one of an earlier stage, as where its new
 * block does nothing, is kept with the score it has, beside the k new ones. Cells that
 * failed are neither grown nor learned from.
 */
#ifndef NW_PROGRESSIVE_H
#define NW_PROGRESSIVE_H

#include "blocks.h"
#include "index.h"
#include "surrogate.h"

struct nw_progressive_keys {
    struct nw_blocks_keys blocks;
    char surrogate[NW_TEXT_SIZE], lessons[NW_TEXT_SIZE], target[NW_TEXT_SIZE];
    char distinct[NW_TEXT_SIZE];
    int k, first, rounds, members, embedding, hidden, epochs, batch;
    double share, lr, lr_later;
};

/* For a table of keys of a strategy whose state begins with nw_progressive; with three
 * defaults. */
/* clang-format off */
#define NW_PROGRESSIVE_KEYS(k_, surrogate_, lessons_)                                    \
    {"k", NW_INT, offsetof(struct nw_progressive_keys, k), k_, 1, 1000000,               \
     "new cells that are trained in a stage", NULL},                                     \
    {"first", NW_INT, offsetof(struct nw_progressive_keys, first), "1", 1, 1000,         \
     "blocks of the first cells, which are all trained", NULL},                          \
    {"rounds", NW_INT, offsetof(struct nw_progressive_keys, rounds), "0", 0, 1000000,    \
     "stages after the last block, which change the best cells; the paper has none",     \
     NULL},                                                                              \
    {"distinct", NW_TEXT, offsetof(struct nw_progressive_keys, distinct),                \
     "network", 0, 0,                                                                    \
     "what is trained once: a \"network\", or an \"arch\", where a network that can be " \
     "written in two ways may cost more in one", NULL},                                  \
    NW_BLOCKS_KEYS(struct nw_progressive_keys, blocks),                                  \
    {"surrogate", NW_TEXT, offsetof(struct nw_progressive_keys, surrogate),              \
     surrogate_, 0, 0,                                                                   \
     "\"mlp\" or \"lstm\"", NULL},                                                       \
    {"members", NW_INT, offsetof(struct nw_progressive_keys, members),                   \
     "5", 1, NW_SURROGATE_MEMBERS,                                                       \
     "of the ensemble", NULL},                                                           \
    {"share", NW_REAL, offsetof(struct nw_progressive_keys, share), "0.8", 0, 1,         \
     "of the lessons, for a member", NULL},                                              \
    {"lessons", NW_TEXT, offsetof(struct nw_progressive_keys, lessons), lessons_, 0, 0,  \
     "what a fit learns from: \"level\", the cells of as many blocks as the last, or "   \
     "\"all\"", NULL},                                                                   \
    {"target", NW_TEXT, offsetof(struct nw_progressive_keys, target), "scaled", 0, 0,    \
     "what it learns: the quality \"scaled\" to mean 0 and deviation 1, or \"plain\" "   \
     "behind a sigmoid, as in the paper, for qualities from 0 to 1", NULL},              \
    {"embedding", NW_INT, offsetof(struct nw_progressive_keys, embedding),               \
     "100", 1, 10000,                                                                    \
     "numbers of a word", NULL},                                                         \
    {"hidden", NW_INT, offsetof(struct nw_progressive_keys, hidden), "100", 1, 10000,    \
     "units of a layer, or of the LSTM", NULL},                                          \
    {"epochs", NW_INT, offsetof(struct nw_progressive_keys, epochs), "50", 1, 100000,    \
     "of a fit", NULL},                                                                  \
    {"batch", NW_INT, offsetof(struct nw_progressive_keys, batch), "32", 1, 100000,      \
     "lessons of a step", NULL},                                                         \
    {"lr", NW_REAL, offsetof(struct nw_progressive_keys, lr), "0.01", 0, 10,             \
     "of the first fit; falls along half a cosine", NULL},                               \
    {"lr_later", NW_REAL, offsetof(struct nw_progressive_keys, lr_later),                \
     "0.002", 0, 10,                                                                     \
     "of the others, which go on from the weights there are", NULL}
/* clang-format on */

/* A cell that was chosen. */
typedef struct nw_entry {
    double quality; /* NaN = not known yet, or failed                  */
    double guess;   /* of the surrogate; NaN in the first stage        */
    int32_t level;  /* blocks that are free                            */
    int32_t stage;  /* in which it was chosen, from 1 on               */
} nw_entry;

/* What a stage chooses from. Decisions are not stored: those of candidate i are computed
 * when they are asked for. */
typedef struct nw_candidates {
    int grows;       /* else changes; the first stage grows from nothing          */
    int level;       /* of those that grow                                        */
    int n_parent;    /* 0 in the first stage                                      */
    int32_t *parent; /* entries                                                   */
    size_t *end;     /* candidates below end[p], from end[p - 1] on, are p's      */
    size_t n;
    double *guess; /* quality by the surrogate; NaN in the first stage            */
} nw_candidates;

typedef struct nw_progressive nw_progressive;

/* The state of a strategy, or the beginning of it. */
struct nw_progressive {
    struct nw_progressive_keys key;
    nw_env env;
    /* Put candidates in order: their numbers, the best first; *n = how many. */
    nw_status (*order)(nw_progressive *p, const nw_candidates *c, size_t *out, size_t *n);
    /* Entries, the best first, whose blocks rounds change; out has room for all. */
    nw_status (*parents)(nw_progressive *p, int32_t *out, int *n);
    /* Optional, for tests and measurements: sees all candidates before they are chosen.
     */
    void (*watch)(void *user, nw_progressive *p, const nw_candidates *c);
    void *user;

    nw_blocks blocks;
    nw_surrogate *surrogate;
    nw_arch *arch; /* room for one     */
    int *x;        /* and for its code */
    int32_t stage, level, rounds, fits;
    int32_t
        reach; /* parents that a round may have: k, or more if k lead to nothing new */
    int32_t n_entry, room; /* entries, and for how many there is room              */
    nw_entry *entry;
    int32_t *code; /* of entry e from e * blocks.code->n on                        */
    int32_t n_asked, proposed, observed;
    int32_t *asked; /* entry of trial i + 1                                        */
    nw_index known; /* class of trial i + 1                                        */
};

/* Slots of a strategy; open() is its own, sets `order` and `parents`, and calls this. */
nw_status nw_progressive_open(nw_progressive *p, const nw_env *env);
nw_status nw_progressive_propose(void *self, nw_trial *trial);
nw_status nw_progressive_observe(void *self, const nw_trial *trial);
nw_status nw_progressive_state(void *self, nw_state *state);
void nw_progressive_close(void *self);

/* Decisions of an entry. */
const int32_t *nw_entry_code(const nw_progressive *p, int entry);

/* Entries with a score, the highest first. For `parents`. */
nw_status nw_best_entries(nw_progressive *p, int32_t *out, int *n);

/* Spearman's rank correlation; NaN where all of a or of b are equal. */
nw_status nw_rank_correlation(nw_ctx *ctx, const double *a, const double *b, int n,
                              double *r);

/* ---- Candidates (candidates.c) ---------------------------------------------------- */

/* Those of the next stage; c->n = 0 when there are none. */
nw_status nw_candidates_make(nw_progressive *p, nw_candidates *c);
void nw_candidates_free(nw_progressive *p, nw_candidates *c);

/* Fill in c->guess. */
nw_status nw_candidates_guess(nw_progressive *p, nw_candidates *c);

/* Decisions of candidate i; answers its level. */
int nw_candidate(const nw_progressive *p, const nw_candidates *c, size_t i, int *x);

/* Candidate i as p->arch, and what it is known by, its class or with distinct=arch its
 * hash; 0 = not legal, or beyond the limits. */
int nw_candidate_arch(nw_progressive *p, const nw_candidates *c, size_t i,
                      uint64_t *class);

/* By the guess, the highest first. For `order`. */
nw_status nw_order_by_guess(nw_progressive *p, const nw_candidates *c, size_t *out,
                            size_t *n);

#endif
