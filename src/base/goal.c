/* goal.c - reading limits and objectives, and holding a score against them. */
#include "goal.h"

#include "ctx.h"
#include "text.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Reading ------------------------------------------------------------------- */

static const char *skip_blanks(const char *c)
{
    while (isspace((unsigned char)*c))
        c++;
    return c;
}

/* The measure at *at, which moves behind it. NULL after nw_fail(). */
static const nw_measure *read_measure(nw_ctx *ctx, const char *what, const char **at)
{
    const char *names[32], *word = skip_blanks(*at), *near;
    const size_t length = strcspn(word, " \t\n,<>=");
    const nw_measure *found = nw_measure_find(word, length);
    char text[64];
    size_t n = 0;

    *at = skip_blanks(word + length);
    if (found)
        return found;
    for (const nw_measure *m = nw_measures; m->name; m++)
        names[n++] = m->name;
    snprintf(text, sizeof(text), "%.*s", (int)length, word);
    near = nw_near(text, names, n);
    nw_fail(ctx, NW_ENAME, "%s: there is no measure \"%s\"%s%s%s", what, text,
            near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
    return NULL;
}

static nw_status read_limit(nw_ctx *ctx, const char **at, nw_limit *out)
{
    const char *begin = skip_blanks(*at);
    char *end;

    out->measure = read_measure(ctx, "limit", at);
    if (!out->measure)
        return NW_ENAME;
    if (!out->measure->is_known_before)
        return nw_fail(
            ctx, NW_ESPEC,
            "limit: \"%s\" is known only after training; limits are on params, "
            "macs, peak_bytes, layers and latency_ms",
            out->measure->name);
    out->at_least = !strncmp(*at, ">=", 2);
    if (!out->at_least && strncmp(*at, "<=", 2))
        return nw_fail(ctx, NW_ESPEC, "limit: \"%s\": expected <= or >= and a number",
                       begin);
    out->bound = strtod(*at + 2, &end);
    if (end == *at + 2 || !isfinite(out->bound))
        return nw_fail(ctx, NW_ESPEC, "limit: \"%s\": \"%s\" is not a number", begin,
                       *at + 2);
    *at = skip_blanks(end);
    return NW_OK;
}

/* A comma and more, or the end. */
static nw_status read_comma(nw_ctx *ctx, const char *what, const char *text,
                            const char **at)
{
    if (**at && **at != ',')
        return nw_fail(ctx, NW_ESPEC, "%s: \"%s\": expected a comma at \"%s\"", what,
                       text, *at);
    *at += **at == ',';
    return NW_OK;
}

static nw_status read_limits(nw_ctx *ctx, const char *text, nw_goal *out)
{
    for (const char *at = text; *skip_blanks(at);) {
        if (out->n_limit == NW_MOST_LIMITS)
            return nw_fail(ctx, NW_EINVAL, "limit: more than %d", NW_MOST_LIMITS);
        NW_TRY(read_limit(ctx, &at, &out->limit[out->n_limit++]));
        NW_TRY(read_comma(ctx, "limit", text, &at));
    }
    return NW_OK;
}

static nw_status read_objectives(nw_ctx *ctx, const char *text, nw_goal *out)
{
    for (const char *at = text; *skip_blanks(at);) {
        if (out->n_objective == NW_MOST_OBJECTIVES)
            return nw_fail(ctx, NW_EINVAL, "objective: more than %d", NW_MOST_OBJECTIVES);
        out->objective[out->n_objective] = read_measure(ctx, "objective", &at);
        if (!out->objective[out->n_objective++])
            return NW_ENAME;
        NW_TRY(read_comma(ctx, "objective", text, &at));
    }
    return NW_OK;
}

nw_status nw_goal_parse(nw_ctx *ctx, const char *limits, const char *objective,
                        nw_goal *out)
{
    memset(out, 0, sizeof(*out));
    NW_TRY(read_limits(ctx, limits ? limits : "", out));
    NW_TRY(read_objectives(ctx, objective ? objective : "", out));
    if (!out->n_objective)
        out->objective[out->n_objective++] = nw_measure_find("quality", 7);
    return NW_OK;
}

/* ---- Holding ------------------------------------------------------------------- */

double nw_goal_excess(const nw_goal *goal, const nw_score *score)
{
    double sum = 0;

    for (int i = 0; i < goal->n_limit; i++) {
        const nw_limit *l = &goal->limit[i];
        const double value = nw_measure_of(l->measure, score);
        const double over = l->at_least ? l->bound - value : value - l->bound;

        if (isnan(value))
            return INFINITY;
        if (over > 0)
            sum += over / fmax(fabs(l->bound), 1e-9);
    }
    return sum;
}

const char *nw_limit_text(const nw_limit *limit, char out[80])
{
    snprintf(out, 80, "%s%s%.10g", limit->measure->name,
             limit->at_least ? ">=" : "<=", limit->bound);
    return out;
}
