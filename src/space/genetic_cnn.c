/*
 * genetic_cnn.c - stages of convolutions whose links are the genes of Genetic CNN.
 *
 * A network has stages, each followed by a 2x2 max pool; stage s has K_s nodes in order,
 * all with the same channels. A bit says for i < j whether node i leads to node j, in the
 * order (1,2), (1,3), (2,3), (1,4) ...; written with a dash before each node's bits:
 * "1-01-001" for K = 4, stages apart by "|".
 *
 * A node is the sum of its inputs, a convolution, batch norm and ReLU. A default input
 * node, such a convolution of the stage's input, leads to every node that leads somewhere
 * but has no predecessor; a default output node takes the sum of every node that has a
 * predecessor but leads nowhere. Nodes without any link are dropped; a stage without any
 * link is one default node.
 *
 * Behind the last stage stand a fully connected layer, ReLU, dropout of 1/2, and the
 * classes. With two stages the defaults are those of MNIST (20 and 50 channels, 500),
 * else those of CIFAR-10 (8, 16, 32 ... channels, 128). All is from the paper as our
 * specification gives it; unverified are the pool of CIFAR-10, and ours that convolutions
 * before a batch norm have no bias.
 *
 * Stages with the same graph once dropped nodes are gone are one network: of K = 3, 4, 5
 * there are 6, 31 and 302.
 *
 * [1] L. Xie, A. Yuille 2017, Genetic CNN, arXiv:1703.01513.
 */
#include "dag.h"
#include "family.h"
#include "int_list.h"
#include "setting.h"

#include <stdio.h>
#include <string.h>

enum { MOST_STAGES = 8, MOST_NODES = 16, MOST_BITS = MOST_NODES * (MOST_NODES - 1) / 2 };

struct genetic_cnn {
    int kernel, fc, classes;
    char nodes[NW_TEXT_SIZE], channels[NW_TEXT_SIZE], bits[NW_TEXT_SIZE];
};

#define AT(field) offsetof(struct genetic_cnn, field)

/* clang-format off */
#define KEYS                                                                             \
    {"channels", NW_TEXT, AT(channels), "", 0, 0,                                        \
     "of every stage, as 8,16,32; none = 20,50 for two stages, else 8 doubled each time", NULL}, \
    {"kernel", NW_INT, AT(kernel), "5", 1, 31, "of every convolution, pixels, odd", NULL}, \
    {"fc", NW_INT, AT(fc), "0", 0, 65536,                                                \
     "width of the fully connected layer; 0 = 500 for two stages, else 128", NULL},      \
    {"classes", NW_INT, AT(classes), "0", 0, 1000000, "0 = from the data", NULL}
/* clang-format on */

static const nw_attr genetic_cnn_attrs[] = {
    {"nodes", NW_TEXT, AT(nodes), "3,4,5", 0, 0, "nodes of every stage", NULL},
    KEYS,
    {0},
};

static const nw_attr net_attrs[] = {
    KEYS,
    {"bits", NW_TEXT, AT(bits), NULL, 0, 0, "links of every stage, as \"1-01|1-01-001\"",
     NULL},
    {0},
};

/* ---- Plan ------------------------------------------------------------------------ */

/* What a spec says, read. */
struct plan {
    int stages, nodes[MOST_STAGES], channels[MOST_STAGES], kernel, fc;
};

/* links[j], bit i: node i leads to node j. */
struct stage {
    int n;
    uint32_t links[MOST_NODES];
};

static nw_status set_channels(nw_ctx *ctx, const struct genetic_cnn *key,
                              struct plan *plan)
{
    const int n =
        nw_ints_parse(key->channels, ',', 1, 65536, MOST_STAGES, plan->channels);

    if (n > 0 && n == plan->stages)
        return NW_OK;
    if (n)
        return nw_fail(ctx, NW_ESPEC, "genetic-cnn: channels=%s is not a list of %d",
                       key->channels, plan->stages);
    for (int s = 0; s < plan->stages; s++)
        plan->channels[s] = plan->stages != 2 ? 8 << s : s ? 50 : 20;
    return NW_OK;
}

