"""ONNX models with fixed sizes and folded constants, for engines whose importers want them so. Uses the onnx package alone."""

import logging

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

SMALL = 1024  # elements; what is larger is no shape arithmetic, and shape inference need not see it
LARGEST_FOLDED = 1 << 20  # elements
NOT_CONSTANT = {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli", "Dropout"}


def dtype_name(element_type):
    return helper.tensor_dtype_to_np_dtype(element_type).name


def signature(model):
    """{"inputs": [...], "outputs": [...]}, each with name, dtype and shape (None where a size is open)."""
    initializers = {i.name for i in model.graph.initializer}

    def describe(value):
        t = value.type.tensor_type
        shape = [d.dim_value if d.HasField("dim_value") else None for d in t.shape.dim]
        return {"name": value.name, "dtype": dtype_name(t.elem_type), "shape": shape}

    return {"inputs": [describe(i) for i in model.graph.input if i.name not in initializers], "outputs": [describe(o) for o in model.graph.output]}


def load(path):
    """The model, in a version of the IR that this onnx package knows and whose initializers need not be inputs (which version 3 wants, and
    shape inference and importers then ignore those that are not); and what was changed."""
    model = onnx.load(path)
    version = min(max(model.ir_version, 4), onnx.IR_VERSION)
    changes = [f"IR version {model.ir_version} taken for {version}"] if version != model.ir_version else []
    model.ir_version = version
    return model, changes


def fix_inputs(model, shapes):
    """Sets the sizes of inputs; returns what was open."""
    initializers = {i.name for i in model.graph.initializer}
    opened = []
    for value in model.graph.input:
        if value.name in initializers:
            continue
        tensor = value.type.tensor_type
        if not all(d.HasField("dim_value") for d in tensor.shape.dim) or not tensor.HasField("shape"):
            if value.name not in shapes:
                raise ValueError(f"the sizes of input '{value.name}' are open; they are needed here (--shape)")
            opened.append(value.name)
        if value.name in shapes:
            value.type.CopyFrom(helper.make_tensor_type_proto(tensor.elem_type, shapes[value.name]))
    return opened


def infer_shapes(model):
    """Types of all values, with large weights left out of what is copied."""
    graph = model.graph
    weights = list(graph.initializer)
    stubs = [t if np.prod(t.dims, dtype=np.float64) <= SMALL else TensorProto(name=t.name, data_type=t.data_type, dims=t.dims) for t in weights]
    del graph.value_info[:], graph.initializer[:]
    for value in graph.output:  # declared sizes may be symbols
        value.type.tensor_type.ClearField("shape")
    graph.initializer.extend(stubs)
    model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    del model.graph.initializer[:]
    model.graph.initializer.extend(weights)
    return model


def evaluate(node, values, opsets):
    """The outputs of a node whose inputs are all known; None where that fails."""
    inputs = [name for name in node.input if name]
    graph = helper.make_graph([node], "constant", [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(values[n].dtype), values[n].shape)
                                                   for n in dict.fromkeys(inputs)], [helper.make_empty_tensor_value_info(o) for o in node.output if o])
    try:
        results = ReferenceEvaluator(helper.make_model(graph, opset_imports=opsets)).run(None, {n: values[n] for n in inputs})
    except Exception as error:  # it stays a node
        logging.debug("%s is not folded: %s", node.op_type, error)
        return None
    arrays = [np.asarray(r) for r in results]
    return arrays if all(a.size <= LARGEST_FOLDED and a.dtype.kind in "biuf" for a in arrays) else None


def fold_once(model, values):
    """Replaces nodes whose outputs are known by initializers; returns how many."""
    graph = model.graph
    types = {v.name: v.type.tensor_type for v in [*graph.input, *graph.value_info, *graph.output]}
    kept, folded = [], 0
    outputs = {o.name for o in graph.output}
    for node in graph.node:
        has_graph = any(a.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS) for a in node.attribute)
        results = None
        if node.op_type == "Shape" and node.input[0] in types and types[node.input[0]].HasField("shape"):
            dims = types[node.input[0]].shape.dim
            if all(d.HasField("dim_value") for d in dims):
                start = next((a.i for a in node.attribute if a.name == "start"), None)
                end = next((a.i for a in node.attribute if a.name == "end"), None)
                results = [np.array([d.dim_value for d in dims][start:end], np.int64)]
        elif node.op_type not in NOT_CONSTANT and not has_graph and all(not n or n in values for n in node.input):
            results = evaluate(node, values, model.opset_import)
        if results is None or any(n in outputs for n in node.output):
            kept.append(node)
            continue
        folded += 1
        for name, array in zip([n for n in node.output if n], results, strict=True):
            values[name] = array
            graph.initializer.append(numpy_helper.from_array(array, name))
    del graph.node[:]
    graph.node.extend(kept)
    return folded


def used_names(graph):
    names = {n for node in graph.node for n in node.input} | {o.name for o in graph.output}
    for node in graph.node:
        for a in node.attribute:
            for g in [a.g, *a.graphs] if a.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS) else []:
                names |= used_names(g)
    return names


def remove_unused(graph):
    while True:
        used = used_names(graph)
        nodes = [n for n in graph.node if any(o in used for o in n.output)]
        if len(nodes) == len(graph.node):
            break
        del graph.node[:]
        graph.node.extend(nodes)
    weights = [i for i in graph.initializer if i.name in used]
    inputs = [v for v in graph.input if v.name not in {i.name for i in graph.initializer}]
    del graph.initializer[:], graph.input[:]
    graph.initializer.extend(weights)
    graph.input.extend(inputs)


