"""Bad input to `eco`: a message that says what is wrong, exit code 2, nothing left behind."""

import json
import os
import random
import struct
import subprocess
import sys
import sysconfig
import tempfile
import time
import zlib
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


def eco(*arguments, env=None):
    return subprocess.run([ECO, *map(str, arguments)], capture_output=True, text=True, timeout=120, env=env)


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


def deeply_nested(depth):
    """If in If; Python's protobuf does not nest so deep, so lengths are written by hand."""

    def field(number, content):
        length, head = len(content), bytes([number << 3 | 2])
        while length >= 0x80:
            head, length = head + bytes([length & 0x7F | 0x80]), length >> 7
        return head + bytes([length]) + content

    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 3]).SerializeToString()
    graph = field(1, helper.make_node("Relu", ["x"], ["y"]).SerializeToString()) + field(12, y)
    for _ in range(depth):
        branch = field(1, b"then_branch") + field(6, graph)
        graph = field(1, helper.make_node("If", ["c"], ["y"]).SerializeToString() + field(5, branch)) + field(12, y)
    head = model([])
    head.ClearField("graph")
    return head.SerializeToString() + field(7, graph)


def files(folder):
    add = helper.make_node("Add", ["x", "w"], ["y"], name="plus")
    relu = helper.make_node("Relu", ["x"], ["y"], name="r")
    save = lambda name, m: (folder / name).write_bytes(m.SerializeToString()) and folder / name  # noqa: E731
    refuses("missing file", eco("inspect", folder / "none.onnx"), "none.onnx")
    (folder / "text.onnx").write_text("hello, this is no model\n")
    refuses("text file", eco("inspect", folder / "text.onnx"), "text.onnx", "a text file")
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
    (folder / "deep.onnx").write_bytes(deeply_nested(2000))
    refuses("subgraphs in subgraphs", eco("inspect", folder / "deep.onnx"), "nested deeper")
    f = helper.make_function("f", "f", ["x"], ["y"], [helper.make_node("f", ["x"], ["y"], domain="f")], [helper.make_opsetid("f", 1)])
    calls = model([helper.make_node("f", ["x"], ["y"], domain="f", name="call")])
    calls.functions.append(f)
    calls.opset_import.append(helper.make_opsetid("f", 1))
    refuses("function that calls itself", eco("inspect", save("self.onnx", calls)), "recursive", "'call'")
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


def more_models(folder):
    """Paths that are no models, and external data in every wrong place."""
    (folder / "empty.onnx").write_bytes(b"")
    refuses("empty file", eco("inspect", folder / "empty.onnx"), "empty")
    refuses("folder as a model", eco("inspect", folder), "folder")
    refuses("folder as a model to run", eco("run", folder), "folder")
    add = helper.make_node("Add", ["x", "w"], ["y"], name="plus")
    outside = folder.parent / (folder.name + "-outside.bin")
    outside.write_bytes(b"\0" * 24)
    try:
        (folder / "link.bin").symlink_to(outside)
        for name, location in (("absolute", str(outside)), ("deep ..", f"a/../../{outside.name}"), ("symbolic link", "link.bin")):
            path = folder / "external.onnx"
            path.write_bytes(model([add], initializers=[external(location, 0, 24, [2, 3])]).SerializeToString())
            refuses(f"external data: {name}", eco("inspect", path), "'w'", "only files in the model's own folder")
    finally:
        outside.unlink()
    for name, tensor, words in (
        ("missing external data", external("gone.bin", 0, 24, [2, 3]), "gone.bin"),
        ("negative offset", external("w.bin", -8, 24, [2, 3]), "offset"),
        ("offset of 2^64", external("w.bin", 2**64, 24, [2, 3]), "offset"),
        ("external claim of 10^12 elements", external("w.bin", 0, 4 * 10**12, [10**6, 10**6]), "past the end"),
        ("external claim that overflows", external("w.bin", 0, 24, [2**62, 2**62]), "'w'"),
    ):
        path = folder / "external.onnx"
        path.write_bytes(model([add], initializers=[tensor]).SerializeToString())
        refuses(name, eco("inspect", path), words)


