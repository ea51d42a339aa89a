"""An engine that computes y = 2 x in a millisecond or `seconds`, and misbehaves as its option `fault` says: "crash" when it runs, "crash-load" when it loads.

What: raise, crash, exit, hang, print, leak, greedy, wrong, bf16, slow, shape, fallback.
Where: hello, load, convert, run, later (not in the first runs), and placement. "device" tells its device as no text.
"""

import os
import signal
import sys
import time

import numpy as np
from ecotone_workers import adapter


def fail(what):
    if what == "raise":
        raise ValueError("the fake raises, with a line\nand another")
    if what == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if what == "exit":
        os._exit(3)
    if what == "hang":
        time.sleep(3600)
    hoard = []
    while what == "greedy":
        hoard.append(np.ones(1 << 22))


def convert(path, folder, shapes, options):
    print('{"ok": true, "what": "a converter that prints"}', flush=True)
    fail(options["fault"].partition("-")[0])
    (folder / "model.bin").write_bytes(b"made")
    return {"changes": ["a change of the converter's"], "pid": os.getpid()}


class Adapter(adapter.Adapter):
    def __init__(self, threads, options):
        super().__init__(threads, options)
        self.fault, _, self.where = options.get("fault", "").partition("-")
        self.where = self.where or "run"
        self.seconds = {"slow": 0.05, "leak": 0.01}.get(self.fault) or float(options.get("seconds", 0.001))
        self.runs, self.hoard = 0, []
        if self.fault == "device":
            self.settings["device"] = 0
        self.reach("hello")

    def reach(self, where):
        if self.where == where:
            fail(self.fault)

    def versions(self):
        return {"fake": "1.2.3"}

    def variants(self):
        return ["one", "two"]

    def load(self, model):
        self.reach("load")
        if self.where == "convert":
            self.artifacts = [self.converted(model, "converted by the fake") / "model.bin"]
        self.names = list(model.shapes)

    def inputs(self):
        return self.names

    def outputs(self):
        return ["y"]

    def prepare(self, arrays):
        return next(iter(arrays.values()))

    def run(self, x):
        self.runs += 1
        self.reach("run" if self.runs <= 20 else "later")
        time.sleep(self.seconds)
        if self.fault == "print":
            os.write(1, b'{"ok": true, "version": "garbage"}\n\x00\xff')
            print("{ this is no JSON", flush=True)
            print("more garbage", file=sys.stderr)
        if self.fault == "leak":
            self.hoard.append(np.ones(1 << 19))  # 4 MB
        if self.fault == "bf16":
            x = (x.view(np.uint32) & 0xFFFF0000).view(np.float32)
        y = x * np.float32(2.2 if self.fault == "wrong" else 2)
        return y[None] if self.fault == "shape" else y

    def collect(self, y):
        return {"y": y}

    def placement(self):
        self.reach("placement")
        return [{"node": "double", "op": "Mul", "device": "elsewhere" if self.fault == "fallback" else "CPU"}]

    def fallbacks(self, placement):
        return ["double (Mul) runs elsewhere"] if self.fault == "fallback" else []
