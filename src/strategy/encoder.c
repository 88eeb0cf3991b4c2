/*
 * encoder.c - path encoding and one number an option.
 *
 * Which cell a space has is read from its graph. The first use of every choice, in the
 * order of the places, is a node; an edge leads from one to another that is computed from
 * it without another use between. A way begins at a first use that is computed from the
 * input, or from a later use, and ends at one from which a later use or the output is. So
 * NAS-Bench-201, whose cell is used fifteen times, has the ways 3, 0-4, 1-5 and 0-2-5 of
 * its six edges.
 *
 * A number stands for a sequence of op names, not for a place, so cells that are the same
 * but for the order of their nodes have equal rows, as in the paper. A way through an op
 * that gives zero is none. (The authors' code for NAS-Bench-201 keeps `none` as an op.)
 *
 * Options are encoded instead where a way takes more than half of the choices (a chain is
 * one way, whose number no other arch has, so nothing could be learned from one arch for
 * another), with more than MOST_WIDTH sequences, some choice beside all ways, or a choice
 * that takes several options or a number. The paper shortens long
 * paths; chains of many choices would lose nearly everything by that.
 */
#include "encoder.h"

#include "ctx.h"
#include "space.h"

#include <string.h>

enum { MOST_WIDTH = 2048, MOST_PATHS = 64, MOST_LENGTH = 16, MOST_CHOICES = 62 };

/* Sets of choices are bits of a word, with one more for what is outside the cell. */
static const uint64_t OUTSIDE = (uint64_t)1 << MOST_CHOICES;

struct path {
    int n, choice[MOST_LENGTH];
};

struct nw_encoder {
    nw_ctx *ctx;
    int width, n_path, ops; /* ops: different names, without those that give zero */
    struct path path[MOST_PATHS];
    int first[MOST_LENGTH + 1]; /* number of the first sequence of that length    */
    int symbol[]; /* of every option of every choice; -1 gives zero               */
};

/* ---- The cell of a space --------------------------------------------------------- */

struct cell {
    const nw_space *space;
    uint64_t *set; /* of a place: from which first uses it is computed          */
    uint64_t into[MOST_CHOICES]; /* of a choice: likewise, before it is applied */
    uint64_t ends, seen, covered;
};

static uint64_t inputs_of(const struct cell *c, const nw_place *p)
{
    uint64_t set = p->n_in ? 0 : OUTSIDE;

    for (int i = 0; i < p->n_in; i++)
        set |= c->set[p->in[i]];
    return set;
}

static void look_at(struct cell *c, int place)
{
    const nw_place *p = &c->space->place[place];
    const uint64_t in = inputs_of(c, p);
    const uint64_t self = p->choice < 0 ? 0 : (uint64_t)1 << p->choice;

    if (place == c->space->output)
        c->ends |= in | self;
    c->set[place] = self ? self : in;
    if (self && (c->seen & self)) { /* a later use */
        c->ends |= in;
        c->set[place] = OUTSIDE;
    } else if (self) {
        c->into[p->choice] = in;
        c->seen |= self;
    }
}

/* 0 = there are too many or too long ones. */
static int add_paths(nw_encoder *f, struct cell *c, struct path way, int choice)
{
    if (way.n == MOST_LENGTH)
        return 0;
    way.choice[way.n++] = choice;
    if (c->ends >> choice & 1) {
        if (f->n_path == MOST_PATHS)
            return 0;
        f->path[f->n_path++] = way;
        for (int i = 0; i < way.n; i++)
            c->covered |= (uint64_t)1 << way.choice[i];
    }
    for (int next = 0; next < c->space->n_choice; next++)
        if (c->into[next] >> choice & 1 && !add_paths(f, c, way, next))
            return 0;
    return 1;
}

static int find_paths(nw_encoder *f, struct cell *c)
{
    const int n = c->space->n_choice;

    for (int place = 0; place < c->space->n_place; place++)
        look_at(c, place);
    for (int choice = 0; choice < n; choice++)
        if (c->into[choice] & OUTSIDE && !add_paths(f, c, (struct path){.n = 0}, choice))
            return 0;
    return n && c->covered == ((uint64_t)1 << n) - 1;
}

/* ---- Names of ops ---------------------------------------------------------------- */

