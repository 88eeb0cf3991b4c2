#include "tool.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { LINE_SIZE = 512, BAR_MOST = 40, BAR_LEAST = 5 };

static volatile sig_atomic_t interrupts, bar_stands;

static void on_signal(int number)
{
    static const char asked[] =
        "netwright: stopping after this step; again to stop at once\n";
    static const char wipe[] = "\r\033[K";
    ssize_t ignored;

    (void)number;
    if (interrupts++)
        _exit(EXIT_INTERRUPTED);
    if (bar_stands)
        ignored = write(STDERR_FILENO, wipe, sizeof(wipe) - 1);
    bar_stands = 0;
    ignored = write(STDERR_FILENO, asked, sizeof(asked) - 1);
    (void)ignored;
}

void interrupt_catch(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int interrupt_seen(void)
{
    return interrupts > 0;
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int width(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || size.ws_col == 0)
        return 80;
    return size.ws_col;
}

void progress_open(struct progress *progress, struct tool *tool)
{
    const char *term = getenv("TERM");

    *progress = (struct progress){.tool = tool};
    progress->bar = !tool->opt.no_progress && !tool->opt.quiet && isatty(STDERR_FILENO) &&
                    term && strcmp(term, "dumb");
}

void progress_clear(struct progress *progress)
{
    (void)progress;
    if (bar_stands)
        fputs("\r\033[K", stderr);
    bar_stands = 0;
}

/* A new stage has a speed of its own; a resumed one starts in the middle. */
static void begin_stage(struct progress *p, const nw_progress *now, double time)
{
    p->stage = now->stage;
    p->seen_s = time;
    p->seen = now->done;
    p->rate = 0;
    p->epoch = now->epoch;
    p->first_trial = now->trial;
    p->many_trials = 0;
}

/* Steps a second, mostly of the last ten seconds. */
static void measure(struct progress *p, const nw_progress *now, double time)
{
    double elapsed = time - p->seen_s, rate, share;

    if (elapsed < 0.5 || now->done <= p->seen)
        return;
    rate = (now->done - p->seen) / elapsed;
    share = p->rate > 0 ? 1 - exp(-elapsed / 10) : 1;
    p->rate += share * (rate - p->rate);
    p->seen = now->done;
    p->seen_s = time;
}

struct line {
    char text[LINE_SIZE];
    int n;
};

static void add(struct line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add(struct line *line, const char *format, ...)
{
    va_list list;
    int n;

    va_start(list, format);
    n = vsnprintf(line->text + line->n, (size_t)(LINE_SIZE - line->n), format, list);
    va_end(list);
    line->n = n < LINE_SIZE - line->n ? line->n + n : LINE_SIZE - 1;
}

static void add_time(struct line *line, double seconds)
{
    long s = lround(seconds);

    if (s >= 3600)
        add(line, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        add(line, "%ld:%02ld", s / 60, s % 60);
}

/* epoch: the one to name, from 1. */
static void add_place(struct line *line, const struct progress *p, const nw_progress *now,
                      double epoch)
{
    add(line, "%s", now->stage);
    if (now->trial && (now->epochs <= 0 || p->many_trials))
        add(line, "  trial %llu", (unsigned long long)now->trial);
    if (now->epochs > 0)
        add(line, "  epoch %.0f/%.0f", fmin(epoch, now->epochs), now->epochs);
}

static void add_scores(struct line *line, const nw_progress *now)
{
    if (isfinite(now->loss))
        add(line, "  loss %.3g", now->loss);
    if (isfinite(now->accuracy))
        add(line, "  acc %.1f %%", 100 * now->accuracy);
}

static void add_left(struct line *line, const struct progress *p, const nw_progress *now)
{
    if (now->total <= 0 || p->rate <= 0)
        return;
    add(line, "  ETA ");
    add_time(line, fmax(now->total - now->done, 0) / p->rate);
}

static void add_bar(struct line *line, const nw_progress *now, int room)
{
    double share = fmin(fmax(now->done / now->total, 0), 1);
    int cells = room > BAR_MOST ? BAR_MOST : room, full = (int)(share * cells);

    if (cells >= BAR_LEAST) {
        add(line, "  [");
        for (int i = 0; i < cells; i++)
            add(line, "%c", i < full ? '=' : i == full ? '>' : ' ');
        add(line, "]");
    }
    add(line, " %2.0f %%", 100 * share);
}

static void draw(struct progress *p, const nw_progress *now)
{
    struct line line = {.n = 0}, tail = {.n = 0};
    int columns = width();

    add_place(&line, p, now, floor(now->epoch) + 1);
    add_scores(&tail, now);
    add_left(&tail, p, now);
    if (now->total > 0) /* two blanks, brackets and " 100 %" are not bar */
        add_bar(&line, now, columns - 1 - line.n - tail.n - 10);
    add(&line, "%s", tail.text);
    if (interrupt_seen())
        return;
    fprintf(stderr, "\r%.*s\033[K", columns - 1, line.text);
    fflush(stderr);
    bar_stands = 1;
}

/* An epoch has ended. */
static void say_epoch(struct progress *p, const nw_progress *now)
{
    struct line line = {.n = 0};

    add_place(&line, p, now, floor(now->epoch));
    add_scores(&line, now);
    detail(p->tool, "%s", line.text);
}

int progress_step(void *user, const nw_progress *now)
{
    struct progress *p = user;
    double time = now_s();

    if (!p->stage || strcmp(p->stage, now->stage))
        begin_stage(p, now, time);
    measure(p, now, time);
    if (now->epoch < p->epoch)
        p->many_trials = 1;
    if (floor(now->epoch) > floor(p->epoch) && !p->bar)
        say_epoch(p, now);
    p->epoch = now->epoch;
    if (p->bar && time - p->drawn_s >= 0.1) {
        draw(p, now);
        p->drawn_s = time;
    }
    return interrupt_seen();
}
