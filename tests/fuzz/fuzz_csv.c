/* The first byte chooses how the rest is read as CSV. */
#include "source.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const char *const headers[] = {"auto", "yes", "no"};
    static const char *const labels[] = {"", "0", "b"};
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    nw_source src = {.ctx = ctx, .format = "csv", .path = "input"};
    nw_data_info info = {0};

    if (n) {
        const nw_csv_config config = {.header = headers[bytes[0] % 3],
                                      .label = labels[bytes[0] / 3 % 3],
                                      .separator = ',',
                                      .classes = bytes[0] >> 6,
                                      .scale = 1};

        src.size = n - 1;
        src.data = nw_alloc(ctx, n);
        if (src.data) {
            memcpy(src.data, bytes + 1, n - 1);
            nw_csv_parse(&src, &config, &info);
        }
    }
    nw_close(ctx);
    return 0;
}
