"""Real models as ONNX Runtime's tools rewrite them: its optimizer, its transformers fusions, its quantizer.

Optimized files are judged by the rule of errors (`eco verify`). Quantized ones can't be as a whole: where two correct sums
differ in their last bit, rounding may fall to the next of 255 steps, and later layers spread that step.
- QDQ, whose every sum is a float, is cut where it rounds: each QuantizeLinear's result becomes an input, and what it rounds
  an output. All quantized values are ONNX Runtime's, so nothing is spread, and the floats between them obey the rule of
  errors like any float model's. The rounding itself must equal NumPy's of the same floats. A model is these pieces put
  together, so that no bound on the whole is needed.
- Integer forms (QOperator, dynamic) are compared as a whole: products are exact there, and only activations' last bits differ.
  The root mean square of the difference, relative to the output's, stays below 1e-3.
"""

import collections
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from models_test import MODELS, PACKAGES, verify
from onnx import numpy_helper
from onnxruntime import quantization

INTEGER_TOLERANCE = 1e-3
ECO = os.environ["ECO"]


def session_options():
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    return options


def contrib_of(path):
    domains = {"com.microsoft": "", "com.microsoft.nchwc": "nchwc "}
    return collections.Counter(domains[n.domain] + n.op_type for n in onnx.load(path).graph.node if n.domain in domains)


def optimized(source, out, level):
    options = session_options()
    options.graph_optimization_level = level
    options.optimized_model_filepath = str(out)
    onnxruntime.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])


def bert(source, out, **settings):
    from onnxruntime.transformers import optimizer
    from onnxruntime.transformers.fusion_options import FusionOptions

    # Only helps the tool to drop casts; it needs sympy.
    sys.modules["onnx_model"].OnnxModel.infer_runtime_shape = lambda *_, **__: None
    options = FusionOptions("bert")
    for name, value in settings.items():
        setattr(options, name, value)
    optimizer.optimize_model(str(source), "bert", 12, 384, options, 0).save_model_to_file(str(out))


class Samples(quantization.CalibrationDataReader):
    def __init__(self, samples):
        self.rest = iter(samples)

    def get_next(self):
        return next(self.rest, None)


def outputs_of(model, inputs):
    options = session_options()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model if isinstance(model, str) else model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def run(path, inputs, folder):
    np.savez(folder / "in.npz", **inputs)
    done = subprocess.run([ECO, "run", path, "-i", folder / "in.npz", "-o", folder / "out.npz"], capture_output=True, text=True)
    return np.load(folder / "out.npz") if done.returncode == 0 else done.stderr


def agrees_in_integers(path, inputs, folder):
    """Whether ours and ONNX Runtime's outputs agree, and a line of figures."""
    wanted = {k: v for k, v in outputs_of(str(path), inputs).items() if v.dtype == np.float32}
    got = run(path, inputs, folder)
    if isinstance(got, str):
        return False, got
    apart = max(float(np.sqrt(np.mean((got[n] - v) ** 2) / np.mean(v**2))) for n, v in wanted.items())
    return apart <= INTEGER_TOLERANCE, f"{apart:.2g}, bound {INTEGER_TOLERANCE:.2g}; {dict(contrib_of(path))}"


