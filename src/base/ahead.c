#include "ahead.h"

#include "parallel.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

enum stage { IDLE, ASKED, DONE, QUIT };

struct nw_ahead {
    nw_ctx *ctx;
    void (*work)(void *arg);
    void *arg;
    pthread_t thread;
    pid_t pid; /* of the process that has the thread; 0 = none has */
    pthread_mutex_t lock;
    pthread_cond_t change;
    enum stage stage; /* guarded by the lock, as all that work() touches */
};

static void set(nw_ahead *a, enum stage stage)
{
    a->stage = stage;
    pthread_cond_signal(&a->change);
}

static void *serve(void *object)
{
    nw_ahead *a = object;

    nw_set_threads(1);
    pthread_mutex_lock(&a->lock);
    while (a->stage != QUIT) {
        if (a->stage == ASKED) {
            a->work(a->arg);
            set(a, DONE);
        } else {
            pthread_cond_wait(&a->change, &a->lock);
        }
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

/* As it was before there was a thread. */
static void forget(nw_ahead *a)
{
    a->pid = 0;
    a->stage = IDLE;
    a->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    a->change = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
}

/* Is there a thread in this process? */
static int is_here(nw_ahead *a)
{
    if (a->pid && a->pid != getpid())
        forget(a);
    return a->pid != 0;
}

/* Signals are for the threads that were there before. */
static int start(nw_ahead *a)
{
    sigset_t all, before;
    int failed;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&a->thread, NULL, serve, a);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    a->pid = failed ? 0 : getpid();
    return !failed;
}

static void ahead_destroy(void *object)
{
    nw_ahead *a = object;

    if (!is_here(a))
        return;
    nw_ahead_wait(a);
    pthread_mutex_lock(&a->lock);
    set(a, QUIT);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    pthread_cond_destroy(&a->change);
    pthread_mutex_destroy(&a->lock);
}

nw_ahead *nw_ahead_new(nw_ctx *ctx, void (*work)(void *arg), void *arg)
{
    nw_ahead *a = nw_new(ctx, sizeof(*a), ahead_destroy);

    if (!a)
        return NULL;
    a->ctx = ctx;
    a->work = work;
    a->arg = arg;
    forget(a);
    return a;
}

void nw_ahead_free(nw_ahead *ahead)
{
    if (ahead)
        nw_release(ahead->ctx, ahead);
}

int nw_ahead_begin(nw_ahead *a)
{
    if (!is_here(a) && !start(a))
        return 0;
    pthread_mutex_lock(&a->lock);
    set(a, ASKED);
    pthread_mutex_unlock(&a->lock);
    return 1;
}

int nw_ahead_wait(nw_ahead *a)
{
    int is_done;

    if (!is_here(a))
        return 0;
    pthread_mutex_lock(&a->lock);
    while (a->stage == ASKED)
        pthread_cond_wait(&a->change, &a->lock);
    is_done = a->stage == DONE;
    a->stage = IDLE;
    pthread_mutex_unlock(&a->lock);
    return is_done;
}
