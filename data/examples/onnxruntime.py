"""Runs {model} with ONNX Runtime."""

import ecotone_example as example
import onnxruntime as ort

ort.disable_telemetry_events()
options = ort.SessionOptions()
options.intra_op_num_threads, options.inter_op_num_threads = example.threads, 1
session = ort.InferenceSession(example.folder / "{model}", options, providers=["{variant:CPUExecutionProvider}"])
inputs = {i.name: example.inputs[i.name] for i in session.get_inputs()}
names = [o.name for o in session.get_outputs()]

example.measure(lambda: session.run(None, inputs), lambda outputs: dict(zip(names, outputs, strict=True)))
