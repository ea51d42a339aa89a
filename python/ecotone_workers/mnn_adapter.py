"""MNN, from a file that its own converter makes. (Its command `mnnconvert` reports to its makers; the function behind it does not.)"""

import os

os.dup2(2, 1)  # the import prints

import MNN.expr as expr  # noqa: E402
import MNN.nn as nn  # noqa: E402
import numpy as np  # noqa: E402

from ecotone_workers import adapter  # noqa: E402


def convert(path, folder, shapes, options):
    import _tools  # MNN's
    import onnx

    from ecotone_workers import onnx_static

    facts = onnx_static.signature(onnx.load(path, load_external_data=False))
    _tools.mnnconvert(["mnnconvert", "-f", "ONNX", "--modelFile", path, "--MNNModel", str(folder / "model.mnn"), "--bizCode", "ecotone"])
    if not (folder / "model.mnn").exists():
        raise ValueError("MNN's converter made no file; its messages are above")
    return facts


class Adapter(adapter.Adapter):
    packages = ("MNN",)

    def load(self, model):
        folder = self.converted(model, "converted by the makers' converter")
        artifact = folder / "model.mnn"
        self.artifacts = [artifact]
        self.settings |= {"backend": "CPU", "precision": "high", "power": "high"}
        config = {"backend": "CPU", "precision": "high", "power": "high", "numThread": self.threads or os.cpu_count()}
        self.manager = nn.create_runtime_manager((config,))
        self.module = nn.load_module_from_file(str(artifact), self.inputs(), self.outputs(), runtime_manager=self.manager, shape_mutable=False)
        wide = [i["name"] for i in self.facts["inputs"] if i["dtype"] == "int64"]
        if wide:
            self.changes.append(f"int64 given as int32: {', '.join(wide)}")

    def inputs(self):
        return [i["name"] for i in self.facts["inputs"]]

    def outputs(self):
        return [o["name"] for o in self.facts["outputs"]]

    def prepare(self, arrays):
        variables = []
        for name in self.inputs():
            array = arrays[name].astype(np.int32) if arrays[name].dtype in (np.int64, np.bool_) else arrays[name]
            dtype = {"float32": expr.float, "int32": expr.int, "uint8": expr.uint8, "int8": expr.int8}[array.dtype.name]
            variables.append(expr.const(np.ascontiguousarray(array), list(array.shape), expr.NCHW, dtype))
        return variables

    def run(self, inputs):
        outputs = self.module.forward(inputs)
        for o in outputs:
            o.read()  # evaluation is lazy
        return outputs

    def collect(self, outputs):
        return self.as_declared([np.array(o.read()).reshape(o.shape) for o in outputs])
