#include "rnn_step.h"
#include "setting.h"

#include <string.h>

nw_ref nw_rnn_part(nw_space *space, nw_ref x, int from, int to)
{
    return nw_opf(space, x, "slice c=%d:%d", from, to);
}

nw_ref nw_rnn_apply(nw_space *space, nw_ref x, const char *function)
{
    return strcmp(function, "identity") ? nw_opf(space, x, "%s", function) : x;
}

nw_status nw_rnn_begin(struct nw_rnn_step *step, nw_space *space, const char *family,
                       const struct nw_rnn_keys *key, int states, const int input[3])
{
    const int size = key->emb + states * key->hidden;
    const int is_given = input && input[0];
    nw_ref x;

    if (is_given && (double)input[0] * input[1] * input[2] != size)
        return nw_fail(space->ctx, NW_EMATCH,
                       "%s: the input has %dx%dx%d numbers, not emb=%d and %d times "
                       "hidden=%d",
                       family, input[0], input[1], input[2], key->emb, states,
                       key->hidden);
    x = is_given ? nw_input(space, input[0], input[1], input[2])
                 : nw_input(space, size, 1, 1);
    *step = (struct nw_rnn_step){.space = space, .hidden = key->hidden};
    step->all = nw_opf(space, x, "flatten");
    step->word = nw_rnn_part(space, step->all, 0, key->emb);
    for (int i = 0; i < states; i++)
        step->state[i] = nw_rnn_part(space, step->all, key->emb + i * key->hidden,
                                     key->emb + (i + 1) * key->hidden);
    return NW_OK;
}

nw_status nw_rnn_end(const struct nw_rnn_step *step, const char *family,
                     const struct nw_rnn_keys *key, int classes, int bias, nw_ref h)
{
    NW_TRY(nw_classes_of(step->space->ctx, family, key->classes, 10000, &classes));
    if (key->decoder)
        h = nw_opf(step->space, h, "dense out=%d bias=%d name=decoder", classes, bias);
    return nw_output(step->space, h);
}
