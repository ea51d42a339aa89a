"""ONNX Runtime, as its makers advise for latency: all graph optimizations, one inter-op thread."""

import json
import os
import statistics
import tempfile

import onnxruntime as ort

from ecotone_workers import adapter

PROFILED_RUNS = 5
CPU = "CPUExecutionProvider"
F32 = "-f32"  # after a provider's name: without TF32, which is what CUDA's takes by default
# Where inputs and outputs stay between runs: what is timed is the model, not the bus.
DEVICES = {"CUDAExecutionProvider": "cuda", "TensorrtExecutionProvider": "cuda"}


class Adapter(adapter.Adapter):
    def __init__(self, threads, options):
        super().__init__(threads, options)
        ort.disable_telemetry_events()
        ort.set_default_logger_severity(3)
        variant = options.get("provider", CPU)
        if variant not in (here := [CPU, *self.variants()]):
            raise ValueError(f"this build of onnxruntime has no {variant}; it has {', '.join(here)}")
        self.provider = variant.removesuffix(F32)
        self.provider_options = {"use_tf32": "0"} if variant.endswith(F32) else {}
        self.device = DEVICES.get(self.provider)
        if self.device:
            ort.preload_dlls()  # CUDA and cuDNN as pip installed them
        self.settings |= {"provider": self.provider, **self.provider_options, "graph_optimization_level": "all", "inter_op_num_threads": 1}

    def versions(self):
        # onnxruntime-gpu and its like give the same module.
        return {"onnxruntime": ort.__version__}

    def variants(self):
        providers = [p for p in ort.get_available_providers() if p != CPU]
        return providers + [p + F32 for p in providers if p == "CUDAExecutionProvider"]

    def session_options(self):
        options = ort.SessionOptions()
        options.inter_op_num_threads = 1
        if self.threads:
            options.intra_op_num_threads = self.threads
        return options

    def load(self, model):
        self.model = model.path
        self.session = self.open(self.session_options())
        ends = [*self.session.get_inputs(), *self.session.get_outputs()]
        # Sequences, optionals and strings can't be bound.
        self.bound = bool(self.device) and all(e.type.startswith("tensor(") and "string" not in e.type for e in ends)
        if self.provider != CPU:
            self.settings["inputs and outputs"] = "on the device" if self.bound else "copied in each run"

    def open(self, options):
        session = ort.InferenceSession(self.model, options, providers=[(self.provider, self.provider_options)])
        if self.provider not in session.get_providers():  # it took another in silence
            raise RuntimeError(f"{self.provider} could not be loaded (onnxruntime's messages say why); the session runs on {', '.join(session.get_providers())}")
        return session

    def inputs(self):
        return [i.name for i in self.session.get_inputs()]

    def outputs(self):
        return [o.name for o in self.session.get_outputs()]

    def prepare(self, arrays):
        wanted = set(self.inputs())
        self.last = {name: array for name, array in arrays.items() if name in wanted}
        if not self.bound:
            return self.last
        binding = self.session.io_binding()
        for name, array in self.last.items():
            binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(array, self.device, 0))
        for name in self.outputs():
            binding.bind_output(name, self.device)
        return binding

    def run(self, inputs):
        if not self.bound:
            return self.session.run(None, inputs)
        self.session.run_with_iobinding(inputs)
        return inputs

    def collect(self, outputs):
        outputs = outputs.copy_outputs_to_cpu() if self.bound else outputs
        return {name: value for name, value in zip(self.outputs(), outputs, strict=True) if value is not None}

    def placement(self):
        """From the profile of a few more runs, in a session of its own: profiling slows."""
        with tempfile.TemporaryDirectory() as folder:
            options = self.session_options()
            options.enable_profiling = True
            options.profile_file_prefix = os.path.join(folder, "profile")
            session = self.open(options)
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
        if self.device:  # it launches kernels and goes on: the times are those of launching
            return list(nodes.values())
        return [node | {"time_ms": statistics.median(times[name]) * len(times[name]) / PROFILED_RUNS} for name, node in nodes.items()]

    def fallbacks(self, placement):
        elsewhere = [p for p in placement if p["device"] != self.provider]
        return [f"{p['node']} ({p['op']}) runs on {p['device']}" for p in elsewhere]
