/* archs.h - architectures from files. */
#ifndef TOOL_ARCHS_H
#define TOOL_ARCHS_H

#include "tool.h"

/* From a JSON file. Answers an exit code. */
int archs_read(struct tool *tool, nw_space *space, const char *path, nw_arch **out);

/* From --arch if it is given (the only one), else drawn with --seed; hard. */
int archs_choose(struct tool *tool, nw_space *space, nw_arch **out);

/* As one line of JSON, without the line's end. */
const char *archs_text(struct tool *tool, const nw_arch *arch);

#endif
