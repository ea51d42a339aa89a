"""The worker process: JSON lines in on stdin, one answer each on file descriptor 3."""

import gc
import importlib
import json
import os
import sys
import time

from ecotone_workers import PROTOCOL
from ecotone_workers.adapter import Model


def peak_bytes():
    """Of this process since it began its program; getrusage's figure would count the process that it was forked from."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


class Server:
    def __init__(self, module):
        self.module = module
        self.adapter = None
        self.inputs_key = None

    def hello(self, request):
        threads = request.get("threads", 0)
        if threads:  # NumPy's library and others read these when they are loaded
            os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
        start = time.perf_counter()
        module = importlib.import_module(self.module)
        imported = time.perf_counter() - start
        self.adapter = module.Adapter(threads, request.get("options", {}))
        versions = self.adapter.versions()
        return {"protocol": PROTOCOL, "version": next(iter(versions.values()), "?"), "packages": versions, "settings": self.adapter.settings,
                "variants": self.adapter.variants(), "import_seconds": imported}

    def load(self, request):
        start = time.perf_counter()
        a = self.adapter
        a.load(Model(request["model"], request.get("shapes") or {}, request.get("stablehlo")))
        seconds = time.perf_counter() - start
        files = a.artifacts or [request["model"]]
        return {"seconds": seconds - a.cache_seconds, "convert_seconds": a.convert_seconds, "path": a.path, "changes": a.changes,
                "artifact": str(files[0]), "artifact_bytes": sum(os.path.getsize(f) for f in files), "settings": a.settings}

    def describe(self, request):
        answer = {"inputs": self.adapter.inputs(), "outputs": self.adapter.outputs()}
        if request.get("placement"):
            placement = self.adapter.placement()
            answer |= {"placement": placement, "fallbacks": self.adapter.fallbacks(placement)}
        return answer

    def prepared(self, path):
        """The inputs as `run` takes them, and how long preparing them took: the same file again is not prepared again."""
        from ecotone_workers.tensors import read_npz  # NumPy: not before hello

        state = os.stat(path)
        key = (path, state.st_mtime_ns, state.st_size)
        seconds = 0.0
        if self.inputs_key != key:
            arrays = read_npz(path)
            start = time.perf_counter()
            self.inputs = self.adapter.prepare(arrays)
            seconds = time.perf_counter() - start
            self.inputs_key = key
        return self.inputs, seconds

    def measure(self, inputs, min_runs, max_runs, seconds):
        latencies = []
        gc.collect()
        gc.disable()
        cpu, end = time.process_time(), time.perf_counter() + seconds
        while len(latencies) < max_runs and (len(latencies) < min_runs or time.perf_counter() < end):
            start = time.perf_counter()
            self.adapter.run(inputs)
            latencies.append(time.perf_counter() - start)
        cpu = time.process_time() - cpu
        gc.enable()
        return latencies, cpu

    def run(self, request):
        from ecotone_workers.tensors import write_npz

        inputs, preparing = self.prepared(request["inputs"])
        start = time.perf_counter()
        results = self.adapter.run(inputs)
        first = preparing + time.perf_counter() - start  # preparing may have compiled
        outputs = self.adapter.collect(results)
        write_npz(request["outputs"], outputs)
        repeats = request.get("repeats", 0)
        latencies, cpu = self.measure(inputs, repeats, repeats, 0)
        return {"first_seconds": first, "seconds": latencies, "cpu_seconds": cpu, "peak_bytes": peak_bytes()}

    def time(self, request):
        inputs, _ = self.prepared(request["inputs"])
        latencies, cpu = self.measure(inputs, request.get("min_runs", 1), request.get("max_runs", 10**6), request.get("seconds", 0))
        return {"latencies_s": latencies, "cpu_seconds": cpu, "peak_bytes": peak_bytes()}

    def bye(self, request):
        return {}


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: python -m ecotone_workers MODULE, with requests on stdin; answers go to file descriptor 3")
    answers = os.fdopen(3, "w", buffering=1)
    os.set_inheritable(3, False)
    server = Server(sys.argv[1])
    for line in sys.stdin:
        request = json.loads(line)
        command = request.get("command")
        try:
            if command not in ("hello", "load", "describe", "run", "time", "bye"):
                raise ValueError(f"unknown command {command!r}")
            answer = {"ok": True, **getattr(server, command)(request)}
        except Exception as error:  # whatever an engine throws becomes an answer
            answer = {"ok": False, "error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        if command == "bye":
            break
    answers.flush()
    os._exit(0)  # some engines crash or hang in their destructors, when all is said


main()
