#!/usr/bin/python3
"""Random search and aging evolution on the table of NAS-Bench-201, in plain Python.

usage: peer_rea.py random|amoebanet TRIALS [CSV]

The peer of bench_overhead: the loop that papers on tabular benchmarks run, written with
the standard library alone. An architecture is a tuple of six op numbers, the table a dict
from the benchmark's strings to the validation accuracy after 12 epochs. The clock starts
when the table is in memory. Prints one JSON line.
"""
import collections
import csv
import gzip
import json
import random
import sys
import time

OPS = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]
EDGES = 6
Model = collections.namedtuple("Model", "arch accuracy")


def read_table(path):
    with gzip.open(path, "rt", newline="") as f:
        return {row["arch"]: float(row["c10valid_val_12ep"]) for row in csv.DictReader(f)}


def to_string(arch):
    a, b, c, d, e, f = (OPS[i] for i in arch)
    return f"|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|"


def draw():
    return tuple(random.randrange(len(OPS)) for _ in range(EDGES))


def mutate(arch, identity=0.05):
    if random.random() < identity:
        return arch
    child = list(arch)
    edge = random.randrange(EDGES)
    child[edge] = random.choice([op for op in range(len(OPS)) if op != arch[edge]])
    return tuple(child)


def random_search(table, trials):
    best = None
    for _ in range(trials):
        arch = draw()
        model = Model(arch, table[to_string(arch)])
        if best is None or model.accuracy > best.accuracy:
            best = model
    return best


def aging_evolution(table, trials, population_size=100, sample_size=25):
    population, best = collections.deque(), None
    for _ in range(trials):
        if len(population) < population_size:
            arch = draw()
        else:
            sample = random.choices(population, k=sample_size)
            arch = mutate(max(sample, key=lambda m: m.accuracy).arch)
        model = Model(arch, table[to_string(arch)])
        population.append(model)
        if len(population) > population_size:
            population.popleft()
        if best is None or model.accuracy > best.accuracy:
            best = model
    return best


def main():
    strategy, trials = sys.argv[1], int(sys.argv[2])
    table = read_table(sys.argv[3] if len(sys.argv) > 3 else
                       "../shared/data/nasbench201/nasbench201.csv.gz")
    search = {"random": random_search, "amoebanet": aging_evolution}[strategy]
    random.seed(1)
    start = time.perf_counter()
    best = search(table, trials)
    seconds = time.perf_counter() - start
    print(json.dumps({"strategy": strategy, "trials": trials, "seconds": round(seconds, 4),
                      "per_second": round(trials / seconds), "best": best.accuracy}))


main()
