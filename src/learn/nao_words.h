/*
 * nao_words.h - an arch as a sentence: what an encoder of architectures reads.
 *
 * A sentence has one word for every decision of an nw_code. Decisions whose options have
 * the same names (or the first few of them, as the inputs that a node may choose from)
 * share a range of the vocabulary; the other kinds of decisions have ranges of their own.
 * Word 0 stands before every sentence.
 *
 * Cells of the NASNet family are nodes of two branches, each an input and an op. There a
 * node's words stand together as "in1 op1 in2 op2", and a sentence with the branches of
 * some nodes exchanged says the same network.
 */
#ifndef NW_NAO_WORDS_H
#define NW_NAO_WORDS_H

#include "netwright_ext.h"

typedef struct nw_words {
    nw_ctx *ctx;
    int n;          /* words of a sentence                                     */
    int vocabulary; /* the start included                                      */
    int n_node;     /* nodes of two branches                                   */
    int pairs;      /* the sentence is made of (input, op) and nothing else    */
    int *place;     /* word i tells decision place[i]                          */
    int *options;   /* and is first[i] + x, 0 <= x < options[i]                */
    int *first;
    int *node; /* where the four words of a node begin                    */
} nw_words;

/* Belongs to the context; the code must outlive it. NULL after nw_fail(). */
nw_words *nw_words_new(nw_ctx *ctx, const nw_code *code);
void nw_words_free(nw_words *words);

/* Decisions in the order of the code, and in that of the sentence: x[place[i]] = s[i]. */
void nw_words_of(const nw_words *words, const int *x, int *s);
void nw_words_to(const nw_words *words, const int *s, int *x);

/* Exchange the branches of every node with probability 1/2. */
void nw_words_swap(const nw_words *words, uint64_t seed, int *s);

#endif
