"""Apache TVM: ONNX through its Relax importer, built for this processor by its default pipeline, untuned."""

import os

import numpy as np
import tvm
from tvm import relax

from ecotone_workers import adapter


def convert(path, folder, shapes, options):
    import onnx
    from tvm.relax.frontend.onnx import from_onnx

    from ecotone_workers import onnx_static

    model, changes = onnx_static.make_static(path, shapes)
    facts = onnx_static.signature(model)
    module = from_onnx(model, shape_dict={i["name"]: i["shape"] for i in facts["inputs"]}, dtype_dict={i["name"]: i["dtype"] for i in facts["inputs"]})
    target = tvm.target.Target({"kind": "llvm", "mcpu": tvm.target.codegen.llvm_get_system_cpu()})
    with tvm.transform.PassContext(opt_level=3), target:
        module = relax.get_pipeline("zero")(module)
        built = tvm.compile(module, target=target)
    built.export_library(str(folder / "model.so"))
    return onnx_static.signature(onnx.load(path, load_external_data=False)) | {"changes": changes, "target": str(target)}


class Adapter(adapter.Adapter):
    packages = ("apache-tvm",)

    def __init__(self, threads, options):
        super().__init__(threads, options)
        if threads:
            os.environ["TVM_NUM_THREADS"] = str(threads)

    def load(self, model):
        folder = self.converted(model, "converted by the makers' importer, then compiled")
        artifact = folder / "model.so"
        self.artifacts = [artifact]
        self.settings |= {"target": self.facts["target"], "pipeline": "zero, untuned"}
        self.machine = relax.VirtualMachine(tvm.runtime.load_module(str(artifact)), tvm.cpu())

    def inputs(self):
        return [i["name"] for i in self.facts["inputs"]]

    def outputs(self):
        return [o["name"] for o in self.facts["outputs"]]

    def prepare(self, arrays):
        return [tvm.runtime.tensor(np.ascontiguousarray(arrays[name])) for name in self.inputs()]

    def run(self, inputs):
        return self.machine["main"](*inputs)

    def collect(self, outputs):
        outputs = [outputs] if isinstance(outputs, tvm.runtime.Tensor) else outputs
        return self.as_declared([o.numpy() for o in outputs])
