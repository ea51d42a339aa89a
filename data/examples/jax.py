"""Runs {model} with XLA through JAX."""

import os

import ecotone_example as example
import jax
import jax_model
import numpy as np
from jax._src import xla_bridge
from jax._src.interpreters import mlir
from jax._src.lib import _jax
from jax._src.lib.mlir import ir

os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: example.threads])  # XLA takes all processors that it may use
variant = "{variant:cpu}"
platform = variant.removesuffix("-f32")
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_platforms", platform)
backend = xla_bridge.get_backend(platform)
device = backend.local_devices()[0]
with mlir.make_ir_context():
    module = ir.Module.parse((example.folder / "{model}").read_text(encoding="utf-8"))
    main = ir.SymbolTable(module.operation)["main"].attributes
    inputs, outputs = ([ir.StringAttr(a["ecotone.name"]).value for a in main[key]] for key in ("arg_attrs", "res_attrs"))
    if variant.endswith("-f32"):
        jax_model.ask_for_f32(module)
    code = mlir.module_to_bytecode(module)
executable = backend.compile_and_load(code, _jax.DeviceList((device,)), _jax.CompileOptions())
values = [jax.device_put(example.inputs[name], device) for name in inputs]


def run():
    results = [r[0] for r in executable.execute_sharded(values).disassemble_into_single_device_arrays()]
    return [r.block_until_ready() for r in results]


example.measure(run, lambda results: {name: np.asarray(r) for name, r in zip(outputs, results, strict=True)})
