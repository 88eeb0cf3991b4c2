/*
 * source.h - a file in memory, and the parsers that look at one.
 *
 * Parsers take bytes, not paths, so that a fuzzer needs no files. Whatever is wrong with
 * a file is said as "format: path: what and where".
 */
#ifndef NW_SOURCE_H
#define NW_SOURCE_H

#include "ctx.h"
#include "netwright_ext.h"

typedef struct nw_source {
    nw_ctx *ctx;
    const char *format; /* name of the data set's type  */
    const char *path;
    uint8_t *data; /* one block of the context     */
    size_t size;
} nw_source;

enum { NW_PATH_SIZE = 4 * NW_TEXT_SIZE };

/* Read the whole file; gzip is undone on the way. NW_EIO, or NW_EFORMAT if damaged. */
nw_status nw_source_read(nw_source *src, nw_ctx *ctx, const char *format,
                         const char *path);
void nw_source_free(nw_source *src);

/* NW_EFORMAT with words. */
nw_status nw_source_bad(const nw_source *src, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Read the entries of an archive (tar.gz, zip ...) whose path ends in name[i] to out[i];
 * data stays NULL for an entry that is not there. */
nw_status nw_archive_read(nw_ctx *ctx, const char *format, const char *path, int n,
                          const char *const *name, nw_source *out);

/* Where the files of a named data set may be: dir alone if it is given, otherwise
 * cache/NAME and then system_dir (both may be NULL or ""). */
typedef struct nw_places {
    int n;
    char dir[2][NW_PATH_SIZE];
} nw_places;

void nw_places_set(nw_places *places, const char *dir, const char *cache,
                   const char *name, const char *system_dir);

/* Path of `file` or `file`.gz in the first place that has it. 0 = none has. */
int nw_find_file(char path[NW_PATH_SIZE], const nw_places *places, const char *file);

/* NW_EIO: `file` is in none of the places; how says what to do. */
nw_status nw_fail_absent(nw_ctx *ctx, const char *name, const nw_places *places,
                         const char *file, const char *how);

/* One block with copies of the names. */
nw_status nw_class_names(nw_ctx *ctx, int n, const char *const *names,
                         nw_data_info *info);

/* Release what a failed or replaced reading left. */
void nw_data_info_free(nw_ctx *ctx, nw_data_info *info);

/* ---- Parsers ------------------------------------------------------------------ */

typedef struct nw_idx {
    int rank, dim[4];
    size_t start; /* of the numbers, bytes */
} nw_idx;

/* Unsigned bytes of min_rank..4 axes; the file must be exactly as long as it says. */
nw_status nw_idx_parse(const nw_source *src, int min_rank, int max_rank, nw_idx *out);

/* Fill info from the two idx files and take over the images' block. */
nw_status nw_idx_read(nw_source *images, nw_source *labels, int classes,
                      nw_data_info *info);

typedef struct nw_cifar_layout {
    int n_label;    /* label bytes before the 3072 of the image       */
    int label;      /* which of them is read                          */
    int classes[2]; /* of each label byte                             */
} nw_cifar_layout;

/* Check one file of records and count them. */
nw_status nw_cifar_parse(const nw_source *src, const nw_cifar_layout *layout,
                         size_t *count);

typedef struct nw_npy {
    char kind; /* 'u', 'i' or 'f'                                   */
    int width; /* bytes a number                                    */
    int rank, dim[4];
    size_t count; /* numbers                                           */
    size_t start; /* of them, bytes                                    */
} nw_npy;

typedef struct nw_npy_config {
    int nhwc;     /* x is (N, H, W, C)                    */
    int classes;  /* 0 = largest label + 1                */
    double scale; /* 0 = 1/255 for bytes, else 1          */
} nw_npy_config;

nw_status nw_npy_parse(const nw_source *src, nw_npy *out);

/* Fill info from the arrays of examples and of labels. */
nw_status nw_npy_read(const nw_source *x, const nw_source *y, const nw_npy_config *config,
                      nw_data_info *info);

typedef struct nw_csv_config {
    const char *label;  /* name or index from 0 of its column; "" = the last  */
    const char *header; /* "auto", "yes", "no"                                */
    char separator;
    int shape[3]; /* all 0 = (columns, 1, 1)                            */
    int classes;  /* 0 = as the labels say                              */
    double scale;
} nw_csv_config;

/* The text is cut to pieces in place. src->data[src->size] must be 0. */
nw_status nw_csv_parse(nw_source *src, const nw_csv_config *config, nw_data_info *info);

typedef struct nw_image {
    int channels, height, width;
    uint8_t *pixel; /* (height, width, channels), one block of the context */
} nw_image;

/* JPEG or PNG to 1 (grey) or 3 channels. */
nw_status nw_image_decode(const nw_source *src, int channels, nw_image *out);

/* Resample to (channels, height, width) planes: linear, and when shrinking wide enough
 * that every source pixel counts. */
nw_status nw_image_resize(nw_ctx *ctx, const nw_image *image, int height, int width,
                          uint8_t *out);

#endif
