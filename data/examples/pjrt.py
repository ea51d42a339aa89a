"""Runs {model} with a PJRT plugin, through JAX."""

import importlib
import os
from pathlib import Path

import ecotone_example as example
import jax
import numpy as np
from jax._src import xla_bridge
from jax._src.interpreters import mlir
from jax._src.lib import _jax
from jax._src.lib.mlir import ir

os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: example.threads])  # XLA takes all processors that it may use
jax.config.update("jax_enable_x64", True)
library = Path("{variant:xla_cpu_pjrt}")  # a package in xla_plugins, or a file
plugin = library.stem.replace("-", "_")
if library.suffix != ".so":
    library = Path(importlib.import_module(f"xla_plugins.{plugin}").__file__).parent / f"{plugin}.so"
xla_bridge.register_plugin(plugin, library_path=str(library))
jax.config.update("jax_platforms", plugin)
backend = xla_bridge.get_backend(plugin)
device = backend.local_devices()[0]
with mlir.make_ir_context():
    module = ir.Module.parse((example.folder / "{model}").read_text(encoding="utf-8"))
    main = ir.SymbolTable(module.operation)["main"].attributes
    inputs, outputs = ([ir.StringAttr(a["ecotone.name"]).value for a in main[key]] for key in ("arg_attrs", "res_attrs"))
    code = mlir.module_to_bytecode(module)
executable = backend.compile_and_load(code, _jax.DeviceList((device,)), _jax.CompileOptions())
values = [jax.device_put(example.inputs[name], device) for name in inputs]


def run():
    results = [r[0] for r in executable.execute_sharded(values).disassemble_into_single_device_arrays()]
    return [r.block_until_ready() for r in results]


example.measure(run, lambda results: {name: np.asarray(r) for name, r in zip(outputs, results, strict=True)})
