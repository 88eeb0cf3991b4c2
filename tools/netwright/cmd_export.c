/*
 * cmd_export.c - `netwright export STUDY`: the winner in another form.
 *
 * The trained network is read from the study's model.onnx. The architecture is that of
 * arch.json in the space which summary.json names, as long as that space can be opened;
 * else the network's own, without choices.
 */
#include "archs.h"
#include "paths.h"

#include <jansson.h>
#include <string.h>

/* NULL: the space is not to be had, which is no failure. */
static nw_arch *open_arch(struct tool *tool, const char *dir)
{
    json_t *root = json_load_file(paths_join(tool, dir, "summary.json"), 0, NULL);
    const char *spec = NULL;
    int input[3], classes;
    nw_arch *arch = NULL;
    nw_space *space;

    if (!json_unpack(root, "{s:s s:{s:[iii] s:i}}", "space", &spec, "data", "shape",
                     &input[0], &input[1], &input[2], "classes", &classes)) {
        space = nw_space_open(tool->nw, spec, input, classes);
        if (nw_space_seal(space) < 0)
            detail(tool, "%s: %s", spec, nw_errmsg(tool->nw));
        else
            archs_read(tool, space, paths_join(tool, dir, "arch.json"), &arch);
    }
    json_decref(root);
    return arch;
}

int run_export(struct tool *tool)
{
    const char *dir = tool->arg[0], *to = tool->opt.to, *out = tool->opt.out;
    nw_arch *arch;
    nw_net *net;
    nw_status status;

    if (!to)
        return usage(tool, "export: --to is missing: \"netwright list exporters\"");
    if (!out)
        return usage(tool, "export: --out is missing");
    net = nw_net_open(tool->nw, paths_model(tool, dir));
    if (!net)
        return failed(tool, NW_EIO);
    arch = open_arch(tool, dir);
    status = nw_export(arch, net, to, out);
    if (status >= 0 && strcmp(out, "-"))
        status = nw_export_verify(arch, net, to, out);
    if (status < 0)
        return failed(tool, status);
    note(tool, "%s: read back: same", out);
    return EXIT_OK;
}
