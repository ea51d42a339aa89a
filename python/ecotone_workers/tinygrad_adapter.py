"""tinygrad on the CPU: its own ONNX reader under TinyJit. Its kernels are compiled by clang, which must be there."""

import os
import shutil

CLANG = next((c for c in (os.environ.get("CC", ""), "clang", *(f"clang-{n}" for n in range(30, 13, -1))) if "clang" in c and shutil.which(c)), None)
if not CLANG:
    raise ImportError("tinygrad needs clang to compile its kernels (apt install clang)")
os.environ |= {"CC": CLANG, "DEV": "CPU"}

from tinygrad import Device, Tensor, TinyJit  # noqa: E402
from tinygrad.helpers import Context  # noqa: E402
from tinygrad.nn.onnx import OnnxRunner  # noqa: E402

from ecotone_workers import adapter  # noqa: E402


class Adapter(adapter.Adapter):
    packages = ("tinygrad",)

    def __init__(self, threads, options):
        super().__init__(threads, options)
        if threads:
            Context(NUM_CPU_THREADS=threads).__enter__()  # for good
        self.settings |= {"device": "CPU", "compiler": CLANG, "jit": "TinyJit", "BEAM": 0}

    def load(self, model):
        self.runner = OnnxRunner(model.path)
        self.jit = TinyJit(lambda **inputs: [o.contiguous().realize() for o in self.runner(inputs).values()])

    def inputs(self):
        return list(self.runner.graph_inputs)

    def outputs(self):
        return list(self.runner.graph_outputs)

    def prepare(self, arrays):
        inputs = {name: Tensor(arrays[name]).contiguous().realize() for name in self.inputs()}
        self.jit.reset()
        for _ in range(3):  # runs, captures, replays
            self.run(inputs)
        return inputs

    def run(self, inputs):
        outputs = self.jit(**inputs)
        Device["CPU"].synchronize()
        return outputs

    def collect(self, outputs):
        return {name: o.numpy() for name, o in zip(self.outputs(), outputs, strict=True)}
