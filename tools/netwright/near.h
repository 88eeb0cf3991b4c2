/* near.h - the name that a mistyped word may have meant. */
#ifndef TOOL_NEAR_H
#define TOOL_NEAR_H

#include <stddef.h>

/* Nearest by edits (swapped neighbours count as one) among n, or NULL if none is near. */
const char *near_word(const char *word, const char *const *names, size_t n);

/* Cut "a|b|c" at the bars: the next piece starts at *list, its length is returned, and
 * *list moves on; 0 = no more. */
size_t next_choice(const char **list, const char **piece);

#endif
