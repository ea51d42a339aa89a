"""The onnx package's light models, with seeded weights, against ONNX Runtime; and planted faults that must be found.

ONNX Runtime (one thread, f32) stores its outputs; `eco verify` judges both sides by the rule of errors. A fault is
planted in the copy that `eco` gets: exit code 1 is then the only right answer.
usage: light_test.py [MODEL ...]   (all nine without)
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import seeded
from models_test import flip_kernel, shift_pad
from onnx import numpy_helper

# Where faults are planted: both have padded kernels of 3x3, and are quick.
FAULTY = {"squeezenet", "shufflenet"}


def verify(model, folder):
    path = folder / "model.onnx"
    onnx.save(model, path)
    done = subprocess.run([os.environ["ECO"], "verify", path, "--against", folder], capture_output=True, text=True)
    return done.returncode, (done.stdout + done.stderr).strip()


def main():
    passed, failed = 0, 0

    def check(name, good, why):
        nonlocal passed, failed
        passed, failed = passed + bool(good), failed + (not good)
        print(f"{'ok' if good else 'FAILED'} {name}" + ("" if good else f"\n{why}"), flush=True)

    for name in sys.argv[1:] or seeded.NAMES:
        with tempfile.TemporaryDirectory() as place:
            folder, model, begun = Path(place), seeded.light_model(name), time.time()
            inputs = seeded.image(model)
            (output,) = seeded.session_of(model).run(None, inputs)
            (folder / "input_0.pb").write_bytes(numpy_helper.from_array(*inputs.values()).SerializeToString())
            (folder / "output_0.pb").write_bytes(numpy_helper.from_array(output).SerializeToString())
            check(f"{name}: outputs differ from one another", np.unique(output).size > output.size // 2, "a model whose outputs are equal tests nothing")
            code, text = verify(model, folder)
            check(f"{name} ({time.time() - begun:.0f} s)", code == 0, text)
            for fault in (flip_kernel, shift_pad) if name in FAULTY else ():
                changed = onnx.ModelProto()
                changed.CopyFrom(model)
                fault(changed)
                same = changed.SerializeToString() == model.SerializeToString()
                code, text = verify(changed, folder)
                check(f"{name}, planted {fault.__name__}", code == 1 and not same, f"exit code {code}, not 1\n{text}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
