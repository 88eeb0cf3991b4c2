#!/usr/bin/python3
"""netwright against plain Python: what a search costs beside its estimates.

usage: bench/compare_overhead.py BUILD_DIR [--trials N] [--rounds N]  > bench/results/overhead.csv

Every round runs both programs for each strategy, one after the other, on the table of
NAS-Bench-201; the row has the medians over rounds of trials a second and their ratio
(above 1: netwright is faster).
"""
import argparse
import json
import os
import statistics
import subprocess


def run(command):
    out = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(out.stdout.strip().splitlines()[-1])


def main():
    p = argparse.ArgumentParser()
    p.add_argument("build")
    p.add_argument("--trials", type=int, default=1000000)
    p.add_argument("--rounds", type=int, default=3)
    a = p.parse_args()
    here = os.path.dirname(os.path.abspath(__file__))
    print("strategy,trials,netwright_per_s,python_per_s,ratio,netwright_best,python_best")
    for strategy in ["random", "amoebanet"]:
        ours, theirs = [], []
        for _ in range(a.rounds):
            ours.append(run([os.path.join(a.build, "bench_overhead"), strategy, str(a.trials)]))
            theirs.append(run(["/usr/bin/python3", os.path.join(here, "peer_rea.py"), strategy,
                               str(a.trials)]))
        s = [statistics.median(r["per_second"] for r in rows) for rows in (ours, theirs)]
        print(f"{strategy},{a.trials},{s[0]:.0f},{s[1]:.0f},{s[0] / s[1]:.1f},"
              f"{ours[0]['best']:.5f},{theirs[0]['best']:.5f}", flush=True)


main()
