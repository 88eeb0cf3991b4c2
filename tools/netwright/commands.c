#include "commands.h"

#include "tool.h"

#include <stddef.h>

/* clang-format off */
const struct command commands[N_COMMANDS] = {
    [CMD_search] = {"search", "[JOB.yaml]", "find a network, train it and write it down",
     "Searches the space with the strategy, trains the winner from scratch, trains as many "
     "random architectures in the same way, and evaluates all of them once on test data.\n\n"
     "Everything goes to the study directory: arch.json, arch.svg, model.onnx, "
     "model.safetensors, curves.csv, summary.json and the database study.db. What is written is read "
     "back and compared with the network in memory.\n\n"
     "The same command on the same study goes on where it was stopped or killed, and ends with "
     "the same result as a run that was left alone.\n\n"
     "JOB.yaml is a map of long options and their values (space may also be written "
     "out in it); options on the command line win.",
     NULL, 0, 1, run_search},
    [CMD_train] = {"train", "[JOB.yaml]", "train one network and write it down",
     "Trains the network of --space at --arch (not needed when the space has no choices) and "
     "writes the same files as search. The same command again goes on where it was stopped.",
     NULL, 0, 1, run_train},
    [CMD_compare] = {"compare", "", "compare strategies on equal budgets with many seeds",
     "Runs every strategy of --strategies, and random, once for each of --seeds seeds with the same --budget. What a "
     "run finds is chosen by validation and judged by what no search sees: the report of the estimator, or "
     "validation again if that has none, and then it says so.\n\n"
     "Prints a row a strategy: runs that succeeded and failed; means of validation and held-out score, deviation "
     "and median of the latter; A12, the probability that a run is better than one of random; p of the one-sided "
     "Mann-Whitney test of that, corrected after Holm; mean rank over the seeds; mean trials and cost.\n\n"
     "With --out all is kept there: runs.csv, curves.csv, summary.json, figure.svg and the database study.db. The same "
     "command goes on where it was stopped or killed; more seeds or strategies cost only their own runs.",
     NULL, 0, 0, run_compare},
    [CMD_table] = {"table", "build [JOB.yaml] | info FILE", "tabulate what the networks of a space score",
     "build: train all networks of the space, or --sample N of them, each --seeds times with "
     "--estimator, and write a CSV with the architecture, its cost, latency, the curve of "
     "validation accuracy, and the accuracy on test data, one row a run. Failed trainings have "
     "a row that says why. The same command on the same study goes on where it was stopped or "
     "killed. What it writes is what \"--estimator 'table file=FILE'\" reads.\n\n"
     "info: columns of a table, what they are taken for, their range; whether the table is a known one.",
     "build|info", 1, 2, run_table},
    [CMD_eval] = {"eval", "MODEL.onnx|STUDY", "accuracy and loss of a trained network",
     "Reads a network that netwright has written, or takes the winner of a study, and runs it on --data.",
     NULL, 1, 1, run_eval},
    [CMD_export] = {"export", "STUDY", "write the winner of a study as a file",
     "Writes the architecture or the trained network in the form --to, and reads it back to compare.",
     NULL, 1, 1, run_export},
    [CMD_show] = {"show", "NET|FILE [key=value]...", "draw a network or list its layers",
     "Draws the cells or the layers of a network as SVG (or --to dot) to --out, else to stdout, "
     "or to NET.svg when that is a terminal. --to table lists the layers with their shapes. "
     "Where a choice is open, --arch closes it, or --seed.",
     NULL, 1, MOST_ARGS, run_show},
    [CMD_count] = {"count", "NET|FILE [key=value]...", "parameters, multiply-accumulates and memory",
     "Counts a published network (\"netwright list nets\"), a space at an architecture, or a file: "
     "trainable parameters; multiply-accumulates of convolutions, dense layers and matrix products; bytes of "
     "activations of a forward pass at batch 1; and how many layers have multiply-accumulates. The auxiliary head "
     "counts with aux=1 only. \"genotype FILE\" counts the cells of a file. Where a choice is open, --arch "
     "closes it; without it an architecture is drawn with --seed.",
     NULL, 1, MOST_ARGS, run_count},
    [CMD_bench] = {"bench", "NET|FILE [key=value]...", "how long a network takes, and where the time goes",
     "Runs a network on random numbers: a training pass (forward and backward) or, with --inference, a forward pass. "
     "Prints the median time, examples and operations a second, and the memory that the pass was planned in. "
     "--profile tells how the time is shared among ops, given twice among layers, and on what implementation each of their passes runs. Where a choice is open, --arch closes it, or --seed.",
     NULL, 1, MOST_ARGS, run_bench},
    [CMD_space] = {"space", "check|count|sample|show SPACE|FILE [key=value]...", "examine a search space",
     "check: shapes of every choice, number of architectures, smallest and largest cost.\n\n"
     "count: the exact number of architectures.\n\n"
     "sample: architectures drawn at random, one a line.\n\n"
     "show: every layer with its shape.",
     "check|count|sample|show", 2, MOST_ARGS, run_space},
    [CMD_data] = {"data", "info SPEC | get NAME", "examine or download a data set",
     "info: shape, classes and their balance, range, mean and deviation.\n\n"
     "get: download from the official address, resume, check SHA-256, keep in the cache "
     "($XDG_CACHE_HOME/netwright, or ~/.cache/netwright).",
     "info|get", 2, 2, run_data},
    [CMD_trials] = {"trials", "STUDY...", "list what a study has tried, or draw it",
     "Lists the trials of --stage (default: search) in order, with score and status. --to svg draws them instead: "
     "every trial, and the best so far, by trials and by seconds; several studies into one picture.",
     NULL, 1, MOST_ARGS, run_trials},
    [CMD_best] = {"best", "STUDY", "print the winner of a study",
     "Prints the best trial of --stage (default: search, or final when the search shared weights): its "
     "architecture and scores. With --objective \"accuracy,macs\": all trials that no other beats in both, "
     "and the hypervolume that they dominate.",
     NULL, 1, 1, run_best},
    [CMD_list] = {"list", "[ops|spaces|nets|strategies|estimators|datasets|exporters]", "list what specs can name",
     "Lists names with a line each, networks with their source and published figures; `netwright help NAME` tells more.",
     "ops|spaces|nets|strategies|estimators|datasets|exporters", 0, 1, run_list},
    [CMD_help] = {"help", "[COMMAND|NAME]", "help for a command or a name",
     "NAME is an op, space, network, strategy, estimator, data set or exporter: its keys, their defaults and its source.",
     NULL, 0, 1, run_help},
    [CMD_completion] = {"completion", "bash|zsh|fish", "print a completion script for a shell",
     "For bash: source <(netwright completion bash).",
     "bash|zsh|fish", 1, 1, run_completion},
};

const struct exit_doc exit_docs[] = {
    {EXIT_OK, "success"},
    {EXIT_FAILED, "failure: standard error says what and where"},
    {EXIT_USAGE, "the command line or the job file is wrong"},
    {EXIT_INFEASIBLE, "nothing in the space fits the limits"},
    {EXIT_DIFFERS, "what was written differs from what was trained"},
    {EXIT_INTERRUPTED, "interrupted; the same command goes on"},
    {0, NULL},
};
/* clang-format on */
