"""Runs {model} with OpenVINO, at the precision that it chooses."""

import os

os.environ["CI"] = "true"  # by OpenVINO's own rule this turns its telemetry off

import ecotone_example as example  # noqa: E402
import openvino as ov  # noqa: E402

core = ov.Core()
model = core.read_model(example.folder / "{model}")
names = [o.get_any_name() for o in model.outputs]
inputs = {i.get_any_name(): example.inputs[i.get_any_name()] for i in model.inputs}
model.reshape({name: list(array.shape) for name, array in inputs.items()})  # open sizes cost speed
device = "{variant:CPU}"
config = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1"}
if device == "CPU":
    config["INFERENCE_NUM_THREADS"] = str(example.threads)
compiled = core.compile_model(model, device, config)
request = compiled.create_infer_request()

example.measure(
    lambda: request.infer(inputs, share_inputs=True, share_outputs=True),
    lambda _: {name: request.get_tensor(o).data.copy() for name, o in zip(names, compiled.outputs, strict=True)},
)