static int is_zero(const nw_space *space, int choice, int option)
{
    for (int p = 0; p < space->n_place; p++)
        if (space->place[p].choice == choice)
            return (space->place[space->place[p].in[option]].op->flags & NW_IS_ZERO) != 0;
    return 0;
}

/* The symbol of an earlier option of that name, or a new one. */
static int symbol_of(nw_encoder *f, const nw_space *space, int choice, int option)
{
    const char *name = space->choice[choice].option_name[option];

    for (int c = 0; c <= choice; c++)
        for (int o = 0; o < (c < choice ? space->choice[c].n : option); o++)
            if (!strcmp(space->choice[c].option_name[o], name))
                return f->symbol[space->choice[c].first + o];
    return is_zero(space, choice, option) ? -1 : f->ops++;
}

/* Numbers of all sequences as long as the longest path; 0 = it is too long. */
static int count_sequences(nw_encoder *f, int n_choice)
{
    int longest = 0, width = 0, n = 1;

    for (int i = 0; i < f->n_path; i++)
        longest = f->path[i].n > longest ? f->path[i].n : longest;
    if (2 * longest > n_choice)
        return 0;
    for (int length = 1; length <= longest; length++) {
        f->first[length] = width;
        n *= f->ops;
        width += n;
        if (width > MOST_WIDTH)
            return 0;
    }
    f->width = width;
    return width > 0;
}

static int takes_one_each(const nw_space *space)
{
    for (int c = 0; c < space->n_choice; c++)
        if (space->choice[c].kind != NW_ONE)
            return 0;
    return space->n_choice <= MOST_CHOICES && !nw_is_coded(space);
}

static nw_status encode_paths(nw_encoder *f, const nw_space *space)
{
    struct cell cell = {.space = space};
    int found;

    cell.set = nw_alloc(f->ctx, ((size_t)space->n_place + 1) * sizeof(*cell.set));
    if (!cell.set)
        return NW_ENOMEM;
    found = find_paths(f, &cell);
    nw_release(f->ctx, cell.set);
    for (int c = 0; found && c < space->n_choice; c++)
        for (int o = 0; o < space->choice[c].n; o++)
            f->symbol[space->choice[c].first + o] = symbol_of(f, space, c, o);
    if (found && count_sequences(f, space->n_choice))
        return NW_OK;
    f->n_path = 0;
    return NW_OK;
}

/* ---- Rows ------------------------------------------------------------------------ */

nw_encoder *nw_encoder_new(nw_ctx *ctx, nw_space *space, int paths)
{
    nw_encoder *f =
        nw_alloc(ctx, sizeof(*f) + ((size_t)space->n_weight + 1) * sizeof(*f->symbol));

    if (!f)
        return NULL;
    f->ctx = ctx;
    if (paths && takes_one_each(space) && encode_paths(f, space) < 0) {
        nw_release(ctx, f);
        return NULL;
    }
    if (!f->n_path)
        f->width = space->n_weight ? space->n_weight : 1;
    return f;
}

void nw_encoder_free(nw_encoder *f)
{
    if (f)
        nw_release(f->ctx, f);
}

int nw_encoder_width(const nw_encoder *f)
{
    return f->width;
}

int nw_encoder_paths(const nw_encoder *f)
{
    return f->n_path;
}

/* The number of the sequence of ops on the path; -1 = there is no way. */
static int sequence_of(const nw_encoder *f, const struct path *path, const nw_arch *arch)
{
    int number = 0;

    for (int i = 0; i < path->n; i++) {
        const int c = path->choice[i];
        const int s = f->symbol[arch->space->choice[c].first + nw_arch_option(arch, c)];

        if (s < 0)
            return -1;
        number = number * f->ops + s;
    }
    return f->first[path->n] + number;
}

void nw_encode(const nw_encoder *f, const nw_arch *hard, float *row)
{
    memset(row, 0, (size_t)f->width * sizeof(*row));
    for (int i = 0; i < f->n_path; i++) {
        const int at = sequence_of(f, &f->path[i], hard);

        if (at >= 0)
            row[at] = 1;
    }
    for (int i = 0; !f->n_path && i < hard->space->n_weight; i++)
        row[i] = hard->w[i] != 0;
}
