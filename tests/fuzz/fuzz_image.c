/* The bytes are a JPEG or a PNG; small ones are resampled too. */
#include "source.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    nw_source src = {ctx, "image", "input", (uint8_t *)bytes, n};
    nw_image image = {0};
    uint8_t out[3 * 5 * 7];

    if (nw_image_decode(&src, n & 1 ? 1 : 3, &image) >= 0 && image.height < 512 &&
        image.width < 512)
        nw_image_resize(ctx, &image, 5, 7, out);
    nw_close(ctx);
    return 0;
}
