/* A file as a network: whatever it says, a space with weights or one message. */
#include "export.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    nw_net *net;

    if (!nw_onnx_parse(ctx, bytes, n, "input", &net) && nw_pending(ctx) >= 0)
        __builtin_trap(); /* a failure without words */
    nw_close(ctx);
    return 0;
}
