"""ONNX Runtime on the CPU, as its makers advise for latency: all graph optimizations, one inter-op thread."""

import onnxruntime as ort


class Adapter:
    version = ort.__version__

    def __init__(self, threads, options):
        ort.disable_telemetry_events()
        ort.set_default_logger_severity(3)
        self.provider = options.get("provider", "CPUExecutionProvider")
        self.options = ort.SessionOptions()
        self.options.inter_op_num_threads = 1
        if threads:
            self.options.intra_op_num_threads = threads

    def load(self, model):
        self.session = ort.InferenceSession(model, self.options, providers=[self.provider])

    def inputs(self):
        return [i.name for i in self.session.get_inputs()]

    def outputs(self):
        return [o.name for o in self.session.get_outputs()]

    def prepare(self, arrays):
        wanted = set(self.inputs())
        return {name: array for name, array in arrays.items() if name in wanted}

    def run(self, inputs):
        return self.session.run(None, inputs)

    def collect(self, outputs):
        return {name: value for name, value in zip(self.outputs(), outputs) if value is not None}
