"""An engine that multiplies its first input by two, and fails as its options say."""

import os
import signal
import sys
import time

from ecotone_workers import adapter


def fail(fault):
    if fault == "raise":
        raise ValueError("the toy raises, with a line\nand another")
    if fault == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if fault == "exit":
        os._exit(3)
    if fault == "hang":
        time.sleep(3600)


def convert(path, folder, shapes, options):
    print('{"ok": true, "what": "a converter that prints"}', flush=True)
    fail(options["convert"])
    (folder / "model.bin").write_bytes(b"made")
    return {"changes": ["a change of the converter's"], "pid": os.getpid()}


class Adapter(adapter.Adapter):
    def __init__(self, threads, options):
        super().__init__(threads, options)
        self.settings |= {"variant": options.get("variant", "none")}
        self.fault_in("hello")

    def fault_in(self, where):
        if self.options.get("where", where) == where:
            fail(self.options.get("fault"))

    def versions(self):
        return {"toy": "1.2.3"}

    def variants(self):
        return ["one", "two"]

    def load(self, model):
        self.fault_in("load")
        if "convert" in self.options:
            self.artifact = self.converted(model, "converted by the toy") / "model.bin"
        self.names = list(model.shapes)

    def inputs(self):
        return self.names

    def outputs(self):
        return ["y"]

    def prepare(self, arrays):
        return next(iter(arrays.values()))

    def run(self, x):
        self.fault_in("run")
        fault = self.options.get("fault")
        if fault == "garbage":
            os.write(1, b'{"ok": true, "version": "garbage"}\n\xff\x00')
            print("garbage", file=sys.stderr)
        time.sleep(float(self.options.get("sleep", 0)))
        y = x * 2
        return y[None] if fault == "shape" else y

    def collect(self, y):
        return {"y": y}

    def placement(self):
        return [{"node": "double", "op": "Mul", "device": "elsewhere" if self.fallbacks() else "CPU"}]

    def fallbacks(self):
        return ["double (Mul) runs elsewhere"] if self.options.get("fault") == "fallback" else []
