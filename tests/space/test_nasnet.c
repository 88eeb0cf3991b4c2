/*
 * test_nasnet.c - the NASNet family: what counts cannot see of its networks, and cells
 * that are the same under other names.
 */
#include "counting.h"

#include "genotype_file.h"
#include "random.h"

static nw_space *opened_net(nw_ctx *ctx, const char *spec)
{
    nw_space *space = nw_space_open_net(ctx, spec, NULL, 0);

    if (!space)
        fail_msg("%s: %s", spec, nw_errmsg(ctx));
    return space;
}

/* ---- Networks ------------------------------------------------------------------ */

static void test_nasnet__auxiliary_heads_have_their_size(void **state)
{
    static const struct {
        const char *spec;
        double params;
    } nets[] = {{"nasnet-a aux=1", 1631498}, {"pnasnet-5 net=large aux=1", 4586216}};

    for (int i = 0; i < 2; i++) {
        nw_space *space = opened_net(*state, nets[i].spec);
        const double whole = trainable(graph_of(space, NULL, NW_GRAPH_AUX));

        assert_true(whole - trainable(graph_of(space, NULL, 0)) == nets[i].params);
        assert_true(space->aux_weight == 0.4);
    }
}

static const nw_place *place_named(const nw_space *space, const char *name)
{
    for (int i = 0; i < space->n_place; i++)
        if (!strcmp(space->place[i].name, name))
            return &space->place[i];
    fail_msg("no place %s", name);
    return NULL;
}

static int count_places(const nw_space *space, const char *part)
{
    int n = 0;

    for (int i = 0; i < space->n_place; i++)
        n += strstr(space->place[i].spec, part) != NULL;
    return n;
}

/* 3 normal cells with 8 ops beside identity, 2 reduction cells with 9; deeper = more. */
static void test_nasnet__drop_path_is_on_all_ops_but_identity(void **state)
{
    const nw_space *space = opened_net(*state, "nasnet-a n=1 f=4");

    assert_int_equal(count_places(space, "droppath"), 3 * 8 + 2 * 9);
    assert_int_equal(count_places(space, "droppath p=0.08"), 8);
    assert_int_equal(count_places(space, "droppath p=0.4"), 8);
    assert_int_equal(
        count_places(opened_net(*state, "nasnet-a net=mobile n=1 f=8"), "droppath"), 0);
}

/* Place `steps` first inputs before the one of that name. */
static const nw_place *before(const nw_space *space, const char *name, int steps)
{
    const nw_place *place = place_named(space, name);

    while (steps--)
        place = &space->place[place->in[0]];
    return place;
}

/* What cell_2, right after the first reduction, takes as its older input. */
static void test_nasnet__large_networks_look_further_back(void **state)
{
    static const char path[] = "cell_2.prev_reduction.path1_conv";
    const nw_space *near = opened_net(*state, "nasnet-a n=2 f=4"),
                   *far = opened_net(*state, "nasnet-a net=large n=2 f=4");

    assert_memory_equal(before(near, path, 2)->name, "cell_1.", 7);
    assert_memory_equal(before(far, path, 2)->name, "cell_0.", 7);
}

/* State 1 of the first cell is the stem itself: its pools need a 1x1 to f channels. */
static void test_nasnet__without_an_older_cell_the_stem_is_taken_as_it_is(void **state)
{
    const nw_space *space = opened_net(*state, "pnasnet-5 n=1 f=4");

    assert_string_equal(before(space, "cell_0.comb_iter_0.right.1x1.conv", 1)->spec,
                        "maxpool k=3 stride=1 tf=1");
    assert_string_equal(before(space, "cell_0.comb_iter_0.right.1x1.conv", 2)->name,
                        "conv0_bn");
    assert_string_equal(before(space, "cell_0.beginning.conv", 2)->name, "conv0_bn");
    assert_int_equal(count_places(space, "maxpool k=3 stride=2 tf=1"), 2 * 3);
    assert_int_equal(count_places(space, "stride=2 dil=1 tf=1"), 2 * 5);
}

