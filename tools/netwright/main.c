/* main.c - netwright, the command: read the line, run the command, answer its code. */
#include "threads.h"
#include "tool.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_color(const char *when, int fd)
{
    const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

    if (strcmp(when, "auto"))
        return !strcmp(when, "always");
    return isatty(fd) && !(no && *no) && term && strcmp(term, "dumb");
}

void tool_open(struct tool *tool)
{
    nw_config config = {.threads = tool->opt.threads};

    threads_fit(tool);
    nw_close(tool->nw);
    tool->nw = nw_open(&config);
    progress_open(&tool->progress, tool);
}

static int run(struct tool *tool)
{
    int code;

    if (tool->opt.version)
        return printf("netwright %s\n", nw_version()) < 0 ? EXIT_FAILED : EXIT_OK;
    if (tool->opt.help) {
        tool->n_arg = tool->command && strcmp(tool->command->name, "help") ? 1 : 0;
        tool->arg[0] = tool->command ? tool->command->name : NULL;
        tool->command = &commands[CMD_help];
    }
    tool_open(tool);
    code = tool->command->run(tool);
    progress_clear(&tool->progress);
    nw_close(tool->nw);
    return code;
}

/* A full disk shows only when the last buffer is written. */
static int flush(struct tool *tool, int code)
{
    if (fflush(stdout) || ferror(stdout))
        return code ? code : fail(tool, "standard output: cannot be written");
    return code;
}

int main(int argc, char **argv)
{
    struct tool tool = {0};
    int code;

    threads_start(argv);
    setlocale(LC_CTYPE, "");
    tool.color_err = is_color("auto", STDERR_FILENO); /* for errors in options */
    code = options_parse(&tool, argc, argv);
    if (!code) {
        tool.color_out = is_color(tool.opt.color, STDOUT_FILENO);
        tool.color_err = is_color(tool.opt.color, STDERR_FILENO);
        code = flush(&tool, run(&tool));
    }
    pool_free(&tool.pool);
    return code;
}
