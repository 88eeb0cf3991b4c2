#!/usr/bin/python3
"""netwright against PyTorch, one training step, in turn in one call.

usage: bench/compare.py BUILD_DIR [--steps N] [--rounds N] [NET ...]  > bench/results/step.csv

Every round runs both programs, one after the other; the row has the medians over rounds
and the ratio (above 1: netwright is faster, or smaller). PyTorch gets channels-last and an
allocator that keeps freed memory, without which it is several times slower.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

NETS = ["nb201-c8-n1", "nb201-c16-n5", "darts-v2", "darts-supernet", "darts-supernet-2nd"]
TUNED = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "17179869184",
         "MALLOC_TOP_PAD_": "268435456"}


def run(command, env=None):
    out = subprocess.run(command, check=True, capture_output=True, text=True,
                         env={**os.environ, **(env or {})})
    return json.loads(out.stdout.strip().splitlines()[-1])


def main():
    p = argparse.ArgumentParser()
    p.add_argument("build")
    p.add_argument("nets", nargs="*", default=NETS)
    p.add_argument("--steps", type=int, default=3)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--threads", default="2")
    a = p.parse_intermixed_args()
    here = os.path.dirname(os.path.abspath(__file__))
    print("net,batch,params_netwright,params_torch,netwright_s,torch_s,speed_ratio,"
          "netwright_bytes,torch_bytes,memory_ratio")
    for net in a.nets:
        ours, theirs = [], []
        for _ in range(a.rounds):
            ours.append(run([os.path.join(a.build, "bench_step"), net, str(a.steps), a.threads]))
            theirs.append(run(["/usr/bin/python3", os.path.join(here, "peer_torch.py"), net,
                               str(a.steps), a.threads], TUNED))
        s = [statistics.median(r["seconds"] for r in rows) for rows in (ours, theirs)]
        m = [statistics.median(r["peak_bytes"] for r in rows) for rows in (ours, theirs)]
        print(f"{net},{ours[0]['batch']},{ours[0]['params']},{theirs[0]['params']},{s[0]:.4f},"
              f"{s[1]:.4f},{s[1] / s[0]:.2f},{m[0]:.0f},{m[1]:.0f},{m[1] / m[0]:.2f}")
        sys.stdout.flush()


main()
