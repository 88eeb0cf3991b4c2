#include "archs.h"

#include "netwright_ext.h"
#include "paths.h"

#include <stdlib.h>
#include <string.h>

int archs_read(struct tool *tool, nw_space *space, const char *path, nw_arch **out)
{
    nw_arch *arch = nw_arch_new(tool->nw, space);
    char *text = paths_read(tool, path);
    nw_status status;

    if (!text)
        return EXIT_FAILED;
    status = nw_arch_read(arch, text, path);
    if (status < 0)
        return failed(tool, status);
    *out = arch;
    return EXIT_OK;
}

int archs_choose(struct tool *tool, nw_space *space, nw_arch **out)
{
    nw_arch *arch;
    nw_status status;

    if (tool->opt.arch.n > 1)
        return usage(tool, "--arch is given %d times", tool->opt.arch.n);
    if (tool->opt.arch.n)
        return archs_read(tool, space, tool->opt.arch.item[0], out);
    arch = nw_arch_new(tool->nw, space);
    status = nw_arch_random(arch, tool->opt.seed);
    if (status < 0)
        return failed(tool, status);
    if (nw_space_choices(space) > 0)
        detail(tool, "an architecture is drawn with --seed %llu",
               (unsigned long long)tool->opt.seed);
    *out = arch;
    return EXIT_OK;
}

const char *archs_text(struct tool *tool, const nw_arch *arch)
{
    char *text = NULL, *copy;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out || nw_arch_write(arch, out) < 0 || fclose(out)) {
        free(text);
        return NULL;
    }
    while (size && text[size - 1] == '\n')
        size--;
    copy = pool_copy(&tool->pool, text, size);
    free(text);
    return copy;
}
