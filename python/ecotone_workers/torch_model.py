"""An ONNX file as a PyTorch module, as the torch adapter and its example load it."""

import onnx2torch
import torch


def reshape(x, shape):
    return x.reshape([x.shape[i] if n == 0 else n for i, n in enumerate(shape)])


def expand(x, shape):
    return x.expand(torch.broadcast_shapes(x.shape, shape))


def take(x, starts, ends, axes=None, steps=None):
    for start, end, axis, step in zip(starts, ends, axes or range(len(starts)), steps or [1] * len(starts), strict=True):
        index = range(x.shape[axis])[start:end:step]  # Python's rule is ONNX's
        if step < 0:
            x = x.index_select(axis, torch.tensor(list(index), device=x.device))
        else:
            x = x[(slice(None),) * (axis % x.dim()) + (slice(index.start, index.stop, index.step),)]
    return x


STATIC = {"OnnxReshape": reshape, "OnnxExpand": expand, "OnnxSlice": take}


def bake_sizes(module):
    """onnx2torch reads sizes out of tensors at every run, where torch.compile can't follow; constant ones become Python's. Returns how many did."""
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
    return count


def load(path):
    """The module of an ONNX file whose sizes are fixed, and how many of its sizes were made constants."""
    module = onnx2torch.convert(path).eval()
    return module, bake_sizes(module)
