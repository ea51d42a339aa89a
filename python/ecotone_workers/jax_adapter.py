"""XLA on the CPU through JAX: a StableHLO module is compiled ahead of time."""

import os
import re

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax  # noqa: E402
import numpy as np  # noqa: E402
from jax._src import xla_bridge  # noqa: E402
from jax._src.interpreters import mlir  # noqa: E402
from jax._src.lib import _jax  # noqa: E402
from jax._src.lib.mlir import ir  # noqa: E402


def refine(module, shapes):
    """The module with its `main` at these shapes; StableHLO's refinement finds all other sizes."""
    symbols = ir.SymbolTable(module.operation)
    main = symbols["main"]
    wanted = [str(t) for t in main.type.inputs]
    results = [str(t) for t in main.type.results]
    symbols.set_symbol_name(main, "dynamic_main")
    symbols.set_visibility(main, "private")
    static = [re.sub(r"^tensor<(?:[0-9?]+x)*", "tensor<" + "".join(f"{n}x" for n in s), t) for t, s in zip(wanted, shapes, strict=True)]
    numbers = range(len(wanted))
    casts = [f"%c{i} = stablehlo.convert %a{i} : ({static[i]}) -> {wanted[i]}" for i in numbers]
    returned = ", ".join(f"%r#{i}" for i in range(len(results)))
    body = "\n".join([
        *casts,
        f"%r:{len(results)} = func.call @dynamic_main({', '.join(f'%c{i}' for i in numbers)}) : ({', '.join(wanted)}) -> ({', '.join(results)})",
        f"func.return {returned} : {', '.join(results)}",
    ])
    arguments = ", ".join(f"%a{i}: {static[i]}" for i in numbers)
    wrapper = ir.Module.parse(
        f"module {{ func.func private @dynamic_main({', '.join(wanted)}) -> ({', '.join(results)})\n"
        f"func.func public @main({arguments}) -> ({', '.join(results)}) {{\n{body}\n}} }}")
    module.body.append(ir.SymbolTable(wrapper.operation)["main"].operation.detach_from_parent())
    return mlir.refine_polymorphic_shapes(module)


class Adapter:
    version = jax.__version__

    def __init__(self, threads, options):
        jax.config.update("jax_enable_x64", True)
        if threads:
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
        self.backend = xla_bridge.get_backend("cpu")

    def load(self, model):
        with open(model, encoding="utf-8") as f:
            self.text = f.read()
        with mlir.make_ir_context():
            module = ir.Module.parse(self.text)
            main = ir.SymbolTable(module.operation)["main"]
            self.input_count = len(main.arguments)
            self.is_dynamic = any("?" in str(t) for t in main.type.inputs)
            self.compiled_for = None
            if not self.is_dynamic:
                self.compile(module)
        self.output_count = None

    def compile(self, module):
        devices = _jax.DeviceList(tuple(self.backend.local_devices()[:1]))
        self.executable = self.backend.compile_and_load(mlir.module_to_bytecode(module), devices, _jax.CompileOptions())

    def inputs(self):
        return [f"arg{i}" for i in range(self.input_count)]

    def outputs(self):
        return [f"out{i}" for i in range(self.output_count or 0)]

    def prepare(self, arrays):
        values = [arrays[name] if name in arrays else list(arrays.values())[i] for i, name in enumerate(self.inputs())]
        shapes = [np.shape(v) for v in values]
        if self.is_dynamic and self.compiled_for != shapes:
            with mlir.make_ir_context():
                self.compile(refine(ir.Module.parse(self.text), shapes))
            self.compiled_for = shapes
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