/* ---- Cells under other names ------------------------------------------------------ */

/* `from` with its blocks in another order that works, and operands swapped at random. */
static void rename_blocks(const nw_slim_cell *from, uint64_t seed, nw_slim_cell *to)
{
    int place[NW_SLIM_STATES] = {0, 1}, placed = 0;
    unsigned char done[NW_SLIM_BLOCKS] = {0};

    *to = (nw_slim_cell){.n = from->n};
    for (uint64_t i = 0; placed < from->n; i++) {
        const int b = (int)nw_below(seed, NW_FOR_TEST, 2 * i, (uint64_t)from->n);
        const int turn = (int)nw_below(seed, NW_FOR_TEST, 2 * i + 1, 2);
        const nw_slim_block *block = &from->block[b];
        int ready = !done[b];

        for (int side = 0; side < 2; side++)
            ready &= block->in[side] < 2 || done[block->in[side] - 2];
        if (!ready)
            continue;
        to->block[placed].concat = block->concat;
        for (int side = 0; side < 2; side++) {
            to->block[placed].op[side ^ turn] = block->op[side];
            to->block[placed].in[side ^ turn] = place[block->in[side]];
        }
        place[b + 2] = 2 + placed++;
        done[b] = 1;
    }
}

static void read_file_of(const nw_arch *arch, nw_gene_file *out, char text[4096])
{
    FILE *file = fmemopen(text, 4096, "w");

    assert_int_equal(nw_arch_write_genotype(arch, file), NW_OK);
    fclose(file);
    assert_int_equal(nw_gene_read(arch->ctx, out, text, "text"), NW_OK);
}

static void read_renamed(nw_arch *to, const nw_gene_file *file, uint64_t seed)
{
    nw_slim_genotype renamed = {0};
    char text[4096];
    FILE *out = fmemopen(text, sizeof(text), "w");

    rename_blocks(&file->genotype.normal, seed, &renamed.normal);
    rename_blocks(&file->genotype.reduce, seed + 1, &renamed.reduce);
    nw_slim_derive_out(&renamed.normal);
    nw_slim_derive_out(&renamed.reduce);
    for (int b = 0; file->skeleton->one_cell && b < renamed.normal.n; b++)
        renamed.normal.out[b] = b + 2, renamed.normal.n_out = b + 1;
    assert_int_equal(nw_gene_write(to->ctx, file->skeleton->name, &renamed, out), NW_OK);
    fclose(out);
    if (nw_arch_read_genotype(to, text, "text") < 0)
        fail_msg("%s: %s", text, nw_errmsg(to->ctx));
}

static void test_nasnet__renamed_cells_have_one_canonical_form(void **state)
{
    static const char *const spaces[] = {"nasnet combiner=choose", "amoebanet", "pnas",
                                         "pnas blocks=8", "pnas progressive=1"};

    for (int s = 0; s < 5; s++) {
        nw_space *space = opened(*state, spaces[s], NULL);
        nw_arch *arch = nw_arch_new(*state, space), *other = nw_arch_new(*state, space);
        int changed = 0;

        for (uint64_t seed = 0; seed < 500; seed++) {
            nw_gene_file file;
            char text[4096];

            assert_int_equal(nw_arch_random(arch, seed), NW_OK);
            read_file_of(arch, &file, text);
            read_renamed(other, &file, seed);
            changed += nw_arch_hash(arch) != nw_arch_hash(other);
            assert_true(nw_arch_class(arch) == nw_arch_class(other));
        }
        assert_true(changed > 400);
    }
}

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* Different canonical forms of a small space, by going through all of it. */
static long classes_of(nw_ctx *ctx, const char *spec, long archs)
{
    nw_space *space = opened(ctx, spec, NULL);
    nw_arch *arch = nw_arch_new(ctx, space);
    uint64_t *class = nw_alloc(ctx, (size_t)archs * sizeof(*class));
    long n = 0, different = 0;

    assert_non_null(class);
    for (int more = nw_arch_first(arch); more; more = nw_arch_next(arch)) {
        assert_true(n < archs);
        class[n++] = nw_arch_class(arch);
    }
    assert_int_equal(n, archs);
    qsort(class, (size_t)n, sizeof(*class), by_value);
    for (long i = 0; i < n; i++)
        different += !i || class[i] != class[i - 1];
    nw_space_free(space);
    return different;
}

