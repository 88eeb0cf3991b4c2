/*
 * get.c - bring the official files of a data set to a cache directory.
 *
 * A file grows as NAME.part; a later call goes on where an earlier one ended. Only a file
 * whose checksum is right is renamed to NAME, in one step, so that what has its name is
 * whole. Proxies are libcurl's affair.
 */
#include "data.h"
#include "source.h"
#include "spec.h"

#include <curl/curl.h>
#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_TRIES = 20 };

struct get {
    nw_ctx *ctx;
    const char *name; /* of the data set */
    const char *url;
    char dir[NW_PATH_SIZE];
    double before, total; /* bytes: of finished files, of all */
    int (*on_progress)(void *user, double done, double total);
    void *user;
    CURL *curl;
    char words[CURL_ERROR_SIZE];
};

/* One file on its way. */
struct transfer {
    struct get *get;
    const nw_data_file *file;
    char path[NW_PATH_SIZE + 64], part[NW_PATH_SIZE + 80], url[NW_PATH_SIZE + 64];
    FILE *out;
    curl_off_t start; /* bytes that were there */
    int is_stopped;
};

static nw_status fail_file(const struct transfer *t, const char *path)
{
    return nw_fail(t->get->ctx, NW_EIO, "data get: %s: %s", path, strerror(errno));
}

/* ---- Checksums -------------------------------------------------------------- */

/* Digest of a file in hex. 0 = cannot be read. */
static int digest(const char *path, const EVP_MD *kind, char hex[2 * EVP_MAX_MD_SIZE + 1])
{
    unsigned char bytes[EVP_MAX_MD_SIZE], block[1 << 14];
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    FILE *in = fopen(path, "rbe");
    unsigned length = 0;
    size_t n;
    int ok = in && md && EVP_DigestInit_ex(md, kind, NULL);

    while (ok && (n = fread(block, 1, sizeof(block), in)) > 0)
        ok = EVP_DigestUpdate(md, block, n);
    ok = ok && !ferror(in) && EVP_DigestFinal_ex(md, bytes, &length);
    for (unsigned i = 0; i < length; i++)
        snprintf(hex + (size_t)2 * i, 3, "%02x", bytes[i]);
    if (in)
        fclose(in);
    EVP_MD_CTX_free(md);
    return ok;
}

static int is_right(const char *path, const char *sum, char hex[2 * EVP_MAX_MD_SIZE + 1])
{
    hex[0] = 0;
    return digest(path, strlen(sum) == 32 ? EVP_md5() : EVP_sha256(), hex) &&
           !strcmp(hex, sum);
}

/* ---- Transfer --------------------------------------------------------------- */

static int on_step(void *arg, curl_off_t total, curl_off_t now, curl_off_t up_total,
                   curl_off_t up)
{
    struct transfer *t = arg;
    struct get *g = t->get;

    (void)total, (void)up_total, (void)up;
    t->is_stopped =
        g->on_progress &&
        g->on_progress(g->user, g->before + (double)(t->start + now), g->total);
    return t->is_stopped;
}

static curl_off_t size_of(const char *path)
{
    struct stat st;

    return stat(path, &st) ? 0 : st.st_size;
}

static void set_options(struct transfer *t)
{
    CURL *c = t->get->curl;

    curl_easy_reset(c);
    curl_easy_setopt(c, CURLOPT_URL, t->url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(c, CURLOPT_MAXREDIRS, 8L);
    curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 30L);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, 60L);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "netwright/" NW_VERSION);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->get->words);
    curl_easy_setopt(c, CURLOPT_RESUME_FROM_LARGE, t->start);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, fwrite);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, t->out);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_step);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, t);
}

static nw_status explain(const struct transfer *t, CURLcode code, curl_off_t have)
{
    nw_ctx *ctx = t->get->ctx;
    long http = 0;

    if (t->is_stopped)
        return nw_fail(ctx, NW_ESTOPPED,
                       "data get: %s: stopped at byte %lld; the next call goes on",
                       t->url, (long long)have);
    curl_easy_getinfo(t->get->curl, CURLINFO_RESPONSE_CODE, &http);
    if (code == CURLE_HTTP_RETURNED_ERROR)
        return nw_fail(ctx, NW_EIO, "data get: %s: the server answers %ld", t->url, http);
    return nw_fail(ctx, NW_EIO,
                   "data get: %s: %s (at byte %lld of %.0f; the next call goes on)",
                   t->url, t->get->words[0] ? t->get->words : curl_easy_strerror(code),
                   (long long)have, t->file->size);
}

