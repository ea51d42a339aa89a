"""OpenVINO, as its makers advise for latency. Its own choice of precision may be bf16; the option precision = "f32" forbids that."""

import os
import statistics

os.environ["CI"] = "true"  # by OpenVINO's own rule this turns its telemetry off

import openvino as ov  # noqa: E402

from ecotone_workers import adapter  # noqa: E402

PROFILED_RUNS = 5


class Adapter(adapter.Adapter):
    packages = ("openvino",)

    def __init__(self, threads, options):
        super().__init__(threads, options)
        self.core = ov.Core()
        self.device, _ = self.take_device("CPU")
        self.config = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1"}
        if "precision" in options:
            self.config["INFERENCE_PRECISION_HINT"] = options["precision"]
        if threads and self.device == "CPU":
            self.config["INFERENCE_NUM_THREADS"] = str(threads)
        if self.device != "CPU":
            self.settings["inputs and outputs"] = "copied in each run"
        self.settings |= self.config | {"device": self.core.get_property(self.device, "FULL_DEVICE_NAME")}

    def variants(self):
        found = [d for d in self.core.available_devices if d != "CPU"]
        return found + sorted({d.partition(".")[0] for d in found} - set(found))  # GPU is the first of GPU.0 and GPU.1

    def load(self, model):
        self.model = self.core.read_model(model.path)
        self.output_names = self.names(self.model.outputs)  # compiling adds the names of tensors that became outputs' own
        self.compile({name: shape for name, shape in model.shapes.items() if name in self.names(self.model.inputs)})
        self.settings["inference_precision"] = self.compiled.get_property("INFERENCE_PRECISION_HINT").to_string()

    def compile(self, shapes):
        # Open sizes cost speed: the model is fixed to the shapes at hand.
        if shapes and any(i.partial_shape.is_dynamic for i in self.model.inputs):
            self.model.reshape(shapes)
        self.compiled = self.core.compile_model(self.model, self.device, self.config)
        self.request = self.compiled.create_infer_request()

    @staticmethod
    def names(ports):
        return [p.get_any_name() for p in ports]

    def inputs(self):
        return self.names(self.compiled.inputs)

    def outputs(self):
        return self.output_names

    def prepare(self, arrays):
        inputs = {name: arrays[name] for name in self.inputs()}
        if any(i.partial_shape.is_dynamic for i in self.compiled.inputs):
            self.compile({name: list(a.shape) for name, a in inputs.items()})
        self.last = inputs
        return inputs

    def run(self, inputs):
        self.request.infer(inputs, share_inputs=True, share_outputs=True)
        return self.request

    def collect(self, request):
        return {name: request.get_tensor(o).data.copy() for name, o in zip(self.output_names, self.compiled.outputs, strict=True)}

    def placement(self):
        """From the counters of a few more runs, of the model compiled once more: counting slows."""
        request = self.core.compile_model(self.model, self.device, self.config | {"PERF_COUNT": "YES"}).create_infer_request()
        times = {}
        for _ in range(PROFILED_RUNS):
            request.infer(self.last, share_inputs=True, share_outputs=True)
            for p in request.get_profiling_info():
                times.setdefault(p.node_name, []).append(p.real_time.total_seconds() * 1e3)

        def info(node, key):
            return node.rt_info[key].astype(str) if key in node.rt_info else ""

        nodes = self.compiled.get_runtime_model().get_ordered_ops()
        told = [{"node": n.get_friendly_name(), "op": info(n, "layerType"), "device": self.device, "kernel": info(n, "execType"),
                 "precision": info(n, "runtimePrecision")} for n in nodes]
        return [n | ({"time_ms": statistics.median(times[n["node"]]) * len(times[n["node"]]) / PROFILED_RUNS} if n["node"] in times else {}) for n in told]
