/* registry.c - every list by kind: for listings, help and the manual. */
#include "data.h"
#include "estimate.h"
#include "export.h"
#include "family.h"
#include "space.h"
#include "strategy.h"

static const void *const *list_of(nw_kind kind)
{
    switch (kind) {
    case NW_OPS:
        return (const void *const *)nw_ops_f32;
    case NW_SPACES:
        return (const void *const *)nw_spaces;
    case NW_NETS:
        return (const void *const *)nw_nets;
    case NW_STRATEGIES:
        return (const void *const *)nw_strategies;
    case NW_ESTIMATORS:
        return (const void *const *)nw_estimators;
    case NW_DATASETS:
        return (const void *const *)nw_data_types;
    case NW_EXPORTERS:
        return (const void *const *)nw_exporters;
    }
    return NULL;
}

const char *nw_list(const nw_ctx *ctx, nw_kind kind, size_t i)
{
    const void *const *list = list_of(kind);

    (void)ctx;
    for (size_t k = 0; list && list[k]; k++)
        if (k == i)
            return ((const nw_head *)list[k])->name;
    return NULL;
}

nw_status nw_help(nw_ctx *ctx, nw_kind kind, const char *name, FILE *out)
{
    static const char *const kinds[] = {"op",        "space",    "network", "strategy",
                                        "estimator", "data set", "exporter"};
    const void *const *list = list_of(kind);
    const nw_head *type;
    const char *published;
    nw_text text;

    if (!list || !name)
        return nw_pending(ctx);
    nw_clear(ctx);
    type = nw_spec_find(ctx, kinds[kind], list, name);
    if (!type)
        return nw_pending(ctx);
    nw_text_init(&text, ctx);
    nw_spec_help(&text, type);
    published = kind == NW_NETS ? ((const nw_space_type *)type)->published : NULL;
    if (published)
        nw_text_printf(&text, "published: %s\n", published);
    fputs(text.data ? text.data : "", out);
    nw_text_free(&text);
    return NW_OK;
}
