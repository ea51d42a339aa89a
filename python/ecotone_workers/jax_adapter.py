"""XLA on the CPU through JAX: a StableHLO module is compiled ahead of time."""

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax  # noqa: E402
import numpy as np  # noqa: E402
from jax._src import xla_bridge  # noqa: E402
from jax._src.interpreters import mlir  # noqa: E402
from jax._src.lib import _jax  # noqa: E402
from jax._src.lib.mlir import ir  # noqa: E402


class Adapter:
    version = jax.__version__

    def __init__(self, threads):
        jax.config.update("jax_enable_x64", True)
        if threads:
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
        self.backend = xla_bridge.get_backend("cpu")

    def load(self, model):
        with open(model, encoding="utf-8") as f:
            text = f.read()
        with mlir.make_ir_context():
            module = ir.Module.parse(text)
            main = next(op for op in module.body if getattr(op, "name", None) and op.name.value == "main")
            self.input_count = len(main.arguments)
            devices = _jax.DeviceList(tuple(self.backend.local_devices()[:1]))
            self.executable = self.backend.compile_and_load(mlir.module_to_bytecode(module), devices, _jax.CompileOptions())
        self.output_count = None

    def inputs(self):
        return [f"arg{i}" for i in range(self.input_count)]

    def outputs(self):
        return [f"out{i}" for i in range(self.output_count or 0)]

    def prepare(self, arrays):
        values = [arrays[name] if name in arrays else list(arrays.values())[i] for i, name in enumerate(self.inputs())]
        return [jax.device_put(v, jax.devices("cpu")[0]) for v in values]

    def run(self, inputs):
        results = self.executable.execute_sharded(inputs).disassemble_into_single_device_arrays()
        outputs = [r[0] for r in results]
        for o in outputs:
            o.block_until_ready()
        self.output_count = len(outputs)
        return outputs

    def collect(self, outputs):
        return {f"out{i}": np.asarray(o) for i, o in enumerate(outputs)}
