"""Faults planted on seeded layers, which eco bisect must name: the tensor, the node, and a model of the node alone that parts too.

Engines are ONNX Runtime and two made of it: `cut`, whose weights are cut to bf16, and `fusing`, whose fault shows only while few tensors are looked
at, as with engines that fuse.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "models"))
import seeded  # noqa: E402

COUNTS = {True: 0, False: 0}

# ONNX Runtime with a fault: `cut` computes with weights cut to bf16; `fusing` adds 1 to one tensor while no more than three are shown.
ENGINES = """[[engine]]
name = "cut"
adapter = "faulty"
options = { fault = "cut" }
formats = ["onnx"]

[[engine]]
name = "fusing"
adapter = "faulty"
formats = ["onnx"]
variant_option = "tensor"
"""
ADAPTER = """import numpy as np
import onnx
from ecotone_workers import onnxruntime_adapter
from ecotone_workers.adapter import Model
from onnx import helper, numpy_helper


def cut(graph):
    for tensor in graph.initializer:
        value = numpy_helper.to_array(tensor)
        if value.dtype == np.float32:
            tensor.CopyFrom(numpy_helper.from_array((value.view(np.uint32) & 0xFFFF0000).view(np.float32), tensor.name))


def add_one(graph, tensor):
    place = next((i for i, node in enumerate(graph.node) if tensor in node.output), None)
    if place is None or len(graph.output) > 3:
        return
    graph.node[place].output[0] = "before"
    graph.initializer.append(numpy_helper.from_array(np.float32([1]), "one"))
    graph.node.insert(place + 1, helper.make_node("Add", ["before", "one"], [tensor]))


class Adapter(onnxruntime_adapter.Adapter):
    def __init__(self, threads, options):
        self.faults = options
        super().__init__(threads, {})

    def load(self, model):
        proto = onnx.load(model.path)
        if "tensor" in self.faults:
            add_one(proto.graph, self.faults["tensor"])
        else:
            cut(proto.graph)
        super().load(Model(proto.SerializeToString(), model.shapes))
