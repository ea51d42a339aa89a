"""The worker process: JSON lines in on stdin, one answer each on file descriptor 3."""

import importlib
import json
import os
import resource
import sys
import time

from ecotone_workers import PROTOCOL
from ecotone_workers.tensors import read_npz, write_npz


def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class Server:
    def __init__(self, module):
        self.module = module
        self.adapter = None

    def hello(self, request):
        module = importlib.import_module(self.module)
        self.adapter = module.Adapter(request.get("threads", 0), request.get("options", {}))
        return {"protocol": PROTOCOL, "version": self.adapter.version}

    def load(self, request):
        start = time.perf_counter()
        self.adapter.load(request["model"])
        return {"seconds": time.perf_counter() - start}

    def describe(self, request):
        return {"inputs": self.adapter.inputs(), "outputs": self.adapter.outputs()}

    def run(self, request):
        inputs = self.adapter.prepare(read_npz(request["inputs"]))
        outputs = self.adapter.run(inputs)
        seconds = []
        for i in range(request.get("repeats", 0)):
            start = time.perf_counter()
            self.adapter.run(inputs)
            seconds.append(time.perf_counter() - start)
        write_npz(request["outputs"], self.adapter.collect(outputs))
        return {"seconds": seconds, "peak_bytes": peak_bytes()}


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: python -m ecotone_workers MODULE, with the protocol's requests on stdin and its answers on file descriptor 3")
    answers = os.fdopen(3, "w", buffering=1)
    server = Server(sys.argv[1])
    for line in sys.stdin:
        request = json.loads(line)
        command = request.get("command")
        try:
            if command not in ("hello", "load", "describe", "run"):
                raise ValueError(f"unknown command {command!r}")
            answer = {"ok": True, **getattr(server, command)(request)}
        except Exception as error:  # whatever an engine throws becomes an answer
            answer = {"ok": False, "error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")


main()