/* 136 is the paper's; 31,620 a search through all orders of two blocks found. */
static void test_nasnet__small_spaces_have_as_many_networks_as_known(void **state)
{
    assert_int_equal(classes_of(*state, "pnas blocks=1", 256), 136);
    assert_int_equal(classes_of(*state, "pnas blocks=1 ordered=0", 136), 136);
    assert_int_equal(classes_of(*state, "pnas blocks=2", 256 * 576), 31620);
    assert_int_equal(classes_of(*state, "pnas blocks=2 progressive=1", 256 + 256 * 576),
                     136 + 31620);
}

/* ---- Genotypes -----------------------------------------------------------------------
 */

#define CELL(blocks, concat) "{\"blocks\":[" blocks "],\"concat\":" concat "}"
#define PNAS(rest, cell)                                                                 \
    "{\"network\":\"pnas\",\"order\":\"newest first\"" rest ",\"cells\":{\"cell\":" cell \
    "}}"
#define GOOD "[\"identity\",0,\"sep_conv_3x3\",1]"

static void test_nasnet__bad_genotypes_are_refused_with_the_place(void **state)
{
    static const struct {
        const char *json, *says;
    } bad[] = {
        {"{\n \"network\" 1}", "text:2:12: "},
        {"[]", "text: must be an object"},
        {"{\"network\":\"enos\"}", "is enos, not one of nasnet, amoebanet"},
        {"{\"network\":\"pnas\"}", "\"order\" must say"},
        {"{\"network\":\"pnas\",\"order\":\"newest\"}", "\"newest first\" or"},
        {"{\"network\":\"pnas\",\"order\":\"newest first\"}", "cells: must be an object"},
        {PNAS(",\"sells\":1", "{}"), "there is no key \"sells\""},
        {PNAS("", "{}"), "cells.cell: \"blocks\" must be a list"},
        {PNAS("", CELL("[\"identity\",0]", "[2]")), "cells.cell.blocks[0]: a block is"},
        {PNAS("", CELL(GOOD ",[\"none\",0,\"identity\",1]", "[2]")),
         "cells.cell.blocks[1]: an op is none"},
        {PNAS("", CELL("[\"sep_conv_9x9\",0,\"identity\",1]", "[2]")),
         "cells of pnas have no op \"sep_conv_9x9\""},
        {PNAS("", CELL("[\"identity\",0,\"identity\",2]", "[2]")),
         "blocks[0]: state 2: must be from 0 to 1"},
        {PNAS("", CELL("[\"identity\",0,\"identity\",1,\"mul\"]", "[2]")), "fifth"},
        {PNAS("", CELL(GOOD, "[3]")), "cells.cell.concat: state 3: must be from 0 to 2"},
        {PNAS("", CELL(GOOD, "[2,2]")), "twice"},
        {PNAS("", CELL(GOOD, "[]")), "cells.cell.concat: must be a list"},
        {"{\"network\":\"darts\",\"order\":\"oldest first\",\"cells\":{\"normal\":" CELL(
             GOOD, "[2]") "}}",
         "cells of darts have no op \"identity\""},
        {"{\"network\":\"nasnet\",\"order\":\"oldest first\",\"cells\":{\"normal\":" CELL(
             GOOD, "[2]") "}}",
         "cells.reduce: is missing"},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        nw_gene_file file;

        if (nw_gene_read(*state, &file, bad[i].json, "text") != NW_EFORMAT)
            fail_msg("not refused: %s", bad[i].json);
        says(*state, bad[i].says);
    }
}

