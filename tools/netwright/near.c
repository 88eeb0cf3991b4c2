#include "near.h"

#include <string.h>

enum { LONGEST = 48 };

static int least(int a, int b)
{
    return a < b ? a : b;
}

static int edits(const char *a, const char *b)
{
    int d[LONGEST + 1][LONGEST + 1];
    int n = (int)strlen(a), m = (int)strlen(b);

    if (n > LONGEST || m > LONGEST)
        return LONGEST;
    for (int i = 0; i <= n; i++)
        for (int j = 0; j <= m; j++) {
            if (!i || !j) {
                d[i][j] = i + j;
                continue;
            }
            d[i][j] = least(d[i - 1][j - 1] + (a[i - 1] != b[j - 1]),
                            1 + least(d[i - 1][j], d[i][j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = least(d[i][j], 1 + d[i - 2][j - 2]);
        }
    return d[n][m];
}

const char *near_word(const char *word, const char *const *names, size_t n)
{
    int limit = 1 + (int)strlen(word) / 3;
    const char *best = NULL;

    for (size_t i = 0; i < n; i++) {
        int d = edits(word, names[i]);

        if (d <= limit) {
            limit = d - 1;
            best = names[i];
        }
    }
    return best;
}

size_t next_choice(const char **list, const char **piece)
{
    size_t n;

    if (!*list || !**list)
        return 0;
    n = strcspn(*list, "|");
    *piece = *list;
    *list += n + ((*list)[n] == '|');
    return n;
}
