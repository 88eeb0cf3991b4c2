/* threads.h - how the threads of the command wait, and on which cores they run. */
#ifndef THREADS_H
#define THREADS_H

#include "tool.h"

/* First of all: start the command once more with the settings that OpenMP reads only when
 * it is loaded. What the user has set in the environment stays. */
void threads_start(char **argv);

/* Once it is known how many threads there will be: let them run on any core, unless one
 * thread a core is what is wanted. */
void threads_fit(const struct tool *tool);

int threads_cores(void); /* that the command may use */

#endif
