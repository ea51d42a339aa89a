"""XLA through JAX, on the CPU or what JAX's plugins reach: StableHLO compiled ahead of time. With the option `plugin`, another PJRT plugin: a package's, or a file."""

import importlib
import os
import re
from importlib.metadata import entry_points

os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"  # other engines want room on the GPU as well

import jax  # noqa: E402
import numpy as np  # noqa: E402
from jax._src import xla_bridge  # noqa: E402
from jax._src.interpreters import mlir  # noqa: E402
from jax._src.lib import _jax  # noqa: E402
from jax._src.lib.mlir import ir  # noqa: E402

from ecotone_workers import adapter, jax_model  # noqa: E402


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


class Adapter(adapter.Adapter):
    packages = ("jax", "jaxlib")

    def __init__(self, threads, options):
        super().__init__(threads, options)
        self.limit_processors()
        jax.config.update("jax_enable_x64", True)
        if plugin := options.get("plugin"):
            platform, self.exact = self.register(plugin), False
        else:
            platform, self.exact = self.take_device()
        jax.config.update("jax_platforms", platform)
        self.backend = xla_bridge.get_backend(platform)
        self.device = self.backend.local_devices()[0]
        self.settings |= {"platform": self.backend.platform, "platform_version": self.backend.platform_version.split("\n")[0],
                          "device": self.device.device_kind}
        if platform in ("cuda", "rocm"):
            self.settings["precision"] = "highest" if self.exact else "default (TF32 for products where the GPU has it)"

    def register(self, plugin):
        """The platform of a PJRT plugin, given as the package in xla_plugins that holds it, or as a file."""
        if plugin.endswith(".so"):
            name, library = os.path.basename(plugin).removesuffix(".so").replace("-", "_"), os.path.abspath(plugin)
        else:
            name, library = plugin, os.path.join(os.path.dirname(importlib.import_module(f"xla_plugins.{plugin}").__file__), plugin + ".so")
            self.packages = (plugin, *self.packages)
        xla_bridge.register_plugin(name, library_path=library)
        return name

    def variants(self):
        if "plugin" in self.options:
            return []
        found = {name for name in ("cuda", "rocm") for e in entry_points(group="jax_plugins") if name in e.name}
        return [v for name in sorted(found) for v in (name, name + "-f32")]

    def load(self, model):
        if model.stablehlo and model.stablehlo != model.path:
            self.path = "Ecotone writes StableHLO"
        with open(model.stablehlo or model.path, encoding="utf-8") as f:
            self.text = f.read()
        with mlir.make_ir_context():
            main = ir.SymbolTable(ir.Module.parse(self.text).operation)["main"]
            self.input_names = self.names(main, "arg_attrs", "arg", len(main.type.inputs))
            self.output_names = self.names(main, "res_attrs", "out", len(main.type.results))
            self.is_dynamic = any("?" in str(t) for t in main.type.inputs)
        self.compiled_for = None
        if not self.is_dynamic or all(name in model.shapes for name in self.input_names):
            self.compile([tuple(model.shapes.get(name, ())) for name in self.input_names])

    @staticmethod
    def names(main, attribute, prefix, count):
        given = main.attributes[attribute] if attribute in main.attributes else [{}] * count
        return [ir.StringAttr(a["ecotone.name"]).value if "ecotone.name" in a else f"{prefix}{i}" for i, a in enumerate(given)]

    def compile(self, shapes):
        if self.compiled_for == shapes or self.compiled_for and not self.is_dynamic:
            return
        with mlir.make_ir_context():
            module = ir.Module.parse(self.text)
            if self.is_dynamic:
                module = refine(module, shapes)
            if self.exact:
                jax_model.ask_for_f32(module)
            devices = _jax.DeviceList((self.device,))
            self.executable = self.backend.compile_and_load(mlir.module_to_bytecode(module), devices, _jax.CompileOptions())
        self.compiled_for = shapes

    def inputs(self):
        return self.input_names

    def outputs(self):
        return self.output_names

    def prepare(self, arrays):
        # Those without names count by place.
        values = [arrays[name] if name in arrays else list(arrays.values())[i] for i, name in enumerate(self.input_names)]
        self.compile([np.shape(v) for v in values])
        return [jax.device_put(v, self.device) for v in values]

    def run(self, inputs):
        results = self.executable.execute_sharded(inputs).disassemble_into_single_device_arrays()
        outputs = [r[0] for r in results]
        for o in outputs:
            o.block_until_ready()
        return outputs

    def collect(self, outputs):
        return {name: np.asarray(o) for name, o in zip(self.output_names, outputs, strict=True)}
