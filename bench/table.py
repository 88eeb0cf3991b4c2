#!/usr/bin/env python3
"""Put measured figures where documents want them: tables between markers.

usage: bench/table.py            write the tables of docs/performance.md again
       bench/table.py --check    exit 1 where a table is not that of its results

A marker <!-- table NAME --> names a function below; what stands between it and
<!-- end --> is replaced. All figures come from bench/results; where a file or a column is
not there, the table says "not measured".
"""
import csv
import json
import os
import re
import sys

import scaling

HERE = os.path.dirname(os.path.abspath(__file__))
RESULTS = os.path.join(HERE, "results")
DOCUMENTS = [os.path.join(HERE, "..", "docs", "performance.md")]

# The least that is asked for: speed and memory, as ratios to PyTorch in the same call.
FLOORS = {"darts-supernet": (5, 3), "darts-supernet-2nd": (4, 4), "darts-v2": (2.7, 2),
          "nb201-c16-n5": (1.3, 2), "nb201-c8-n1": (1.8, None), "mobilenet": (2, 2)}
NAMES = {"darts-supernet": "DARTS supernet C16 L8, first order",
         "darts-supernet-2nd": "DARTS supernet C16 L8, second order",
         "darts-v2": "DARTS_V2 C36 L20, auxiliary head, drop path",
         "nb201-c16-n5": "NAS-Bench-201 best cell C16 N5",
         "nb201-c8-n1": "NAS-Bench-201 best cell C8 N1",
         "mobilenet": "MobileNetV2 blocks, 32x32",
         "demo": "found by `make demo`", "demo-like": "random, of the space of `make demo`"}


def read(name):
    path = os.path.join(RESULTS, name)
    if not os.path.exists(path):
        return []
    with open(path, newline="") as f:
        if name.endswith(".jsonl"):
            return [json.loads(line) for line in f if line.strip()]
        return list(csv.DictReader(line for line in f if not line.startswith("#")))


def table(head, align, rows):
    if not rows:
        return "not measured\n"
    lines = ["| " + " | ".join(head) + " |",
             "|" + "|".join("---:" if a == "r" else "---" for a in align) + "|"]
    return "\n".join(lines + ["| " + " | ".join(map(str, r)) + " |" for r in rows]) + "\n"


def number(row, column, form="{:.2f}", scale=1.0):
    value = row.get(column)
    return "-" if value in (None, "") else form.format(float(value) * scale)


def ratio(row, column, floor):
    text = number(row, column)
    if text == "-" or floor is None:
        return text
    return f"{text}, asked {floor:g}" if float(row[column]) < floor else f"**{text}**, asked {floor:g}"


def step():
    rows = []
    for r in read("step.csv"):
        speed, memory = FLOORS.get(r["net"], (None, None))
        rows.append([NAMES.get(r["net"], r["net"]), r["batch"], number(r, "netwright_s", "{:.3f}"),
                     number(r, "torch_s", "{:.3f}"), ratio(r, "speed_ratio", speed),
                     number(r, "netwright_bytes", "{:.0f}", 1e-6), number(r, "torch_bytes", "{:.0f}", 1e-6),
                     ratio(r, "memory_ratio", memory)])
    return table(["step", "batch", "netwright, s", "PyTorch, s", "speed", "netwright, MB",
                  "PyTorch, MB", "memory"], "lrrrlrrl", rows)


def roofline():
    rows = [[NAMES.get(r["net"], r["net"]), number(r, "flop", "{:.1f}", 1e-9),
             f"{float(r['flop']) / float(r['netwright_s']) / 1e9:.0f}",
             number(r, "peak_gflops", "{:.0f}"), number(r, "roofline", "{:.0f} %", 100),
             number(r, "layers_on_reference", "{:.0f}"), number(r, "reorders", "{:.0f}"),
             number(r, "turned", "{:.0f}")]
            for r in read("step.csv") if r.get("roofline")]
    return table(["step", "GFLOP", "GFLOP/s", "peak", "share of it", "layers on a reference",
                  "activations reordered", "weights turned"], "lrrrrrrr", rows)


def peak():
    rows = [[r["threads"], r["vectors"], f"{r['gflops']:.0f}", f"{r['memory_gbs']:.1f}",
             f"{r['cache_gbs']:.1f}"] for r in read("peak.jsonl")]
    return table(["threads", "vectors", "multiply-adds, GFLOP/s", "memory, GB/s", "last cache, GB/s"],
                 "rlrrr", rows)


def inference():
    rows = []
    for r in read("inference.csv"):
        floor = 1 if r["net"].startswith("demo") else None
        rows.append([NAMES.get(r["net"], r["net"]), r["threads"], number(r, "macs", "{:.1f}", 1e-6),
                     number(r, "netwright_ms", "{:.3f}"), number(r, "onnxruntime_ms", "{:.3f}"),
                     ratio(r, "speed_ratio", floor), number(r, "netwright_gflops", "{:.0f}")])
    return table(["network", "threads", "M multiply-adds", "netwright, ms", "ONNX Runtime, ms",
                  "speed", "GFLOP/s"], "lrrrrlr", rows)


def growth():
    rows, out = read("scaling.csv"), []
    for sweep in ("batch", "channels") if rows else ():
        both = {t: scaling.curve(rows, sweep, t) for t in (1, 2)}
        for threads in (1, 2):
            x, work, time = both[threads]
            faster = [a / b for a, b in zip(both[1][2], time)]
            out.append([f"{sweep} {x[0]} to {x[-1]}", threads, f"{scaling.slope(work, time):.2f}",
                        f"{scaling.steepest(work, time):.2f}", f"{min(faster):.2f} to {max(faster):.2f}"])
    return table(["sweep", "threads", "slope", "steepest step", "faster than one thread"],
                 "lrrrr", out)


TABLES = {"step": step, "roofline": roofline, "peak": peak, "inference": inference,
          "scaling": growth}


def fill(text):
    return re.sub(r"(<!-- table (\w+) -->\n).*?(<!-- end -->)",
                  lambda m: m[1] + "\n" + TABLES[m[2]]() + "\n" + m[3], text, flags=re.DOTALL)


def main():
    checks, stale = sys.argv[1:] == ["--check"], []
    if sys.argv[1:] and not checks:
        sys.exit(__doc__)
    for path in DOCUMENTS:
        with open(path) as f:
            old = f.read()
        new = fill(old)
        if new != old and checks:
            stale.append(os.path.relpath(path))
        elif new != old:
            with open(path, "w") as f:
                f.write(new)
    if stale:
        sys.exit(f"{', '.join(stale)}: not what bench/results says: run bench/table.py")


main()