def arguments(folder):
    """Usage, sizes and files given on the command line."""
    relu = folder / "relu.onnx"
    relu.write_bytes(model([helper.make_node("Relu", ["x"], ["y"])], (("x", ["n", 3]),), (("y", ["n", 3]),)).SerializeToString())
    refuses("no verb", eco(), "--help")
    refuses("unknown verb", eco("frobnicate"), "frobnicate")
    refuses("unknown flag", eco("run", relu, "--frobnicate"), "--frobnicate", "eco run --help")
    refuses("no model", eco("inspect"), "model")
    refuses("seed that is no number", eco("run", relu, "--seed", "x"), "--seed")
    refuses("unknown mode", eco("run", relu, "--mode", "fast"), "--mode")
    for name, shape, word in (
        ("negative size", "x=-1,3", "negative"),
        ("huge size", "x=99999999999999999999,3", "too large"),
        ("sizes that overflow", "x=4611686018427387904,4", "64 bits"),
        ("10^12 elements", "x=1000000000000,3", "out of memory"),
        ("no numbers", "x=a,b", "not a size"),
        ("a hole", "x=1,,3", "not a size"),
        ("a comma too much", "x=1,3,", "not a size"),
        ("no name", "=1,3", "name="),
        ("no sizes", "1,3", "name="),
        ("unknown input", "z=1,3", "'z'"),
        ("too many sizes", "x=1,3,5", "sizes"),
        ("a size that the model fixes", "x=1,4", "3"),
    ):
        refuses(f"--shape: {name}", eco("run", relu, f"--shape={shape}"), word)
    refuses("open sizes", eco("run", relu), "--shape")

    good = folder / "in.npz"
    np.savez_compressed(good, x=np.arange(6, dtype=np.float32).reshape(2, 3))
    data = good.read_bytes()
    rng = random.Random(6)
    for n in range(40):
        bad = folder / "bad.npz"
        if n % 2:
            bad.write_bytes(data[: rng.randrange(len(data))])
            refuses(f"npz cut short {n}", eco("run", relu, "-i", bad), "bad.npz")
            continue
        changed = bytearray(data)
        changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        bad.write_bytes(changed)
        done = eco("run", relu, "-i", bad)
        # A flipped bit of a date or an attribute changes nothing; one of the array's name is another input.
        check(f"npz with a flipped bit {n}", done.returncode in (0, 2) and (done.returncode == 0 or done.stderr.startswith("error: ")), done.stderr[:200])
    damaged = bytearray(data)
    damaged[data.index(b"x.npy") + 40] ^= 0x55  # inside the packed array
    (folder / "bad.npz").write_bytes(damaged)
    refuses("npz with damaged data", eco("run", relu, "-i", folder / "bad.npz"), "damaged")
    for name, content in (("text.npz", b"hello"), ("text.npy", b"hello"), ("text.safetensors", b"hello, world"), ("text.png", b"hello"), ("text.pb", b"\xff\xff")):
        (folder / name).write_bytes(content)
        refuses(f"text as {name}", eco("run", relu, "-i", folder / name), name.split(".")[0])
    np.save(folder / "objects.npy", np.array([{}], object), allow_pickle=True)
    refuses("a pickle", eco("run", relu, "-i", folder / "objects.npy"), "pickle")
    refuses("missing input file", eco("run", relu, "-i", folder / "gone.npz"), "gone.npz")
    refuses("input of unknown kind", eco("run", relu, "-i", relu), ".npz")
    np.savez(folder / "two.npz", x=np.zeros((1, 3), np.float32), z=np.zeros(1))
    refuses("an array too many", eco("run", relu, "-i", folder / "two.npz"), "'z'")
    np.savez(folder / "none.npz")
    refuses("an array too few", eco("run", relu, "-i", folder / "none.npz"), "'x'")

    for name, target, word in (
        ("folder that is not there", folder / "gone" / "out.npz", "no folder"),
        ("folder as output", folder / "out.npz", "folder"),
        ("output of unknown kind", folder / "out.txt", ".npz"),
        ("output without a kind", folder / "out", ".npz"),
    ):
        if name == "folder as output":
            target.mkdir()
        refuses(name, eco("run", relu, "-i", good, "-o", target), word)
        if target.is_dir():
            target.rmdir()


