#include "paths.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *paths_cache(struct tool *tool)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

    /* The standard has relative paths ignored. */
    if (cache && *cache == '/')
        return pool_printf(&tool->pool, "%s/netwright", cache);
    return pool_printf(&tool->pool, "%s/.cache/netwright", home && *home ? home : ".");
}

int paths_make(struct tool *tool, const char *dir)
{
    char *path = pool_copy(&tool->pool, dir, strlen(dir));

    for (char *s = path + 1;; s++) {
        char was = *s;

        if (was && was != '/')
            continue;
        *s = 0;
        if (mkdir(path, 0777) && errno != EEXIST)
            return fail(tool, "%s: cannot be made: %s", path, strerror(errno));
        if (!was)
            return EXIT_OK;
        *s = was;
    }
}

const char *paths_join(struct tool *tool, const char *dir, const char *name)
{
    return pool_printf(&tool->pool, "%s/%s", dir, name);
}

const char *paths_stem(struct tool *tool, const char *path)
{
    const char *slash = strrchr(path, '/'), *start = slash ? slash + 1 : path;
    const char *dot = strrchr(start, '.');

    return pool_copy(&tool->pool, start,
                     dot && dot > start ? (size_t)(dot - start) : strlen(start));
}

const char *paths_model(struct tool *tool, const char *path)
{
    struct stat about;

    if (!stat(path, &about) && S_ISDIR(about.st_mode))
        return paths_join(tool, path, "model.onnx");
    return path;
}

int paths_exists(const char *path)
{
    struct stat about;

    return !stat(path, &about);
}

char *paths_read(struct tool *tool, const char *path)
{
    FILE *in = fopen(path, "r");
    char *text = NULL, *copy = NULL;
    size_t room = 0;
    ssize_t n;

    if (!in) {
        fail(tool, "%s: %s", path, strerror(errno));
        return NULL;
    }
    n = getdelim(&text, &room, 0, in);
    if (n < 0)
        fail(tool, "%s: %s", path, ferror(in) ? strerror(errno) : "is empty");
    else
        copy = pool_copy(&tool->pool, text, (size_t)n);
    free(text);
    fclose(in);
    return copy;
}
