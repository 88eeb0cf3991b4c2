/* help.h - the tables of commands and options as text, roff and Markdown. */
#ifndef TOOL_HELP_H
#define TOOL_HELP_H

#include "tool.h"

void help_overview(struct tool *tool, FILE *out);
void help_command(struct tool *tool, const struct command *command, FILE *out);
void help_man(FILE *out);
void help_markdown(struct tool *tool, const char *kind, FILE *out); /* NULL = commands */

/* "-j, --threads N" */
void help_option_name(char *out, size_t size, const struct option_row *row);

/* Does the default belong into the text of this row? */
int help_has_default(const struct option_row *row);

#endif
