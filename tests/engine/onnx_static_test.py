"""ecotone_workers/onnx_static.py: each rewrite against ONNX Runtime on the model as it was."""

import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(os.environ["ECOTONE_SOURCE_DIR"]) / "python"))
from ecotone_workers import onnx_static  # noqa: E402

COUNTS = {True: 0, False: 0}
RNG = np.random.default_rng(0)


def check(name, good, why=""):
    COUNTS[bool(good)] += 1
    if not good:
        print(f"FAILED {name}: {why}")


def run(model, inputs):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"]).run(None, inputs)


def model(nodes, inputs, outputs, initializers=()):
    values = [helper.make_tensor_value_info(n, t, s) for n, t, s in inputs]
    results = [helper.make_tensor_value_info(n, t, s) for n, t, s in outputs]
    graph = helper.make_graph(nodes, "g", values, results, [numpy_helper.from_array(a, n) for n, a in initializers])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    return made


def attention_like():
    """Sizes computed from the input's, as exporters write them, with a large weight, constants in nodes, and an output that is an input."""
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Constant", [], ["zero"], value=numpy_helper.from_array(np.array(0))),
        helper.make_node("Gather", ["s", "zero"], ["batch"]),
        helper.make_node("Unsqueeze", ["batch", "axis0"], ["batch1"]),
        helper.make_node("Concat", ["batch1", "rest"], ["shape"], axis=0),
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Reshape", ["h", "shape"], ["r"]),
        helper.make_node("Clip", ["r", "low", ""], ["c"]),
        helper.make_node("Cast", ["mask"], ["m"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["m", "axis1"], ["m1"]),
        helper.make_node("Mul", ["c", "m1"], ["y"]),
        helper.make_node("Identity", ["mask"], ["mask_out"]),
        helper.make_node("ConstantOfShape", ["shape"], ["unused"]),
    ]
    f, i = TensorProto.FLOAT, TensorProto.INT64
    return model(nodes, [("x", f, ["batch", 4, 64]), ("mask", i, ["batch", 8])], [("y", f, ["batch", 8, 32]), ("mask_out", i, ["batch", 8])],
                 [("w", RNG.standard_normal((64, 64)).astype(np.float32)), ("rest", np.array([8, 32])), ("axis0", np.array([0])), ("axis1", np.array([2])),
                  ("low", np.array(-0.5, np.float32))])


def old_versions(folder):
    """Weights that are no inputs, in a version of the IR that wants them to be: shape inference does not see them then."""
    f = TensorProto.FLOAT
    old = model([helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("Relu", ["h"], ["y"])], [("x", f, [2, 3])], [("y", f, [2, 5])],
                [("w", RNG.standard_normal((3, 5)).astype(np.float32))])
    for version, taken in ((3, 4), (onnx.IR_VERSION + 1, onnx.IR_VERSION)):
        old.ir_version = version
        onnx.save(old, folder / "old.onnx")
        static, changes = onnx_static.make_static(folder / "old.onnx", {})
        shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in static.graph.value_info}
        check(f"IR version {version}", shapes == {"h": [2, 5]} and changes == [f"IR version {version} taken for {taken}"], (shapes, changes))


def dropouts():
    """In inference they are nothing; where training_mode may be true, or the mask is used, they stay."""
    f, b = TensorProto.FLOAT, TensorProto.BOOL

    def left(opset, node, outputs=("y",), initializers=()):
        inputs = [("x", f, [2, 3])] + ([("mode", b, [])] if "mode" in node.input and "mode" not in dict(initializers) else [])
        graph = helper.make_graph([node], "g", [helper.make_tensor_value_info(n, t, s) for n, t, s in inputs],
                                  [helper.make_tensor_value_info(o, f if o == "y" else b, [2, 3]) for o in outputs],
                                  [numpy_helper.from_array(a, n) for n, a in initializers])
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        count = onnx_static.hand_dropouts_through(made)
        return count, made.graph.node[0].op_type, list(made.graph.node[0].input), list(made.graph.node[0].output)

    node = helper.make_node
    gone, stays = (1, "Identity", ["x"], ["y"]), lambda found: found[:2] == (0, "Dropout")
    ratio, yes, no = ("ratio", np.float32(0.5)), ("mode", np.array(True)), ("mode", np.array(False))
    check("opset 7", left(7, node("Dropout", ["x"], ["y"], ratio=0.5)) == gone)
    check("opset 6 may train", stays(left(6, node("Dropout", ["x"], ["y"], ratio=0.5))))
    check("an unused mask", left(7, node("Dropout", ["x"], ["y", "mask"])) == gone and left(7, node("Dropout", ["x"], ["y", ""])) == gone)
    check("a used mask", stays(left(13, node("Dropout", ["x"], ["y", "mask"]), outputs=("y", "mask"))))
    check("opset 13", left(13, node("Dropout", ["x", "ratio"], ["y"]), initializers=[ratio]) == gone)
    check("training_mode false", left(13, node("Dropout", ["x", "ratio", "mode"], ["y"]), initializers=[ratio, no]) == gone)
    check("training_mode true", stays(left(13, node("Dropout", ["x", "ratio", "mode"], ["y"]), initializers=[ratio, yes])))
    check("training_mode open", stays(left(13, node("Dropout", ["x", "ratio", "mode"], ["y"]), initializers=[ratio])))
    check("no opset of ONNX", onnx_static.hand_dropouts_through(onnx.ModelProto()) == 0)


