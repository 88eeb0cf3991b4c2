/* failing.h - an allocator that counts and can run dry. */
#ifndef NW_FAILING_H
#define NW_FAILING_H

#include <stdlib.h>

struct failing {
    long left;   /* allocations until one fails; < 0 = none does      */
    int once;    /* only that one fails; else all after it fail, too  */
    long asked;  /* allocations so far                                */
    long blocks; /* not yet freed                                     */
};

/* For nw_config. */
static inline void *failing_realloc(void *user, void *ptr, size_t size)
{
    struct failing *f = user;
    void *out;

    if (!size) {
        f->blocks -= ptr != NULL;
        free(ptr);
        return NULL;
    }
    f->asked++;
    if (f->left == 0) {
        f->left = f->once ? -1 : 0;
        return NULL;
    }
    f->left -= f->left > 0;
    out = realloc(ptr, size);
    f->blocks += out && !ptr;
    return out;
}

#endif
