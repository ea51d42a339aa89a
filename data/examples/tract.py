"""Runs {model} with tract."""

import ecotone_example as example
import tract

model = tract.onnx().load(example.folder / "{model}")  # one thread: it has no setting for more
input_names = [model.input_name(i) for i in range(model.input_count())]
output_names = [model.output_name(i) for i in range(model.output_count())]
for i, name in enumerate(input_names):
    dtype = model.input_fact(i).dump().rpartition(",")[2].lower()
    model.set_input_fact(i, ",".join([*map(str, example.inputs[name].shape), dtype]))
for i in range(len(output_names)):
    model.set_output_fact(i, None)  # declared sizes may be symbols that the inputs have not
runnable = model.into_model().into_runnable()
inputs = [tract.Tensor.from_numpy(example.inputs[name]) for name in input_names]

example.measure(
    lambda: runnable.run(inputs),
    lambda outputs: {name: t.to_numpy() for name, t in zip(output_names, outputs, strict=True)},
)
