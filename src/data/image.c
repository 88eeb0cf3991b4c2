/*
 * image.c - one JPEG or PNG from memory, and resampling.
 *
 * What libjpeg calls a warning (a file cut short is one) is an error here, for a network
 * would learn from the grey that it fills in. Transparent parts of a PNG become black.
 */
#include "source.h"

#include <jerror.h>
#include <jpeglib.h>
#include <math.h>
#include <png.h>
#include <setjmp.h>
#include <string.h>

enum { MOST_PIXELS = 1 << 26 };

static nw_status start_image(const nw_source *src, unsigned height, unsigned width,
                             int channels, nw_image *out)
{
    if (!height || !width || height > MOST_PIXELS / width)
        return nw_source_bad(src, "%ux%u pixels are none or too many", height, width);
    out->channels = channels;
    out->height = (int)height;
    out->width = (int)width;
    out->pixel = nw_alloc(src->ctx, (size_t)height * width * (size_t)channels);
    return out->pixel ? NW_OK : NW_ENOMEM;
}

/* ---- JPEG ------------------------------------------------------------------- */

struct jpeg_trouble {
    struct jpeg_error_mgr base;
    jmp_buf back;
    char words[JMSG_LENGTH_MAX];
};

static void jpeg_fail(j_common_ptr jpeg)
{
    struct jpeg_trouble *t = (struct jpeg_trouble *)jpeg->err;

    t->base.format_message(jpeg, t->words);
    longjmp(t->back, 1);
}

static void jpeg_message(j_common_ptr jpeg, int level)
{
    int code = jpeg->err->msg_code;

    if (level < 0 && code != JWRN_EXTRANEOUS_DATA && code != JWRN_JFIF_MAJOR &&
        code != JWRN_ADOBE_XFORM)
        jpeg_fail(jpeg);
}

static nw_status read_jpeg(const nw_source *src, struct jpeg_decompress_struct *jpeg,
                           int channels, nw_image *out)
{
    size_t row;

    jpeg_create_decompress(jpeg);
    jpeg_mem_src(jpeg, src->data, (unsigned long)src->size);
    jpeg_read_header(jpeg, TRUE);
    jpeg->out_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    NW_TRY(start_image(src, jpeg->image_height, jpeg->image_width, channels, out));
    jpeg_start_decompress(jpeg);
    row = (size_t)out->width * (size_t)channels;
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW to = out->pixel + jpeg->output_scanline * row;

        jpeg_read_scanlines(jpeg, &to, 1);
    }
    jpeg_finish_decompress(jpeg);
    return NW_OK;
}

static nw_status decode_jpeg(const nw_source *src, int channels, nw_image *out)
{
    struct jpeg_decompress_struct jpeg = {0};
    struct jpeg_trouble trouble;
    nw_status status;

    jpeg.err = jpeg_std_error(&trouble.base);
    trouble.base.error_exit = jpeg_fail;
    trouble.base.emit_message = jpeg_message;
    trouble.words[0] = 0;
    if (setjmp(trouble.back))
        status = nw_source_bad(src, "broken JPEG: %s", trouble.words);
    else
        status = read_jpeg(src, &jpeg, channels, out);
    jpeg_destroy_decompress(&jpeg);
    return status;
}

/* ---- PNG -------------------------------------------------------------------- */

/* In place, with the weights of ITU-R 601 as JPEG uses them. */
static void rgb_to_grey(const nw_image *image)
{
    size_t n = (size_t)image->height * (size_t)image->width;

    for (size_t i = 0; i < n; i++) {
        const uint8_t *p = image->pixel + 3 * i;

        image->pixel[i] = (uint8_t)((299 * p[0] + 587 * p[1] + 114 * p[2] + 500) / 1000);
    }
}

