/* A file as the weights of a small network. */
#include "export.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    nw_space *s = nw_space_new(ctx);
    nw_net *net;

    nw_output(s, nw_op(s, "conv2d out=2 k=1 name=a | globalpool | dense out=2 name=b",
                       nw_input(s, 1, 2, 2)));
    net = nw_net_new(ctx, s, NULL, 1, NW_F32);
    if (net)
        nw_safetensors_load(net, bytes, n, "input");
    nw_close(ctx);
    return 0;
}
