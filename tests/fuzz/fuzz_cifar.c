/* The bytes are a file of CIFAR-10 records, and of CIFAR-100 records. */
#include "source.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    nw_source src = {ctx, "cifar", "input", (uint8_t *)bytes, n};
    size_t count;

    nw_cifar_parse(&src, &(nw_cifar_layout){1, 0, {10, 0}}, &count);
    nw_cifar_parse(&src, &(nw_cifar_layout){2, 1, {20, 100}}, &count);
    nw_close(ctx);
    return 0;
}
