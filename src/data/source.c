/* source.c - files and archives to memory. */
#include "source.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { SMALLEST = 64 << 10, LARGEST_READ = 1 << 30 };

nw_status nw_source_bad(const nw_source *src, const char *format, ...)
{
    char words[512];
    va_list list;

    va_start(list, format);
    vsnprintf(words, sizeof(words), format, list);
    va_end(list);
    return nw_fail(src->ctx, NW_EFORMAT, "%s: %s: %s", src->format, src->path, words);
}

static nw_status cannot_read(const nw_source *src)
{
    return nw_fail(src->ctx, NW_EIO, "%s: %s: %s", src->format, src->path,
                   strerror(errno));
}

void nw_source_free(nw_source *src)
{
    nw_release(src->ctx, src->data);
    src->data = NULL;
    src->size = 0;
}

/* Room for `size` bytes and a NUL behind them. */
static nw_status make_room(nw_source *src, size_t *room, size_t size)
{
    size_t more = *room ? *room : (size_t)SMALLEST;
    uint8_t *data;

    if (size < *room)
        return NW_OK;
    while (more <= size)
        more *= 2;
    data = nw_resize(src->ctx, src->data, src->size, more);
    if (!data)
        return NW_ENOMEM;
    src->data = data;
    *room = more;
    return NW_OK;
}

/* A gzip file ends in its length modulo 2^32, which may lie: only a first guess. */
static size_t guess_size(int fd)
{
    struct stat st;
    uint8_t head[2] = {0}, tail[4];
    size_t size;

    if (fstat(fd, &st) || st.st_size <= 0)
        return 0;
    size = (size_t)st.st_size;
    if (size > 18 && pread(fd, head, 2, 0) == 2 && head[0] == 0x1f && head[1] == 0x8b &&
        pread(fd, tail, 4, st.st_size - 4) == 4) {
        size_t whole = tail[0] | (size_t)tail[1] << 8 | (size_t)tail[2] << 16 |
                       (size_t)tail[3] << 24;

        return whole / 1032 <= size ? whole : size; /* deflate's best ratio */
    }
    return size;
}

static nw_status read_all(nw_source *src, gzFile gz, size_t guess)
{
    size_t room = 0;
    int n, code;

    NW_TRY(make_room(src, &room, guess));
    for (;;) {
        size_t free_room = room - 1 - src->size;

        if (!free_room) {
            NW_TRY(make_room(src, &room, room));
            continue;
        }
        n = gzread(gz, src->data + src->size,
                   (unsigned)(free_room < LARGEST_READ ? free_room : LARGEST_READ));
        if (n <= 0)
            break;
        src->size += (size_t)n;
    }
    if (n < 0 && errno && gzerror(gz, &code) && code == Z_ERRNO)
        return cannot_read(src);
    return n < 0 ? nw_source_bad(src, "damaged gzip after %zu bytes", src->size) : NW_OK;
}

nw_status nw_source_read(nw_source *src, nw_ctx *ctx, const char *format,
                         const char *path)
{
    nw_status status;
    gzFile gz = NULL;
    int fd;

    *src = (nw_source){.ctx = ctx, .format = format, .path = path};
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return cannot_read(src);
    errno = 0;
    gz = gzdopen(fd, "rb");
    if (!gz) {
        close(fd);
        return nw_fail(ctx, NW_ENOMEM, "%s: %s: out of memory", format, path);
    }
    gzbuffer(gz, 1 << 17);
    status = read_all(src, gz, guess_size(fd));
    if (gzclose(gz) == Z_BUF_ERROR && status >= 0)
        status = nw_source_bad(src, "gzip cut short after %zu bytes", src->size);
    if (status < 0)
        nw_source_free(src);
    return status;
}

/* ---- Archives --------------------------------------------------------------- */

/* "a/b/x.bin" ends in "x.bin", and "x.bin" does; "yx.bin" does not. */
static int ends_in(const char *path, const char *name)
{
    size_t n = strlen(path), m = strlen(name);

    return n >= m && !strcmp(path + n - m, name) && (n == m || path[n - m - 1] == '/');
}

static int which(const char *path, int n, const char *const *name)
{
    for (int i = 0; path && i < n; i++)
        if (ends_in(path, name[i]))
            return i;
    return -1;
}

