#include "export_nets.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static nw_net *conv_net(nw_ctx *ctx, int out)
{
    nw_space *s = nw_space_new(ctx);
    char spec[200];

    snprintf(spec, sizeof(spec),
             "conv2d out=%d k=3 name=stem.0 | batchnorm name=stem.1 | globalpool | "
             "dense out=2 name=classifier",
             out);
    nw_output(s, nw_op(s, spec, nw_input(s, 1, 4, 4)));
    return nw_net_new(ctx, s, NULL, 1, NW_F32);
}

/* A file of a header and of `zeros` bytes of data. */
static nw_status load(nw_net *net, const char *header, size_t zeros)
{
    size_t length = strlen(header);
    unsigned char *bytes = nw_alloc(net->ctx, 8 + length + zeros + 1);
    nw_status status;

    bytes[0] = (unsigned char)(length & 255);
    bytes[1] = (unsigned char)(length >> 8);
    memcpy(bytes + 8, header, length);
    nw_clear(net->ctx);
    status = nw_safetensors_load(net, bytes, 8 + length + zeros, "file");
    nw_release(net->ctx, bytes);
    return status;
}

static void test_safetensors__weights_come_back_bit_by_bit(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_arch *arch;
    nw_net *net = export_published(ctx, "darts c=4 layers=3", 1, &arch), *other;
    const char *path = export_path("w.safetensors");
    const double mean[] = {.1, .2, .3}, sd[] = {.4, .5, .6};

    (void)state;
    check_ok(ctx, nw_net_normalise(net, 3, mean, sd));
    check_ok(ctx, nw_export(arch, net, "safetensors", path));
    other = nw_net_new(ctx, arch->space, arch, 99, NW_F32);
    check_ok(ctx, nw_safetensors_read(other, path));
    assert_memory_equal(net->param, other->param,
                        net->graph->n_trainable * sizeof(float));
    assert_memory_equal(net->buffer, other->buffer, net->graph->n_buffer * sizeof(float));
    assert_true(export_distance(net, other, 0) == 0);
    check_ok(ctx, nw_export_verify(arch, net, "safetensors", path));
    nw_close(ctx);
}

static void test_safetensors__the_header_is_what_pytorch_expects(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_net *net = conv_net(ctx, 3);
    nw_bytes file;
    const char *json;

    (void)state;
    check_ok(ctx, nw_export(NULL, net, "safetensors", export_path("h.safetensors")));
    check_ok(ctx, nw_file_read(ctx, export_path("h.safetensors"), &file));
    json = (const char *)file.data + 8;
    assert_int_equal((file.data[0] | file.data[1] << 8) % 8, 0);
    assert_non_null(strstr(json,
                           "\"stem.0.weight\":{\"dtype\":\"F32\",\"shape\":[3,1,3,3],"
                           "\"data_offsets\":[0,108]}"));
    assert_non_null(
        strstr(json, "\"stem.1.running_var\":{\"dtype\":\"F32\",\"shape\":[3]"));
    assert_non_null(
        strstr(json, "\"classifier.weight\":{\"dtype\":\"F32\",\"shape\":[2,3]"));
    assert_non_null(strstr(json, "\"netwright.version\""));
    nw_close(ctx);
}

static void check_refused(nw_net *net, const char *header, size_t zeros,
                          const char *words)
{
    assert_true(load(net, header, zeros) < 0);
    if (!strstr(nw_errmsg(net->ctx), words))
        fail_msg("%s: not about \"%s\"", nw_errmsg(net->ctx), words);
}

static void test_safetensors__bad_files_are_refused_in_words(void **state)
{
#define WEIGHT(rest) "{\"stem.0.weight\":{" rest "}}"
    nw_ctx *ctx = nw_open(NULL);
    nw_net *net = conv_net(ctx, 3);
    float before = *(float *)net->param;

    (void)state;
    assert_true(nw_safetensors_load(net, (const unsigned char *)"ab", 2, "file") < 0);
    nw_clear(ctx);
    check_refused(net, "{", 0, "is not a JSON object");
    check_refused(net, "[]", 0, "is not a JSON object");
    check_refused(net, "{}", 0, "has no tensor \"stem.0.weight\"");
    check_refused(net, WEIGHT("\"dtype\":\"F16\""), 0, "dtype is F16, not F32");
    check_refused(net, WEIGHT("\"dtype\":\"F32\",\"shape\":[3,1,3]"), 0,
                  "its shape is not [3, 1, 3, 3]");
    check_refused(net, WEIGHT("\"dtype\":\"F32\",\"shape\":[3,1,3,3]"), 0,
                  "data_offsets");
    check_refused(
        net, WEIGHT("\"dtype\":\"F32\",\"shape\":[3,1,3,3],\"data_offsets\":[0,108]"),
        107, "data_offsets");
    check_refused(
        net, WEIGHT("\"dtype\":\"F32\",\"shape\":[3,1,3,3],\"data_offsets\":[-4,104]"),
        200, "data_offsets");
    check_refused(
        net, WEIGHT("\"dtype\":\"F32\",\"shape\":[3,1,3,3],\"data_offsets\":[0,104]"),
        108, "has 104 bytes, its shape needs 108");
    assert_true(*(float *)net->param == before);
    nw_close(ctx);
#undef WEIGHT
}

static void test_safetensors__weights_of_another_network_are_refused(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    const char *path = export_path("other.safetensors");

    (void)state;
    check_ok(ctx, nw_export(NULL, conv_net(ctx, 3), "safetensors", path));
    assert_int_equal(nw_safetensors_read(conv_net(ctx, 4), path), NW_EMATCH);
    assert_non_null(strstr(nw_errmsg(ctx), "its shape is not [4, 1, 3, 3]"));
    nw_close(ctx);
}

static int clean(void **state)
{
    (void)state;
    export_clean();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_safetensors__weights_come_back_bit_by_bit),
        cmocka_unit_test(test_safetensors__the_header_is_what_pytorch_expects),
        cmocka_unit_test(test_safetensors__bad_files_are_refused_in_words),
        cmocka_unit_test(test_safetensors__weights_of_another_network_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, clean);
}