static void test_nasnet__order_and_none_mean_what_the_file_says(void **state)
{
    static const char *const json[] = {
        PNAS(",\"none\":\"identity\"", CELL("[\"none\",0,\"sep_conv_3x3\",1]", "[2]")),
        "{\"network\":\"pnas\",\"order\":\"oldest first\",\"none\":\"zero\",\"cells\":"
        "{\"cell\":" CELL("[\"none\",0,\"separable_3x3_2\",1]", "\"unused\"") "}}",
    };
    nw_gene_file file[2];

    for (int i = 0; i < 2; i++)
        assert_int_equal(nw_gene_read(*state, &file[i], json[i], "text"), NW_OK);
    for (int i = 0; i < 2; i++) {
        const nw_slim_block *block = &file[i].genotype.normal.block[0];

        assert_string_equal(block->op[0], i ? "zero" : "identity");
        assert_string_equal(block->op[1], "sep_conv_3x3");
        assert_int_equal(block->in[0], i);
        assert_int_equal(block->in[1], 1 - i);
        assert_int_equal(file[i].genotype.normal.n_out, 1);
        assert_int_equal(file[i].genotype.normal.out[0], 2);
    }
}

static void test_nasnet__a_space_takes_only_its_own_genotypes(void **state)
{
    static const struct {
        const char *space, *json, *says;
    } bad[] = {
        {"pnas blocks=1",
         "{\"network\":\"nasnet\",\"order\":\"newest first\",\"cells\":"
         "{\"normal\":" CELL(GOOD, "[2]") ",\"reduce\":" CELL(GOOD, "[2]") "}}",
         "a genotype of nasnet, not pnas"},
        {"pnas", PNAS("", CELL(GOOD, "[2]")), "1 blocks, not 5"},
        {"pnas blocks=1", PNAS("", CELL("[\"conv_1x1\",0,\"identity\",1]", "[2]")),
         "no op conv_1x1"},
        {"pnas blocks=1", PNAS("", CELL(GOOD, "[1,2]")), "all blocks"},
        {"pnas blocks=1 ordered=0",
         PNAS("", CELL("[\"identity\",1,\"identity\",0]", "[2]")), "ordered=0"},
        {"pnas blocks=1",
         PNAS("", CELL("[\"identity\",1,\"identity\",0,\"concat\"]", "[2]")), "combine"},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        nw_space *space = opened(*state, bad[i].space, NULL);
        nw_arch *arch = nw_arch_new(*state, space);

        assert_int_equal(nw_arch_read_genotype(arch, bad[i].json, "text"), NW_EFORMAT);
        says(*state, bad[i].says);
        nw_clear(*state);
    }
}

/* Zeros on both sides, a concat as combiner, a state that must be halved to be put out.
 */
static void test_nasnet__every_part_of_a_genotype_can_be_built(void **state)
{
    static const char json[] =
        "{\"network\":\"nasnet\",\"order\":\"newest first\",\"none\":\"zero\",\"cells\":{"
        "\"normal\":" CELL("[\"none\",0,\"none\",1],"
                           "[\"conv_1x3_3x1\",0,\"dilated_3x3\",2,\"concat\"],"
                           "[\"identity\",3,\"max_pool_7x7\",3]",
                           "[0,1,2,3,4]") ",\"reduce\":" //
        CELL("[\"none\",0,\"dil_sep_conv_3x3\",1],[\"max_pool_2x2\",0,\"conv_3x3\",2]",
             "[0,1,3]") "}}";
    nw_slim_genotype *genotype;
    nw_gene_file file;
    struct nw_slim_keys keys = {.n = 1, .f = 8, .drop = 0.1, .net = "cifar"};
    nw_space *space = nw_space_new(*state);

    assert_int_equal(nw_gene_read(*state, &file, json, "text"), NW_OK);
    genotype = &file.genotype;
    if (nw_slim_build(space, file.skeleton->family, &keys, (const int[]){3, 15, 14}, 10,
                      genotype) < 0)
        fail_msg("%s", nw_errmsg(*state));
    assert_int_equal(nw_space_seal(space), NW_OK);
    assert_true(graph_of(space, NULL, 0)->macs > 0);
    assert_int_equal(place_named(space, "final_layer")->n_in, 1);
}

