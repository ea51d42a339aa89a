"""Runs {model} with TVM."""

import os

import ecotone_example as example

os.environ["TVM_NUM_THREADS"] = str(example.threads)

import numpy as np  # noqa: E402
import tvm  # noqa: E402
from tvm import relax  # noqa: E402

machine = relax.VirtualMachine(tvm.runtime.load_module(str(example.folder / "{model}")), tvm.cpu())
inputs = [tvm.runtime.tensor(np.ascontiguousarray(example.inputs[name])) for name in example.input_names]


def run():
    outputs = machine["main"](*inputs)
    return [outputs] if isinstance(outputs, tvm.runtime.Tensor) else outputs


example.measure(run, lambda outputs: example.as_declared([o.numpy() for o in outputs]))
