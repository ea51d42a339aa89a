"""The onnx package's light models with seeded, well-scaled weights.

As shipped their weights come from ConstantOfShape or are equal everywhere, so that a flipped kernel or a shifted pad
changes nothing. Here each becomes an initializer drawn by its role: what multiplies has the variance that keeps
activations' scale (He et al., 2015), normalizations have moderate statistics, and the last product is scaled so that
what softmax sees has a deviation of about 2, neither uniform nor saturated.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

LIGHT = Path(onnx.__file__).parent / "backend/test/data/light"
NAMES = ["bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet", "vgg19", "zfnet512"]
_PASS = {"Unsqueeze", "Reshape", "Transpose", "Squeeze", "Identity"}
_PRODUCTS = {"Conv", "Gemm", "MatMul"}


def _roles(graph):
    """The (operator, operand) that each value ends up in, through operators that only change its shape."""
    uses = {}
    for node in graph.node:
        for i, name in enumerate(node.input):
            uses.setdefault(name, []).append((node, i))

    def role(name, depth=0):
        for node, i in uses.get(name, []):
            if node.op_type in _PASS and i == 0 and depth < 4:
                found = role(node.output[0], depth + 1)
                if found:
                    return found
            elif node.op_type not in _PASS:
                return node.op_type, i, node
        return None

    return role


def _draw(rng, shape, role):
    op, operand, node = role
    normal = rng.standard_normal(shape, dtype=np.float32)
    if op in _PRODUCTS and operand == 1:
        transposed = any(a.name == "transB" and a.i for a in node.attribute)
        fan_in = shape[0] if op != "Conv" and not transposed else int(np.prod(shape[1:]))
        return normal * np.sqrt(2 / fan_in)
    if op in _PRODUCTS:
        return normal * 0.1
    if op == "BatchNormalization":
        # scale, bias, mean, variance
        return (1 + 0.2 * normal, 0.1 * normal, 0.1 * normal, rng.uniform(1.5, 2.5, shape))[operand - 1]
    return 1 + 0.2 * normal if op == "Mul" else 0.1 * normal


def seed_weights(model, seed=0):
    """Replaces, in place, what is constant-filled by seeded initializers; returns how many."""
    rng = np.random.default_rng(seed)
    graph, role = model.graph, _roles(model.graph)
    stored = {t.name: t for t in graph.initializer}
    count, kept = 0, []
    for node in graph.node:
        if node.op_type == "ConstantOfShape" and node.input[0] in stored:
            shape = numpy_helper.to_array(stored[node.input[0]]).tolist()
            found = role(node.output[0])
            value = next((numpy_helper.to_array(a.t) for a in node.attribute if a.name == "value"), np.zeros(1, np.float32))
            if found and value.dtype == np.float32:
                graph.initializer.append(numpy_helper.from_array(_draw(rng, shape, found).astype(np.float32), node.output[0]))
                count += 1
                continue
        kept.append(node)
    for tensor in list(graph.initializer):
        if tensor.data_type != onnx.TensorProto.FLOAT or tensor.name not in stored:
            continue
        value, found = numpy_helper.to_array(tensor), role(tensor.name)
        if value.size > 1 and found and np.all(value == value.flat[0]):
            tensor.CopyFrom(numpy_helper.from_array(_draw(rng, value.shape, found).astype(np.float32), tensor.name))
            count += 1
    del graph.node[:]
    graph.node.extend(kept)
    used = {name for node in graph.node for name in node.input}
    initial = {t.name for t in graph.initializer}
    for t in [t for t in graph.initializer if t.name not in used]:
        graph.initializer.remove(t)
    for value in [v for v in graph.input if v.name in initial or v.name not in used]:
        graph.input.remove(value)
    return count


def session_of(model, threads=1):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def image(model, seed=1):
    """The model's one input, drawn from a normal distribution."""
    (value,) = model.graph.input
    shape = [d.dim_value for d in value.type.tensor_type.shape.dim]
    return {value.name: np.random.default_rng(seed).standard_normal(shape).astype(np.float32)}


def _scale_logits(model, deviation=2.0):
    """Scales the weights that make softmax's operand so that it has this deviation on image(model)."""
    graph = model.graph
    makers = {name: node for node in graph.node for name in node.output}
    softmax = next((n for n in reversed(graph.node) if n.op_type == "Softmax"), None)
    name = softmax.input[0] if softmax else graph.output[0].name
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    probe.graph.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    logits = session_of(probe).run([name], image(model))[0]
    node = makers[name]
    while node.op_type not in _PRODUCTS:
        node = makers[node.input[0]]
    weights = {node.input[1]} | set(node.input[2:])
    for tensor in graph.initializer:
        if tensor.name in weights:
            value = numpy_helper.to_array(tensor) * np.float32(deviation / logits.std())
            tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))


def light_model(name, seed=0):
    """The light model of that name, seeded, as a ModelProto; its one input is the image."""
    model = onnx.load(LIGHT / f"light_{name}.onnx")
    if not seed_weights(model, seed):
        raise ValueError(f"light_{name}.onnx has no constant-filled weights; did the onnx package change?")
    _scale_logits(model)
    return model
