/* folder.h - the directory of a study, and its lock. */
#ifndef NW_FOLDER_H
#define NW_FOLDER_H

#include "arena.h"

/* As mkdir -p: a directory that is there already is fine. */
nw_status nw_folder_make(nw_arena *arena, const char *dir);

/* Take `path` (DIR/study.lock) for this process until *lock is closed, be it by
 * SIGKILL. Returns NW_EBUSY, with the process that has it, else NW_EIO. */
nw_status nw_folder_lock(nw_ctx *ctx, const char *dir, const char *path, int *lock);

#endif