"""


def check(name, good, why=""):
    COUNTS[bool(good)] += 1
    print(f"{'ok' if good else 'FAILED'} {name}" + ("" if good else f": {why}"), flush=True)


class Bisect:
    """One call of the command."""

    def __init__(self, *arguments, folder=None, text=False):
        environment = os.environ | {"TMPDIR": str(folder or tempfile.gettempdir())}
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            command = [os.environ["ECO"], "bisect", *map(str, arguments), *([] if text else ["--json"])]
            process = subprocess.Popen(command, stdout=out, stderr=err, env=environment, cwd=folder)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            err.seek(0)
            self.code, self.out, self.err, self.peak_mb = process.returncode, out.read(), err.read(), usage.ru_maxrss / 1000
        self.report = {} if text else json.loads(self.out)
        self.first = self.report.get("first_divergence") or {}

    def __str__(self):
        return f"exit {self.code}\n{self.out[:2000]}\n{self.err}"


def network(name, seed):
    """A light model; squeezenet, which has no sizes inside, takes a small picture."""
    model = seeded.light_model(name, seed)
    if name != "squeezenet":
        return model
    for dim in model.graph.input[0].type.tensor_type.shape.dim[2:]:
        dim.dim_value = 64
    return model


def copy_of(model):
    other = onnx.ModelProto()
    other.CopyFrom(model)
    return other


def convolutions(model, wanted=lambda pads: True):
    """Those of the middle half of the model."""
    nodes = model.graph.node
    quarter = len(nodes) // 4
    pads = lambda n: next((list(a.ints) for a in n.attribute if a.name == "pads"), [0, 0, 0, 0])  # noqa: E731
    return [n for n in nodes[quarter:-quarter] if n.op_type == "Conv" and wanted(pads(n))]


def weight_of(model, node):
    tensor = next(t for t in model.graph.initializer if t.name == node.input[1])
    return tensor, numpy_helper.to_array(tensor).copy()


def named(b, node, runs=2):
    """Whether this is the node that was found, in so many runs."""
    f = b.first
    return b.code == 1 and (f.get("tensor"), f.get("node"), f.get("op")) == (node.output[0], node.name, node.op_type) and b.report["runs"] <= runs


def reproduces(b):
    """The extracted nodes, run here, part as the report says."""
    f = b.first
    arrays = np.load(f["submodel_inputs"])
    results = []
    for key in ("submodel", "submodel_b"):
        session = seeded.session_of(onnx.load(f[key]))
        results.append(session.run(None, {i.name: arrays[i.name] for i in session.get_inputs()})[0].astype(np.float64))
    x, r = results
    error = np.max(np.abs(x - r) / (np.abs(r) + np.sqrt(np.mean(r * r))))
    # The node gets the reference's values instead of the engine's: equal to rounding.
    return abs(error - f["submodel_error"]) <= 1e-4 * error and abs(error - f["error"]) <= 1e-2 * error


def weights(folder):
    for seed, name, change, tolerance in ((0, "squeezenet", 1.0, 1e-3), (1, "squeezenet", 0.01, 1e-6), (2, "shufflenet", 1.0, 1e-3)):
        rng, model = np.random.default_rng(seed), network(name, seed)
        node = rng.choice(convolutions(model))
        onnx.save(model, folder / "a.onnx")
        tensor, value = weight_of(model, node)
        value.flat[rng.integers(value.size)] += change * value.std()
        tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
        onnx.save(model, folder / "b.onnx")
        out = folder / f"weight{seed}"
        b = Bisect(folder / "a.onnx", folder / "b.onnx", "--a", "onnxruntime", "--b", "onnxruntime", "--tolerance", tolerance, "--out", out)
        check(f"{name}: one weight of {node.name} changed by {change} deviations", named(b, node), b)
        check("each side computes its own model right", max(b.first["error_a"], b.first["error_b"]) < 1e-5 and b.first["error"] > tolerance, b)
        check("the two nodes alone part too", reproduces(b), b)
        check("and nothing else is written", sorted(p.name for p in out.iterdir()) == ["inputs.npz", "node.onnx", "node_b.onnx"], list(out.iterdir()))
        if seed == 0:
            b = Bisect(folder / "a.onnx", folder / "b.onnx", "--a", "reference", "--b", "onnxruntime")
            check("the same between two engines", named(b, node), b)
            again = Bisect(folder / "a.onnx", folder / "b.onnx", "--a", "onnxruntime", "--b", "onnxruntime", text=True)
            check("in words", again.code == 1 and f"'{node.output[0]}' of node '{node.name}' (Conv)" in again.out, again)


def reduced_precision(folder):
    """Every weight fits bf16 but those of one layer."""
    for seed, name in ((3, "squeezenet"), (4, "squeezenet"), (5, "shufflenet")):
        rng, model = np.random.default_rng(seed), network(name, seed)
        node = rng.choice(convolutions(model))
        for tensor in model.graph.initializer:
            value = numpy_helper.to_array(tensor)
            if value.dtype == np.float32 and tensor.name != node.input[1]:
                tensor.CopyFrom(numpy_helper.from_array((value.view(np.uint32) & 0xFFFF0000).view(np.float32), tensor.name))
        onnx.save(model, folder / "model.onnx")
        out = folder / f"precision{seed}"
        b = Bisect(folder / "model.onnx", "--a", "cut", "--b", "onnxruntime", "--out", out)
        check(f"{name}: {node.name} in bf16", named(b, node), b)
        check("which engine is wrong", b.first["error_a"] > 1e-3 > 1e-5 > b.first["error_b"], b)
        check("the node alone parts the engines too", abs(b.first["submodel_error"] - b.first["error"]) < 1e-2 * b.first["error"], b)
        again = Bisect(out / "node.onnx", "-i", out / "inputs.npz", "--a", "cut", "--b", "onnxruntime")
        check("and it can be given to bisect", again.code == 1 and again.first["tensor"] == node.output[0] and again.report["tensors"] == 1, again)


def padding(folder):
    for seed, name in ((6, "squeezenet"), (7, "squeezenet"), (8, "shufflenet")):
        rng, model = np.random.default_rng(seed), network(name, seed)
        node = rng.choice(convolutions(model, lambda pads: min(pads) > 0))
        onnx.save(model, folder / "a.onnx")
        pads = next(a for a in node.attribute if a.name == "pads")
        pads.ints[0], pads.ints[2] = pads.ints[0] - 1, pads.ints[2] + 1
        onnx.save(model, folder / "b.onnx")
        b = Bisect(folder / "a.onnx", folder / "b.onnx", "--a", "onnxruntime", "--b", "onnxruntime", "--out", folder / f"padding{seed}")
        check(f"{name}: padding of {node.name} moved by one row", named(b, node) and reproduces(b), b)
    # Other sizes from there on, and the same again at the end, behind the pooling.
    model = network("squeezenet", 9)
    onnx.save(model, folder / "a.onnx")
    node = model.graph.node[0]
    kept = [a for a in node.attribute if a.name != "pads"]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute("pads", [1, 1, 1, 1])])
    onnx.save(model, folder / "b.onnx")
    b = Bisect(folder / "a.onnx", folder / "b.onnx", "--a", "onnxruntime", "--b", "onnxruntime", "--out", folder / "sizes")
    f = b.first
    check("padding that changes sizes", named(b, node) and f["error"] == "inf" and (f["type"], f["type_b"]) == ("1x64x31x31xf32", "1x64x32x32xf32"), b)
    check("on the node alone too", "submodel_note" not in f and f["submodel_error"] == "inf" and Path(f["submodel_b"]).exists(), b)
    b = Bisect(folder / "a.onnx", folder / "b.onnx", "--a", "onnxruntime", "--b", "onnxruntime", text=True)
    check("in words", b.code == 1 and "1x64x31x31xf32 / 1x64x32x32xf32" in b.out, b)


def fusion(folder):
    """A fault that is gone while more than three tensors are shown."""
    model = network("squeezenet", 10)
    onnx.save(model, folder / "model.onnx")
    for seed in (10, 11, 12):
        node = np.random.default_rng(seed).choice(convolutions(model))
        b = Bisect(folder / "model.onnx", "--a", f"fusing:{node.output[0]}", "--b", "onnxruntime")
        n = b.report.get("tensors", 0)
        check(f"a fault of {node.name} that hides", named(b, node, runs=2 * math.log2(n)) and b.report["by_search"], b)
        check("it is told why it was searched, and each tensor counts once", "fuses less" in b.report["notes"][0] and b.report["compared"] == n, b)


def nothing_to_find(folder):
    model = network("squeezenet", 0)
    onnx.save(model, folder / "a.onnx")
    onnx.save(model, folder / "same.onnx")
    place = folder / "place"
    place.mkdir()
    for arguments in ((folder / "same.onnx", "--a", "onnxruntime", "--b", "onnxruntime"), ("--a", "openvino-f32", "--b", "onnxruntime")):
        b = Bisect(folder / "a.onnx", *arguments, folder=place)
        r = b.report
        check("two that are the same", b.code == 0 and r["first_divergence"] is None and r["output_error"] < 1e-4 and r["unequal_outputs"] == [], b)
        check("all tensors were looked at, in one pass", r["compared"] == r["tensors"] > 60 and r["runs"] == 2, b)
    b = Bisect(folder / "a.onnx", "--a", "cut", "--b", "onnxruntime", folder=place)
    check("no file is written unless asked for", b.code == 1 and "submodel" not in b.first and list(place.iterdir()) == [], list(place.iterdir()))
    b = Bisect(folder / "a.onnx", "--a", "cut", "--b", "onnxruntime", "--tolerance", 0.5)
    check("a tolerance that lets it pass", b.code == 0 and not b.first and 0 < b.report["output_error"] < 0.5, b)


def integers(folder):
    """What differs are the model's integers alone: no float tensor does."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 8])
    y = helper.make_tensor_value_info("y", TensorProto.INT64, [4])
    for name, sign in (("a", "ArgMax"), ("b", "ArgMin")):
        nodes = [helper.make_node("Relu", ["x"], ["r"]), helper.make_node(sign, ["r"], ["y"], axis=1, keepdims=0)]
        graph = helper.make_graph(nodes, "g", [x], [y])
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / f"{name}.onnx")
    b = Bisect(folder / "a.onnx", folder / "b.onnx", "--a", "onnxruntime", "--b", "onnxruntime")
    check("integers that are not equal are a finding", b.code == 1 and b.report["unequal_outputs"] == ["y"] and not b.first, b)


