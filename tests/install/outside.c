/* A program of somebody else, in C and in C++: opens a space and counts it. */
#include <netwright.h>
#include <netwright_ext.h>

#include <string.h>

int main(void)
{
    nw_ctx *nw = nw_open(NULL);
    nw_space *space = nw_space_new(nw);
    nw_ref x = nw_input(space, 1, 8, 8);
    nw_ref option[2];
    const char *count;

    option[0] = nw_op_n(space, "conv2d out=4 k=3 pad=1", 1, &x);
    option[1] = nw_op_n(space, "conv2d out=4 k=5 pad=2", 1, &x);
    x = nw_one_of_n(space, "conv", 2, option);
    x = nw_op_n(space, "relu | flatten | dense out=10", 1, &x);
    nw_output(space, x);
    count = nw_space_count(space);
    printf("%s: %s\n", nw_version(), count ? count : nw_errmsg(nw));
    x = !count || strcmp(count, "2") || strcmp(nw_version(), NW_VERSION);
    nw_close(nw);
    return x;
}