static void test_nasnet__wrong_keys_are_refused(void **state)
{
    static const struct {
        const char *spec, *says;
    } bad[] = {
        {"nasnet-a net=imagenet", "net=imagenet is neither cifar nor mobile nor large"},
        {"nasnet-a net=mobile f=3", "f=3"},
        {"nasnet-a c=4", "no key \"c\""},
        {"nasnet combiner=mul", "combiner=mul"},
        {"genotype", "key \"file\""},
        {"genotype file=none.json", "none.json: No such file"},
        {"genotype file=examples/genotypes/darts-v2.json net=large", "net=large"},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_null(nw_space_open_net(*state, bad[i].spec, NULL, 0));
        says(*state, bad[i].says);
        nw_clear(*state);
    }
}

/* A cell of fewer blocks is its own network: that of the space of so few blocks. */
static void test_nasnet__progressive_has_cells_of_fewer_blocks(void **state)
{
    nw_space *grows = opened(*state, "pnas progressive=1", NULL);
    nw_space *two = opened(*state, "pnas blocks=2", NULL);
    nw_arch *a = nw_arch_new(*state, grows), *b = nw_arch_new(*state, two);
    int blocks[6] = {0};

    assert_string_equal(nw_space_count(two), "147456");
    assert_string_equal(nw_space_count(grows), "556869504614656");
    for (uint64_t seed = 0; seed < 20; seed++) {
        nw_gene_file file;
        char text[4096];
        nw_score small, large;

        nw_arch_random(b, seed);
        read_file_of(b, &file, text);
        assert_int_equal(nw_arch_read_genotype(a, text, "text"), NW_OK);
        assert_int_equal(nw_arch_option(a, 0), 1);
        assert_int_equal(nw_arch_check(a), NW_OK);
        assert_true(nw_arch_class(a) == nw_arch_class(b));
        assert_int_equal(nw_arch_cost(a, &large), NW_OK);
        assert_int_equal(nw_arch_cost(b, &small), NW_OK);
        assert_true(small.params == large.params && small.macs == large.macs);
        nw_arch_random(a, seed);
        blocks[nw_arch_option(a, 0) + 1]++;
    }
    assert_int_equal(blocks[5], 20); /* 99.96 % of all cells */
    nw_arch_pick(a, 0, 3);
    nw_arch_pick(a, 20, 1);
    assert_true(nw_arch_check(a) == NW_EINVAL);
    says(*state, "blocks that the cell does not have");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_context, close_context)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nasnet__progressive_has_cells_of_fewer_blocks),
        TEST(test_nasnet__auxiliary_heads_have_their_size),
        TEST(test_nasnet__drop_path_is_on_all_ops_but_identity),
        TEST(test_nasnet__large_networks_look_further_back),
        TEST(test_nasnet__without_an_older_cell_the_stem_is_taken_as_it_is),
        TEST(test_nasnet__renamed_cells_have_one_canonical_form),
        TEST(test_nasnet__small_spaces_have_as_many_networks_as_known),
        TEST(test_nasnet__bad_genotypes_are_refused_with_the_place),
        TEST(test_nasnet__order_and_none_mean_what_the_file_says),
        TEST(test_nasnet__a_space_takes_only_its_own_genotypes),
        TEST(test_nasnet__every_part_of_a_genotype_can_be_built),
        TEST(test_nasnet__wrong_keys_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
