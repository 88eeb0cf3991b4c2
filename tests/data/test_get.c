/* Downloads, from a small HTTP server that this program is itself. */
#include "files.h"

#include "data.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

/* Both hold "abc": SHA-256 is the example of FIPS 180-2, MD5 that of RFC 1321. */
static const nw_data_file files[] = {
    {"a.bin", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 3},
    {"b.bin", "900150983cd24fb0d6963f7d28e17f72", 3},
    {0},
};
static const nw_data_type type = {.name = "tiny", .files = files};

/* ---- The server ------------------------------------------------------------- */

static struct server {
    int fd, port;
    pthread_t thread;
    int cut;       /* connections that end after one byte of body */
    int no_ranges; /* always sends all                            */
    int status;    /* 0 = what is right                           */
    const char *body;
    int n_request;
    long last_start; /* of the range asked for last                 */
} server;

static void answer(int fd)
{
    char request[4096] = "", head[256];
    size_t have = 0, size = strlen(server.body), start = 0;
    ssize_t n;
    const char *range;

    while (!strstr(request, "\r\n\r\n") && have + 1 < sizeof(request) &&
           (n = read(fd, request + have, sizeof(request) - 1 - have)) > 0)
        have += (size_t)n;
    server.n_request++;
    range = strstr(request, "Range: bytes=");
    server.last_start = range ? atol(range + 13) : 0;
    if (range && !server.no_ranges)
        start = (size_t)server.last_start;
    n = snprintf(
        head, sizeof(head),
        "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nContent-Range: bytes %zu-%zu/%zu"
        "\r\nConnection: close\r\n\r\n",
        server.status ? server.status
        : start       ? 206
                      : 200,
        size - start, start, size - 1, size);
    if (write(fd, head, (size_t)n) != n)
        return;
    size = server.cut-- > 0 ? start + 1 : size;
    n = write(fd, server.body + start, size - start);
}

static void *serve(void *arg)
{
    int fd;

    while ((fd = accept(server.fd, NULL, NULL)) >= 0) {
        answer(fd);
        shutdown(fd, SHUT_WR);
        close(fd);
    }
    return arg;
}

static nw_ctx *ctx;
static char url[64];

static int start_server(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof(address);

    server = (struct server){.body = "abc"};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server.fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(server.fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(server.fd, 8), 0);
    getsockname(server.fd, (struct sockaddr *)&address, &length);
    server.port = ntohs(address.sin_port);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/set", server.port);
    assert_int_equal(pthread_create(&server.thread, NULL, serve, NULL), 0);
    setenv("no_proxy", "127.0.0.1", 1);
    ctx = nw_open(NULL);
    return make_test_dir(state);
}

static int stop_server(void **state)
{
    shutdown(server.fd, SHUT_RDWR); /* wakes accept() */
    pthread_join(server.thread, NULL);
    close(server.fd);
    nw_close(ctx);
    return remove_test_dir(state);
}

/* ---- Checks ----------------------------------------------------------------- */

static void assert_content(const char *name, const char *want)
{
    char got[64] = "";
    FILE *in = fopen(in_dir(name), "rb");

    assert_non_null(in);
    got[fread(got, 1, sizeof(got) - 1, in)] = 0;
    fclose(in);
    assert_string_equal(got, want);
}

static void assert_absent(const char *name)
{
    assert_int_equal(access(in_dir(name), F_OK), -1);
}

static int count_bytes(void *user, double done, double total)
{
    assert_true(done <= total && total == 6);
    *(double *)user = done;
    return 0;
}

static void assert_got(void)
{
    double done = 0;

    nw_clear(ctx);
    if (nw_get_files(ctx, &type, url, in_dir("cache/deep"), count_bytes, &done) < 0)
        fail_msg("%s", nw_errmsg(ctx));
    assert_true(done == 6);
    assert_content("cache/deep/tiny/a.bin", "abc");
    assert_content("cache/deep/tiny/b.bin", "abc");
    assert_absent("cache/deep/tiny/a.bin.part");
}

static void assert_fails(nw_status status, const char *words)
{
    char text[512];

    nw_clear(ctx);
    assert_int_equal(nw_get_files(ctx, &type, url, in_dir("cache"), NULL, NULL), status);
    snprintf(text, sizeof(text), words, server.port);
    assert_string_equal(nw_errmsg(ctx), text);
}