def main():
    dropouts()
    original = attention_like()
    inputs = {"x": RNG.standard_normal((2, 4, 64)).astype(np.float32), "mask": RNG.integers(0, 2, (2, 8))}
    expected = run(original, inputs)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        onnx.save(original, path)
        try:
            onnx_static.make_static(path, {"x": [2, 4, 64]})
            check("an open size is asked for", False)
        except ValueError as error:
            check("an open size is asked for", "'mask'" in str(error), error)
        static, changes = onnx_static.make_static(path, {"x": [2, 4, 64], "mask": [2, 8]})
        old_versions(Path(folder))
    ops = [n.op_type for n in static.graph.node]
    check("no size is computed any more", sorted(ops) == sorted(["MatMul", "Reshape", "Clip", "Cast", "Unsqueeze", "Mul", "Identity"]), ops)
    check("changes are told", changes == ["sizes fixed for x, mask", "6 constant nodes folded"], changes)
    check("no trailing empty names", all(n.input[-1] for n in static.graph.node))
    check("sizes are fixed", onnx_static.signature(static)["outputs"][0]["shape"] == [2, 8, 32], onnx_static.signature(static))
    onnx.checker.check_model(static, full_check=True)
    same = lambda got: all(np.array_equal(a, b) for a, b in zip(got, expected, strict=True))  # noqa: E731
    check("the same numbers", same(run(static, inputs)))

    through = onnx_static.hand_through(static)
    check("an output that is an input", through == {"mask_out": "mask"} and [o.name for o in static.graph.output] == ["y"], through)
    floats = onnx_static.float_inputs(static)
    check("a mask becomes float", floats == ["mask"] and "Cast" not in [n.op_type for n in static.graph.node], floats)
    as_float = {"x": inputs["x"], "mask": inputs["mask"].astype(np.float32)}
    check("the same numbers with a float mask", np.array_equal(run(static, as_float)[0], expected[0]))
    onnx_static.rename_ends(static)
    renamed = dict(zip(("in0", "in1"), as_float.values(), strict=True))
    check("renamed", [o["name"] for o in onnx_static.signature(static)["outputs"]] == ["out0"])
    check("the same numbers under other names", np.array_equal(run(static, renamed)[0], expected[0]))
    onnx_static.flatten_outputs(static)
    onnx.checker.check_model(static, full_check=True)
    check("the same numbers, flat", np.array_equal(run(static, renamed)[0], expected[0].ravel()))

    # An integer that is used as an integer stays one.
    gather = model([helper.make_node("Gather", ["w", "i"], ["y"]), helper.make_node("Cast", ["i"], ["z"], to=TensorProto.FLOAT)],
                   [("i", TensorProto.INT64, [3])], [("y", TensorProto.FLOAT, [3, 2]), ("z", TensorProto.FLOAT, [3])], [("w", np.ones((5, 2), np.float32))])
    check("an index stays an integer", onnx_static.float_inputs(gather) == [])
    # Random numbers are no constants.
    random = model([helper.make_node("RandomNormal", [], ["r"], shape=[4]), helper.make_node("Add", ["x", "r"], ["y"])],
                   [("x", TensorProto.FLOAT, [4])], [("y", TensorProto.FLOAT, [4])])
    with tempfile.TemporaryDirectory() as folder:
        onnx.save(random, Path(folder) / "random.onnx")
        kept, _ = onnx_static.make_static(Path(folder) / "random.onnx", {})
    check("random stays random", [n.op_type for n in kept.graph.node] == ["RandomNormal", "Add"])
    print(f"{COUNTS[True]} passed, {COUNTS[False]} failed")
    return 1 if COUNTS[False] else 0


if __name__ == "__main__":
    sys.exit(main())