CHECKS = """func.func @holds() {
  %x = stablehlo.constant dense<1> : tensor<i32>
  check.expect_eq %x, %x : tensor<i32>
  func.return
}
"""


def contradictions(folder):
    """Options that say two things, or would change nothing."""
    relu, given, data, checks = folder / "sized.onnx", folder / "given.npz", folder / "stored", folder / "checks.mlir"
    relu.write_bytes(model([helper.make_node("Relu", ["x"], ["y"])], (("x", ["n", 3]),), (("y", ["n", 3]),)).SerializeToString())
    x = np.ones((2, 3), np.float32)
    np.savez(given, x=x)
    data.mkdir()
    for name in ("input_0.pb", "output_0.pb"):
        (data / name).write_bytes(numpy_helper.from_array(x).SerializeToString())
    checks.write_text(CHECKS)
    for where, line in ((data, ["verify", relu, "--against", data]), (checks, ["verify", checks])):
        check(f"{where.name} alone", eco(*line).returncode == 0)
        for option, value in (("--input", given), ("--shape", "nosuch=1,2"), ("--seed", 9), ("--mean", 0.5), ("--std", 0.5), ("--threads", 3)):
            refuses(f"{option} beside {where.name}", eco(*line, option, value), str(where), option, "leave it out")
    for verb in ("run", "verify", "inspect"):
        refuses(f"{verb}: sizes given twice", eco(verb, relu, "--shape", "x=2,3", "--shape", "x=4,3"), "'x'", "already")
    refuses("--stream: sizes given twice", eco("run", relu, "--stream", "--shape", "x=2,3", "--shape", "x=2,3"), "'x'", "already")
    for array in (given, f"x={data / 'input_0.pb'}"):
        refuses(f"an array of other sizes than --shape: {array}", eco("run", relu, "-i", array, "--shape", "x=9,3"), "'x'", "[9, 3]", "[2, 3]")
        check("an array of the sizes of --shape", eco("run", relu, "-i", array, "--shape", "x=2,3").returncode == 0)
    line = f"{given}\t{folder / 'never.npz'}\n"
    done = subprocess.run([ECO, "run", relu, "--stream", "--shape", "x=9,3"], input=line, capture_output=True, text=True, timeout=120)
    check("--stream: other sizes than --shape", done.stdout.startswith("error ") and "[9, 3]" in done.stdout, done.stdout + done.stderr)
    for option in (("--output", "never.npz"), ("--input", given), ("--json",)):
        refuses(f"--stream with {option[0]}", eco("run", relu, "--stream", *option), "--stream", option[0])
    for seed in ("-1", str(2**64), "1.5"):
        refuses(f"seed {seed}", eco("run", relu, "--shape", "x=2,3", f"--seed={seed}"), "--seed", seed)
    check("the largest seed", eco("run", relu, "--shape", "x=2,3", f"--seed={2**64 - 1}").returncode == 0)
    refuses("a mean without a picture", eco("run", relu, "--shape", "x=2,3", "--mean", "0.5"), "--mean", "-i")


