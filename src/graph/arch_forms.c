/* arch_forms.c - is an arch legal, what network is it, and how its papers write it. */
#include "random.h"
#include "space.h"

#include <string.h>

int nw_arch_is_legal(const nw_arch *arch, char why[256])
{
    const nw_space_type *family = arch->space->family;

    *why = 0;
    return !family || !family->legal || !arch->space->n_choice ||
           family->legal(arch, why);
}

nw_status nw_arch_check(const nw_arch *arch)
{
    char why[256];

    if (!arch)
        return NW_ENOMEM;
    if (!nw_arch_is_hard(arch))
        return nw_fail(arch->ctx, NW_EINVAL, "the architecture is not hard");
    if (!nw_arch_is_legal(arch, why))
        return nw_fail(arch->ctx, NW_EINVAL, "the architecture is not legal: %s", why);
    return NW_OK;
}

/* ---- Canonical form ------------------------------------------------------------ */

/* Options in the order of choices: "3 0 1+2 ..." */
static void options_text(const nw_arch *arch, nw_text *out)
{
    for (int c = 0; c < arch->space->n_choice; c++) {
        const nw_choice *choice = &arch->space->choice[c];
        const char *gap = c ? " " : "";

        for (int i = 0; i < choice->n; i++)
            if (arch->w[choice->first + i] != 0) {
                nw_text_printf(out, "%s%d", gap, i);
                gap = "+";
            }
    }
}

static nw_status canonical(const nw_arch *arch, nw_text *out)
{
    const nw_space_type *family = arch->space->family;

    NW_TRY(nw_arch_check(arch));
    if (family && family->canonical)
        NW_TRY(family->canonical(arch, out));
    else
        options_text(arch, out);
    return out->failed ? NW_ENOMEM : NW_OK;
}

nw_status nw_arch_canonical(const nw_arch *arch, FILE *out)
{
    nw_text text;
    nw_status status;

    if (!arch)
        return NW_ENOMEM;
    nw_text_init(&text, arch->ctx);
    status = canonical(arch, &text);
    if (status >= 0 && fwrite(text.data, 1, text.length, out) != text.length)
        status = nw_fail(arch->ctx, NW_EIO, "the canonical form could not be written");
    nw_text_free(&text);
    return status;
}

uint64_t nw_arch_class(const nw_arch *arch)
{
    uint64_t hash = NW_HASH_START;
    nw_text text;

    if (!arch)
        return 0;
    nw_text_init(&text, arch->ctx);
    if (canonical(arch, &text) >= 0 && text.data)
        hash = nw_hash(hash, text.data, text.length);
    nw_text_free(&text);
    return hash;
}

/* ---- Genotype -------------------------------------------------------------------- */

static nw_status no_words(const nw_arch *arch)
{
    return nw_fail(arch->ctx, NW_EINVAL, "%s has no genotypes, only choices",
                   arch->space->origin ? arch->space->origin : "the space");
}

nw_status nw_arch_write_genotype(const nw_arch *arch, FILE *out)
{
    const nw_space_type *family = arch ? arch->space->family : NULL;

    NW_TRY(nw_arch_check(arch));
    return family && family->genotype ? family->genotype(arch, out) : no_words(arch);
}

nw_status nw_arch_read_genotype(nw_arch *arch, const char *text, const char *where)
{
    const nw_space_type *family = arch ? arch->space->family : NULL;
    char why[256];

    if (!arch)
        return NW_ENOMEM;
    if (!family || !family->read)
        return no_words(arch);
    NW_TRY(family->read(arch, text, where));
    if (!nw_arch_is_hard(arch))
        return nw_fail(arch->ctx, NW_EFORMAT, "%s: the genotype says not all", where);
    if (!nw_arch_is_legal(arch, why))
        return nw_fail(arch->ctx, NW_EFORMAT, "%s: the genotype is not legal: %s", where,
                       why);
    return NW_OK;
}