static void make_part(const char *text)
{
    mkdir(in_dir("cache"), 0777);
    mkdir(in_dir("cache/deep"), 0777);
    mkdir(in_dir("cache/deep/tiny"), 0777);
    write_file("cache/deep/tiny/a.bin.part", text, strlen(text));
}

/* ---- Tests ------------------------------------------------------------------ */

static void test_get__complete_then_nothing_to_do(void **state)
{
    (void)state;
    assert_got();
    assert_int_equal(server.n_request, 2);
    assert_got();
    assert_int_equal(server.n_request, 2);
}

static void test_get__goes_on_after_cuts(void **state)
{
    (void)state;
    server.cut = 2;
    assert_got();
    assert_int_equal(server.n_request, 4); /* 1 + 1 + 1 bytes of a, then b */
}

static void test_get__goes_on_with_a_partial_file(void **state)
{
    (void)state;
    make_part("ab");
    server.body = "abc";
    assert_got();
    assert_int_equal(server.n_request, 2);
}

static void test_get__server_without_ranges(void **state)
{
    (void)state;
    make_part("ab");
    server.no_ranges = 1;
    assert_got();
}

static void test_get__partial_file_is_too_long(void **state)
{
    (void)state;
    make_part("abcd");
    assert_got();
}

static void test_get__whole_partial_file(void **state)
{
    (void)state;
    make_part("abc");
    assert_got();
    assert_int_equal(server.n_request, 1);
}

static void test_get__wrong_hash(void **state)
{
    (void)state;
    server.body = "abd";
    assert_fails(NW_EFORMAT,
                 "data get: http://127.0.0.1:%d/set/a.bin: SHA-256 is "
                 "a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9, but "
                 "must be "
                 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad; the "
                 "file is not kept");
    assert_absent("cache/tiny/a.bin");
    assert_absent("cache/tiny/a.bin.part");
}

static void test_get__damaged_file_is_replaced(void **state)
{
    (void)state;
    make_part("abc");
    write_file("cache/deep/tiny/b.bin", "bad", 3);
    assert_got();
}

static void test_get__not_found(void **state)
{
    (void)state;
    server.status = 404;
    assert_fails(NW_EIO,
                 "data get: http://127.0.0.1:%d/set/a.bin: the server answers 404");
    assert_absent("cache/tiny/a.bin");
}

static int stop(void *user, double done, double total)
{
    (void)user, (void)done, (void)total;
    return 1;
}

static void test_get__stopped(void **state)
{
    (void)state;
    assert_int_equal(nw_get_files(ctx, &type, url, in_dir("cache"), stop, NULL),
                     NW_ESTOPPED);
    assert_absent("cache/tiny/b.bin");
}

static void test_get__names(void **state)
{
    (void)state;
    assert_int_equal(nw_data_get(ctx, "mnits", NULL, test_dir, NULL, NULL), NW_ENAME);
    assert_string_equal(nw_errmsg(ctx),
                        "there is no data set \"mnits\" (did you mean \"mnist\"?)");
    assert_int_equal(nw_data_get(ctx, "csv", NULL, test_dir, NULL, NULL), NW_EINVAL);
    assert_string_equal(nw_errmsg(ctx), "data get: csv reads your own files");
}

/* Every table that is listed is complete. */
static void test_get__tables(void **state)
{
    (void)state;
    for (size_t i = 0; nw_data_types[i]; i++)
        for (const nw_data_file *f = nw_data_types[i]->files; f && f->name; f++) {
            size_t n = strlen(f->sum);

            assert_true(n == 32 || n == 64);
            assert_int_equal(strspn(f->sum, "0123456789abcdef"), n);
            assert_true(f->size > 0 && nw_data_types[i]->url);
        }
}

#define TEST(name)                                                                       \
    cmocka_unit_test_setup_teardown(test_get__##name, start_server, stop_server)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(complete_then_nothing_to_do),
        TEST(goes_on_after_cuts),
        TEST(goes_on_with_a_partial_file),
        TEST(server_without_ranges),
        TEST(partial_file_is_too_long),
        TEST(whole_partial_file),
        TEST(wrong_hash),
        TEST(damaged_file_is_replaced),
        TEST(not_found),
        TEST(stopped),
        TEST(names),
        TEST(tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
