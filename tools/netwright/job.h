/* job.h - a job file: a YAML map of long options and their values. */
#ifndef TOOL_JOB_H
#define TOOL_JOB_H

#include "tool.h"

/* Read it into tool->opt, where the command line does not say otherwise. Errors name
 * file, line and column. `space` may be a map: a space written out; it is then handed
 * back as YAML text in *space (else NULL). Answers an exit code. */
int job_read(struct tool *tool, const char *path, const char **space);

#endif
