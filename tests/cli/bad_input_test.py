"""Bad input to `eco`: a message that says what is wrong, exit code 2, nothing left behind. And a 2 GB model looked at quickly."""

import os
import random
import resource
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

ECO = os.environ["ECO"]
MAGIKA = Path(sysconfig.get_paths()["purelib"]) / "magika/models/standard_v3_3/model.onnx"
COUNTS = {True: 0, False: 0}


def check(name, good, why=""):
    COUNTS[bool(good)] += 1
    if not good:
        print(f"FAILED {name}: {why}")


def eco(*arguments):
    return subprocess.run([ECO, *map(str, arguments)], capture_output=True, text=True, timeout=120)


def refuses(name, done, *words):
    """Exit 2, one message with these words, no stack or abort."""
    message = done.stderr
    good = done.returncode == 2 and message.startswith("error: ") and all(w in message for w in words)
    check(name, good, f"exit {done.returncode}: {message[:300]}")


def model(nodes, inputs=(("x", [2, 3]),), outputs=(("y", [2, 3]),), initializers=(), opset=17):
    def declare(values):
        return [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in values]

    graph = helper.make_graph(nodes, "g", declare(inputs), declare(outputs), list(initializers))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def external(location, offset, length, dims):
    t = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=dims, data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        t.external_data.add(key=key, value=str(value))
    return t


def files(folder):
    add = helper.make_node("Add", ["x", "w"], ["y"], name="plus")
    relu = helper.make_node("Relu", ["x"], ["y"], name="r")
    save = lambda name, m: (folder / name).write_bytes(m.SerializeToString()) and folder / name  # noqa: E731
    refuses("missing file", eco("inspect", folder / "none.onnx"), "none.onnx")
    (folder / "text.onnx").write_text("hello, this is no model\n")
    refuses("text file", eco("inspect", folder / "text.onnx"), "text.onnx")
    refuses("opset of the future", eco("inspect", save("opset.onnx", model([relu], opset=900))), "opset 900")
    cycle = [helper.make_node("Add", ["x", "b"], ["a"], name="one"), helper.make_node("Relu", ["a"], ["b"], name="two"), helper.make_node("Relu", ["a"], ["y"])]
    refuses("cycle", eco("inspect", save("cycle.onnx", model(cycle))), "cycle", "one")
    refuses("dangling name", eco("inspect", save("dangling.onnx", model([add]))), "'w'", "plus")
    refuses("contradicting shape", eco("inspect", save("shape.onnx", model([relu], outputs=(("y", [4, 3]),)))), "'y'", "contradict")
    refuses("shapes that don't fit", eco("inspect", save("fit.onnx", model([add], initializers=[numpy_helper.from_array(np.zeros((5, 7), np.float32), "w")]))), "plus")
    refuses("unknown operator", eco("inspect", save("op.onnx", model([helper.make_node("Frobnicate", ["x"], ["y"], name="f")]))), "Frobnicate", "'f'")
    (folder / "w.bin").write_bytes(b"\0" * 24)
    refuses("external data outside", eco("inspect", save("out.onnx", model([add], initializers=[external("../w.bin", 0, 24, [2, 3])]))), "w.bin")
    refuses("external data past the end", eco("inspect", save("end.onnx", model([add], initializers=[external("w.bin", 8, 24, [2, 3])]))), "past the end")
    huge = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[10**6, 10**6], raw_data=b"\0" * 8)
    refuses("10^12 elements", eco("inspect", save("huge.onnx", model([add], initializers=[huge]))), "'w'")
    good = save("good.onnx", model([relu]))
    for name, arrays, words in (
        ("wrong name", {"z": np.zeros((2, 3), np.float32)}, ("z", "x")),
        ("wrong dtype", {"x": np.zeros((2, 3), np.float64)}, ("x", "f64")),
        ("wrong shape", {"x": np.zeros((2, 4), np.float32)}, ("x", "4")),
    ):
        np.savez(folder / "in.npz", **arrays)
        refuses(name, eco("run", good, "-i", folder / "in.npz", "-o", folder / "out.npz"), *words)
        check(f"{name}: nothing written", not (folder / "out.npz").exists())


def truncated(folder):
    data = MAGIKA.read_bytes()
    rng = random.Random(5)
    for n in range(200):
        cut = rng.randrange(len(data))
        path = folder / "cut.onnx"
        path.write_bytes(data[:cut])
        done = eco("inspect", path)
        check(f"cut at {cut}", done.returncode == 2 and done.stderr.startswith("error: "), f"{n}: exit {done.returncode}: {done.stderr[:200]}")


def two_gigabytes(folder):
    size = 2 * 10**9
    with open(folder / "big.bin", "wb") as f:
        f.truncate(size)
    big = model([helper.make_node("MatMul", ["x", "w"], ["y"])], (("x", [1, 20000]),), (("y", [1, 25000]),), [external("big.bin", 0, size, [20000, 25000])])
    path = folder / "big.onnx"
    path.write_bytes(big.SerializeToString())
    start = time.monotonic()
    done = eco("inspect", path)
    seconds = time.monotonic() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    check("2 GB model", done.returncode == 0 and seconds < 1 and peak < 200, f"exit {done.returncode}, {seconds:.2f} s, {peak:.0f} MB; {done.stderr[:200]}")


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        two_gigabytes(folder)  # first: the peak is that of all children so far
        files(folder)
        truncated(folder)
    print(f"{COUNTS[True]} passed, {COUNTS[False]} failed")
    return 1 if COUNTS[False] else 0


if __name__ == "__main__":
    sys.exit(main())
