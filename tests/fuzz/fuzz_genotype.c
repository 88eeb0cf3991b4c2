/* Cells of any family as JSON: read, written, read again, and small ones built. */
#include "genotype_file.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* What was read is written so that it reads the same. */
static void write_and_read(nw_ctx *ctx, const nw_gene_file *file)
{
    char text[1 << 13] = "";
    FILE *out = fmemopen(text, sizeof(text), "w");
    nw_gene_file again;

    if (!out || nw_gene_write(ctx, file->skeleton->name, &file->genotype, out) < 0)
        abort();
    fclose(out);
    if (file->skeleton->family && nw_gene_read(ctx, &again, text, "again") < 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    char *text = nw_alloc(ctx, n + 1);
    struct nw_slim_keys keys = {.n = 1, .f = 8, .net = "cifar"};
    nw_gene_file file;

    if (text) {
        memcpy(text, bytes, n);
        if (nw_gene_read(ctx, &file, text, "a.json") >= 0) {
            nw_space *space = nw_space_new(ctx);

            write_and_read(ctx, &file);
            if (file.skeleton->family)
                nw_slim_build(space, file.skeleton->family, &keys,
                              (const int[]){3, 13, 16}, 4, &file.genotype);
            if (nw_space_seal(space) < 0 && file.skeleton->family)
                abort();
        }
    }
    nw_close(ctx);
    return 0;
}
