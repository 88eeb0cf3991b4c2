/* table.h - the rows of tests/space/counts: see the README there. */
#ifndef SPACE_TABLE_H
#define SPACE_TABLE_H

#include "counting.h"

#include <glob.h>

typedef struct count_row {
    const char *file;
    int line;
    char kind[16], spec[1024];
    int input[3]; /* zeros where the spec says it */
    char a[700], b[64];
} count_row;

/* Fields of a line; 0 = nothing stands on it. */
static inline int read_row(char *line, count_row *row)
{
    char *field[5] = {"", "", "", "-", "-"}, *rest = line;
    char more;

    line[strcspn(line, "\r\n")] = 0;
    if (!*line || *line == '#')
        return 0;
    for (int i = 0; i < 5 && rest; i++)
        field[i] = strsep(&rest, "\t");
    snprintf(row->kind, sizeof(row->kind), "%s", field[0]);
    snprintf(row->spec, sizeof(row->spec), "%s", field[1]);
    snprintf(row->a, sizeof(row->a), "%s", field[3]);
    snprintf(row->b, sizeof(row->b), "%s", field[4]);
    memset(row->input, 0, sizeof(row->input));
    if (strcmp(field[2], "-") && sscanf(field[2], "%dx%dx%d%c", &row->input[0],
                                        &row->input[1], &row->input[2], &more) != 3)
        fail_msg("%s:%d: \"%s\" is not CxHxW", row->file, row->line, field[2]);
    return 1;
}

/* Call visit(user, row) for every row of that kind; how many there were. */
static inline int each_row(const char *kind, void (*visit)(void *user, const count_row *),
                           void *user)
{
    char line[2048];
    glob_t files;
    int n = 0;

    assert_int_equal(glob("tests/space/counts/*.tsv", 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        count_row row = {.file = files.gl_pathv[i]};
        FILE *in = fopen(row.file, "r");

        assert_non_null(in);
        while (fgets(line, sizeof(line), in)) {
            row.line++;
            if (read_row(line, &row) && !strcmp(row.kind, kind)) {
                visit(user, &row);
                n++;
            }
        }
        fclose(in);
    }
    globfree(&files);
    return n;
}

/* Rows that networks are run from: the small forms, or, as NW_TEST_ROWS=net asks, the
 * published networks themselves, up to what memory and patience allow. */
static inline const char *rows_to_run(void)
{
    const char *kind = getenv("NW_TEST_ROWS");

    return kind && !strcmp(kind, "net") ? "net" : "small";
}

static inline int is_too_large(const count_row *row, nw_space *space)
{
    nw_score cost = {0};
    nw_arch *arch = space ? nw_arch_new(space->ctx, space) : NULL;
    int large = arch && nw_arch_cost(arch, &cost) >= 0 &&
                (cost.params > 6e7 || cost.macs > 6e9);

    if (large)
        print_message("left out: %s, %.0f parameters, %.0f MACs\n", row->spec, cost.params,
                      cost.macs);
    nw_arch_free(arch);
    return large;
}

#endif
