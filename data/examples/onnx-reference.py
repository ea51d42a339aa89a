"""Runs {model} with the onnx package's reference evaluator."""

import ecotone_example as example
import onnx
from onnx.reference import ReferenceEvaluator

evaluator = ReferenceEvaluator(onnx.load(example.folder / "{model}"))
inputs = {name: example.inputs[name] for name in evaluator.input_names if name in example.inputs}

example.measure(lambda: evaluator.run(None, inputs), lambda outputs: dict(zip(evaluator.output_names, outputs, strict=True)))
