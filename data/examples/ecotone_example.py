"""What the examples share: where things lie, the inputs, and what is measured and printed."""

import argparse
import json
import os
import statistics
import time
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("-o", metavar="FILE", help="write the outputs to this npz file")
parser.add_argument("-t", metavar="N", type=int, default="{threads}", help="threads (default: {threads}, as measured)")
arguments = parser.parse_args()

threads = arguments.t
# NumPy's library and others read these when they are loaded.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
import numpy as np  # noqa: E402

folder = Path(__file__).parent
inputs = dict(np.load(folder / "inputs.npz"))
# What the conversion of the model told, where there was one.
facts = json.loads((folder / "ecotone.json").read_text()) if (folder / "ecotone.json").exists() else {}
input_names, output_names = ([value["name"] for value in facts.get(key, [])] for key in ("inputs", "outputs"))


def as_declared(arrays):
    """The outputs by name, in the types that the model declares; converters may have changed them."""
    return {o["name"]: a.astype(o["dtype"], copy=False) for o, a in zip(facts["outputs"], arrays, strict=True)}


def with_handed_through(computed):
    """All outputs of the model: those computed, and those that are inputs, which the conversion took out."""
    computed, through = iter(computed), facts["through"]
    return as_declared([inputs[through[name]] if name in through else next(computed) for name in output_names])


def measure(run, collect):
    """Prints what comes out (`collect` makes named NumPy arrays of what `run` returns) and the median time of 20 runs."""
    outputs = collect(run())
    times = []
    for _ in range(20):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    for name, array in outputs.items():
        print(name, array.shape, array.dtype)
    print(f"median {statistics.median(times) * 1e3:.3f} ms")
    if arguments.o:
        np.savez(arguments.o, **outputs)
