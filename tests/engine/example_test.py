"""The examples of data/examples, filled for a small model and run; their outputs against the reference evaluator's.

The engines of build/venv must run; those that are installed with the engines (in the user's data folder) run too. With names of engines as arguments,
only these.
"""

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ROOT = Path(os.environ["ECOTONE_SOURCE_DIR"])
ENGINES = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "ecotone/engines"
HERE = {"onnxruntime", "openvino", "openvino-f32", "onnx-reference", "jax", "opencv"}  # in build/venv
COUNTS = {True: 0, False: 0}
# f32: sums of at most 400 products, each rounded at 6e-8 of rms: below 1e-5 for any order of summation. OpenVINO may take bf16 where the
# processor has it: eps 4e-3 a layer, four layers, and some for their sum.
TOLERANCES = {"openvino": 3e-2}
CONVERT = """
import importlib, json, os, sys
module, threads, options, path, shapes = json.loads(sys.argv[1])
adapter = importlib.import_module(module).Adapter(threads, options)
from ecotone_workers.adapter import Model
adapter.load(Model(path, shapes))
print("artifact=" + str((adapter.artifacts or [path])[0]), flush=True, file=sys.stderr)
os._exit(0)
"""


def check(name, good, why=""):
    COUNTS[bool(good)] += 1
    if not good:
        print(f"FAILED {name}: {why}", flush=True)


