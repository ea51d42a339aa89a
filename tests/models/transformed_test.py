"""Real models as ONNX Runtime's tools rewrite them: its optimizer, its transformers fusions, its quantizer.

Optimized files are judged by the rule of errors (`eco verify`). Quantized ones can't be: where two correct sums differ in
their last bit, rounding may fall to the next of 255 steps, and later layers spread that step. So they are compared in
the root mean square of the difference, relative to the output's:
- integer forms (QOperator, dynamic): below 1e-3; products are exact there, and only activations' last bits differ;
- QDQ, whose every sum is a float: below a tenth of what quantization itself costs (ONNX Runtime's output of the
  quantized model to that of the float model). One step in one of 9,216 activations of MiniLM's second layer moves the
  output by 1.3 %, and ONNX Runtime differs from itself by 2 % on PP-OCR between its optimization levels, while a wrong
  scale, zero point or axis costs at least what quantization does.
"""

import collections
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from models_test import MODELS, PACKAGES, verify
from onnxruntime import quantization

INTEGER_TOLERANCE = 1e-3
FLOAT_SHARE = 0.1
ECO = os.environ["ECO"]


def session_options():
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    return options


def contrib_of(path):
    return collections.Counter(n.op_type for n in onnx.load(path).graph.node if n.domain == "com.microsoft")


def optimized(source, out):
    options = session_options()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
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


def reference_outputs(path, inputs):
    options = session_options()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs() if o.type == "tensor(float)"]
    return dict(zip(names, session.run(names, inputs), strict=True))


def apart(x, y):
    """The largest relative root mean square difference over the outputs of y."""
    return max(float(np.sqrt(np.mean((x[n] - v) ** 2) / np.mean(v**2))) for n, v in y.items())


def compare_quantized(path, original, inputs, folder, floats):
    """Whether ours and ONNX Runtime's outputs of a quantized model agree, and a line of figures."""
    wanted = reference_outputs(path, inputs)
    np.savez(folder / "in.npz", **inputs)
    done = subprocess.run([ECO, "run", path, "-i", folder / "in.npz", "-o", folder / "out.npz"], capture_output=True, text=True)
    if done.returncode:
        return False, done.stderr
    difference = apart(np.load(folder / "out.npz"), wanted)
    bound = FLOAT_SHARE * apart(wanted, reference_outputs(original, inputs)) if floats else INTEGER_TOLERANCE
    return difference <= bound, f"{difference:.2g}, bound {bound:.2g}; {dict(contrib_of(path))}"


def main():
    passed, failed = 0, 0

    def check(name, good, why=""):
        nonlocal passed, failed
        passed, failed = passed + bool(good), failed + (not good)
        print(f"{'ok' if good else 'FAILED'} {name} {why}", flush=True)

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        out = folder / "changed.onnx"
        for name, (path, shapes) in MODELS.items():
            optimized(PACKAGES / path, out)
            code, _ = verify(out, shapes)
            check(f"{name}, optimized", code == 0, f"exit {code}; {dict(contrib_of(out))}")

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
        options = session_options()  # weights from Constant nodes to initializers, as the quantizer wants them
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(recognition)
        onnxruntime.InferenceSession(str(PACKAGES / MODELS["PP-OCR recognition"][0]), options, providers=["CPUExecutionProvider"])

        # 7-bit weights: sums of two u8 x i8 products saturate in ONNX Runtime on processors without VNNI.
        common = {"weight_type": quantization.QuantType.QInt8, "reduce_range": True}
        quantization.quantize_dynamic(str(source), str(out), op_types_to_quantize=["MatMul", "Gemm", "Gather"], **common)
        check("MiniLM, quantized dynamically", *compare_quantized(out, source, words[0], folder, floats=False))
        for name, model, samples, types in (
            ("MiniLM", source, words, ["MatMul", "Gemm"]),
            ("PP-OCR recognition", recognition, images, ["Conv", "MatMul", "Add", "Mul", "AveragePool", "GlobalAveragePool", "Concat"]),
        ):
            for style in (quantization.QuantFormat.QDQ, quantization.QuantFormat.QOperator):
                quantization.quantize_static(str(model), str(out), Samples(samples), quant_format=style, op_types_to_quantize=types, **common)
                good, why = compare_quantized(out, model, samples[0], folder, style == quantization.QuantFormat.QDQ)
                check(f"{name}, quantized, {style}", good, why)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
