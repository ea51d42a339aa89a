"""ONNX Runtime, as its makers advise for latency: all graph optimizations, one inter-op thread."""

import json
import os
import statistics
import tempfile

import onnxruntime as ort

from ecotone_workers import adapter

PROFILED_RUNS = 5

class Adapter(adapter.Adapter):
    def __init__(self, threads, options):
        super().__init__(threads, options)
        ort.disable_telemetry_events()
        ort.set_default_logger_severity(3)
        self.provider = options.get("provider", "CPUExecutionProvider")
        if self.provider not in ort.get_available_providers():
            raise ValueError(f"this build of onnxruntime has no {self.provider}; it has {', '.join(ort.get_available_providers())}")
        self.settings |= {"provider": self.provider, "graph_optimization_level": "all", "inter_op_num_threads": 1}

    def versions(self):
        # onnxruntime-gpu and its like give the same module.
        return {"onnxruntime": ort.__version__}

    def variants(self):
        return ort.get_available_providers()

    def session_options(self):
        options = ort.SessionOptions()
        options.inter_op_num_threads = 1
        if self.threads:
            options.intra_op_num_threads = self.threads
        return options

    def load(self, model):
        self.model = model.path
        self.session = ort.InferenceSession(model.path, self.session_options(), providers=[self.provider])

    def inputs(self):
        return [i.name for i in self.session.get_inputs()]

    def outputs(self):
        return [o.name for o in self.session.get_outputs()]

    def prepare(self, arrays):
        wanted = set(self.inputs())
        self.last = {name: array for name, array in arrays.items() if name in wanted}
        return self.last

    def run(self, inputs):
        return self.session.run(None, inputs)

    def collect(self, outputs):
        return {name: value for name, value in zip(self.outputs(), outputs, strict=True) if value is not None}

    def placement(self):
        """From the profile of a few more runs, in a session of its own: profiling slows."""
        with tempfile.TemporaryDirectory() as folder:
            options = self.session_options()
            options.enable_profiling = True
            options.profile_file_prefix = os.path.join(folder, "profile")
            session = ort.InferenceSession(self.model, options, providers=[self.provider])
            for _ in range(PROFILED_RUNS):
                session.run(None, self.last)
            with open(session.end_profiling(), encoding="utf-8") as f:
                events = json.load(f)
        kernels = [e["args"] | {"name": e["name"], "dur": e["dur"]} for e in events if e.get("cat") == "Node" and "provider" in e.get("args", {})]
        nodes, times = {}, {}
        for k in kernels:
            name = k["name"].removesuffix("_kernel_time")
            nodes[name] = {"node": name, "op": k["op_name"], "device": k["provider"]}
            times.setdefault(name, []).append(k["dur"] / 1000)
        return [node | {"time_ms": statistics.median(times[name]) * len(times[name]) / PROFILED_RUNS} for name, node in nodes.items()]

    def fallbacks(self, placement):
        if self.provider not in self.session.get_providers():
            return [f"{self.provider} was asked for, but the session runs on {', '.join(self.session.get_providers())}"]
        elsewhere = [p for p in placement if p["device"] != self.provider]
        return [f"{p['node']} ({p['op']}) runs on {p['device']}" for p in elsewhere]
