#!/usr/bin/env python3
"""Inference at batch 1: netwright beside ONNX Runtime, on the same ONNX file, in turn.

usage: bench/inference.py BUILD_DIR [--study DIR] [--rounds N] [--runs N] [NET ...]
       > bench/results/inference.csv

DIR is the study of `make demo`, whose model.onnx is the network that was found; without it
a network of the same space takes its place, found by nobody ("demo-like"). The others have
weights drawn at random: speed does not depend on them. Every round times `runs` calls of
each side; a row has the least median over the rounds, and the ratio (above 1: netwright is
faster). Outputs are compared, within 1e-3 of the largest number.

ONNX Runtime is looked for in this Python and in BUILD_DIR/venv, where it is installed if
need be; where that fails, a line on standard error says so and nothing is measured.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BEST = ("|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|"
        "nor_conv_3x3~2|")
NETS = {
    "demo": ("darts c=8 layers=5 stem_stride=2 stem_pad=3", 28),
    "nb201-c16-n5": (f'nasbench201 c=16 n=5 arch="{BEST}"', 32),
    "darts-v2": ("darts-v2 c=36 layers=20 drop=0", 32),
    "mobilenet": (os.path.join(HERE, "mobilenet.yaml"), 32),
}
COLUMNS = ["net", "threads", "params", "macs", "netwright_ms", "onnxruntime_ms", "speed_ratio",
           "netwright_gflops", "largest_difference", "onnxruntime"]
SPIN = {"GOMP_SPINCOUNT": "10000"}  # as the command netwright starts itself


def own_python(build):
    """Go on in a Python that has ONNX Runtime; None when there is none."""
    try:
        import onnxruntime
        return onnxruntime
    except ImportError:
        pass
    venv = os.path.join(build, "venv")
    python = os.path.join(venv, "bin", "python")
    if os.environ.get("NW_INFERENCE_VENV"):
        return None
    try:
        if not os.path.exists(python):
            subprocess.run([sys.executable, "-m", "venv", venv], check=True, capture_output=True)
        if subprocess.run([python, "-c", "import onnxruntime, numpy"], capture_output=True).returncode:
            subprocess.run([python, "-m", "pip", "install", "-q", "onnxruntime", "numpy"], check=True,
                           capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    os.environ["NW_INFERENCE_VENV"] = "1"
    os.execv(python, [python, *sys.argv])


class Peer:
    def __init__(self, runtime, path, x, threads):
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.session = runtime.InferenceSession(path, options, ["CPUExecutionProvider"])
        self.feed = {self.session.get_inputs()[0].name: x}

    def time(self, runs):
        """Output and median seconds of a call."""
        seconds = []
        for i in range(-2, runs):
            start = time.perf_counter()
            y = self.session.run(None, self.feed)[0]
            seconds.append(time.perf_counter() - start)
        return y, statistics.median(seconds[2:])


def run(command):
    out = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **SPIN})
    if out.returncode:
        sys.exit(f"{' '.join(command)}: exit {out.returncode}\n{out.stderr}")
    return out.stdout


def own(program, path, folder, runs, threads):
    line = run([program, "run", path, f"{folder}/in", f"{folder}/out", str(runs), str(threads)])
    return json.loads(line)


def row(runtime, program, net, path, threads, a):
    import numpy
    with tempfile.TemporaryDirectory() as folder:
        probe = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
        shape = [1, *probe.get_inputs()[0].shape[1:]]
        x = numpy.random.default_rng(1).random(shape, dtype=numpy.float32)
        x.tofile(f"{folder}/in")
        peer = Peer(runtime, path, x, threads)
        ours, theirs = [], []
        for _ in range(a.rounds):
            ours.append(own(program, path, folder, a.runs, threads))
            y, seconds = peer.time(a.runs)
            theirs.append(seconds)
        z = numpy.fromfile(f"{folder}/out", dtype=numpy.float32).reshape(y.shape)
    apart = float(numpy.abs(y - z).max())
    if not apart <= 1e-3 * max(1, float(numpy.abs(y).max())):
        sys.exit(f"{net}: outputs differ by {apart:g} of {numpy.abs(y).max():g}")
    s, t = min(r["median"] for r in ours), min(theirs)
    return [net, threads, f"{ours[0]['params']:.0f}", f"{ours[0]['macs']:.0f}", f"{1e3 * s:.4f}",
            f"{1e3 * t:.4f}", f"{t / s:.2f}", f"{2e-9 * ours[0]['macs'] / s:.1f}", f"{apart:.2g}",
            runtime.__version__]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("build")
    p.add_argument("nets", nargs="*", default=list(NETS))
    p.add_argument("--study")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--runs", type=int, default=50)
    a = p.parse_intermixed_args()
    runtime = own_python(a.build)
    if not runtime:
        print("inference.py: skipped: ONNX Runtime is not here and cannot be installed",
              file=sys.stderr)
        return
    program = os.path.join(a.build, "bench_infer")
    print(",".join(COLUMNS))
    with tempfile.TemporaryDirectory() as folder:
        for net in a.nets:
            path = os.path.join(folder, f"{net}.onnx")
            if net == "demo" and a.study:
                path = os.path.join(a.study, "model.onnx")
            else:
                spec, size = NETS[net]
                run([program, "make", spec, path, str(size)])
            name = "demo-like" if net == "demo" and not a.study else net
            for threads in (1, 2):
                print(",".join(map(str, row(runtime, program, name, path, threads, a))))
                sys.stdout.flush()


main()
