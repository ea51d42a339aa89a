"""LiteRT (once TensorFlow Lite) with its XNNPACK kernels; ONNX gets to it through onnx2tf."""

import os
import re

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from ecotone_workers import adapter


class Adapter(adapter.Adapter):
    packages = ("ai-edge-litert", "onnx2tf", "tensorflow-cpu")

    def load(self, model):
        folder = self.converted(model, "converted by onnx2tf", "ecotone_workers.tflite_conversion", ("onnx2tf", "tensorflow-cpu"))
        artifact = folder / "model.tflite"
        self.artifacts = [artifact]
        self.interpreter = Interpreter(str(artifact), num_threads=self.threads or os.cpu_count())
        self.settings["delegate"] = "XNNPACK"
        self.interpreter.allocate_tensors()
        # Names are in0 or serving_default_in0:0; Identity, Identity_1 or StatefulPartitionedCall:1.
        self.places = self.in_order(self.interpreter.get_input_details(), r"in(\d+)")
        self.results = self.in_order(self.interpreter.get_output_details(), r"[_:](\d+)$")

    @staticmethod
    def in_order(details, pattern):
        numbers = {d["index"]: int(m[1]) if (m := re.search(pattern, d["name"])) else 0 for d in details}
        return sorted(numbers, key=numbers.get)

    def inputs(self):
        return [i["name"] for i in self.facts["inputs"]]

    def outputs(self):
        return [o["name"] for o in self.facts["outputs"]]

    def prepare(self, arrays):
        self.given = arrays
        return [(place, np.ascontiguousarray(arrays[name])) for place, name in zip(self.places, self.inputs(), strict=True)]

    def run(self, inputs):
        for place, array in inputs:
            self.interpreter.set_tensor(place, array)
        self.interpreter.invoke()
        return [self.interpreter.get_tensor(r) for r in self.results]

    def collect(self, outputs):
        return self.with_handed_through([o.reshape(s) for o, s in zip(outputs, self.facts["computed"], strict=True)], self.given)

    def placement(self):
        """What runs, walked back from the results: nodes that a delegate took over are still listed beside it."""
        makers = {}
        for op in self.interpreter._get_ops_details():  # a delegate comes after what it replaces
            makers |= dict.fromkeys(op["outputs"].tolist(), op)
        wanted, ran = list(self.results), {}
        while wanted:
            op = makers.get(wanted.pop())
            if op and op["index"] not in ran:
                ran[op["index"]] = op
                wanted += op["inputs"].tolist()
        return [{"node": str(i), "op": op["op_name"], "device": "CPU", "kernel": "XNNPACK" if op["op_name"] == "DELEGATE" else "builtin"}
                for i, op in sorted(ran.items())]

    def fallbacks(self, placement):
        return [f"node {p['node']} ({p['op']}) is not among XNNPACK's" for p in placement if p["kernel"] != "XNNPACK"]