def hand_dropouts_through(model):
    """Dropouts that drop nothing but in training become Identity: since opset 7 all, unless (opset 12) training_mode may be true. Returns how many."""
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)
    false = {t.name for t in model.graph.initializer if t.data_type == TensorProto.BOOL and not numpy_helper.to_array(t).any()} | {""}
    used, count = used_names(model.graph) - {""}, 0
    for node in model.graph.node if opset >= 7 else []:
        mode = node.input[2] if len(node.input) > 2 else ""
        if node.op_type == "Dropout" and node.domain in ("", "ai.onnx") and mode in false and not used.intersection(node.output[1:]):
            node.op_type = "Identity"
            del node.attribute[:], node.input[1:], node.output[1:]
            count += 1
    return count


def make_static(path, shapes):
    """The model (a ModelProto) with fixed sizes, constants as initializers, and shape arithmetic folded; and what was changed."""
    model, changes = load(path)
    opened = fix_inputs(model, shapes)
    changes += [f"sizes fixed for {', '.join(opened)}"] if opened else []
    if dropouts := hand_dropouts_through(model):
        changes.append(f"{dropouts} Dropouts handed through")
    values = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer if np.prod(t.dims, dtype=np.float64) <= LARGEST_FOLDED}
    folded = 0
    while True:
        model = infer_shapes(model)
        count = fold_once(model, values)
        folded += count
        if not count:
            break
    remove_unused(model.graph)
    for node in model.graph.node:  # some readers take a trailing "" for a name
        while node.input and not node.input[-1]:
            del node.input[-1]
    return model, changes + ([f"{folded} constant nodes folded"] if folded else [])


def hand_through(model):
    """Takes out outputs that are inputs, which some importers can't have; returns {output: input}."""
    graph = model.graph
    source = {i.name: i.name for i in graph.input}
    for node in graph.node:
        if node.op_type == "Identity" and node.input[0] in source:
            source[node.output[0]] = source[node.input[0]]
    through = {o.name: source[o.name] for o in graph.output if o.name in source}
    kept = [o for o in graph.output if o.name not in through]
    del graph.output[:]
    graph.output.extend(kept)
    remove_unused(graph)
    return through


SHAPE_ONLY = {"Unsqueeze", "Squeeze", "Reshape", "Transpose", "Expand", "Identity", "Flatten", "Slice", "Tile"}


def float_inputs(model):
    """Makes integer inputs whose every use ends in a Cast to float (masks, mostly) into float inputs, without the Casts; returns their names."""
    graph = model.graph
    changed = []
    for value in graph.input:
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            continue
        reached, casts, other = {value.name}, [], value.name in {o.name for o in graph.output}
        for node in graph.node:
            if not reached.intersection(node.input):
                continue
            if node.op_type in SHAPE_ONLY and node.input[0] in reached:
                reached.update(node.output)
            elif node.op_type == "Cast" and next(a.i for a in node.attribute if a.name == "to") == TensorProto.FLOAT:
                casts.append(node)
            else:
                other = True
        if other or not casts:
            continue
        for cast in casts:
            cast.op_type = "Identity"
            del cast.attribute[:]
        value.type.tensor_type.elem_type = TensorProto.FLOAT
        changed.append(value.name)
    if changed:
        stale = [v for v in graph.value_info if v.type.tensor_type.elem_type != TensorProto.FLOAT]
        for v in stale:
            graph.value_info.remove(v)
    return changed


def rename_ends(model):
    """Inputs become in0, in1, ..., outputs out0, out1, ...: plain names survive every converter."""
    graph = model.graph
    names = {v.name: f"in{i}" for i, v in enumerate(graph.input)} | {v.name: f"out{i}" for i, v in enumerate(graph.output)}

    def rename(g):
        for values in [g.input, g.output, g.value_info, g.initializer]:
            for v in values:
                v.name = names.get(v.name, v.name)
        for node in g.node:
            node.input[:] = [names.get(n, n) for n in node.input]
            node.output[:] = [names.get(n, n) for n in node.output]
            for a in node.attribute:
                for inner in [a.g, *a.graphs] if a.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS) else []:
                    rename(inner)

    rename(graph)


def flatten_outputs(model):
    """Outputs of rank 3 and more come out flat, which forces the order of their elements whatever layout a converter prefers."""
    graph = model.graph
    for output in graph.output:
        if len(output.type.tensor_type.shape.dim) < 3:
            continue
        inner = output.name + "_whole"
        for node in graph.node:
            node.output[:] = [inner if n == output.name else n for n in node.output]
            node.input[:] = [inner if n == output.name else n for n in node.input]
        graph.initializer.append(numpy_helper.from_array(np.array([-1]), inner + "_size"))
        graph.node.append(helper.make_node("Reshape", [inner, inner + "_size"], [output.name]))
        count = int(np.prod([d.dim_value for d in output.type.tensor_type.shape.dim]))
        output.type.CopyFrom(helper.make_tensor_type_proto(output.type.tensor_type.elem_type, [count]))


def convert(path, folder, shapes, options):
    """For adapters that want no more than this (see Adapter.converted)."""
    model, changes = make_static(path, shapes)
    onnx.save(model, folder / "model.onnx", save_as_external_data=model.ByteSize() > 1 << 30)
    return signature(onnx.load(path, load_external_data=False)) | {"changes": changes}
