/*
 * threads.c - settings of OpenMP.
 *
 * Spin: threads that wait for work spin, by default for so long that one other busy
 * program makes everything ten times slower.
 *
 * Cores: two threads of which the system puts both on one core for a while wait for each
 * other all that time. So they are bound, one to a core; measured beside a busy program,
 * a step then takes a third less, and on a quiet machine the same. That is right only
 * where the threads are as many as the cores. Otherwise two commands side by side would
 * sit on the same first cores and leave the others idle. (Workers are never bound.)
 */
#include "threads.h"

#include <omp.h>
#include <stdlib.h>
#include <unistd.h>

static const char mark[] = "NETWRIGHT_BOUND"; /* set: it was not the user who bound */

static int is_bound_by_user(void)
{
    return getenv("OMP_PROC_BIND") || getenv("OMP_PLACES") || getenv("GOMP_CPU_AFFINITY");
}

void threads_start(char **argv)
{
    const int spins = getenv("GOMP_SPINCOUNT") || getenv("OMP_WAIT_POLICY");
    const int is_bound = is_bound_by_user();
    char self[4096];
    ssize_t n;

    if (spins && is_bound)
        return;
    n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (n <= 0 || (!spins && setenv("GOMP_SPINCOUNT", "10000", 1)))
        return;
    if (!is_bound && (setenv("OMP_PROC_BIND", "true", 1) || setenv(mark, "1", 1)))
        return;
    self[n] = 0;
    execv(self, argv); /* on failure we go on as we are */
}

int threads_cores(void)
{
    return omp_get_num_procs();
}

void threads_fit(const struct tool *tool)
{
    const int threads = tool->opt.threads;

    if (getenv(mark) && threads > 0 && threads != threads_cores())
        nw_unbind();
}
