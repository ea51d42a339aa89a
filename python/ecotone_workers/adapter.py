"""What an engine's adapter is made of."""

import importlib.metadata
import os
import time
from dataclasses import dataclass, field

from ecotone_workers import cache


@dataclass
class Model:
    """What is to be loaded: a file, and what is known of its inputs."""

    path: str
    shapes: dict = field(default_factory=dict)  # sizes by input; may be empty
    stablehlo: str = None  # the same model as Ecotone prints it, where the engine takes that


class Adapter:
    """One engine. A subclass gives load, inputs, outputs, prepare, run and collect, and whatever else it can tell."""

    packages = ()  # what of pip's is at work; the first gives the version

    def __init__(self, threads, options):
        self.threads, self.options = threads, options
        self.settings = {"threads": threads} if threads else {}
        self.path = "reads the file itself"
        self.changes = []  # what had to be changed in the model
        self.cache_seconds = 0.0  # of finding or making the converted model
        self.convert_seconds = 0.0  # of making it, whenever that was
        self.artifacts = []  # the files that the engine itself loads, where these are not the model's

    def versions(self):
        return {name: importlib.metadata.version(name) for name in self.packages}

    def variants(self):
        """Names V for which NAME:V works here."""
        return []

    def load(self, model):
        """Loads or compiles the model, as far as that goes without inputs."""
        raise NotImplementedError

    def inputs(self):
        raise NotImplementedError

    def outputs(self):
        raise NotImplementedError

    def prepare(self, arrays):
        """The arrays (NumPy, by name) as `run` takes them. Counted with the first run alone: copies, casts and compilation for these sizes belong here."""
        return arrays

    def run(self, inputs):
        """What is timed. Returns when the outputs are there."""
        raise NotImplementedError

    def collect(self, outputs):
        """What `run` returned, as NumPy arrays by name."""
        raise NotImplementedError

    def placement(self):
        """After a run: where each node ran, as [{"node", "op", "device", "kernel", "precision", "time_ms"}], as far as the engine tells."""
        return []

    def fallbacks(self, placement):
        """After a run, given what placement() said: what did not run as asked for, in words."""
        return []

    def take_device(self, default="cpu"):
        """Of the variant asked for, the device, and whether it must compute in f32 (the variant's name then ends in "-f32"). ValueError for one that is not here."""
        variant = self.options.get("device", default)
        if variant not in (here := [default, *self.variants()]):
            raise ValueError(f"there is no device {variant} here; there is {', '.join(here)}")
        return variant.removesuffix("-f32"), variant.endswith("-f32")

    def limit_processors(self):
        """For engines that take as many threads as there are processors."""
        if self.threads:
            processors = sorted(os.sched_getaffinity(0))[: self.threads]
            for thread in os.listdir("/proc/self/task"):  # also of pools that are there already
                os.sched_setaffinity(int(thread), processors)
            self.settings["processors"] = len(processors)

    def converted(self, model, how, module=None, packages=None):
        """The folder of what convert(path, folder, shapes, options) of a module (this adapter's own, else `module`, which then uses `packages`)
        makes of the model, from the cache if it is there.

        It runs in a process of its own, so that its crashes and its memory are not the engine's. It returns a dict for `self.facts`, where
        "changes" is a list of what had to be changed.
        """
        start = time.perf_counter()
        versions = self.versions() if packages is None else {name: importlib.metadata.version(name) for name in packages}
        folder, self.facts = cache.converted(module or type(self).__module__, model.path, model.shapes, self.options, versions)
        self.cache_seconds += time.perf_counter() - start
        self.convert_seconds += self.facts.get("convert_seconds", 0.0)
        self.path = how
        self.changes += self.facts.get("changes", [])
        return folder

    def as_declared(self, outputs):
        """Arrays in the order of the model's outputs, by name, in the types that the model declares (converters turn int64 into int32)."""
        return {o["name"]: a.astype(o["dtype"], copy=False) for o, a in zip(self.facts["outputs"], outputs, strict=True)}

    def with_handed_through(self, computed, inputs):
        """All outputs: the computed ones, and those that are inputs (onnx_static.hand_through took them out)."""
        computed, through = iter(computed), self.facts["through"]
        return self.as_declared([inputs[through[o["name"]]] if o["name"] in through else next(computed) for o in self.facts["outputs"]])