def lost_output(folder):
    """What could not be written to stdout is no success; a reader who left wanted no more."""
    path, checks, stored = folder / "relu.onnx", folder / "checks.mlir", folder / "stored"
    path.write_bytes(model([helper.make_node("Relu", ["x"], ["y"])]).SerializeToString())
    checks.write_text(CHECKS)
    for line in (["inspect", path], ["inspect", path, "--text"], ["inspect", path, "--json"], ["run", path], ["run", path, "--json"],
                 ["verify", checks], ["verify", path, "--against", stored], ["verify", path], ["--help"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run([ECO, *map(str, line)], stdout=full, stderr=subprocess.PIPE, text=True, timeout=120)
        good = done.returncode == 2 and "error: standard output can't be written" in done.stderr
        check(f"a full disk under {' '.join(map(str, line[:1] + line[2:]))}", good, f"exit {done.returncode}: {done.stderr}")
        ours, theirs = os.pipe()
        os.close(ours)
        done = subprocess.run([ECO, *map(str, line)], stdout=theirs, stderr=subprocess.PIPE, text=True, timeout=120)
        os.close(theirs)
        check(f"a closed pipe under {' '.join(map(str, line[:1] + line[2:]))}", "error: " not in done.stderr, done.stderr)


def pictures(folder):
    path = folder / "picture.onnx"
    path.write_bytes(model([helper.make_node("Relu", ["x"], ["y"])], (("x", [1, 3, "h", "w"]),), (("y", [1, 3, "h", "w"]),)).SerializeToString())
    from PIL import Image

    for kind in ("png", "jpg"):
        whole = folder / f"whole.{kind}"
        Image.fromarray(np.random.default_rng(7).integers(0, 256, (40, 40, 3), np.uint8)).save(whole)
        check(f"a {kind}", eco("run", path, "-i", whole).returncode == 0)
        cut = folder / f"cut.{kind}"
        for part in (0.1, 0.5, 0.9):
            cut.write_bytes(whole.read_bytes()[: int(part * whole.stat().st_size)])
            refuses(f"{kind} cut at {part}", eco("run", path, "-i", cut), f"cut.{kind}")
    header = b"IHDR" + struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    data = b"IDAT" + zlib.compress(b"\0" * 1000)
    bomb += struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))
    (folder / "bomb.png").write_bytes(bomb)
    refuses("a small file that claims 60000x60000", eco("run", path, "-i", folder / "bomb.png"), "60000x60000")
    refuses("a deviation of 0", eco("run", path, "-i", folder / "whole.png", "--std", "0"), "--std")
    refuses("two means", eco("run", path, "-i", folder / "whole.png", "--mean", "0.5,0.5"), "--mean")


def missing_engines(folder):
    """Exit 3, and what to install."""
    relu = folder / "engine.onnx"
    relu.write_bytes(model([helper.make_node("Relu", ["x"], ["y"])]).SerializeToString())
    bare = {k: v for k, v in os.environ.items() if k != "ECOTONE_PYTHON"} | {"XDG_DATA_HOME": str(folder / "data")}
    for name, environment in (
        ("engine that is not installed", bare),
        ("Python that is not there", bare | {"ECOTONE_PYTHON": str(folder / "no-python")}),
        ("Python that is no program", bare | {"ECOTONE_PYTHON": str(relu)}),
        ("Python that ends at once", bare | {"ECOTONE_PYTHON": "/bin/false"}),
        ("Python without the engine", bare | {"ECOTONE_PYTHON": "/usr/bin/python3", "PYTHONNOUSERSITE": "1"}),
    ):
        done = eco("verify", relu, "--against", "onnxruntime", env=environment)
        check(name, done.returncode == 3 and "pip install onnxruntime" in done.stderr and "ECOTONE_PYTHON" in done.stderr, f"exit {done.returncode}: {done.stderr[:300]}")
    done = eco("verify", relu, "--against", "frobnicate")
    check("unknown engine", done.returncode == 3 and "onnxruntime" in done.stderr, done.stderr)
    for verb in ("run", "verify"):
        done = eco(verb, relu, "--backend", "frobnicate")
        check(f"unknown backend of {verb}", done.returncode == 3 and "'frobnicate'; there is: reference" in done.stderr, done.stderr)
    refuses("folder of stored values that is not there", eco("verify", relu, "--against", folder / "gone"), "no such folder")
    refuses("folder without stored values", eco("verify", relu, "--against", folder), "output_0.pb")
    done = eco("doctor", "--no-measure", env=bare)
    check("doctor without engines", done.returncode == 0 and "not usable" in done.stdout, done.stdout)


