"""Runs {model} with LiteRT."""

import re

import ecotone_example as example
import numpy as np
from ai_edge_litert.interpreter import Interpreter

interpreter = Interpreter(str(example.folder / "{model}"), num_threads=example.threads)
interpreter.allocate_tensors()


def in_order(details, pattern):
    """Places of the model's inputs or outputs, by the numbers in their names."""
    numbers = {d["index"]: int(m[1]) if (m := re.search(pattern, d["name"])) else 0 for d in details}
    return sorted(numbers, key=numbers.get)


places, results = in_order(interpreter.get_input_details(), r"in(\d+)"), in_order(interpreter.get_output_details(), r"[_:](\d+)$")
inputs = [np.ascontiguousarray(example.inputs[name]) for name in example.input_names]
sizes = example.facts["computed"]  # outputs come flat


def run():
    for place, array in zip(places, inputs, strict=True):
        interpreter.set_tensor(place, array)
    interpreter.invoke()
    return [interpreter.get_tensor(r) for r in results]


example.measure(run, lambda outputs: example.with_handed_through([o.reshape(s) for o, s in zip(outputs, sizes, strict=True)]))