/* plan->stages and nodes are set. */
static nw_status finish_plan(nw_ctx *ctx, const struct genetic_cnn *key,
                             struct plan *plan)
{
    plan->kernel = key->kernel;
    plan->fc = key->fc ? key->fc : plan->stages == 2 ? 500 : 128;
    if (key->kernel % 2 == 0)
        return nw_fail(ctx, NW_ESPEC, "genetic-cnn: kernel=%d is not odd", key->kernel);
    return set_channels(ctx, key, plan);
}

static nw_status plan_of(nw_ctx *ctx, const struct genetic_cnn *key, struct plan *plan)
{
    *plan = (struct plan){0};
    plan->stages =
        nw_ints_parse(key->nodes, ',', 2, MOST_NODES, MOST_STAGES, plan->nodes);
    if (plan->stages < 1)
        return nw_fail(ctx, NW_ESPEC,
                       "genetic-cnn: nodes=%s is not a list of 1 to %d numbers from 2 to "
                       "%d, as 3,4,5",
                       key->nodes, MOST_STAGES, MOST_NODES);
    return finish_plan(ctx, key, plan);
}

/* ---- Bits ------------------------------------------------------------------------ */

/* One stage from the start of *text, which moves on; 0 = it is none. */
static int read_stage(const char **text, struct stage *out)
{
    const char *c = *text;

    *out = (struct stage){.n = 1};
    do {
        if (out->n == MOST_NODES)
            return 0;
        for (int i = 0; i < out->n; i++, c++) {
            if (*c != '0' && *c != '1')
                return 0;
            out->links[out->n] |= (uint32_t)(*c - '0') << i;
        }
        out->n++;
    } while (*c == '-' && c++);
    *text = c;
    return 1;
}

/* Stages apart by "|"; how many, or 0 when the text is none. */
static int read_bits(const char *text, struct stage out[MOST_STAGES])
{
    int n = 0;

    do {
        if (n == MOST_STAGES || !read_stage(&text, &out[n]))
            return 0;
        n++;
    } while (*text == '|' && text++);
    return *text ? 0 : n;
}

static void stages_of_arch(const struct plan *plan, const nw_arch *arch,
                           struct stage out[MOST_STAGES])
{
    int c = 0;

    for (int s = 0; s < plan->stages; s++) {
        out[s] = (struct stage){.n = plan->nodes[s]};
        for (int j = 1; j < out[s].n; j++)
            for (int i = 0; i < j; i++)
                out[s].links[j] |= (uint32_t)nw_arch_option(arch, c++) << i;
    }
}

/* Nodes that node v leads to. */
static uint32_t led_to(const struct stage *stage, int v)
{
    uint32_t to = 0;

    for (int j = v + 1; j < stage->n; j++)
        to |= (stage->links[j] >> v & 1) << j;
    return to;
}

/* ---- Network --------------------------------------------------------------------- */

static nw_ref node(nw_space *space, const char *name, int channels, int kernel, size_t n,
                   const nw_ref *in)
{
    nw_ref x = n == 1 ? in[0] : nw_op_n(space, "add", n, in);

    nw_enter(space, "%s", name);
    x = nw_opf(space, x, "conv2d out=%d k=%d bias=0 name=conv | batchnorm name=bn | relu",
               channels, kernel);
    nw_leave(space);
    return x;
}

/* The nodes between the default input node and the default output node; the outputs of
 * those that lead nowhere into last[], how many. */
static size_t inner_nodes(nw_space *space, const struct plan *plan, int s,
                          const struct stage *stage, nw_ref input,
                          nw_ref last[MOST_NODES])
{
    nw_ref out[MOST_NODES];
    size_t n_last = 0;

    for (int j = 0; j < stage->n; j++) {
        const uint32_t to = led_to(stage, j);
        nw_ref in[MOST_NODES] = {input};
        char name[32];
        size_t n = 0;

        if (!to && !stage->links[j])
            continue;
        for (int i = 0; i < j; i++)
            if (stage->links[j] >> i & 1)
                in[n++] = out[i];
        snprintf(name, sizeof(name), "node%d", j + 1);
        out[j] = node(space, name, plan->channels[s], plan->kernel, n ? n : 1, in);
        if (!to)
            last[n_last++] = out[j];
    }
    return n_last;
}