def make_model(path):
    rng = np.random.default_rng(5)

    def weight(name, *shape):
        fan_in = np.prod(shape[1:])
        return numpy_helper.from_array((rng.normal(size=shape) / np.sqrt(fan_in)).astype(np.float32), name)

    nodes = [
        helper.make_node("Conv", ["pixels", "w1", "b1"], ["c1"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2"], ["c2"], kernel_shape=[3, 3]),
        helper.make_node("Sigmoid", ["c2"], ["s2"]),
        helper.make_node("GlobalAveragePool", ["s2"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w3", "b3"], ["scores"], transB=1),
    ]
    weights = [weight("w1", 8, 3, 3, 3), weight("b1", 8), weight("w2", 16, 8, 3, 3), weight("w3", 10, 16), weight("b3", 10)]
    inputs = [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, 17, 19])]
    graph = helper.make_graph(nodes, "small", inputs, [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 10])], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return {"pixels": rng.normal(size=(1, 3, 17, 19)).astype(np.float32)}


def python_of(engine):
    if engine["name"] in HERE:
        return Path(sys.executable)
    python = ENGINES / engine.get("environment", engine["name"]) / "bin/python"
    return python if python.exists() else None


def artifact_of(engine, python, model, inputs):
    """What the engine itself loads: its adapter tells, after a conversion if there must be one."""
    module = "ecotone_workers." + engine.get("adapter", engine["name"]).replace("-", "_") + "_adapter"
    request = json.dumps([module, 1, engine.get("options", {}), str(model), {name: list(a.shape) for name, a in inputs.items()}])
    done = subprocess.run([python, "-c", CONVERT, request], env=os.environ | {"PYTHONPATH": str(ROOT / "python")}, capture_output=True, text=True, timeout=240)
    lines = [line for line in done.stderr.splitlines() if line.startswith("artifact=")]
    return Path(lines[-1].removeprefix("artifact=")) if lines else done.stderr[-1500:]


def difference(x, r):
    r = r.astype(np.float64)
    return float(np.max(np.abs(x - r) / (np.abs(r) + np.sqrt(np.mean(r * r)))))


def run_example(engine, python, model, inputs, expected, work):
    name, folder = engine["name"], work / engine["name"]
    artifact = model if engine.get("takes_stablehlo") else artifact_of(engine, python, model, inputs)
    if not isinstance(artifact, Path):
        check(f"{name}: loads the model", False, artifact)
        return
    made = subprocess.run([os.environ["WRITE_EXAMPLE"], name, model, artifact, work / "inputs.npz", folder], capture_output=True, text=True)
    check(f"{name}: is written", made.returncode == 0, made.stderr)
    if made.returncode:
        return
    done = subprocess.run([python, folder / f"run_{name}.py", "-o", work / f"{name}.npz"], cwd=work, capture_output=True, text=True, timeout=240)
    check(f"{name}: runs", done.returncode == 0, done.stderr[-1500:])
    if done.returncode:
        return
    check(f"{name}: says what comes out", "scores (1, 10) float32" in done.stdout and "median " in done.stdout, done.stdout)
    with np.load(work / f"{name}.npz") as outputs:
        check(f"{name}: names", outputs.files == ["scores"], outputs.files)
        error = difference(outputs[outputs.files[0]], expected)
    check(f"{name}: numbers", error <= TOLERANCES.get(name, 1e-5), error)


def refusals(model, work):
    """What can't be written is said."""

    def refused(name, word, code, *arguments):
        done = subprocess.run([os.environ["WRITE_EXAMPLE"], *map(str, arguments)], capture_output=True, text=True)
        check(f"refused: {name}", done.returncode == code and word in done.stderr, f"{done.returncode} {done.stderr}")

    refused("no such engine", "nosuch", 3, "nosuch", model, model, work / "inputs.npz", work / "x")
    refused("an artifact that is missing", "is no file", 2, "onnxruntime", model, work / "missing.onnx", work / "inputs.npz", work / "x")
    hostile = work / 'a"""+__import__("os")+"\\.onnx'
    hostile.write_bytes(model.read_bytes())
    done = subprocess.run([os.environ["WRITE_EXAMPLE"], "onnxruntime", model, hostile, work / "inputs.npz", work / "hostile"], capture_output=True, text=True)
    check("a hostile file name is written", done.returncode == 0, done.stderr)
    done = subprocess.run([sys.executable, work / "hostile/run_onnxruntime.py"], capture_output=True, text=True)
    check("a hostile file name is but a name", done.returncode == 0, done.stderr[-500:])
    refused("control characters", "control", 2, "onnxruntime", model, copy_of(model, work / "a\nb.onnx"), work / "inputs.npz", work / "x")


def folders(model, work):
    """All that a converter made comes along, wherever in it the artifact lies; of a user's own folder nothing but the model."""
    made = work / "made"
    for name in ("ecotone.json", "saved_model/saved_model.pb", "saved_model/variables/variables.index"):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text("{}")

    def written(engine, artifact):
        folder = work / f"of-{engine}"
        subprocess.run([os.environ["WRITE_EXAMPLE"], engine, model, artifact, work / "inputs.npz", folder], check=True)
        return {str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file()} - {"inputs.npz", "ecotone_example.py", f"run_{engine}.py"}, folder

    files, folder = written("tensorflow", made / "saved_model/saved_model.pb")
    check("a converter's folder", files == {"ecotone.json", "saved_model/saved_model.pb", "saved_model/variables/variables.index"}, files)
    check("the path in it", '"saved_model/saved_model.pb"' in (folder / "run_tensorflow.py").read_text())
    files, _ = written("onnxruntime", copy_of(model, made / "own.onnx"))
    check("a user's folder", files == {"own.onnx"}, files)


def as_measured(model, work):
    """The program runs the variant that was measured, on as many threads; braces of its own stay."""
    for engine, provider in (("onnxruntime", "CPUExecutionProvider"), ("onnxruntime:CUDAExecutionProvider", "CUDAExecutionProvider")):
        folder = work / f"settings-{provider}"
        subprocess.run([os.environ["WRITE_EXAMPLE"], engine, model, model, work / "inputs.npz", folder, "3"], check=True)
        shared, program = (folder / "ecotone_example.py").read_text(), (folder / "run_onnxruntime.py").read_text()
        check(f"{engine}: its provider", f'variant = "{provider}"' in program, program)
        check(f"{engine}: its threads", 'default="3"' in shared and "default: 3," in shared, shared)
        check(f"{engine}: the rest stays", "{statistics.median(times) * 1e3:.3f}" in shared and not any(f in shared + program for f in ("{model}", "{threads}", "{variant")))


def weights_elsewhere(model, work):
    """Weights in a file beside the model come along."""
    folder = work / "big"
    folder.mkdir()
    onnx.save(onnx.load(model), folder / "big.onnx", save_as_external_data=True, location="big.weights", size_threshold=0)
    made = subprocess.run([os.environ["WRITE_EXAMPLE"], "onnxruntime", folder / "big.onnx", folder / "big.onnx", work / "inputs.npz", work / "moved"], capture_output=True, text=True)
    (folder / "big.weights").unlink()
    done = subprocess.run([sys.executable, work / "moved/run_onnxruntime.py"], capture_output=True, text=True)
    check("weights in a file of their own come along", made.returncode == 0 and done.returncode == 0, made.stderr + done.stderr[-500:])


def copy_of(source, target):
    target.write_bytes(source.read_bytes())
    return target


def main():
    engines = tomllib.loads((ROOT / "python/ecotone_workers/engines.toml").read_text(encoding="utf-8"))["engine"]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        model = work / "small.onnx"
        inputs = make_model(model)
        np.savez(work / "inputs.npz", **inputs)
        subprocess.run([os.environ["ECO"], "-q", "run", model, "-i", work / "inputs.npz", "-o", work / "expected.npz"], check=True, capture_output=True)
        with np.load(work / "expected.npz") as expected:
            scores = expected["scores"]
        missing = []
        for engine in engines:
            has_adapter = (ROOT / "python/ecotone_workers" / (engine.get("adapter", engine["name"]).replace("-", "_") + "_adapter.py")).exists()
            pattern = ROOT / "data/examples" / (engine["name"] if engine.get("native") else engine["name"] + ".py")
            check(f"{engine['name']}: has an example", pattern.exists() or not (has_adapter or engine.get("native")))
            python = python_of(engine)
            if engine.get("native") or not has_adapter or (sys.argv[1:] and engine["name"] not in sys.argv[1:]):
                continue
            if python:
                run_example(engine, python, model, inputs, scores, work)
            else:
                missing.append(engine["name"])
        refusals(model, work)
        weights_elsewhere(model, work)
        folders(model, work)
        as_measured(model, work)
        made = subprocess.run([os.environ["WRITE_EXAMPLE"], "reference", model, model, work / "inputs.npz", work / "reference"], capture_output=True, text=True)
        check("reference: is written", made.returncode == 0 and '"small.onnx"' in (work / "reference/main.cpp").read_text(), made.stderr)
    if missing:
        print("not installed, not run:", ", ".join(missing))
    print(f"{COUNTS[True]} passed, {COUNTS[False]} failed")
    return 1 if COUNTS[False] else 0


if __name__ == "__main__":
    sys.exit(main())
