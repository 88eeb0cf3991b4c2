/* message.c - words for the user, all of them on stderr. */
#include "tool.h"

static void words(struct tool *tool, const char *format, va_list list)
{
    progress_clear(&tool->progress);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
}

void note(struct tool *tool, const char *format, ...)
{
    va_list list;

    if (tool->opt.quiet)
        return;
    va_start(list, format);
    words(tool, format, list);
    va_end(list);
}

void detail(struct tool *tool, const char *format, ...)
{
    va_list list;

    if (tool->opt.quiet || !tool->opt.verbose)
        return;
    va_start(list, format);
    words(tool, format, list);
    va_end(list);
}

static void error(struct tool *tool, const char *format, va_list list)
{
    progress_clear(&tool->progress);
    fflush(stdout);
    fputs(tool->color_err ? "\033[1;31mnetwright:\033[0m " : "netwright: ", stderr);
    words(tool, format, list);
}

int fail(struct tool *tool, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    error(tool, format, list);
    va_end(list);
    return EXIT_FAILED;
}

int usage(struct tool *tool, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    error(tool, format, list);
    va_end(list);
    fprintf(stderr, "Try \"netwright %s%s--help\".\n",
            tool->command ? tool->command->name : "", tool->command ? " " : "");
    return EXIT_USAGE;
}

int failed(struct tool *tool, nw_status status)
{
    const char *words_of = tool->nw ? nw_errmsg(tool->nw) : nw_strstatus(status);

    if (status == NW_ESTOPPED) {
        note(tool, "stopped; the same command goes on from here");
        return EXIT_INTERRUPTED;
    }
    fail(tool, "%s", words_of && *words_of ? words_of : nw_strstatus(status));
    if (status == NW_EINFEASIBLE)
        return EXIT_INFEASIBLE;
    if (tool->nw && nw_errstatus(tool->nw) < 0)
        status = nw_errstatus(
            tool->nw); /* callers of constructors only know that one failed */
    if (status == NW_ENAME || status == NW_ESPEC)
        return EXIT_USAGE;
    return status == NW_EDIFFER ? EXIT_DIFFERS : EXIT_FAILED;
}
