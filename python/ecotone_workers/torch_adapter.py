"""PyTorch on the CPU or a GPU; ONNX gets to it through onnx2torch. With the option `compile`, through torch.compile (Inductor)."""

import os
import statistics
import time

from ecotone_workers import adapter, cache

os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache.root() / "inductor"))

import torch  # noqa: E402

from ecotone_workers import torch_model  # noqa: E402


PROFILED_RUNS = 5


class Profile(torch.fx.Interpreter):
    """Runs the model node by node, and notes of each where its result lies and how long it took."""

    def __init__(self, module, synchronize):
        super().__init__(module)
        self.synchronize, self.nodes, self.times = synchronize, {}, {}

    def run_node(self, node):
        start = time.perf_counter()
        result = super().run_node(node)
        self.synchronize()
        if node.op.startswith("call"):
            seconds = time.perf_counter() - start
            part = self.submodules.get(node.target) if node.op == "call_module" else None
            op = type(part).__name__.removeprefix("Onnx") if part else getattr(node.target, "__name__", str(node.target))
            first = result[0] if isinstance(result, tuple) and result else result
            self.nodes[node.name] = {"node": node.name, "op": op, "device": str(getattr(first, "device", "")).upper(),  # sizes have none
                                     "precision": str(getattr(first, "dtype", "")).removeprefix("torch.")}
            self.times.setdefault(node.name, []).append(seconds * 1e3)
        return result


class Adapter(adapter.Adapter):
    packages = ("torch", "onnx2torch")

    def __init__(self, threads, options):
        super().__init__(threads, options)
        if threads:
            torch.set_num_threads(threads)
        self.settings |= {"mode": "torch.compile" if "compile" in options else "eager"}
        device, f32 = self.take_device()
        self.device = torch.device("cuda" if device == "rocm" else device)  # torch's word for both
        if f32:  # cuDNN's convolutions take TF32 unless told not to
            torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
        if self.device.type == "cuda":
            self.settings |= {"device": torch.cuda.get_device_name(), "cudnn.allow_tf32": torch.backends.cudnn.allow_tf32,
                              "matmul.allow_tf32": torch.backends.cuda.matmul.allow_tf32}

    def variants(self):
        found = torch.accelerator.current_accelerator(check_available=True)
        if found is None or found.type != "cuda":
            return [] if found is None else [found.type]
        return ["rocm"] if torch.version.hip else ["cuda", "cuda-f32"]

    def synchronize(self):
        if self.device.type != "cpu":
            torch.accelerator.synchronize()

    def load(self, model):
        folder = self.converted(model, "converted by onnx2torch", "ecotone_workers.onnx_static", ("onnx",))
        artifact = folder / "model.onnx"
        self.artifacts = [artifact]
        self.module, baked = torch_model.load(artifact)
        self.module.to(self.device)
        self.changes = self.changes + ([f"{baked} sizes made constants"] if baked else [])
        if "compile" in self.options:
            torch._dynamo.utils.counters.clear()
            # CUDA graphs, as its makers advise where launching kernels takes much of the time.
            mode = self.settings["compile_mode"] = "reduce-overhead" if self.device.type == "cuda" else "default"
            self.module = torch.compile(self.module, mode=mode)

    def inputs(self):
        return [i["name"] for i in self.facts["inputs"]]

    def outputs(self):
        return [o["name"] for o in self.facts["outputs"]]

    def prepare(self, arrays):
        self.last = [torch.from_numpy(arrays[name].copy()).to(self.device) for name in self.inputs()]
        return self.last

    @torch.inference_mode()
    def run(self, inputs):
        outputs = self.module(*inputs)
        self.synchronize()
        return outputs

    def collect(self, outputs):
        outputs = [outputs] if isinstance(outputs, torch.Tensor) else outputs
        return self.as_declared([o.cpu().numpy() for o in outputs])

    @torch.inference_mode()
    def placement(self):
        if "compile" in self.options:
            return []
        profile = Profile(self.module, self.synchronize)
        for _ in range(PROFILED_RUNS):
            profile.run(*self.last)
        return [node | {"time_ms": statistics.median(profile.times[name])} for name, node in profile.nodes.items()]

    def fallbacks(self, placement):
        elsewhere = [f"{p['node']} ({p['op']}) runs on {p['device']}" for p in placement if p["device"] and not p["device"].startswith(self.device.type.upper())]
        if "compile" not in self.options:
            return elsewhere
        counters = torch._dynamo.utils.counters
        breaks = [f"torch.compile breaks the graph ({n} times): {why.splitlines()[0]}" for why, n in counters["graph_break"].items()]
        skips = counters["inductor"]["cudagraph_skips"]
        return elsewhere + breaks + ([f"torch.compile makes no CUDA graph ({skips} times)"] if skips else [])
