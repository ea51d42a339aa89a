"""The onnx package's own ReferenceEvaluator: every operator in NumPy, made to be read, not to be fast."""

import onnx
from onnx.reference import ReferenceEvaluator

from ecotone_workers import adapter, onnx_static


class Adapter(adapter.Adapter):
    packages = ("onnx", "numpy")

    def load(self, model):
        self.limit_processors()
        proto = onnx.load(model.path)
        self.facts = onnx_static.signature(proto)
        self.evaluator = ReferenceEvaluator(proto)

    def inputs(self):
        return [i["name"] for i in self.facts["inputs"]]

    def outputs(self):
        return [o["name"] for o in self.facts["outputs"]]

    def prepare(self, arrays):
        return {name: arrays[name] for name in self.inputs() if name in arrays}

    def run(self, inputs):
        return self.evaluator.run(None, inputs)

    def collect(self, outputs):
        return dict(zip(self.outputs(), outputs, strict=True))
