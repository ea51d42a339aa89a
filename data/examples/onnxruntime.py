"""Runs {model} with ONNX Runtime."""

import ecotone_example as example
import onnxruntime as ort

variant = "{variant:CPUExecutionProvider}"
provider = variant.removesuffix("-f32")
settings = {"use_tf32": "0"} if variant.endswith("-f32") else {}
ort.disable_telemetry_events()
options = ort.SessionOptions()
options.intra_op_num_threads, options.inter_op_num_threads = example.threads, 1
if provider.startswith(("CUDA", "Tensorrt")):
    ort.preload_dlls()  # CUDA and cuDNN as pip installed them
session = ort.InferenceSession(example.folder / "{model}", options, providers=[(provider, settings)])
inputs = {i.name: example.inputs[i.name] for i in session.get_inputs()}
names = [o.name for o in session.get_outputs()]
# On a GPU, inputs and outputs stay there; sequences, optionals and strings can't.
types = [end.type for end in [*session.get_inputs(), *session.get_outputs()]]
on_gpu = provider.startswith(("CUDA", "Tensorrt")) and all(t.startswith("tensor(") and "string" not in t for t in types)
binding = session.io_binding()
if on_gpu:
    for name, array in inputs.items():
        binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(array, "cuda", 0))
    for name in names:
        binding.bind_output(name, "cuda")


def run():
    return session.run_with_iobinding(binding) if on_gpu else session.run(None, inputs)


def collect(outputs):
    return dict(zip(names, binding.copy_outputs_to_cpu() if on_gpu else outputs, strict=True))


example.measure(run, collect)
