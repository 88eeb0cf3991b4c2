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
 * sit on the same first cores and leave the others idle; and so would workers.
 */
#include "threads.h"

#include <omp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
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

/* The calling thread, and what it starts, may run wherever the process may. */
static void unbind(void)
{
    int id[CPU_SETSIZE];
    cpu_set_t all;

    CPU_ZERO(&all);
    for (int p = 0; p < omp_get_num_places(); p++) {
        const int n = omp_get_place_num_procs(p);

        if (n > CPU_SETSIZE)
            return;
        omp_get_place_proc_ids(p, id);
        for (int i = 0; i < n; i++)
            CPU_SET((size_t)id[i], &all);
    }
    if (CPU_COUNT(&all))
        sched_setaffinity(0, sizeof(all), &all);
}

void threads_fit(const struct tool *tool)
{
    const int threads = tool->opt.threads, cores = omp_get_num_procs();
    const int has_workers =
        tool->opt.jobs || (tool->command && tool->command == &commands[CMD_compare]);

    if (getenv(mark) && (has_workers || (threads > 0 && threads != cores)))
        unbind();
}
