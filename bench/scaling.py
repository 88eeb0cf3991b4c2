#!/usr/bin/env python3
"""How the time of a training step grows with the batch, the channels and the threads.

usage: bench/scaling.py BUILD_DIR [--quick]      writes bench/results/scaling.csv and .svg
       bench/scaling.py --draw                   the picture again, from the CSV

The network is that of DARTS_V2 cells with 5 layers: 16 channels and batch 1 to 512, then
batch 16 and 8 to 144 channels, each on one and on two threads. The time is the least of
the steps of a second. Dashed: time in proportion to the work (multiply-adds of the step),
through the last point; where the curve lies above it, small work costs more than its share,
and where it never falls below its left end, time grows no faster than the work. The slope is
that of log time over log work, by least squares.
"""
import argparse
import csv
import json
import math
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
RESULTS = os.path.join(HERE, "results")
SPEC = "darts-v2 c={} layers=5"
BATCHES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
CHANNELS = [8, 12, 16, 24, 36, 48, 72, 96, 144]
SWEEPS = [("batch", [(b, 16) for b in BATCHES]), ("channels", [(16, c) for c in CHANNELS])]
QUICK = [("batch", [(b, 16) for b in (1, 4, 16)]), ("channels", [(4, c) for c in (8, 16, 36)])]
COLUMNS = ["sweep", "threads", "batch", "channels", "flop", "seconds", "median_seconds", "gflops"]
SPIN = {"GOMP_SPINCOUNT": "10000"}
INK, SOFT, GRID, COLORS = "#222222", "#5a5a5a", "#e4e4e4", {1: "#d55e00", 2: "#0072b2"}


# ---- Measuring -----------------------------------------------------------------------------

def step(build, batch, channels, threads, steps):
    command = [os.path.join(build, "bench_step"), SPEC.format(channels), str(steps), str(threads),
               str(batch)]
    out = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **SPIN})
    if out.returncode:
        sys.exit(f"{' '.join(command)}: exit {out.returncode}\n{out.stderr}")
    return json.loads(out.stdout.splitlines()[-1])


def measure(build, sweeps):
    rows = []
    for sweep, points in sweeps:
        for batch, channels in points:
            for threads in (1, 2):
                probe = step(build, batch, channels, threads, 1)
                steps = max(3, min(300, int(1 / probe["least"])))
                r = step(build, batch, channels, threads, steps)
                rows.append([sweep, threads, batch, channels, f"{r['flop']:.6g}",
                             f"{r['least']:.6f}", f"{r['seconds']:.6f}",
                             f"{r['flop'] / r['least'] / 1e9:.1f}"])
                print(",".join(map(str, rows[-1])), file=sys.stderr)
    return rows


# ---- Slopes --------------------------------------------------------------------------------

def slope(work, time):
    x, y = [math.log(w) for w in work], [math.log(t) for t in time]
    mx, my = sum(x) / len(x), sum(y) / len(y)
    return sum((a - mx) * (b - my) for a, b in zip(x, y)) / sum((a - mx) ** 2 for a in x)


def steepest(work, time):
    """The most that time grew between neighbours, per growth of the work."""
    return max(time[i + 1] / time[i] / (work[i + 1] / work[i]) for i in range(len(work) - 1))


def curve(rows, sweep, threads):
    """x, work and seconds of one curve."""
    own = [r for r in rows if r["sweep"] == sweep and int(r["threads"]) == threads]
    return ([int(r[sweep]) for r in own], [float(r["flop"]) for r in own],
            [float(r["seconds"]) for r in own])


def words(rows, sweep, threads):
    _, work, time = curve(rows, sweep, threads)
    s, most = slope(work, time), steepest(work, time)
    verdict = "no faster than the work" if s <= 1.02 else "faster than the work"
    return f"{threads} thread{'s' * (threads > 1)}: slope {s:.2f}, {verdict}; steepest step {most:.2f}"


# ---- The picture ---------------------------------------------------------------------------

