"""PyTorch on the CPU; ONNX gets to it through onnx2torch. With the option `compile`, through torch.compile (Inductor)."""

import os

from ecotone_workers import adapter, cache

os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache.root() / "inductor"))

import torch  # noqa: E402
from onnx2torch import convert as to_torch  # noqa: E402


def reshape(x, shape):
    return x.reshape([x.shape[i] if n == 0 else n for i, n in enumerate(shape)])


def expand(x, shape):
    return x.expand(torch.broadcast_shapes(x.shape, shape))


def take(x, starts, ends, axes=None, steps=None):
    for start, end, axis, step in zip(starts, ends, axes or range(len(starts)), steps or [1] * len(starts), strict=True):
        index = range(x.shape[axis])[start:end:step]  # Python's rule is ONNX's
        if step < 0:
            x = x.index_select(axis, torch.tensor(list(index)))
        else:
            x = x[(slice(None),) * (axis % x.dim()) + (slice(index.start, index.stop, index.step),)]
    return x


STATIC = {"OnnxReshape": reshape, "OnnxExpand": expand, "OnnxSlice": take}


def bake_sizes(module):
    """onnx2torch reads sizes out of tensors at every run, where torch.compile can't follow; constant ones become Python's."""
    parts, constants, count = dict(module.named_modules()), dict(module.named_buffers()) | dict(module.named_parameters()), 0
    for node in list(module.graph.nodes):
        function = STATIC.get(type(parts.get(node.target)).__name__) if node.op == "call_module" else None
        arguments = [constants.get(a.target) if a is not None else None for a in node.args[1:] if a is None or a.op == "get_attr"]
        if function and len(arguments) == len(node.args) - 1:
            with module.graph.inserting_after(node):
                new = module.graph.call_function(function, (node.args[0], *(None if a is None else a.tolist() for a in arguments)))
            node.replace_all_uses_with(new)
            module.graph.erase_node(node)
            count += 1
    module.recompile()
    return [f"{count} sizes made constants"] if count else []


class Adapter(adapter.Adapter):
    packages = ("torch", "onnx2torch")

    def __init__(self, threads, options):
        super().__init__(threads, options)
        if threads:
            torch.set_num_threads(threads)
        self.settings |= {"mode": "torch.compile" if "compile" in options else "eager"}

    def load(self, model):
        folder = self.converted(model, "converted by onnx2torch", "ecotone_workers.onnx_static", ("onnx",))
        artifact = folder / "model.onnx"
        self.artifacts = [artifact]
        self.module = to_torch(artifact).eval()
        self.changes = self.changes + bake_sizes(self.module)
        if "compile" in self.options:
            torch._dynamo.utils.counters.clear()
            self.module = torch.compile(self.module)

    def inputs(self):
        return [i["name"] for i in self.facts["inputs"]]

    def outputs(self):
        return [o["name"] for o in self.facts["outputs"]]

    def prepare(self, arrays):
        return [torch.from_numpy(arrays[name].copy()) for name in self.inputs()]

    @torch.inference_mode()
    def run(self, inputs):
        return self.module(*inputs)

    def collect(self, outputs):
        outputs = [outputs] if isinstance(outputs, torch.Tensor) else outputs
        return self.as_declared([o.numpy() for o in outputs])

    def fallbacks(self, placement):
        breaks = torch._dynamo.utils.counters["graph_break"] if "compile" in self.options else {}
        return [f"torch.compile breaks the graph ({n} times): {why.splitlines()[0]}" for why, n in breaks.items()]
