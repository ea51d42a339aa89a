"""IREE on the CPU, compiled ahead of time for this very processor: ONNX through its own importer, StableHLO directly."""

import os
import subprocess
import sys

import iree.runtime as ireert

from ecotone_workers import adapter

OPSET = 17  # what IREE's importer asks for
FLAGS = ["--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu", "--iree-llvmcpu-target-cpu=host"]


def convert(path, folder, shapes, options):
    import iree.compiler.tools
    import onnx

    from ecotone_workers import onnx_static

    model, changes = onnx_static.load(path)
    facts = onnx_static.signature(model)
    opened = onnx_static.fix_inputs(model, shapes)
    changes += [f"sizes fixed for {', '.join(opened)}"] if opened else []
    opset = next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
    if opset < OPSET:
        model = onnx.version_converter.convert_version(model, OPSET)
        changes.append(f"opset {opset} raised to {OPSET}")
    onnx.save(model, folder / "static.onnx")
    subprocess.run([sys.executable, "-m", "iree.compiler.tools.import_onnx", folder / "static.onnx", "-o", folder / "model.mlir"], check=True)
    iree.compiler.tools.compile_file(str(folder / "model.mlir"), output_file=str(folder / "model.vmfb"), input_type="onnx", extra_args=FLAGS)
    os.remove(folder / "model.mlir")
    os.remove(folder / "static.onnx")
    return facts | {"changes": changes}


class Adapter(adapter.Adapter):
    packages = ("iree-base-compiler", "iree-base-runtime")

    def load(self, model):
        folder = self.converted(model, "converted by the makers' importer, then compiled")
        artifact = folder / "model.vmfb"
        self.artifacts = [artifact]
        driver = "local-sync" if self.threads == 1 else "local-task"
        self.settings |= {"driver": driver, "compiler_flags": FLAGS}
        if driver == "local-task":
            self.limit_processors()
        self.config = ireert.Config(driver)
        module = ireert.load_vm_flatbuffer_file(str(artifact), driver=driver)
        self.function = module[next(n for n in module.vm_module.function_names if n != "__init" and not n.endswith("$async"))]

    def inputs(self):
        return [i["name"] for i in self.facts["inputs"]]

    def outputs(self):
        return [o["name"] for o in self.facts["outputs"]]

    def prepare(self, arrays):
        return [ireert.asdevicearray(self.config.device, arrays[name]) for name in self.inputs()]

    def run(self, inputs):
        return self.function(*inputs)

    def collect(self, outputs):
        outputs = outputs if isinstance(outputs, (tuple, list)) else [outputs]
        return self.as_declared([o.to_host() for o in outputs])
