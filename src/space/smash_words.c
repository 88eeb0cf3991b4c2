/*
 * smash_words.c - descriptions of SMASH as JSON, in the authors' words.
 *
 * [{"bank_size":4,"ops":[{"incoming":[0,1],"outgoing":[0,2],"G":8,"op":[1,0,0,0],
 *   "kernel_size":[[3,5]],"dilation":[[1,2]],"groups":[2]}, ...]}, ...]
 *
 * One entry of the last three for every 1 of "op". G counts units of n channels.
 */
#include "smash.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* ---- Writing ------------------------------------------------------------------------
 */

static void put_set(FILE *out, const char *key, uint64_t set)
{
    const char *gap = "";

    fprintf(out, "\"%s\":[", key);
    for (int i = 0; i < NW_SMASH_BANKS; i++)
        if (set >> i & 1) {
            fprintf(out, "%s%d", gap, i);
            gap = ",";
        }
    fputs("],", out);
}

/* One entry for every convolution of the op. what: 0 kernels, 1 dilations, 2 groups */
static void put_convs(FILE *out, const char *key, const nw_smash_op *op, int what)
{
    const char *gap = "";

    fprintf(out, ",\"%s\":[", key);
    for (int c = 0; c < NW_SMASH_CONVS; c++) {
        const nw_smash_conv *conv = &op->conv[c];

        if (!nw_smash_active[op->pattern][c])
            continue;
        fputs(gap, out);
        if (what == 0)
            fprintf(out, "[%d,%d]", 3 + 2 * conv->k[0], 3 + 2 * conv->k[1]);
        else if (what == 1)
            fprintf(out, "[%d,%d]", 1 + conv->dil[0], 1 + conv->dil[1]);
        else
            fprintf(out, "%d", 1 << conv->groups);
        gap = ",";
    }
    fputc(']', out);
}

static void put_op(FILE *out, const nw_smash_op *op)
{
    const unsigned char *active = nw_smash_active[op->pattern];

    fputc('{', out);
    put_set(out, "incoming", op->read);
    put_set(out, "outgoing", op->write);
    fprintf(out, "\"G\":%d,\"op\":[%d,%d,%d,%d]", op->units + 1, active[0], active[1],
            active[2], active[3]);
    put_convs(out, "kernel_size", op, 0);
    put_convs(out, "dilation", op, 1);
    put_convs(out, "groups", op, 2);
    fputc('}', out);
}

nw_status nw_smash_genotype(const nw_arch *arch, FILE *out)
{
    nw_smash_rules r;
    nw_smash_arch a;

    nw_smash_rules_of(arch->space, &r);
    nw_smash_get(&r, arch, &a);
    for (int b = 0; b < NW_SMASH_BLOCKS; b++) {
        const nw_smash_block *block = &a.block[b];

        fprintf(out, "%s{\"bank_size\":%d,\"ops\":[", b ? "," : "[",
                r.size[b][block->size]);
        for (int o = 0; o < r.ops && block->op[o].read; o++) {
            fputs(o ? "," : "", out);
            put_op(out, &block->op[o]);
        }
        fputs("]}", out);
    }
    fputc(']', out);
    return nw_setting_written(arch->ctx, out);
}

/* ---- Reading ------------------------------------------------------------------------
 */

/* The whole number at index i of a list, or of the value itself when i < 0; -1 = none. */
static int number(const json_t *value, int i)
{
    const json_t *n = i < 0 ? value : json_array_get(value, (size_t)i);
    const json_int_t v = json_integer_value(n);

    return json_is_integer(n) && v >= 0 && v < 1 << 20 ? (int)v : -1;
}

/* NULL, or what is wrong with a list of different banks of 0 .. most - 1. */
static const char *get_set(const json_t *list, int most, uint64_t *out)
{
    if (!json_is_array(list))
        return "incoming and outgoing are lists of banks";
    for (size_t i = 0; i < json_array_size(list); i++) {
        const int bank = number(list, (int)i);

        if (bank < 0 || bank >= most)
            return "no such bank";
        if (*out >> bank & 1)
            return "a bank is listed twice";
        *out |= (uint64_t)1 << bank;
    }
    return NULL;
}

static int get_pattern(const nw_smash_rules *r, const json_t *list)
{
    for (int p = 0; p < r->patterns; p++) {
        int same = json_array_size(list) == NW_SMASH_CONVS;

        for (int c = 0; c < NW_SMASH_CONVS; c++)
            same = same && number(list, c) == nw_smash_active[p][c];
        if (same)
            return p;
    }
    return -1;
}