static nw_status read_entry(struct archive *a, struct archive_entry *entry,
                            nw_source *src)
{
    size_t room = 0, n;
    la_ssize_t got;

    nw_source_free(src);
    n = archive_entry_size_is_set(entry) ? (size_t)archive_entry_size(entry) : 0;
    NW_TRY(make_room(src, &room, n < LARGEST_READ ? n : 0));
    for (;;) {
        if (src->size + 1 >= room)
            NW_TRY(make_room(src, &room, room));
        got = archive_read_data(a, src->data + src->size, room - 1 - src->size);
        if (got <= 0)
            break;
        src->size += (size_t)got;
    }
    return got < 0 ? nw_source_bad(src, "%s", archive_error_string(a)) : NW_OK;
}

static nw_status read_entries(struct archive *a, int n, const char *const *name,
                              nw_source *out)
{
    struct archive_entry *entry;
    int code;

    while ((code = archive_read_next_header(a, &entry)) == ARCHIVE_OK ||
           code == ARCHIVE_WARN) {
        int i = which(archive_entry_pathname(entry), n, name);

        if (i >= 0)
            NW_TRY(read_entry(a, entry, &out[i]));
    }
    return code == ARCHIVE_EOF ? NW_OK
                               : nw_source_bad(out, "%s", archive_error_string(a));
}

/* libarchive says EILSEQ, or less than 0, of what is wrong inside a file. */
static int is_system_error(int code)
{
    return code > 0 && code != EILSEQ;
}

nw_status nw_archive_read(nw_ctx *ctx, const char *format, const char *path, int n,
                          const char *const *name, nw_source *out)
{
    struct archive *a = archive_read_new();
    nw_status status;

    for (int i = 0; i < n; i++)
        out[i] = (nw_source){.ctx = ctx, .format = format, .path = path};
    if (!a)
        return nw_fail(ctx, NW_ENOMEM, "%s: %s: out of memory", format, path);
    archive_read_support_filter_all(a);
    archive_read_support_format_tar(a);
    archive_read_support_format_zip(a);
    if (archive_read_open_filename(a, path, SMALLEST) == ARCHIVE_OK)
        status = read_entries(a, n, name, out);
    else
        status = nw_fail(ctx, is_system_error(archive_errno(a)) ? NW_EIO : NW_EFORMAT,
                         "%s: %s: %s", format, path, archive_error_string(a));
    archive_read_free(a);
    for (int i = 0; status < 0 && i < n; i++)
        nw_source_free(&out[i]);
    return status;
}

/* ---- Paths and names -------------------------------------------------------- */

static void add_place(nw_places *places, const char *dir, const char *name)
{
    if (dir && dir[0])
        snprintf(places->dir[places->n++], NW_PATH_SIZE, "%s%s%s", dir, name ? "/" : "",
                 name ? name : "");
}

void nw_places_set(nw_places *places, const char *dir, const char *cache,
                   const char *name, const char *system_dir)
{
    places->n = 0;
    add_place(places, dir, NULL);
    if (places->n)
        return;
    add_place(places, cache, name);
    add_place(places, system_dir, NULL);
}

int nw_find_file(char path[NW_PATH_SIZE], const nw_places *places, const char *file)
{
    static const char *const endings[] = {"", ".gz"};

    for (int i = 0; i < 2 * places->n; i++) {
        int n = snprintf(path, NW_PATH_SIZE, "%s/%s%s", places->dir[i / 2], file,
                         endings[i % 2]);

        if (n < NW_PATH_SIZE && !access(path, F_OK))
            return 1;
    }
    return 0;
}

nw_status nw_fail_absent(nw_ctx *ctx, const char *name, const nw_places *places,
                         const char *file, const char *how)
{
    return nw_fail(ctx, NW_EIO, "%s: no %s in %s%s%s: %s", name, file,
                   places->n ? places->dir[0]
                             : "any place (dir= and cache= are not given)",
                   places->n > 1 ? " or " : "", places->n > 1 ? places->dir[1] : "", how);
}

nw_status nw_class_names(nw_ctx *ctx, int n, const char *const *names, nw_data_info *info)
{
    size_t size = (size_t)n * sizeof(char *);
    char **block, *text;

    for (int i = 0; i < n; i++)
        size += strlen(names[i]) + 1;
    block = nw_alloc(ctx, size);
    if (!block)
        return NW_ENOMEM;
    text = (char *)(block + n);
    for (int i = 0; i < n; i++) {
        block[i] = text;
        text = stpcpy(text, names[i]) + 1;
    }
    info->class_names = (const char *const *)block;
    return NW_OK;
}
