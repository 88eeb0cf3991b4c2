/* paths.h - names of files and directories. */
#ifndef TOOL_PATHS_H
#define TOOL_PATHS_H

#include "tool.h"

/* $XDG_CACHE_HOME/netwright, or ~/.cache/netwright. */
const char *paths_cache(struct tool *tool);

/* Make the directory and those above it. Answers an exit code. */
int paths_make(struct tool *tool, const char *dir);

const char *paths_join(struct tool *tool, const char *dir, const char *name);

/* "examples/naive.yaml" as "naive"; text without a slash or suffix stays. */
const char *paths_stem(struct tool *tool, const char *path);

/* The model itself, or that of the study which is this directory. */
const char *paths_model(struct tool *tool, const char *path);

int paths_exists(const char *path);

/* The whole file as text, NULL after a message. */
char *paths_read(struct tool *tool, const char *path);

#endif
