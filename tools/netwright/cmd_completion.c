/*
 * cmd_completion.c - `netwright completion SHELL`: a script made of the tables.
 *
 * Names that specs start with are written into it, so that a shell need not run the
 * command while the user types.
 */
#include "kinds.h"
#include "near.h"

#include <string.h>

static void print_words(const char *list, FILE *out)
{
    const char *piece;
    size_t n;

    for (int first = 1; (n = next_choice(&list, &piece)); first = 0)
        fprintf(out, "%s%.*s", first ? "" : " ", (int)n, piece);
}

static void print_names(struct tool *tool, const char *kind, FILE *out)
{
    const char *name;

    for (nw_kind k = 0; k < N_KINDS; k++)
        for (size_t i = 0;
             !strcmp(kind, kind_names[k]) && (name = nw_list(tool->nw, k, i)); i++)
            fprintf(out, "%s%s", i ? " " : "", name);
}

/* Words that may follow the option: listed names or the words of its argument. */
static void print_values(struct tool *tool, const struct option_row *row, FILE *out)
{
    if (row->complete)
        print_names(tool, row->complete, out);
    else
        print_words(row->arg, out);
}

static int has_values(const struct option_row *row)
{
    return row->complete || row->type == OPT_WORD;
}

static int takes_path(const struct option_row *row)
{
    return row->arg && (strstr(row->arg, "FILE") || strstr(row->arg, "DIR"));
}

static void print_options_of(int command, FILE *out)
{
    const char *gap = "";

    for (const struct option_row *row = option_rows; row->name; row++)
        if (option_is_for(row, command)) {
            fprintf(out, "%s--%s", gap, row->name);
            gap = " ";
        }
}

static void print_commands(FILE *out)
{
    for (int i = 0; i < N_COMMANDS; i++)
        fprintf(out, "%s%s", i ? " " : "", commands[i].name);
}

static void bash(struct tool *tool, FILE *out)
{
    fputs("# netwright completion bash\n_netwright()\n{\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
          "    local command=${COMP_WORDS[1]} words=\n    COMPREPLY=()\n"
          "    case $before in\n",
          out);
    for (const struct option_row *row = option_rows; row->name; row++) {
        if (!has_values(row) && !takes_path(row))
            continue;
        fprintf(out, "    --%s) COMPREPLY=(", row->name);
        if (has_values(row)) {
            fputs("$(compgen -W \"", out);
            print_values(tool, row, out);
            fputs("\" -- \"$word\") ", out);
        }
        if (takes_path(row))
            fputs("$(compgen -f -- \"$word\")", out);
        fputs("); return;;\n", out);
    }
    fputs("    esac\n    if ((COMP_CWORD == 1)); then\n        words=\"", out);
    print_commands(out);
    fputs("\"\n    else\n        case $command in\n", out);
    for (int i = 0; i < N_COMMANDS; i++) {
        fprintf(out, "        %s) words=\"", commands[i].name);
        print_options_of(i, out);
        fputs("\";;\n", out);
    }
    fputs("        esac\n        [[ $word == -* ]] || words=\n"
          "        if ((COMP_CWORD == 2)); then\n            case $command in\n",
          out);
    for (int i = 0; i < N_COMMANDS; i++) {
        if (!commands[i].verbs)
            continue;
        fprintf(out, "            %s) words+=\" ", commands[i].name);
        print_words(commands[i].verbs, out);
        fputs("\";;\n", out);
    }
    fputs("            help) words+=\" ", out);
    print_commands(out);
    fputs("\";;\n            esac\n        fi\n    fi\n"
          "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
          "    ((${#COMPREPLY[@]})) || COMPREPLY=($(compgen -f -- \"$word\"))\n}\n"
          "complete -o filenames -F _netwright netwright\n",
          out);
}