def memory(folder):
    """24 tensors of 16 MB, of which no more than four are held at once; the last one differs."""
    count, shape = 24, (4, 1024, 1024)
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in ("x", "y"))
    for name, last in (("a", 0.5), ("b", 0.75)):
        values = [numpy_helper.from_array(np.float32([last if i == count - 1 else 0.25]), f"c{i}") for i in range(count)]
        tensors = ["x", *(f"t{i}" for i in range(count - 1)), "y"]
        nodes = [helper.make_node("Mul" if i % 2 else "Add", [tensors[i], f"c{i}"], [tensors[i + 1]], name=f"n{i}") for i in range(count)]
        graph = helper.make_graph(nodes, "chain", [x], [y], values)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / f"{name}.onnx")
    b = Bisect(folder / "a.onnx", folder / "b.onnx", "--a", "onnxruntime", "--b", "onnxruntime", "--chunk", 64)
    check("a large model in one pass over its tensors", b.code == 1 and b.first["tensor"] == "y" and b.report["runs"] == 1 + count // 4, b)
    check("memory is bounded: less than the tensors of one side", b.peak_mb < 16.8 * count, f"{b.peak_mb:.0f} MB")


def stablehlo(folder):
    text = """func.func @main(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {{
  %w = stablehlo.constant dense<{}> : tensor<8x8xf32>
  %h = stablehlo.tanh %x : tensor<4x8xf32>
  %y = stablehlo.dot_general %h, %w, contracting_dims = [1] x [0] : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %z = stablehlo.{} %y : tensor<4x8xf32>
  return %z : tensor<4x8xf32>
}}
"""
    values = np.random.default_rng(0).standard_normal((8, 8)).round(3)
    (folder / "a.mlir").write_text(text.format(values.tolist(), "logistic"))
    values[3, 4] += 0.5
    (folder / "weight.mlir").write_text(text.format(values.tolist(), "logistic"))
    values[3, 4] -= 0.5
    (folder / "function.mlir").write_text(text.format(values.tolist(), "tanh"))
    b = Bisect(folder / "a.mlir", "--a", "jax", "--b", "reference")
    check("StableHLO: two engines that agree", b.code == 0 and b.report["compared"] == b.report["tensors"] == 3, b)
    b = Bisect(folder / "a.mlir", folder / "weight.mlir", "--a", "jax", "--b", "reference")
    check("StableHLO: a constant of the text", b.code == 1 and "constant" in b.first["op"] and b.report["runs"] == 2, b)
    b = Bisect(folder / "a.mlir", folder / "function.mlir", "--a", "jax", "--b", "reference", "--out", folder / "out")
    check("StableHLO: another function", b.code == 1 and "logistic" in b.first["op"], b)
    check("StableHLO: the equation alone", b.first["submodel"].endswith("node.mlir") and abs(b.first["submodel_error"] - b.first["error"]) < 1e-5, b)


def bad_input(folder):
    model = network("squeezenet", 0)
    good = folder / "good.onnx"
    onnx.save(model, good)
    renamed = copy_of(model)
    renamed.graph.output[0].name = renamed.graph.node[-1].output[0] = "other"
    onnx.save(renamed, folder / "outputs.onnx")
    wider = copy_of(model)
    wider.graph.input[0].type.tensor_type.shape.dim[3].dim_value = 96
    onnx.save(wider, folder / "inputs.onnx")
    (folder / "text.onnx").write_text("no model\n")
    (folder / "a.mlir").write_text("func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {\n  return %x : tensor<2xf32>\n}\n")
    sides = ("--a", "onnxruntime", "--b", "cut")
    # What is wrong, where, and what to do.
    for name, code, words, arguments in (
        ("a missing file", 2, ("absent.onnx",), (folder / "absent.onnx", *sides)),
        ("a missing second file", 2, ("absent.onnx",), (good, folder / "absent.onnx", *sides)),
        ("a file that is no model", 2, ("text.onnx",), (folder / "text.onnx", *sides)),
        ("another format", 2, ("a.mlir", "one format"), (good, folder / "a.mlir", *sides)),
        ("other outputs", 2, ("outputs.onnx", "'other'", "softmaxout_1", "two versions of one model"), (good, folder / "outputs.onnx", *sides)),
        ("other inputs", 2, ("inputs.onnx", "1x3x64x96"), (good, folder / "inputs.onnx", *sides)),
        ("an unknown engine", 3, ("nosuch", "onnxruntime", "fusing"), (good, "--a", "nosuch")),
        ("an unknown second engine", 3, ("nosuch", "onnxruntime"), (good, "--a", "onnxruntime", "--b", "nosuch")),
        ("no engine", 2, ("--a", "--help"), (good,)),
        ("one engine twice", 2, ("onnxruntime", "two engines, or two files"), (good, "--a", "onnxruntime", "--b", "onnxruntime")),
        ("a tolerance below 0", 2, ("--tolerance",), (good, *sides, "--tolerance", "-1")),
        ("an input that is not there", 2, ("absent.npz",), (good, *sides, "-i", folder / "absent.npz")),
        ("no tensor to look at", 2, ("a.mlir", "could be looked at"), (folder / "a.mlir", "--a", "jax", "--b", "reference")),
    ):
        b = Bisect(*arguments)
        check(f"{name}: exit {code}", b.code == code and all(w in b.err for w in words) and b.report["error"]["exit_code"] == code, b)


def main():
    with tempfile.TemporaryDirectory() as engines:
        (Path(engines) / "engines.toml").write_text(ENGINES)
        (Path(engines) / "faulty_adapter.py").write_text(ADAPTER)
        os.environ["ECOTONE_ENGINES"] = str(Path(engines) / "engines.toml")
        for part in (weights, reduced_precision, padding, fusion, nothing_to_find, integers, memory, stablehlo, bad_input):
            with tempfile.TemporaryDirectory() as folder:
                start = time.monotonic()
                part(Path(folder))
                print(f"-- {part.__name__}: {time.monotonic() - start:.0f} s", flush=True)
    print(f"{COUNTS[True]} passed, {COUNTS[False]} failed")
    return 1 if COUNTS[False] else 0


if __name__ == "__main__":
    sys.exit(main())