class Panel:
    """A log-log panel whose corner is at (left, top)."""

    def __init__(self, left, top, width, height, xs, ys):
        self.left, self.top, self.width, self.height = left, top, width, height
        self.x = math.log(min(xs)) - .05, math.log(max(xs)) + .05
        self.y = math.log(min(ys)) - .1, math.log(max(ys)) + .1
        self.parts = []

    def at(self, x, y):
        u = (math.log(x) - self.x[0]) / (self.x[1] - self.x[0])
        v = (math.log(y) - self.y[0]) / (self.y[1] - self.y[0])
        return self.left + u * self.width, self.top + (1 - v) * self.height

    def text(self, x, y, text, size=11, anchor="start", color=INK, more=""):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
                          f'fill="{color}"{more}>{text}</text>')

    def line(self, a, b, color, more=""):
        self.parts.append(f'<line x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}" '
                          f'stroke="{color}"{more}/>')

    def path(self, points, color, more=""):
        d = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{d}" fill="none" stroke="{color}" {more}/>')

    def axes(self, xs, x_name, y_name):
        bottom, right = self.top + self.height, self.left + self.width
        for x in xs:
            u = self.at(x, math.exp(self.y[0]))[0]
            self.line((u, self.top), (u, bottom), GRID)
            self.text(u, bottom + 16, str(x), anchor="middle")
        e = math.floor(self.y[0] / math.log(10))
        ticks = [m * 10 ** k for k in range(e, e + 9) for m in (1, 2, 5)]
        for y in (y for y in ticks if self.y[0] <= math.log(y) <= self.y[1]):
            v = self.at(math.exp(self.x[0]), y)[1]
            self.line((self.left, v), (right, v), GRID)
            self.text(self.left - 6, v + 4, f"{y:g}", anchor="end")
        self.line((self.left, bottom), (right, bottom), SOFT)
        self.line((self.left, self.top), (self.left, bottom), SOFT)
        self.text(self.left + self.width / 2, bottom + 34, x_name, anchor="middle", color=SOFT)
        x, y = self.left - 46, self.top + self.height / 2
        self.text(x, y, y_name, anchor="middle", color=SOFT,
                  more=f' transform="rotate(-90 {x:.1f} {y:.1f})"')


def panel(rows, sweep, left, title, x_name, ticks):
    curves = {t: curve(rows, sweep, t) for t in (1, 2)}
    times = [1e3 * s for c in curves.values() for s in c[2]]
    shares = [1e3 * c[2][-1] * w / c[1][-1] for c in curves.values() for w in c[1]]
    p = Panel(left, 64, 340, 300, curves[1][0], times + shares)
    p.text(left, 22, title, 13, more=' font-weight="bold"')
    p.axes(ticks, x_name, "training step, ms")
    for threads, (x, work, time) in curves.items():
        last = time[-1] / work[-1]
        p.path([p.at(a, 1e3 * last * w) for a, w in zip(x, work)], COLORS[threads],
               'stroke-width="1" stroke-dasharray="4 4"')
        points = [p.at(a, 1e3 * t) for a, t in zip(x, time)]
        p.path(points, COLORS[threads], 'stroke-width="2"')
        p.parts += [f'<circle cx="{u:.1f}" cy="{v:.1f}" r="3" fill="{COLORS[threads]}"/>'
                    for u, v in points]
        p.text(left, 24 + 15 * threads, words(rows, sweep, threads), color=COLORS[threads])
    return p.parts


def draw(rows, path):
    fixed = {s: next(r for r in rows if r["sweep"] == s) for s in ("batch", "channels")}
    batches, channels = curve(rows, "batch", 1)[0], curve(rows, "channels", 1)[0]
    parts = panel(rows, "batch", 66, f"Batch, at {fixed['batch']['channels']} channels",
                  "examples in the batch (log)", batches)
    parts += panel(rows, "channels", 536, f"Channels, at batch {fixed['channels']['batch']}",
                   "channels of the first cell (log)", channels)
    with open(path, "w") as f:
        f.write('<svg xmlns="http://www.w3.org/2000/svg" width="920" height="440" viewBox="0 0 920 440" '
                'font-family="sans-serif">\n<rect width="100%" height="100%" fill="#ffffff"/>\n')
        f.write("\n".join(parts))
        f.write(f'\n<text x="66" y="428" font-size="11" fill="{SOFT}">{SPEC.format("C")}, 32x32 pixels. '
                "Dashed: in proportion to the multiply-adds, through the last point.</text>\n</svg>\n")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("build", nargs="?")
    p.add_argument("--quick", action="store_true", help="few points")
    p.add_argument("--draw", action="store_true", help="only the picture")
    p.add_argument("--out", default=os.path.join(RESULTS, "scaling"), help="without .csv")
    a = p.parse_args()
    if a.build:
        rows = measure(a.build, QUICK if a.quick else SWEEPS)
        with open(a.out + ".csv", "w", newline="") as f:
            csv.writer(f, lineterminator="\n").writerows([COLUMNS, *rows])
    elif not a.draw:
        p.error("BUILD_DIR or --draw")
    with open(a.out + ".csv", newline="") as f:
        rows = list(csv.DictReader(f))
    draw(rows, a.out + ".svg")
    for sweep in ("batch", "channels"):
        for threads in (1, 2):
            print(f"{sweep}: {words(rows, sweep, threads)}")


if __name__ == "__main__":
    main()
