/* pool.h - memory that lives as long as the command: no file here frees anything else. */
#ifndef TOOL_POOL_H
#define TOOL_POOL_H

#include <stdarg.h>
#include <stddef.h>

struct pool {
    struct pool_block *newest;
};

/* Zeroed. Out of memory ends the program with a message: nothing sensible is left. */
void *pool_alloc(struct pool *pool, size_t size);
char *pool_copy(struct pool *pool, const char *text, size_t n);
char *pool_vprintf(struct pool *pool, const char *format, va_list list);
char *pool_printf(struct pool *pool, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void pool_free(struct pool *pool);

#endif