def with_outputs(model, names):
    """A copy that gives these values."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.output[:]
    copy.graph.output.extend(onnx.ValueInfoProto(name=n) for n in names)
    return copy


def declare(values, arrays):
    for value in values:
        array = arrays[value.name]
        value.CopyFrom(onnx.helper.make_tensor_value_info(value.name, onnx.helper.np_dtype_to_tensor_dtype(array.dtype), array.shape))


def cut_where_it_rounds(model, inputs):
    """The cut model, its inputs' values, ONNX Runtime's values of what it gives, and its QuantizeLinear nodes."""
    fixed = {t.name for t in model.graph.initializer}
    rounds = [n for n in model.graph.node if n.op_type == "QuantizeLinear" and n.input[0] not in fixed]
    results = [n.output[0] for n in rounds]
    given = {v.name for v in model.graph.input}
    floats = list(dict.fromkeys([n.input[0] for n in rounds if n.input[0] not in given] + [o.name for o in model.graph.output]))
    values = outputs_of(with_outputs(model, [*results, *floats]), inputs)
    floats = [n for n in floats if values[n].dtype == np.float32]
    cut = with_outputs(model, floats)
    for node in cut.graph.node:
        for i, name in enumerate(node.input):
            if name in set(results):
                node.input[i] = name + "_given"
    cut.graph.input.extend(onnx.ValueInfoProto(name=n + "_given") for n in results)
    feeds = inputs | {n + "_given": values[n] for n in results}
    declare(cut.graph.input, feeds)
    declare(cut.graph.output, values)
    del cut.graph.value_info[:]
    return cut, feeds, values, rounds


def agrees_in_floats(path, inputs, folder):
    """As agrees_in_integers, by pieces; and a planted fault: a scale that is one part in a thousand off."""
    model = onnx.load(path)
    cut, feeds, values, rounds = cut_where_it_rounds(model, inputs)
    place = folder / "pieces"
    place.mkdir(exist_ok=True)
    for old in place.iterdir():
        old.unlink()
    for kind, declared, arrays in (("input", cut.graph.input, feeds), ("output", cut.graph.output, values)):
        for i, value in enumerate(declared):
            (place / f"{kind}_{i}.pb").write_bytes(numpy_helper.from_array(np.ascontiguousarray(arrays[value.name])).SerializeToString())

    def verify_pieces(changed):
        onnx.save(changed, folder / "cut.onnx")
        done = subprocess.run([ECO, "verify", folder / "cut.onnx", "--against", place, "--json"], stdout=subprocess.PIPE, text=True)
        report = json.loads(done.stdout)
        return done.returncode, [o["name"] for o in report.get("outputs", []) if not o["passed"]], report.get("error", "")

    code, missed, error = verify_pieces(cut)
    if code:
        return False, f"exit {code}, missed in {missed[:5]} {error}"
    faulty = onnx.ModelProto()
    faulty.CopyFrom(cut)
    scale = next(n.input[1] for n in faulty.graph.node if n.op_type == "DequantizeLinear" and n.input[0] in {t.name for t in faulty.graph.initializer})
    for t in faulty.graph.initializer:
        if t.name == scale:
            t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(t) * np.float32(1.001), t.name))
    code, missed, error = verify_pieces(faulty)
    if code != 1 or not missed:
        return False, f"a planted fault: exit {code} {error}"

    results = [n.output[0] for n in rounds]
    both = with_outputs(cut, [o.name for o in cut.graph.output] + results)
    declare(both.graph.output, values)
    onnx.save(both, folder / "cut.onnx")
    got = run(folder / "cut.onnx", feeds, folder)
    if isinstance(got, str):
        return False, got
    stored = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    flips = total = 0
    for n in rounds:
        x = got[n.input[0]] if n.input[0] in got else feeds[n.input[0]]
        scale, zero = stored[n.input[1]], stored[n.input[2]]
        limits = np.iinfo(zero.dtype)
        want = np.clip(np.rint(x / scale) + zero, limits.min, limits.max).astype(zero.dtype)
        if scale.ndim or not np.array_equal(got[n.output[0]], want):
            return False, f"{n.name} does not round as NumPy does"
        apart = np.abs(got[n.output[0]].astype(int) - values[n.output[0]].astype(int))
        if apart.max(initial=0) > 1:
            return False, f"{n.name}: {apart.max()} steps from ONNX Runtime's"
        flips, total = flips + np.count_nonzero(apart), total + apart.size
    return True, f"{len(rounds)} pieces; {flips} of {total} values rounded to the next step"


def main():
    passed, failed = 0, 0

    def check(name, good, why=""):
        nonlocal passed, failed
        passed, failed = passed + bool(good), failed + (not good)
        print(f"{'ok' if good else 'FAILED'} {name} {why}", flush=True)

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        out = folder / "changed.onnx"
        levels = onnxruntime.GraphOptimizationLevel
        for name, (path, shapes) in MODELS.items():
            optimized(PACKAGES / path, out, levels.ORT_ENABLE_EXTENDED)
            code, _ = verify(out, shapes)
            check(f"{name}, optimized", code == 0, f"exit {code}; {dict(contrib_of(out))}")
        # In blocks of channels as wide as this machine's vectors.
        for name in ("PP-OCR recognition", "PP-OCR orientation"):
            path, shapes = MODELS[name]
            optimized(PACKAGES / path, out, levels.ORT_ENABLE_ALL)
            code, _ = verify(out, shapes)
            check(f"{name}, optimized for this machine", code == 0 and "nchwc Conv" in contrib_of(out), f"exit {code}; {dict(contrib_of(out))}")

        source, shapes = PACKAGES / MODELS["MiniLM"][0], MODELS["MiniLM"][1]
        for kind, wants, settings in (
            ("Attention", {"Attention", "EmbedLayerNormalization", "BiasGelu"}, {}),
            ("MultiHeadAttention", {"MultiHeadAttention"}, {"use_multi_head_attention": True}),
            ("raw masks, FastGelu", {"Attention", "FastGelu"}, {"attention_mask_format": 2, "enable_gelu_approximation": True}),
        ):
            bert(source, out, **settings)
            code, _ = verify(out, shapes)
            check(f"MiniLM, fused: {kind}", code == 0 and wants <= set(contrib_of(out)), f"exit {code}; {dict(contrib_of(out))}")

        rng = np.random.default_rng(3)
        mask = np.array([[1] * 12, [1] * 9 + [0] * 3])
        words = [{"input_ids": rng.integers(1000, 20000, (2, 12)), "attention_mask": mask} for _ in range(3)]
        images = [{"x": rng.standard_normal((1, 3, 48, 64)).astype(np.float32)} for _ in range(2)]
        recognition = folder / "recognition.onnx"
        # Weights from Constant nodes to initializers, as the quantizer wants them.
        optimized(PACKAGES / MODELS["PP-OCR recognition"][0], recognition, levels.ORT_ENABLE_BASIC)

        # 7-bit weights: sums of two u8 x i8 products saturate in ONNX Runtime on processors without VNNI.
        common = {"weight_type": quantization.QuantType.QInt8, "reduce_range": True}
        quantization.quantize_dynamic(str(source), str(out), op_types_to_quantize=["MatMul", "Gemm", "Gather"], **common)
        check("MiniLM, quantized dynamically", *agrees_in_integers(out, words[0], folder))
        for name, model, samples, types in (
            ("MiniLM", source, words, ["MatMul", "Gemm"]),
            ("PP-OCR recognition", recognition, images, ["Conv", "MatMul", "Add", "Mul", "AveragePool", "GlobalAveragePool", "Concat"]),
        ):
            for style in (quantization.QuantFormat.QDQ, quantization.QuantFormat.QOperator):
                quantization.quantize_static(str(model), str(out), Samples(samples), quant_format=style, op_types_to_quantize=types, **common)
                agrees = agrees_in_floats if style == quantization.QuantFormat.QDQ else agrees_in_integers
                check(f"{name}, quantized, {style}", *agrees(out, samples[0], folder))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