/* One connection. NW_MORE = cut, but some bytes came. */
static nw_status connect_once(struct transfer *t)
{
    curl_off_t before = size_of(t->part), after;
    CURLcode code;
    int failed;

    t->start = before;
    t->get->words[0] = 0;
    t->out = fopen(t->part, "abe");
    if (!t->out)
        return fail_file(t, t->part);
    set_options(t);
    code = curl_easy_perform(t->get->curl);
    failed = fflush(t->out) || fsync(fileno(t->out));
    if (fclose(t->out) || failed)
        return fail_file(t, t->part);
    after = size_of(t->part);
    if (code == CURLE_OK)
        return NW_OK;
    if (code == CURLE_RANGE_ERROR && before) /* the server only sends whole files */
        return unlink(t->part) ? fail_file(t, t->part) : NW_MORE;
    return after > before && !t->is_stopped && code != CURLE_WRITE_ERROR
               ? NW_MORE
               : explain(t, code, after);
}

static nw_status check_and_keep(const struct transfer *t)
{
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    int is_md5 = strlen(t->file->sum) == 32;

    if (is_right(t->part, t->file->sum, hex))
        return rename(t->part, t->path) ? fail_file(t, t->path) : NW_OK;
    if (!hex[0])
        return fail_file(t, t->part);
    unlink(t->part);
    return nw_fail(t->get->ctx, NW_EFORMAT,
                   "data get: %s: %s is %s, but must be %s; the file is not kept", t->url,
                   is_md5 ? "MD5" : "SHA-256", hex, t->file->sum);
}

static nw_status get_file(struct get *get, const nw_data_file *file)
{
    struct transfer t = {.get = get, .file = file};
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    nw_status status = NW_MORE;
    size_t n = strlen(get->url);

    snprintf(t.path, sizeof(t.path), "%s/%s", get->dir, file->name);
    snprintf(t.part, sizeof(t.part), "%s.part", t.path);
    snprintf(t.url, sizeof(t.url), "%s%s%s", get->url,
             n && get->url[n - 1] == '/' ? "" : "/", file->name);
    if (is_right(t.path, file->sum, hex))
        return NW_OK;
    if ((double)size_of(t.part) > file->size)
        unlink(t.part);
    if ((double)size_of(t.part) == file->size)
        status = NW_OK;
    for (int i = 0; status == NW_MORE && i < MOST_TRIES; i++)
        status = connect_once(&t);
    if (status == NW_MORE)
        return nw_fail(get->ctx, NW_EIO,
                       "data get: %s: cut %d times; the next call goes on", t.url,
                       MOST_TRIES);
    return status < 0 ? status : check_and_keep(&t);
}

/* ---- A data set ------------------------------------------------------------- */

/* mkdir -p */
static nw_status make_dirs(const struct get *get)
{
    char path[NW_PATH_SIZE + 8];

    snprintf(path, sizeof(path), "%s/", get->dir);
    for (char *p = path + 1; (p = strchr(p, '/')); p++) {
        *p = 0;
        if (mkdir(path, 0777) && errno != EEXIST)
            return nw_fail(get->ctx, NW_EIO, "data get: %s: %s", path, strerror(errno));
        *p = '/';
    }
    return NW_OK;
}

static nw_status get_all(struct get *get, const nw_data_type *type)
{
    NW_TRY(make_dirs(get));
    for (const nw_data_file *f = type->files; f->name; f++)
        get->total += f->size;
    for (const nw_data_file *f = type->files; f->name; f++) {
        NW_TRY(get_file(get, f));
        get->before += f->size;
        if (get->on_progress && get->on_progress(get->user, get->before, get->total))
            return nw_fail(get->ctx, NW_ESTOPPED, "data get: %s: stopped", get->name);
    }
    return NW_OK;
}

nw_status nw_get_files(nw_ctx *ctx, const nw_data_type *type, const char *url,
                       const char *cache,
                       int (*on_progress)(void *user, double done, double total),
                       void *user)
{
    struct get get = {.ctx = ctx, .on_progress = on_progress, .user = user};
    nw_status status;

    get.name = type->name;
    get.url = url ? url : type->url;
    if (snprintf(get.dir, sizeof(get.dir), "%s/%s", cache, type->name) >=
            NW_PATH_SIZE - 2 ||
        strlen(get.url) > NW_PATH_SIZE - 2)
        return nw_fail(ctx, NW_EINVAL, "data get: %s: the path is too long", type->name);
    get.curl = curl_easy_init();
    if (!get.curl)
        return nw_fail(ctx, NW_ENOMEM, "data get: out of memory");
    status = get_all(&get, type);
    curl_easy_cleanup(get.curl);
    return status;
}

nw_status nw_data_get(nw_ctx *ctx, const char *name, const char *url, const char *cache,
                      int (*on_progress)(void *user, double done, double total),
                      void *user)
{
    const nw_data_type *type;

    nw_clear(ctx);
    if (!ctx || !name || !cache)
        return nw_fail(ctx, NW_EINVAL, "data get: an argument is missing");
    type = nw_spec_find(ctx, "data set", (const void *const *)nw_data_types, name);
    if (!type)
        return NW_ENAME;
    if (!type->files)
        return nw_fail(ctx, NW_EINVAL, "data get: %s reads your own files", type->name);
    return nw_get_files(ctx, type, url, cache, on_progress, user);
}
