/*
 * OpenMP carries the parts, as it carries oneDNN's, so that both share one set of
 * threads. Thread sanitizer cannot see OpenMP's barriers; builds for it start plain
 * threads instead, slower but visible.
 */
#include "parallel.h"

#include "netwright.h"

#include <omp.h>
#include <sched.h>

#if defined(__SANITIZE_THREAD__)
#define NW_PLAIN_THREADS 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define NW_PLAIN_THREADS 1
#endif
#endif

/* Not the mask of this thread, which OpenMP may have bound to one of them. */
int nw_cores(void)
{
    int n = omp_get_num_procs();

    return n < 1 ? 1 : n;
}

void nw_unbind(void)
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

static void run_part(size_t part, size_t n, size_t grain, nw_body body, void *arg)
{
    size_t begin = part * grain, end = begin + grain;

    body(arg, begin, end < n ? end : n);
}

#ifdef NW_PLAIN_THREADS

#include <pthread.h>

enum { MOST = 16 };

static _Thread_local int allowed = 1, number;

struct share {
    size_t first, step, parts, n, grain;
    nw_body body;
    void *arg;
};

static void *run_share(void *arg)
{
    const struct share *s = arg;

    number = (int)s->first;
    for (size_t p = s->first; p < s->parts; p += s->step)
        run_part(p, s->n, s->grain, s->body, s->arg);
    return NULL;
}

void nw_parallel(size_t n, size_t grain, nw_body body, void *arg)
{
    size_t parts = n / grain + (n % grain != 0);
    size_t threads = parts < (size_t)allowed ? parts : (size_t)allowed;
    struct share share[MOST];
    pthread_t id[MOST];
    int started[MOST] = {0};

    for (size_t t = 0; t < threads; t++) {
        share[t] = (struct share){t, threads, parts, n, grain, body, arg};
        started[t] = t && !pthread_create(&id[t], NULL, run_share, &share[t]);
    }
    for (size_t t = 0; t < threads; t++)
        if (!started[t])
            run_share(&share[t]);
    for (size_t t = 0; t < threads; t++)
        if (started[t])
            pthread_join(id[t], NULL);
    number = 0;
}

int nw_thread(void)
{
    return number;
}

void nw_set_threads(int threads)
{
    allowed = threads < MOST ? threads : MOST;
    omp_set_num_threads(1);
}

#else

void nw_parallel(size_t n, size_t grain, nw_body body, void *arg)
{
    size_t parts = n / grain + (n % grain != 0);

    if (parts <= 1 || omp_get_max_threads() == 1) {
        for (size_t p = 0; p < parts; p++)
            run_part(p, n, grain, body, arg);
        return;
    }
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < parts; p++)
        run_part(p, n, grain, body, arg);
}

int nw_thread(void)
{
    return omp_get_thread_num();
}

void nw_set_threads(int threads)
{
    omp_set_num_threads(threads);
}

#endif