static nw_ref add_stage(nw_space *space, const struct plan *plan, int s,
                        const struct stage *stage, nw_ref x)
{
    nw_ref last[MOST_NODES];
    size_t n;

    nw_enter(space, "stage%d", s + 1);
    x = node(space, "input", plan->channels[s], plan->kernel, 1, &x);
    n = inner_nodes(space, plan, s, stage, x, last);
    if (n)
        x = node(space, "output", plan->channels[s], plan->kernel, n, last);
    nw_leave(space);
    return nw_opf(space, x, "maxpool k=2");
}

static nw_status build_stages(nw_space *space, const struct plan *plan,
                              const struct stage *stage, const nw_setting *setting)
{
    nw_ref x = nw_input(space, setting->shape[0], setting->shape[1], setting->shape[2]);

    for (int s = 0; s < plan->stages; s++)
        x = add_stage(space, plan, s, &stage[s], x);
    x = nw_opf(space, x,
               "flatten | dense out=%d name=fc | relu | dropout p=0.5 | "
               "dense out=%d name=classifier",
               plan->fc, setting->classes);
    return nw_output(space, x);
}

static nw_status setting_of(nw_space *space, const struct genetic_cnn *key, int stages,
                            const int input[3], int classes, nw_setting *out)
{
    static const int mnist[3] = {1, 28, 28}, cifar[3] = {3, 32, 32};

    return nw_setting_of(space->ctx, "genetic-cnn", input, classes,
                         stages == 2 ? mnist : cifar, key->classes, out);
}

/* ---- Space ----------------------------------------------------------------------- */

static nw_status decide(nw_space *space, const struct plan *plan)
{
    static const char *const bit[2] = {"0", "1"};
    char name[64];

    for (int s = 0; s < plan->stages; s++)
        for (int j = 1; j < plan->nodes[s]; j++)
            for (int i = 0; i < j; i++) {
                snprintf(name, sizeof(name), "stage_%d_%d_to_%d", s + 1, i + 1, j + 1);
                NW_TRY(nw_decide(space, name, 2, bit));
            }
    return NW_OK;
}

static int bits_of(const struct plan *plan)
{
    int bits = 0;

    for (int s = 0; s < plan->stages; s++)
        bits += plan->nodes[s] * (plan->nodes[s] - 1) / 2;
    return bits;
}

static nw_status genetic_cnn_build(void *self, nw_space *space, const int input[3],
                                   int classes, const nw_arch *arch)
{
    const struct genetic_cnn *key = self;
    struct stage stage[MOST_STAGES];
    nw_setting setting;
    struct plan plan;

    NW_TRY(plan_of(space->ctx, key, &plan));
    NW_TRY(setting_of(space, key, plan.stages, input, classes, &setting));
    if (!arch)
        return decide(space, &plan);
    if (nw_space_choices(arch->space) != bits_of(&plan))
        return nw_fail(space->ctx, NW_EMATCH,
                       "the architecture is of genetic-cnn with other nodes than %s",
                       key->nodes);
    stages_of_arch(&plan, arch, stage);
    return build_stages(space, &plan, stage, &setting);
}

static void stages_and_plan(const nw_arch *arch, struct plan *plan,
                            struct stage stage[MOST_STAGES])
{
    plan_of(arch->ctx, nw_space_keys(arch->space), plan); /* is right: the space stands */
    stages_of_arch(plan, arch, stage);
}

/* "1-01|1-01-001" */
static nw_status genetic_cnn_genotype(const nw_arch *arch, FILE *out)
{
    struct stage stage[MOST_STAGES];
    struct plan plan;

    stages_and_plan(arch, &plan, stage);
    fputc('"', out);
    for (int s = 0; s < plan.stages; s++)
        for (int j = 1; j < stage[s].n; j++) {
            fputs(j > 1 ? "-" : s ? "|" : "", out);
            for (int i = 0; i < j; i++)
                fputc('0' + (int)(stage[s].links[j] >> i & 1), out);
        }
    fputc('"', out);
    return nw_setting_written(arch->ctx, out);
}

