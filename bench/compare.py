#!/usr/bin/python3
"""netwright against PyTorch, one training step, in turn in one call.

usage: bench/compare.py BUILD_DIR [--steps N] [--rounds N] [--threads N] [NET ...]
       > bench/results/step.csv

Every round runs both programs, one after the other; a row has the medians over rounds and
the ratio (above 1: netwright is faster, or smaller). PyTorch gets channels-last and an
allocator that keeps freed memory, without which it is several times slower.

It fails, with the reason, where the two nets differ in their number of parameters, or where
a convolution of netwright runs on a reference implementation, by its own word (bench_step)
or by the log of oneDNN. Of one step are counted: `reorders` of activations to another layout
(what oneDNN's log has beside the weights that netwright turns, and what netwright counts
itself), and `turned`, weights brought to another layout.

roofline: share of the measured peak of fused multiply-adds (bench_peak, in the same call)
that netwright reaches: flop of the step (see bench_step.c) / seconds / peak.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

NETS = ["nb201-c8-n1", "nb201-c16-n5", "mobilenet", "darts-v2", "darts-supernet",
        "darts-supernet-2nd"]
TUNED = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "17179869184",
         "MALLOC_TOP_PAD_": "268435456"}
# As netwright starts itself: waiting threads that spin for long steal the time of others.
SPIN = {"GOMP_SPINCOUNT": "10000"}
COLUMNS = ["net", "batch", "threads", "params_netwright", "params_torch", "netwright_s", "torch_s",
           "speed_ratio", "netwright_bytes", "torch_bytes", "memory_ratio", "flop",
           "peak_gflops", "roofline", "layers_on_reference", "reorders", "turned"]


def start(command, env=None):
    out = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **SPIN, **(env or {})})
    if out.returncode:
        sys.exit(f"{' '.join(command)}: exit {out.returncode}\n{out.stderr}")
    return out.stdout.strip().splitlines()


def run(command, env=None):
    return json.loads(start(command, env)[-1])


def audit(command):
    """One step with the log of oneDNN: convolutions on a reference, reorders of activations."""
    lines = start(command, {"DNNL_VERBOSE": "1"})
    row = json.loads(lines[-1])
    log = [line.split(",") for line in lines[lines.index("counted step"):]
           if line.startswith(("onednn_verbose,exec", "dnnl_verbose,exec"))]
    reference = [",".join(f) for f in log if f[4].startswith("ref") and f[3] != "reorder"]
    if reference:
        sys.exit(f"{row['net']} runs on a reference of oneDNN: {reference[0]}")
    if not any(f[3] == "convolution" for f in log):
        sys.exit(f"{row['net']}: no convolution in the log of oneDNN: is it built without one?")
    reorders = sum(f[3] == "reorder" for f in log)
    row["reorders"] = reorders - row["turned"] + row["reordered"]
    return row


def row_of(net, a, here):
    ours, theirs = [], []
    own = [os.path.join(a.build, "bench_step"), net, str(a.steps), a.threads]
    peer = ["/usr/bin/python3", os.path.join(here, "peer_torch.py"), net, str(a.steps), a.threads]
    peaks = []
    for _ in range(a.rounds):
        peaks.append(run([os.path.join(a.build, "bench_peak"), a.threads])["gflops"])
        ours.append(run(own))
        theirs.append(run(peer, TUNED))
    looked = audit([*own[:2], "1", a.threads])
    if ours[0]["params"] != theirs[0]["params"]:
        sys.exit(f"{net}: {ours[0]['params']} parameters, {theirs[0]['params']} in PyTorch: "
                 "not the same net")
    s = [statistics.median(r["seconds"] for r in rows) for rows in (ours, theirs)]
    m = [statistics.median(r["peak_bytes"] for r in rows) for rows in (ours, theirs)]
    flop, peak = ours[0]["flop"], max(peaks)
    return [net, ours[0]["batch"], a.threads, ours[0]["params"], theirs[0]["params"], f"{s[0]:.4f}",
            f"{s[1]:.4f}", f"{s[1] / s[0]:.2f}", f"{m[0]:.0f}", f"{m[1]:.0f}",
            f"{m[1] / m[0]:.2f}", f"{flop:.4g}", f"{peak:.1f}",
            f"{flop / s[0] / peak / 1e9:.3f}", looked["layers_on_reference"],
            looked["reorders"], looked["turned"]]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("build")
    p.add_argument("nets", nargs="*", default=NETS)
    p.add_argument("--steps", type=int, default=3)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--threads", default="2")
    a = p.parse_intermixed_args()
    here = os.path.dirname(os.path.abspath(__file__))
    print(",".join(COLUMNS))
    for net in a.nets:
        print(",".join(map(str, row_of(net, a, here))))
        sys.stdout.flush()


main()
