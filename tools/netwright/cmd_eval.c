/* cmd_eval.c - `netwright eval MODEL.onnx|STUDY`. */
#include "paths.h"
#include "sheet.h"
#include "specs.h"

static int print(struct tool *tool, const nw_score *score, size_t examples)
{
    struct sheet sheet;

    sheet_open(&sheet, tool, "examples|accuracy|top5|loss");
    sheet.one = 1;
    sheet_number(&sheet, (double)examples, STYLE_WHOLE);
    sheet_number(&sheet, score->accuracy, STYLE_PERCENT);
    sheet_number(&sheet, score->top5, STYLE_PERCENT);
    sheet_number(&sheet, score->loss, STYLE_REAL);
    return sheet_print(&sheet, stdout);
}

int run_eval(struct tool *tool)
{
    nw_score score = {0};
    nw_data *data;
    nw_net *net;
    nw_status status;
    int code = specs_check(tool, "data");

    if (code)
        return code;
    if (!tool->opt.data)
        return usage(tool, "eval: --data is missing");
    if (!tool->opt.batch)
        return usage(tool, "eval: --batch is 0");
    net = nw_net_open(tool->nw, paths_model(tool, tool->arg[0]));
    data = specs_open_data(tool, "data", tool->opt.data);
    status = nw_net_score(net, data, tool->opt.batch, &score);
    return status < 0 ? failed(tool, status) : print(tool, &score, nw_data_count(data));
}