static nw_status genetic_cnn_read(nw_arch *arch, const char *text, const char *where)
{
    char word[MOST_STAGES * (MOST_BITS + MOST_NODES)];
    struct stage stage[MOST_STAGES];
    struct plan plan;
    int n, c = 0;

    NW_TRY(plan_of(arch->ctx, nw_space_keys(arch->space), &plan));
    NW_TRY(nw_setting_word(arch->ctx, text, where, word, sizeof(word)));
    n = read_bits(word, stage);
    for (int s = 0; s < n; s++)
        if (n != plan.stages || stage[s].n != plan.nodes[s])
            n = 0;
    if (!n)
        return nw_fail(arch->ctx, NW_EFORMAT,
                       "%s: \"%s\" is not of the form 1-01|1-01-001 for this space",
                       where, word);
    for (int s = 0; s < n; s++)
        for (int j = 1; j < stage[s].n; j++)
            for (int i = 0; i < j; i++)
                NW_TRY(nw_arch_pick(arch, c++, (int)(stage[s].links[j] >> i & 1)));
    return NW_OK;
}

/* Its nodes with a link, as a graph. */
static void dag_of(const struct stage *stage, nw_dag *out)
{
    int place[MOST_NODES] = {0};

    memset(out, 0, sizeof(*out));
    for (int v = 0; v < stage->n; v++)
        if (stage->links[v] || led_to(stage, v)) {
            for (int u = 0; u < v; u++)
                out->from[out->n] |= (uint64_t)(stage->links[v] >> u & 1) << place[u];
            place[v] = out->n++;
        }
}

static nw_status genetic_cnn_canonical(const nw_arch *arch, nw_text *out)
{
    struct stage stage[MOST_STAGES];
    struct plan plan;
    nw_dag dag;

    stages_and_plan(arch, &plan, stage);
    for (int s = 0; s < plan.stages; s++) {
        dag_of(&stage[s], &dag);
        nw_dag_canonical(&dag, out);
        nw_text_printf(out, "|");
    }
    return NW_OK;
}

const nw_space_type nw_space_genetic_cnn = {
    .name = "genetic-cnn",
    .doc = "stages of convolutions, a bit for every link",
    .paper = "Xie and Yuille 2017, Genetic CNN, arXiv:1703.01513",
    .attrs = genetic_cnn_attrs,
    .size = sizeof(struct genetic_cnn),
    .build = genetic_cnn_build,
    .genotype = genetic_cnn_genotype,
    .read = genetic_cnn_read,
    .canonical = genetic_cnn_canonical,
};

/* ---- Network of given bits -----------------------------------------------------------
 */

static nw_status net_build(void *self, nw_space *space, const int input[3], int classes,
                           const nw_arch *arch)
{
    const struct genetic_cnn *key = self;
    struct stage stage[MOST_STAGES];
    struct plan plan = {0};
    nw_setting setting;

    (void)arch;
    plan.stages = read_bits(key->bits, stage);
    if (!plan.stages)
        return nw_fail(space->ctx, NW_ESPEC,
                       "genetic-cnn: bits=%s is not of the form 1-01|1-01-001",
                       key->bits);
    NW_TRY(finish_plan(space->ctx, key, &plan));
    NW_TRY(setting_of(space, key, plan.stages, input, classes, &setting));
    return build_stages(space, &plan, stage, &setting);
}

const nw_space_type nw_space_genetic_cnn_net = {
    .name = "genetic-cnn",
    .doc = "the network of one bit string",
    .paper = "Xie and Yuille 2017, Genetic CNN, arXiv:1703.01513",
    .attrs = net_attrs,
    .size = sizeof(struct genetic_cnn),
    .build = net_build,
    .published = "CIFAR-10 7.10 % error, of a wider network than those searched",
};
