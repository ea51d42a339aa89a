"""ONNX Runtime with a fault that the option `fault` names."""

import os
import sys
import time

import numpy as np
import onnx
import onnxruntime as ort
from ecotone_workers import onnxruntime_adapter
from onnx import numpy_helper


def in_bfloat16(path):
    """The model with its weights cut to bf16: an engine whose reduced precision is on."""
    model = onnx.load(path)
    for initializer in model.graph.initializer:
        array = numpy_helper.to_array(initializer)
        if array.dtype == np.float32 and array.ndim >= 2:
            cut = (array.view(np.uint32) & 0xFFFF0000).view(np.float32)
            initializer.CopyFrom(numpy_helper.from_array(cut, initializer.name))
    return model.SerializeToString()


class Adapter(onnxruntime_adapter.Adapter):
    def __init__(self, threads, options):
        self.fault = options["fault"]
        super().__init__(threads, {})
        self.hoard, self.runs = [], 0

    def load(self, model):
        if self.fault == "raise":
            raise NotImplementedError("operator Conv is not implemented")
        super().load(model)
        if self.fault == "bf16":
            self.session = ort.InferenceSession(in_bfloat16(model.path), self.session_options(), providers=[self.provider])

    def run(self, inputs):
        self.runs += 1
        if self.fault == "crash" or (self.fault == "crash-later" and self.runs > 20):
            os.abort()
        if self.fault == "hang":
            time.sleep(3600)
        if self.fault == "print":
            print("{ this is no JSON", flush=True)
            os.write(1, b"\x00\xff garbage\n")
            sys.stderr.write("more garbage\n")
        if self.fault == "leak":
            self.hoard.append(np.ones(1 << 20))  # 8 MB
        if self.fault == "greedy":
            while True:
                self.hoard.append(np.ones(1 << 24))
        if self.fault == "slow":
            time.sleep(0.05)
        return super().run(inputs)

    def collect(self, outputs):
        arrays = super().collect(outputs)
        return {name: array * 1.1 for name, array in arrays.items()} if self.fault == "wrong" else arrays
