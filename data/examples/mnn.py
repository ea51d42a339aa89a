"""Runs {model} with MNN."""

import ecotone_example as example
import MNN.expr as expr
import MNN.nn as nn
import numpy as np

config = {"backend": "CPU", "precision": "high", "power": "high", "numThread": example.threads}
manager = nn.create_runtime_manager((config,))
path, names = str(example.folder / "{model}"), (example.input_names, example.output_names)
module = nn.load_module_from_file(path, *names, runtime_manager=manager, shape_mutable=False)
types = {"float32": expr.float, "int32": expr.int, "uint8": expr.uint8, "int8": expr.int8}
inputs = []
for name in example.input_names:
    array = np.ascontiguousarray(example.inputs[name])
    array = array.astype(np.int32) if array.dtype in (np.int64, np.bool_) else array
    inputs.append(expr.const(array, list(array.shape), expr.NCHW, types[array.dtype.name]))


def run():
    outputs = module.forward(inputs)
    return [(o.read(), o.shape) for o in outputs]  # evaluation is lazy


example.measure(run, lambda outputs: example.as_declared([np.array(a).reshape(shape) for a, shape in outputs]))
