"""OpenVINO on the CPU, for latency; its default precision on this hardware may be bf16."""

import os

os.environ["CI"] = "true"  # by OpenVINO's own rule this turns its telemetry off

import openvino as ov  # noqa: E402


class Adapter:
    version = ov.__version__

    def __init__(self, threads, options):
        self.core = ov.Core()
        self.config = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1"}
        if "precision" in options:
            self.config["INFERENCE_PRECISION_HINT"] = options["precision"]
        if threads:
            self.config["INFERENCE_NUM_THREADS"] = str(threads)

    def load(self, model):
        self.model = self.core.read_model(model)
        self.compiled = self.core.compile_model(self.model, "CPU", self.config)
        self.request = self.compiled.create_infer_request()

    def inputs(self):
        return [i.get_any_name() for i in self.compiled.inputs]

    def outputs(self):
        return [o.get_any_name() for o in self.compiled.outputs]

    def prepare(self, arrays):
        # Open sizes cost speed: the model is fixed to the shapes at hand.
        shapes = {i.get_any_name(): list(arrays[i.get_any_name()].shape) for i in self.compiled.inputs}
        if any(i.partial_shape.is_dynamic for i in self.compiled.inputs):
            self.model.reshape(shapes)
            self.compiled = self.core.compile_model(self.model, "CPU", self.config)
            self.request = self.compiled.create_infer_request()
        return {name: arrays[name] for name in self.inputs()}

    def run(self, inputs):
        self.request.infer(inputs, share_inputs=True)
        return self.request

    def collect(self, request):
        return {o.get_any_name(): request.get_tensor(o).data for o in self.compiled.outputs}
