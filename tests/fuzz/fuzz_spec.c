/* A chain of ops, and the spec of a family. */
#include "family.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    nw_space *chain = nw_space_new(ctx), *family = nw_space_new(ctx);
    char *text = nw_alloc(ctx, n + 1);

    if (chain && family && text) {
        memcpy(text, bytes, n);
        nw_output(chain, nw_opf(chain, nw_input(chain, 4, 8, 8), "%s", text));
        nw_space_seal(chain);
        if (n < 60) /* long ones only make large networks */
            nw_family_build(family, text, (const int[3]){3, 8, 8}, 4, NULL);
    }
    nw_close(ctx);
    return 0;
}
