/* naive.c [DATA] - the showcase of NNI; prints, say, {"conv1":0,"conv2":1,"skip":[1]} */
#include <netwright.h>

int main(int argc, char **argv)
{
    nw_ctx *nw = nw_open(NULL);
    nw_data *data = nw_data_open(nw, argc > 1 ? argv[1] : "fashion-mnist");
    size_t half = data ? nw_data_count(data) / 2 : 0;
    int shape[3] = {1, 1, 1};
    nw_arch *best = NULL;

    if (data)
        nw_data_shape(data, shape);
    nw_space *s = nw_space_new(nw);
    nw_ref x = nw_input(s, shape[0], shape[1], shape[2]);
    x = nw_one_of(s, "conv1", nw_op(s, "conv2d out=6 k=3", x), nw_op(s, "conv2d out=6 k=5", x));
    x = nw_op(s, "relu | maxpool k=2", x);
    nw_ref x0 = nw_one_of(s, "conv2", nw_op(s, "conv2d out=16 k=3", x),
                          nw_op(s, "conv2d out=16 k=5", x));
    x0 = nw_op(s, "relu", x0);
    nw_ref x1 = nw_op(s, "conv2d out=16 k=1 | relu", x0);
    x = nw_some_of(s, "skip", 1, x1, nw_op(s, "add", x1, x0));
    x = nw_op(s, "batchnorm | avgpool to=4 | flatten", x);
    nw_output(s, nw_op(s, "dense out=120 | relu | dense out=84 | relu | dense out=10", x));
    nw_search_config config = {
        .strategy = "darts lr=3e-4",
        .estimator = "supernet epochs=2 batch=64 lr=0.001 momentum=0.9 loss=cross_entropy",
        .train = nw_data_slice(data, 1, 0, half), /* validation is a part of it too: */
        .valid = nw_data_slice(data, 1, half, half), /* the test data stay unseen    */
        .seed = 1,
    };
    nw_status status = nw_search(s, &config, &best, NULL, NULL);
    if (status >= 0)
        status = nw_arch_write(best, stdout);
    if (status < 0)
        fprintf(stderr, "naive: %s: %s\n", nw_strstatus(status), nw_errmsg(nw));
    puts("");
    nw_close(nw);
    return status < 0;
}
