"""Runs {model} with tinygrad."""

import os
import shutil

clang = next(c for c in ("clang", *(f"clang-{n}" for n in range(30, 13, -1))) if shutil.which(c))
os.environ |= {"CC": clang, "DEV": "CPU"}  # its kernels are compiled by clang

import ecotone_example as example  # noqa: E402
from tinygrad import Device, Tensor, TinyJit  # noqa: E402
from tinygrad.helpers import Context  # noqa: E402
from tinygrad.nn.onnx import OnnxRunner  # noqa: E402

Context(NUM_CPU_THREADS=example.threads).__enter__()  # for good
runner = OnnxRunner(str(example.folder / "{model}"))
jit = TinyJit(lambda **inputs: [o.contiguous().realize() for o in runner(inputs).values()])
inputs = {name: Tensor(example.inputs[name]).contiguous().realize() for name in runner.graph_inputs}


def run():
    outputs = jit(**inputs)
    Device["CPU"].synchronize()
    return outputs


for _ in range(3):  # runs, captures, replays
    run()
example.measure(run, lambda outputs: {name: o.numpy() for name, o in zip(runner.graph_outputs, outputs, strict=True)})