static const char *get_conv(const nw_smash_rules *r, const json_t *op, int entry,
                            nw_smash_conv *out)
{
    const json_t *k = json_array_get(json_object_get(op, "kernel_size"), (size_t)entry);
    const json_t *dil = json_array_get(json_object_get(op, "dilation"), (size_t)entry);
    const int groups = number(json_object_get(op, "groups"), entry);

    for (int i = 0; i < 2; i++) {
        const int kernel = number(k, i), dilation = number(dil, i);

        if (kernel < 3 || kernel > 7 || kernel % 2 == 0)
            return "kernel_size is a list of pairs of 3, 5, 7";
        if (dilation < 1 || dilation > 3)
            return "dilation is a list of pairs of 1, 2, 3";
        out->k[i] = (kernel - 3) / 2;
        out->dil[i] = dilation - 1;
    }
    while (out->groups < r->groups && 1 << out->groups != groups)
        out->groups++;
    return out->groups < r->groups ? NULL : "groups is a list of 1, 2, 4, 8";
}

static const char *get_convs(const nw_smash_rules *r, const json_t *op, nw_smash_op *out)
{
    static const char *const keys[] = {"kernel_size", "dilation", "groups"};
    const char *wrong = NULL;
    size_t n = 0;

    out->pattern = get_pattern(r, json_object_get(op, "op"));
    if (out->pattern < 0)
        return "no such op in this space";
    for (int c = 0; !wrong && c < NW_SMASH_CONVS; c++)
        if (nw_smash_active[out->pattern][c])
            wrong = get_conv(r, op, (int)n++, &out->conv[c]);
    for (int i = 0; !wrong && i < 3; i++)
        if (json_array_size(json_object_get(op, keys[i])) != n)
            wrong = "kernel_size, dilation and groups have an entry for every 1 of op";
    return wrong;
}

static const char *get_op(const nw_smash_rules *r, const json_t *json, int most,
                          nw_smash_op *out)
{
    const char *wrong = get_set(json_object_get(json, "incoming"), most, &out->read);

    if (!wrong)
        wrong = get_set(json_object_get(json, "outgoing"), most, &out->write);
    out->units = number(json_object_get(json, "G"), -1) - 1;
    if (!wrong && (out->units < 0 || out->units >= NW_SMASH_UNITS))
        wrong = "G is 1 to 8";
    return wrong ? wrong : get_convs(r, json, out);
}

static const char *get_block(const nw_smash_rules *r, int b, const json_t *json,
                             nw_smash_block *out)
{
    const json_t *ops = json_object_get(json, "ops");
    const int size = number(json_object_get(json, "bank_size"), -1);
    const char *wrong = NULL;

    while (out->size < r->sizes[b] && r->size[b][out->size] != size)
        out->size++;
    if (out->size == r->sizes[b])
        return "no such bank_size in this block";
    if (!json_is_array(ops) || (int)json_array_size(ops) > r->ops)
        return "ops is a list of at most ops= ops";
    for (int o = 0; !wrong && o < (int)json_array_size(ops); o++)
        wrong = get_op(r, json_array_get(ops, (size_t)o), nw_smash_banks(r, b, size),
                       &out->op[o]);
    return wrong;
}

nw_status nw_smash_read(nw_arch *arch, const char *text, const char *where)
{
    json_error_t error;
    json_t *list = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    nw_status status = NW_OK;
    nw_smash_rules r;
    nw_smash_arch a;

    nw_smash_rules_of(arch->space, &r);
    memset(&a, 0, sizeof(a));
    if (!list)
        return nw_fail(arch->ctx, NW_EFORMAT, "%s:%d:%d: %s", where, error.line,
                       error.column, error.text);
    if (json_array_size(list) != NW_SMASH_BLOCKS)
        status = nw_fail(arch->ctx, NW_EFORMAT, "%s: not a list of 3 blocks", where);
    for (int b = 0; status >= 0 && b < NW_SMASH_BLOCKS; b++) {
        const char *wrong =
            get_block(&r, b, json_array_get(list, (size_t)b), &a.block[b]);

        if (wrong)
            status =
                nw_fail(arch->ctx, NW_EFORMAT, "%s: block %d: %s", where, b + 1, wrong);
    }
    json_decref(list);
    if (status >= 0)
        nw_smash_put(&r, arch, &a);
    return status;
}