/* In single quotes of zsh's _arguments, whose own marks are [ ] and : */
static void print_zsh(const char *text, FILE *out)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", out);
        else if (strchr("[]:\\", *text))
            fprintf(out, "\\%c", *text);
        else
            fputc(*text, out);
    }
}

static void zsh_option(struct tool *tool, const struct option_row *row, FILE *out)
{
    fprintf(out, "            '%s--%s[", row->type == OPT_LIST ? "*" : "", row->name);
    print_zsh(row->doc, out);
    fputc(']', out);
    if (row->arg) {
        fputc(':', out);
        print_zsh(row->arg, out);
        fputc(':', out);
    }
    if (has_values(row)) {
        fputc('(', out);
        print_values(tool, row, out);
        fputc(')', out);
    } else if (takes_path(row)) {
        fputs("_files", out);
    }
    fputs("' \\\n", out);
}

static void zsh(struct tool *tool, FILE *out)
{
    fputs("#compdef netwright\n_netwright()\n{\n    local -a commands\n    commands=(\n",
          out);
    for (int i = 0; i < N_COMMANDS; i++) {
        fprintf(out, "        '%s:", commands[i].name);
        print_zsh(commands[i].doc, out);
        fputs("'\n", out);
    }
    fputs("    )\n    if ((CURRENT == 2)); then\n        _describe command commands\n"
          "        return\n    fi\n    case $words[2] in\n",
          out);
    for (int i = 0; i < N_COMMANDS; i++) {
        fprintf(out, "    %s)\n        _arguments \\\n", commands[i].name);
        for (const struct option_row *row = option_rows; row->name; row++)
            if (option_is_for(row, i))
                zsh_option(tool, row, out);
        fputs("            '2: :", out);
        if (commands[i].verbs) {
            fputc('(', out);
            print_words(commands[i].verbs, out);
            fputc(')', out);
        } else {
            fputs("_files", out);
        }
        fputs("' '*: :_files';;\n", out);
    }
    fputs("    esac\n}\n"
          /* Read as an autoloaded function, or sourced. */
          "if [ \"$funcstack[1]\" = _netwright ]; then\n    _netwright \"$@\"\nelse\n"
          "    compdef _netwright netwright\nfi\n",
          out);
}

static void print_fish(const char *text, FILE *out)
{
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
}

static void fish_option(struct tool *tool, const struct option_row *row, FILE *out)
{
    fputs("complete -c netwright -n '__fish_seen_subcommand_from", out);
    for (int i = 0; i < N_COMMANDS; i++)
        if (option_is_for(row, i))
            fprintf(out, " %s", commands[i].name);
    fprintf(out, "' -l %s", row->name);
    if (row->letter)
        fprintf(out, " -s %c", row->letter);
    if (row->arg)
        fputs(takes_path(row) ? " -r -F" : " -x", out);
    if (has_values(row)) {
        fputs(" -a '", out);
        print_values(tool, row, out);
        fputc('\'', out);
    }
    fputs(" -d '", out);
    print_fish(row->doc, out);
    fputs("'\n", out);
}

static void fish(struct tool *tool, FILE *out)
{
    for (int i = 0; i < N_COMMANDS; i++) {
        fprintf(out, "complete -c netwright -n __fish_use_subcommand -f -a %s -d '",
                commands[i].name);
        print_fish(commands[i].doc, out);
        fputs("'\n", out);
        if (!commands[i].verbs)
            continue;
        fprintf(out, "complete -c netwright -n '__fish_seen_subcommand_from %s' -f -a '",
                commands[i].name);
        print_words(commands[i].verbs, out);
        fputs("'\n", out);
    }
    for (const struct option_row *row = option_rows; row->name; row++)
        fish_option(tool, row, out);
}

int run_completion(struct tool *tool)
{
    if (!strcmp(tool->arg[0], "bash"))
        bash(tool, stdout);
    else if (!strcmp(tool->arg[0], "zsh"))
        zsh(tool, stdout);
    else
        fish(tool, stdout);
    return EXIT_OK;
}