def json_errors(folder):
    for name, code, kind, line in (
        ("missing file", 2, "invalid_input", ["inspect", folder / "gone.onnx"]),
        ("unknown flag", 2, "usage", ["run", folder / "gone.onnx", "--frobnicate"]),
        ("unknown backend", 3, "missing", ["run", folder / "gone.onnx", "--backend", "frobnicate"]),
    ):
        done = eco(*line, "--json")
        answer = json.loads(done.stdout)
        error = answer.get("error", {})
        good = done.returncode == code == error.get("exit_code") and answer["schema_version"] == 1 and error.get("kind") == kind
        check(f"--json: {name}", good and done.stderr == f"error: {error.get('message')}\n", f"exit {done.returncode}: {done.stdout}{done.stderr}")
    # Names are bytes to ONNX's protobuf; JSON takes only UTF-8.
    odd = model([helper.make_node("Relu", ["x"], ["y"])]).SerializeToString().replace(b"\x01y", b"\x01\xff")
    (folder / "odd.onnx").write_bytes(odd)
    done = eco("inspect", folder / "odd.onnx", "--json")
    check("--json: a name that is no UTF-8", done.returncode == 0 and json.loads(done.stdout)["outputs"][0]["name"] == "\ufffd", done.stderr)


def killed(folder):
    """Killed at any moment, `eco run` leaves its output whole or not at all."""
    n = 10_000_000
    place = folder / "killed"
    place.mkdir()
    path = place / "big.onnx"
    nodes = [helper.make_node("Expand", ["x", "n"], ["y"])]
    shape = numpy_helper.from_array(np.array([n], np.int64), "n")
    path.write_bytes(model(nodes, (("x", [1]),), (("y", [n]),), [shape]).SerializeToString())
    out = place / "out.npz"
    start = time.monotonic()
    check("big output", eco("run", path, "-o", out).returncode == 0)
    whole, size = time.monotonic() - start, out.stat().st_size
    counts = {"none": 0, "whole": 0}
    for i in range(16):
        out.unlink(missing_ok=True)
        process = subprocess.Popen([ECO, "run", path, "-o", out], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(whole * (i + 1) / 16)
        process.kill()
        process.wait()
        counts["whole" if out.exists() else "none"] += 1
        check(f"killed after {(i + 1) / 16:.2f}", not out.exists() or out.stat().st_size == size, out.exists() and out.stat().st_size)
    check("killed too early at least once", counts["none"] > 0, counts)
    # Where the file system gives unnamed files, not even a temporary one stays; elsewhere a kill may leave one `.tmp`.
    left = {p.name for p in place.iterdir()} - {"big.onnx", "out.npz"}
    check("nothing left behind", all(name.startswith(".out.npz.") and name.endswith(".tmp") for name in left) and len(left) <= 16, left)


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in (files, truncated, more_models, arguments, contradictions, lost_output, pictures, missing_engines, json_errors):
            part(folder)
            temporary = [p.name for p in folder.iterdir() if p.name.startswith(".") or p.suffix == ".tmp"]
            check(f"{part.__name__}: nothing left behind", not temporary and not list(folder.glob("out*.npz")), temporary)
        killed(folder)
    print(f"{COUNTS[True]} passed, {COUNTS[False]} failed")
    return 1 if COUNTS[False] else 0


if __name__ == "__main__":
    sys.exit(main())
