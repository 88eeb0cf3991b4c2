/*
 * commands.h - the table of commands.
 *
 * Dispatch, help, the manual page, completion and "did you mean" all come from it.
 */
#ifndef TOOL_COMMANDS_H
#define TOOL_COMMANDS_H

struct tool;

#define COMMAND_MAP(X)                                                                   \
    X(search)                                                                            \
    X(train)                                                                             \
    X(compare)                                                                           \
    X(table)                                                                             \
    X(eval)                                                                              \
    X(export)                                                                            \
    X(show)                                                                              \
    X(count) X(bench) X(space) X(data) X(trials) X(best) X(list) X(help) X(completion)

enum command_id {
#define X(name) CMD_##name,
    COMMAND_MAP(X)
#undef X
        N_COMMANDS,
};

struct command {
    const char *name;
    const char *synopsis; /* of its arguments: "MODEL|STUDY"                        */
    const char *doc;      /* one line, lower case, no full stop                     */
    const char *about;    /* paragraphs, parted by an empty line                    */
    const char *verbs;    /* "check|count": what the first argument must be; NULL   */
    int min_args, max_args;
    int (*run)(struct tool *tool); /* answers with an exit code                     */
};

extern const struct command commands[N_COMMANDS];

/* Exit codes, for main() and for the manual. */
enum {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_INFEASIBLE = 3,
    EXIT_DIFFERS = 4,
    EXIT_INTERRUPTED = 130,
};

struct exit_doc {
    int code;
    const char *doc;
};

extern const struct exit_doc exit_docs[]; /* ends at doc NULL */

#define X(name) int run_##name(struct tool *tool);
COMMAND_MAP(X)
#undef X

#endif
