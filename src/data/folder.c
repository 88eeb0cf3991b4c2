/*
 * folder.c - one folder a class, JPEG or PNG images in it.
 *
 * Classes are numbered by the order of their folders' names (of bytes, whatever the
 * locale), examples stand class by class in the order of the files' names. Names that
 * start with a dot are skipped.
 */
#include "parallel.h"
#include "source.h"

#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { GRAIN = 16, WORDS = 512 };

struct folder {
    char dir[NW_TEXT_SIZE];
    int size[2], channels;
};

static const nw_attr attrs[] = {
    {"dir", NW_TEXT, offsetof(struct folder, dir), NULL, 0, 0,
     "directory with one folder a class", NULL},
    {"size", NW_PAIR, offsetof(struct folder, size), "0", 0, 8192,
     "HxW to resample to; 0 = all images must have one size", NULL},
    {"channels", NW_INT, offsetof(struct folder, channels), "3", 1, 3, "1 (grey) or 3",
     NULL},
    {0},
};

/* Paths of all images, each with its class. */
struct list {
    nw_ctx *ctx;
    char **path;
    int32_t *label;
    int n, path_room, label_room;
};

/* ---- Listing ---------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int is_image(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot && (!strcasecmp(dot, ".jpg") || !strcasecmp(dot, ".jpeg") ||
                   !strcasecmp(dot, ".png"));
}

static int is_folder(const char *path)
{
    struct stat st;

    return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/* "dir/name" of what is in dir: folders, or images; sorted. */
static nw_status list_dir(nw_ctx *ctx, const char *dir, int folders, char ***out, int *n)
{
    DIR *d = opendir(dir);
    nw_status status = NW_OK;
    struct dirent *entry;
    char path[NW_PATH_SIZE];
    int room = 0;

    if (!d)
        return nw_fail(ctx, NW_EIO, "folder: %s: %s", dir, strerror(errno));
    while (status >= 0 && (entry = readdir(d))) {
        snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
        if (entry->d_name[0] == '.' ||
            !(folders ? is_folder(path) : is_image(entry->d_name)))
            continue;
        status = nw_grow(ctx, out, *n, &room, sizeof(**out));
        if (status >= 0 && !((*out)[(*n)++] = nw_strdup(ctx, path)))
            status = NW_ENOMEM;
    }
    closedir(d);
    if (*n)
        qsort(*out, (size_t)*n, sizeof(**out), compare);
    return status;
}

static void free_paths(nw_ctx *ctx, char **path, int n)
{
    for (int i = 0; i < n; i++)
        nw_release(ctx, path[i]);
    nw_release(ctx, path);
}

static nw_status add_class(struct list *list, const char *dir, int32_t label)
{
    char **path = NULL;
    int n = 0;
    nw_status status = list_dir(list->ctx, dir, 0, &path, &n);

    if (status >= 0 && !n)
        status = nw_fail(list->ctx, NW_EFORMAT,
                         "folder: %s: no .jpg, .jpeg or .png in this class", dir);
    for (int i = 0; status >= 0 && i < n; i++) {
        status = nw_grow(list->ctx, &list->path, list->n, &list->path_room,
                         sizeof(*list->path));
        if (status >= 0)
            status = nw_grow(list->ctx, &list->label, list->n, &list->label_room,
                             sizeof(*list->label));
        if (status < 0)
            break;
        list->path[list->n] = path[i];
        list->label[list->n++] = label;
        path[i] = NULL;
    }
    free_paths(list->ctx, path, n);
    return status;
}

static nw_status list_classes(struct list *list, const char *dir, nw_data_info *info)
{
    char **class = NULL;
    int n = 0;
    nw_status status = list_dir(list->ctx, dir, 1, &class, &n);

    if (status >= 0 && !n)
        status = nw_fail(list->ctx, NW_EFORMAT, "folder: %s: no folder in it", dir);
    for (int i = 0; status >= 0 && i < n; i++)
        status = add_class(list, class[i], i);
    for (int i = 0; i < n; i++) { /* the names alone, now */
        char *name = strrchr(class[i], '/') + 1;

        memmove(class[i], name, strlen(name) + 1);
    }
    info->classes = n;
    if (status >= 0)
        status = nw_class_names(list->ctx, n, (const char *const *)class, info);
    free_paths(list->ctx, class, n);
    return status;
}

/* ---- Decoding --------------------------------------------------------------- */

struct job {
    const struct list *list;
    const struct folder *folder;
    int height, width; /* of the set */
    uint8_t *bytes;
    char (*words)[WORDS]; /* one a part: why it failed, "" if it did not */
    nw_status *status;
};

