/*
 * smash_net.c - the network that a description of SMASH stands for, all weights learnt.
 *
 * As the authors' MainNet: a 7x7 convolution to the first block's channels; an op is
 * batch norm, ReLU, 1x1 convolution and batch norm over what it reads, then its
 * convolutions, a ReLU before each; between blocks batch norm, ReLU, 1x1 convolution, 2x2
 * average pool; at the end batch norm, ReLU, mean of every channel, classes. No
 * convolution has a bias. Channels of a block's input that fill no whole bank are not
 * used. Modules have the authors' names.
 */
#include "family.h"
#include "smash.h"

struct net {
    nw_space *space;
    const nw_smash_rules *rules;
    nw_ref bank[NW_SMASH_BANKS];
    int banks, width; /* written; channels of each */
    int ops;          /* so far, of all blocks */
};

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* Channels of the 1x1 convolution. */
static int bottleneck(const nw_smash_rules *r, int in, int out)
{
    const int times = in / out > 1 ? smaller(in / out, 4) : 1;

    return smaller(smaller(times * out, in), 4 * NW_SMASH_UNITS * r->n);
}

static nw_ref read_banks(struct net *net, uint64_t set)
{
    nw_ref in[NW_SMASH_BANKS];
    size_t n = 0;

    for (int i = 0; i < net->banks; i++)
        if (set >> i & 1)
            in[n++] = net->bank[i];
    return n == 1 ? in[0] : nw_op_n(net->space, "concat", n, in);
}

static nw_ref convolve(struct net *net, nw_ref x, const nw_smash_conv *c, int index,
                       int out)
{
    return nw_opf(net->space, x,
                  "relu | conv2d out=%d k=%dx%d dil=%dx%d groups=%d bias=0 "
                  "name=op.%d.conv",
                  out, 3 + 2 * c->k[0], 3 + 2 * c->k[1], 1 + c->dil[0], 1 + c->dil[1],
                  1 << c->groups, index);
}

/* w0 then w1, and w2 then w3 beside them, as far as the pattern has them. */
static nw_ref main_convs(struct net *net, const nw_smash_op *op, nw_ref x, int out)
{
    const unsigned char *active = nw_smash_active[op->pattern];
    nw_ref way[2] = {x, x};

    for (int i = 0; i < NW_SMASH_CONVS; i++)
        if (active[i])
            way[i / 2] = convolve(net, way[i / 2], &op->conv[i], i, out);
    return active[2] ? nw_op_n(net->space, "add", 2, way) : way[0];
}

/* Part `i` of x, as wide as a bank. */
static nw_ref cut(struct net *net, nw_ref x, int i)
{
    return nw_opf(net->space, x, "slice c=%d:%d", i * net->width, (i + 1) * net->width);
}

static void write_banks(struct net *net, const nw_smash_op *op, nw_ref x, int cuts)
{
    nw_ref part[NW_SMASH_UNITS] = {x};
    int written = 0;

    for (int i = 0; i < NW_SMASH_BANKS; i++) {
        const int p = written % cuts;
        nw_ref both[2];

        if (!(op->write >> i & 1))
            continue;
        if (written < cuts && cuts > 1)
            part[p] = cut(net, x, p);
        written++;
        both[0] = net->bank[i];
        both[1] = part[p];
        if (i == net->banks) {
            net->bank[i] = part[p];
            net->banks++;
        } else {
            net->bank[i] = nw_op_n(net->space, "add", 2, both);
        }
    }
}

static void add_op(struct net *net, const nw_smash_op *op)
{
    const int out = (op->units + 1) * net->rules->n;
    const int in = nw_smash_bits(op->read) * net->width;
    nw_ref x = read_banks(net, op->read);

    nw_enter(net->space, "mod.%d", net->ops++);
    x = nw_opf(net->space, x,
               "batchnorm name=bn1 | relu | conv2d out=%d k=1 bias=0 name=conv1 | "
               "batchnorm name=bn2",
               bottleneck(net->rules, in, out));
    x = main_convs(net, op, x, out);
    nw_leave(net->space);
    write_banks(net, op, x, out / net->width);
}

static nw_ref add_block(struct net *net, int b, const nw_smash_block *block, nw_ref x)
{
    const int size = net->rules->size[b][block->size];

    net->width = size * net->rules->n;
    net->banks = nw_smash_inputs(net->rules, b, size);
    for (int i = 0; i < net->banks; i++)
        net->bank[i] = cut(net, x, i);
    for (int o = 0; o < net->rules->ops && block->op[o].read; o++)
        add_op(net, &block->op[o]);
    return read_banks(net, nw_smash_low(net->banks));
}

static nw_ref transition(struct net *net, int b, nw_ref x)
{
    nw_enter(net->space, "trans%d", b);
    x = nw_opf(net->space, x,
               "batchnorm name=bn1 | relu | conv2d out=%d k=1 bias=0 name=conv1 | "
               "avgpool k=2",
               net->rules->in[b]);
    nw_leave(net->space);
    return x;
}

nw_status nw_smash_build(nw_space *space, const nw_smash_rules *r,
                         const nw_smash_arch *arch, const nw_setting *setting)
{
    struct net net = {.space = space, .rules = r};
    nw_ref x = nw_input(space, setting->shape[0], setting->shape[1], setting->shape[2]);

    x = nw_opf(space, x, "conv2d out=%d k=7 bias=0 name=conv1", r->in[0]);
    for (int b = 0; b < NW_SMASH_BLOCKS; b++) {
        if (b)
            x = transition(&net, b, x);
        x = add_block(&net, b, &arch->block[b], x);
    }
    x = nw_opf(space, x, "batchnorm name=bn1 | relu | globalpool | dense out=%d name=fc",
               setting->classes);
    return nw_output(space, x);
}