static nw_status decode_png(const nw_source *src, int channels, nw_image *out)
{
    png_image png = {.version = PNG_IMAGE_VERSION};
    const png_color black = {0, 0, 0};
    nw_status status;
    int colour;

    if (!png_image_begin_read_from_memory(&png, src->data, src->size))
        return nw_source_bad(src, "broken PNG: %s", png.message);
    colour = channels == 3 || (png.format & PNG_FORMAT_FLAG_COLOR);
    png.format = colour ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
    status = start_image(src, png.height, png.width, colour ? 3 : 1, out);
    if (status >= 0 && !png_image_finish_read(&png, &black, out->pixel, 0, NULL))
        status = nw_source_bad(src, "broken PNG: %s", png.message);
    png_image_free(&png);
    if (status >= 0 && colour && channels == 1)
        rgb_to_grey(out);
    out->channels = channels;
    return status;
}

nw_status nw_image_decode(const nw_source *src, int channels, nw_image *out)
{
    if (src->size > 2 && src->data[0] == 0xff && src->data[1] == 0xd8)
        return decode_jpeg(src, channels, out);
    if (src->size > 8 && !memcmp(src->data, "\x89PNG\r\n\x1a\n", 8))
        return decode_png(src, channels, out);
    return nw_source_bad(src, "neither a JPEG nor a PNG");
}

/* ---- Resampling ------------------------------------------------------------- */

/*
 * Output i of n_out is the mean of inputs around its centre under a triangle whose half
 * width is one input when growing and one output when shrinking.
 */
struct tap {
    int first, n;
    double centre, half;
};

static struct tap tap_of(int i, int n_in, int n_out)
{
    double ratio = (double)n_in / n_out, half = ratio > 1 ? ratio : 1;
    double centre = (i + .5) * ratio - .5;
    int first = (int)ceil(centre - half), last = (int)floor(centre + half);

    first = first < 0 ? 0 : first;
    last = last >= n_in ? n_in - 1 : last;
    return (struct tap){first, last - first + 1, centre, half};
}

/* Weighted mean of the tap's inputs, which stand `step` apart. */
static double apply(const struct tap *t, const float *from, size_t step)
{
    double sum = 0, total = 0;

    for (int k = 0; k < t->n; k++) {
        double w = 1 - fabs(t->first + k - t->centre) / t->half;

        sum += w * (double)from[(size_t)(t->first + k) * step];
        total += w;
    }
    return sum / total;
}

/* Rows of one plane into `wide` (image height x width), then its columns into out. */
static void resize_plane(const nw_image *image, int c, int height, int width,
                         const struct tap *tap, float *row, float *wide, uint8_t *out)
{
    size_t w = (size_t)width, channels = (size_t)image->channels;

    for (int y = 0; y < image->height; y++) {
        const uint8_t *from = image->pixel + (size_t)y * (size_t)image->width * channels;

        for (int x = 0; x < image->width; x++)
            row[x] = from[(size_t)x * channels + (size_t)c];
        for (size_t x = 0; x < w; x++)
            wide[(size_t)y * w + x] = (float)apply(&tap[x], row, 1);
    }
    for (int y = 0; y < height; y++) {
        struct tap t = tap_of(y, image->height, height);

        for (size_t x = 0; x < w; x++)
            out[(size_t)y * w + x] = (uint8_t)lround(apply(&t, wide + x, w));
    }
}

static void split_planes(const nw_image *image, uint8_t *out)
{
    size_t n = (size_t)image->height * (size_t)image->width;
    size_t channels = (size_t)image->channels;

    for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < n; i++)
            out[c * n + i] = image->pixel[i * channels + c];
}

nw_status nw_image_resize(nw_ctx *ctx, const nw_image *image, int height, int width,
                          uint8_t *out)
{
    size_t n = (size_t)image->height * (size_t)width + (size_t)image->width;
    struct tap *tap;
    float *scratch;

    if (image->height == height && image->width == width) {
        split_planes(image, out);
        return NW_OK;
    }
    scratch = nw_alloc(ctx, n * sizeof(*scratch));
    tap = nw_alloc(ctx, (size_t)width * sizeof(*tap));
    for (int x = 0; tap && x < width; x++)
        tap[x] = tap_of(x, image->width, width);
    for (int c = 0; scratch && tap && c < image->channels; c++)
        resize_plane(image, c, height, width, tap, scratch, scratch + image->width,
                     out + (size_t)c * (size_t)height * (size_t)width);
    nw_release(ctx, tap);
    nw_release(ctx, scratch);
    return scratch && tap ? NW_OK : NW_ENOMEM;
}