static nw_status check_size(const struct job *job, const nw_source *src,
                            const nw_image *image)
{
    if (job->folder->size[0] ||
        (image->height == job->height && image->width == job->width))
        return NW_OK;
    return nw_source_bad(src, "%dx%d pixels, but %s has %dx%d (size=HxW resamples)",
                         image->height, image->width, job->list->path[0], job->height,
                         job->width);
}

static nw_status decode(nw_ctx *ctx, const struct job *job, size_t i)
{
    size_t count =
        (size_t)job->folder->channels * (size_t)job->height * (size_t)job->width;
    nw_source src = {.ctx = ctx};
    nw_image image = {0};
    nw_status status = nw_source_read(&src, ctx, "folder", job->list->path[i]);

    if (status >= 0)
        status = nw_image_decode(&src, job->folder->channels, &image);
    if (status >= 0)
        status = check_size(job, &src, &image);
    if (status >= 0)
        status =
            nw_image_resize(ctx, &image, job->height, job->width, job->bytes + i * count);
    nw_release(ctx, image.pixel);
    nw_source_free(&src);
    return status;
}

/* A context belongs to one thread, so every part has its own. */
static void decode_part(void *arg, size_t begin, size_t end)
{
    const struct job *job = arg;
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    nw_status status = ctx ? NW_OK : NW_ENOMEM;

    for (size_t i = begin; status >= 0 && i < end; i++)
        status = decode(ctx, job, i);
    if (status < 0)
        snprintf(job->words[begin / GRAIN], WORDS, "%s", nw_errmsg(ctx));
    job->status[begin / GRAIN] = status;
    nw_close(ctx);
}

static nw_status decode_all(struct job *job)
{
    nw_ctx *ctx = job->list->ctx;
    size_t n = (size_t)job->list->n, parts = (n + GRAIN - 1) / GRAIN;
    nw_status status = NW_OK;

    job->words = nw_alloc(ctx, parts * sizeof(*job->words));
    job->status = nw_alloc(ctx, parts * sizeof(*job->status));
    if (!job->words || !job->status)
        status = NW_ENOMEM;
    else
        nw_parallel(n, GRAIN, decode_part, job);
    for (size_t i = 0; status >= 0 && i < parts; i++)
        if (job->status[i] < 0)
            status = nw_fail(ctx, job->status[i], "%s", job->words[i]);
    nw_release(ctx, job->words);
    nw_release(ctx, job->status);
    return status;
}

/* Without size= the first image says it. */
static nw_status find_size(struct job *job)
{
    nw_ctx *ctx = job->list->ctx;
    nw_source src = {.ctx = ctx};
    nw_image image = {0};
    nw_status status;

    job->height = job->folder->size[0];
    job->width = job->folder->size[1];
    if (job->height && job->width)
        return NW_OK;
    status = nw_source_read(&src, ctx, "folder", job->list->path[0]);
    if (status >= 0)
        status = nw_image_decode(&src, job->folder->channels, &image);
    job->height = image.height;
    job->width = image.width;
    nw_release(ctx, image.pixel);
    nw_source_free(&src);
    return status;
}

static nw_status read_images(const struct folder *o, struct list *list,
                             nw_data_info *info)
{
    struct job job = {.list = list, .folder = o};
    size_t size;

    NW_TRY(list_classes(list, o->dir, info));
    NW_TRY(find_size(&job));
    info->count = (size_t)list->n;
    info->shape[0] = o->channels;
    info->shape[1] = job.height;
    info->shape[2] = job.width;
    info->scale = 1 / 255.;
    info->labels = list->label;
    list->label = NULL;
    size = (size_t)o->channels * (size_t)job.height * (size_t)job.width;
    info->bytes = job.bytes = nw_map(list->ctx, info->count * size);
    return job.bytes ? decode_all(&job) : NW_ENOMEM;
}

static nw_status folder_open(void *self, nw_ctx *ctx, nw_data_info *info)
{
    const struct folder *o = self;
    struct list list = {.ctx = ctx};
    nw_status status;

    if (o->channels == 2)
        return nw_fail(ctx, NW_ESPEC, "folder: channels=2 is not 1 or 3");
    if (!o->size[0] != !o->size[1])
        return nw_fail(ctx, NW_ESPEC, "folder: size=%dx%d is empty", o->size[0],
                       o->size[1]);
    status = read_images(o, &list, info);
    free_paths(ctx, list.path, list.n);
    nw_release(ctx, list.label);
    return status;
}

const nw_data_type nw_data_folder = {
    .name = "folder",
    .doc = "one folder a class, JPEG and PNG images in it",
    .attrs = attrs,
    .size = sizeof(struct folder),
    .open = folder_open,
};
