"""check_onnx.py FOLDER: ONNX Runtime must give what NAME.out.npy says for NAME.in.npy."""
import glob
import os
import sys

import numpy
import onnxruntime

try:
    import onnx
except ImportError:
    onnx = None


def largest_difference(path):
    """Of the logits, as a share of the largest where that is above 1; whole batch and one
    example alone, since the batch axis is free."""
    stem = path[: -len(".onnx")]
    x, want = numpy.load(stem + ".in.npy"), numpy.load(stem + ".out.npy")
    if onnx:
        onnx.checker.check_model(path, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # small networks: a second thread only waits
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    got = session.run(["logits"], {"input": x})[0]
    assert got.shape == want.shape, f"{path}: {got.shape} instead of {want.shape}"
    one = session.run(["logits"], {"input": x[:1]})[0]
    return max(abs(got - want).max(), abs(one - want[:1]).max()) / max(1, abs(want).max())


def main(folder):
    onnxruntime.set_default_logger_severity(3)
    worst, count, failed = 0.0, 0, 0
    for path in sorted(glob.glob(os.path.join(folder, "*.onnx"))):
        if not os.path.exists(path[: -len(".onnx")] + ".in.npy"):
            continue
        try:
            difference = largest_difference(path)
        except Exception as error:
            print(f"{os.path.basename(path)}: {error}")
            failed += 1
            continue
        count += 1
        worst = max(worst, difference)
        if not difference <= 1e-4:
            print(f"{os.path.basename(path)}: logits differ by {difference:.3g}")
            failed += 1
    checked = "with onnx.checker" if onnx else "without onnx.checker"
    print(f"{count} files {checked}: largest difference {worst:.3g}, {failed} failed")
    return 1 if failed or not count else 0


sys.exit(main(sys.argv[1]))
