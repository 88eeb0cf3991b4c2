/* files.h - small files for tests, in a directory that goes when the test ends. */
#ifndef NW_TEST_FILES_H
#define NW_TEST_FILES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char test_dir[256];

static int make_test_dir(void **state)
{
    const char *base = getenv("TMPDIR");

    (void)state;
    snprintf(test_dir, sizeof(test_dir), "%s/netwright.XXXXXX", base ? base : P_tmpdir);
    return mkdtemp(test_dir) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

static int remove_test_dir(void **state)
{
    (void)state;
    return nftw(test_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Path of a file in the directory; good until the eighth next call. */
static const char *in_dir(const char *name)
{
    static char path[8][512];
    static int next;
    char *p = path[next++ % 8];

    snprintf(p, sizeof(path[0]), "%s/%s", test_dir, name);
    return p;
}

static inline const char *write_file(const char *name, const void *bytes, size_t n)
{
    const char *path = in_dir(name);
    FILE *out = fopen(path, "wb");

    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, n, out), n);
    assert_int_equal(fclose(out), 0);
    return path;
}

#endif
