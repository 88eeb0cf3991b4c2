/*
 * folder.c - the directory of a study, and its lock.
 *
 * The lock is flock() on a file that stays: the kernel drops it with the process, however
 * that ends, and the number inside is only for the message. fcntl() would not do, since
 * it lets the same process in twice and drops the lock when any descriptor is closed.
 */
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_dir(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static nw_status make_one(nw_ctx *ctx, const char *path)
{
    struct stat st;

    if (mkdir(path, 0777) == 0 || is_dir(path))
        return NW_OK;
    if (stat(path, &st) == 0)
        return nw_fail(ctx, NW_EIO, "study: %s: is a file, not a directory", path);
    return nw_fail(ctx, NW_EIO, "study: %s: directory not made: %s", path,
                   strerror(errno));
}

nw_status nw_folder_make(nw_arena *arena, const char *dir)
{
    char *path;

    if (is_dir(dir))
        return NW_OK;
    path = nw_arena_dup(arena, dir);
    if (!path)
        return NW_ENOMEM;
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        NW_TRY(make_one(arena->ctx, path));
        *slash = '/';
    }
    return make_one(arena->ctx, path);
}

static nw_status fail_locked(nw_ctx *ctx, const char *dir, int fd)
{
    char pid[24] = "";
    ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

    pid[n > 0 ? n : 0] = 0;
    pid[strspn(pid, "0123456789")] = 0;
    return nw_fail(ctx, NW_EBUSY, "study: %s: in use by %s%s", dir,
                   *pid ? "process " : "another process", pid);
}

nw_status nw_folder_lock(nw_ctx *ctx, const char *dir, const char *path, int *lock)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    nw_status status = NW_OK;

    if (fd < 0)
        return nw_fail(ctx, NW_EIO, "study: %s: may not be written: %s", path,
                       strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        status = errno == EWOULDBLOCK
                     ? fail_locked(ctx, dir, fd)
                     : nw_fail(ctx, NW_EIO, "study: %s: cannot be locked: %s", path,
                               strerror(errno));
        close(fd);
        return status;
    }
    /* A full disk may leave the number out; the lock holds all the same. */
    if (ftruncate(fd, 0) == 0)
        dprintf(fd, "%ld\n", (long)getpid());
    *lock = fd;
    return NW_OK;
}
