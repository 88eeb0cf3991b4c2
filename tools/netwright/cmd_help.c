/* cmd_help.c - `netwright help`, and --help of every command. */
#include "help.h"

#include "kinds.h"
#include "near.h"

#include <string.h>

enum { NAME_SIZE = 64, TEXT_WIDTH = 79 };

void help_option_name(char *out, size_t size, const struct option_row *row)
{
    char letter[8] = "    ";

    if (row->letter)
        snprintf(letter, sizeof(letter), "-%c, ", row->letter);
    snprintf(out, size, "%s--%s%s%s", letter, row->name, row->arg ? " " : "",
             row->arg ? row->arg : "");
}

int help_has_default(const struct option_row *row)
{
    return row->initial && strcmp(row->initial, "0");
}

/* Print text in lines of TEXT_WIDTH; the first starts at column `at`, the rest at
 * `indent`. */
static void wrap(FILE *out, const char *text, int indent, int at)
{
    while (*text) {
        int n = (int)strcspn(text, " \n");

        if (at > indent && at + n + 1 > TEXT_WIDTH) {
            fprintf(out, "\n%*s", indent, "");
            at = indent;
        } else if (at > indent) {
            fputc(' ', out);
            at++;
        }
        fprintf(out, "%.*s", n, text);
        at += n;
        text += n;
        if (!strncmp(text, "\n\n", 2)) {
            fprintf(out, "\n\n%*s", indent, "");
            at = indent;
        }
        text += strspn(text, " \n");
    }
    fputc('\n', out);
}

static void print_option(const struct option_row *row, FILE *out)
{
    enum { COLUMN = 30 };
    char name[NAME_SIZE], text[512];
    int n;

    help_option_name(name, sizeof(name), row);
    snprintf(text, sizeof(text), "%s%s%s%s", row->doc, help_has_default(row) ? " [" : "",
             help_has_default(row) ? row->initial : "", help_has_default(row) ? "]" : "");
    n = fprintf(out, "  %-*s", COLUMN - 3, name);
    if (n > COLUMN - 1)
        fprintf(out, "\n%*s", COLUMN, "");
    else
        fprintf(out, "%*s", COLUMN - n, "");
    wrap(out, text, COLUMN, COLUMN);
}

static void title(const struct tool *tool, const char *words, FILE *out)
{
    fprintf(out, tool->color_out ? "\n\033[1m%s\033[0m\n" : "\n%s\n", words);
}

/* Options of one command, or (all) those that every command has. */
static void print_options(int command, int all, FILE *out)
{
    for (const struct option_row *row = option_rows; row->name; row++) {
        int everywhere = row->commands + 1 == 1u << N_COMMANDS;

        if (everywhere == all && option_is_for(row, command))
            print_option(row, out);
    }
}

static void print_exit_codes(const struct tool *tool, FILE *out)
{
    title(tool, "Exit codes", out);
    for (const struct exit_doc *e = exit_docs; e->doc; e++)
        fprintf(out, "  %3d  %s\n", e->code, e->doc);
}

void help_overview(struct tool *tool, FILE *out)
{
    fprintf(out, "netwright - neural architecture search\n\n"
                 "usage: netwright COMMAND [ARGUMENT] [OPTION]...\n");
    title(tool, "Commands", out);
    for (int i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  %-12s%s\n", commands[i].name, commands[i].doc);
    title(tool, "Options of every command", out);
    print_options(-1, 1, out);
    print_exit_codes(tool, out);
    fprintf(out, "\n\"netwright help COMMAND\" tells its options, \"netwright list\" "
                 "what specs can "
                 "name,\n\"netwright help NAME\" the keys of one of those.\n");
}

void help_command(struct tool *tool, const struct command *command, FILE *out)
{
    fprintf(out, "netwright %s - %s\n\nusage: netwright %s%s%s [OPTION]...\n\n",
            command->name, command->doc, command->name, *command->synopsis ? " " : "",
            command->synopsis);
    wrap(out, command->about, 0, 0);
    title(tool, "Options", out);
    print_options((int)(command - commands), 0, out);
    print_options((int)(command - commands), 1, out);
}

/* Help of every thing of that name: an op and a space may share it. */
static int help_name(struct tool *tool, const char *word)
{
    const char *near = NULL, *name, *names[512];
    size_t n = 0;
    int found = 0;

    for (nw_kind kind = 0; kind < N_KINDS; kind++)
        for (size_t i = 0; (name = nw_list(tool->nw, kind, i)); i++) {
            if (n < sizeof(names) / sizeof(*names))
                names[n++] = name;
            if (!strcmp(name, word))
                printf("%s%s", found++ ? "\n" : "", kind_help(tool, kind, name));
        }
    for (int i = 0; i < N_COMMANDS && n < sizeof(names) / sizeof(*names); i++)
        names[n++] = commands[i].name;
    if (found)
        return EXIT_OK;
    near = near_word(word, names, n);
    return usage(tool, "help: there is no command or name \"%s\"%s%s%s", word,
                 near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

int run_help(struct tool *tool)
{
    if (tool->opt.man) {
        help_man(stdout);
        return EXIT_OK;
    }
    if (tool->opt.markdown) {
        help_markdown(tool, tool->n_arg ? tool->arg[0] : NULL, stdout);
        return EXIT_OK;
    }
    if (!tool->n_arg) {
        help_overview(tool, stdout);
        return EXIT_OK;
    }
    for (int i = 0; i < N_COMMANDS; i++)
        if (!strcmp(commands[i].name, tool->arg[0])) {
            help_command(tool, &commands[i], stdout);
            return EXIT_OK;
        }
    return help_name(tool, tool->arg[0]);
}
