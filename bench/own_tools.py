"""Whether eco compare's figures are those of each engine's own benchmark tool, on the same settings.

OpenVINO's benchmark_app (same configuration, synchronous, one request), ONNX Runtime's onnxruntime_test (given the same threads; it has no option
for them) and IREE's iree-benchmark-module (on the file that our adapter made, same driver, same processors). A round is eco, tool, tool, eco, so that
a drift of the machine hits both; each turn is a process of its own. What is compared is what the tool tells: the median where it tells it, else the
mean. Printed are medians over turns, the median of the ratios of neighbouring turns, and its 95% interval (the sign test's). "Within 10%" is said when all
of the interval lies within 10% of 1, "NOT within 10%" when none of it does.

    build/venv/bin/python bench/own_tools.py [--engines openvino-f32,onnxruntime,iree] [--models recognition,MiniLM] [--threads N] [--rounds N] [--json]
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from reference import ECO, MODELS, PACKAGES, ROOT, make_inputs

LIMIT = 0.1

# onnxruntime_test's own function, in a session of as many threads as eco compare gives.
ORT_RUN = """
import sys
import numpy as np
import onnxruntime
from onnxruntime.tools import onnxruntime_test
make, threads = onnxruntime.InferenceSession, int(sys.argv[3])
def session(path, sess_options, providers):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    return make(path, options, providers=["CPUExecutionProvider"])
onnxruntime.InferenceSession = session
with np.load(sys.argv[2]) as arrays:
    feeds = {name: arrays[name] for name in arrays.files}
onnxruntime_test.run_model(sys.argv[1], int(sys.argv[4]), feeds=feeds)
"""

# The file and the function that our adapter runs.
IREE_FILE = """
import json, sys
import iree.runtime as runtime
from ecotone_workers import iree_adapter
from ecotone_workers.adapter import Model
adapter = iree_adapter.Adapter(1, {})
adapter.load(Model(sys.argv[1], json.loads(sys.argv[2])))
names = runtime.load_vm_flatbuffer_file(str(adapter.artifacts[0]), driver="local-sync").vm_module.function_names
print(json.dumps([str(adapter.artifacts[0]), next(n for n in names if n != "__init" and not n.endswith("$async"))]))
"""


class Case:
    """A model with its inputs as files, and where the engine's programs are."""

    def __init__(self, title, model, shapes, threads, seconds, folder):
        self.title, self.model, self.threads, self.seconds, self.folder = title, str(PACKAGES / model), threads, seconds, Path(folder)
        self.npz = self.folder / "in.npz"
        make_inputs(self.model, shapes, self.npz)
        with np.load(self.npz) as arrays:
            self.inputs = {name: arrays[name] for name in arrays.files}
        for name, array in self.inputs.items():
            np.save(self.folder / f"{name}.npy", array)

    def eco(self, engine):
        """One turn of eco compare: the engine's row."""
        command = [ECO, "-q", "compare", self.model, "-i", self.npz, "--engines", engine, "--threads", self.threads, "--seconds", self.seconds, "--json"]
        done = run(command, ok=(0, 1))
        row = json.loads(done)["rows"][0]
        if "latency_ms" not in row:
            raise RuntimeError(row["verdict"])
        return row


def run(command, ok=(0,), **environment):
    environment = os.environ | {"CI": "true"} | {k: str(v) for k, v in environment.items()}
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, env=environment)
    if done.returncode not in ok:
        raise RuntimeError(f"{Path(str(command[0])).name} ended with {done.returncode}: {(done.stderr + done.stdout).strip()[-500:]}")
    return done.stdout


def programs(environment):
    """The folder of the programs of an engine's environment."""
    if python := os.environ.get("ECOTONE_PYTHON"):
        return Path(python).parent
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share"
    return Path(data) / "ecotone/engines" / environment / "bin"


def benchmark_app(case, row):
    """With the properties that the adapter set. -ip: it would make pictures u8, and convert them in each run."""
    settings = {k: v for k, v in row["settings"].items() if k.isupper()}
    (case.folder / "config.json").write_text(json.dumps({"CPU": settings}))
    shapes = ",".join(f"{name}[{','.join(map(str, a.shape))}]" for name, a in case.inputs.items())
    inputs = ",".join(f"{name}:{case.folder / name}.npy" for name in case.inputs)
    floats = ["-ip", "f32"] if all(a.dtype == np.float32 for a in case.inputs.values()) else []
    run([programs("openvino") / "benchmark_app", "-m", case.model, "-shape", shapes, "-i", inputs, *floats, "-load_config", case.folder / "config.json",
         "-api", "sync", "-nireq", 1, "-t", int(case.seconds), "-report_type", "no_counters", "-json_stats", "-report_folder", case.folder])
    return float(json.loads((case.folder / "benchmark_report.json").read_text())["execution_results"]["latency (ms)"])


def onnxruntime_test(case, row):
    """It has no warm-up: its first run counts among as many as fill the time."""
    runs = max(20, int(case.seconds * 1000 / row["latency_ms"]["mean"]))
    out = run([programs("onnxruntime") / "python", "-c", ORT_RUN, case.model, case.npz, case.threads, runs])
    return float(next(line.split()[2] for line in out.splitlines() if line.startswith("avg latency")))


def iree_benchmark_module(case, row):
    """The median of the means of repetitions, each as long as a turn of ours."""
    folder = programs("iree")
    if not hasattr(case, "module"):
        shapes = {name: a.shape for name, a in case.inputs.items()}
        found = run([folder / "python", "-c", IREE_FILE, case.model, json.dumps(shapes)], PYTHONPATH=ROOT / "python")
        case.module, case.function = json.loads(found.splitlines()[-1])
    processors = sorted(os.sched_getaffinity(0))[: row["settings"].get("processors")]  # as the adapter limits it, or all
    out = run(["taskset", "-c", ",".join(map(str, processors)), folder / "iree-benchmark-module", f"--module={case.module}", f"--function={case.function}",
               f"--device={row['settings']['driver']}", *(f"--input=@{case.folder / name}.npy" for name in case.inputs),
               "--benchmark_min_time=0.2s", f"--benchmark_repetitions={max(5, round(case.seconds / 0.2))}", "--benchmark_format=json"])
    result = next(b for b in json.loads(out[out.index("{"):])["benchmarks"] if b.get("aggregate_name") == "median")
    return result["real_time"] * {"ns": 1e-6, "us": 1e-3, "ms": 1}[result["time_unit"]]


# Engine: its tool, and which of our figures is what that tells.
TOOLS = {
    "openvino-f32": ("benchmark_app", benchmark_app, "p50"),
    "onnxruntime": ("onnxruntime_test", onnxruntime_test, "mean"),
    "iree": ("iree-benchmark-module", iree_benchmark_module, "p50"),
}


def median_interval(ordered):
    """Between which two values the median lies with 95% confidence: the sign test's, exact; all of them where there are fewer than six."""
    n = len(ordered)
    outside, left = 0.0, 0
    while (outside := outside + math.comb(n, left) / 2**n) <= 0.025:
        left += 1
    left = max(left - 1, 0)
    return ordered[left], ordered[n - 1 - left]


def measure(engine, case, rounds):
    tool, turn, key = TOOLS[engine]
    ours, theirs = [], []
    for _ in range(rounds):
        row = case.eco(engine)
        ours.append(row["latency_ms"][key])
        theirs += [turn(case, row), turn(case, row)]
        ours.append(case.eco(engine)["latency_ms"][key])
    ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    low, high = median_interval(ratios)
    inside = [1 - LIMIT <= r <= 1 / (1 - LIMIT) for r in (low, high)]
    outside = high < 1 - LIMIT or low > 1 / (1 - LIMIT)
    verdict = "within 10%" if all(inside) else "NOT within 10%" if outside else "unclear: the turns differ by more"
    return {"engine": engine, "version": row["version"], "tool": tool, "model": case.title, "threads": case.threads,
            "figure": "median" if key == "p50" else "mean", "eco_ms": ours, "tool_ms": theirs, "ratio": statistics.median(ratios),
            "ratio_low": low, "ratio_high": high, "verdict": verdict, "settings": row["settings"]}


def spread(values):
    return f"{statistics.median(values):8.2f} [{min(values):.2f}, {max(values):.2f}]"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", default=",".join(TOOLS), help=f"some of {','.join(TOOLS)}")
    parser.add_argument("--models", default="recognition,MiniLM", help="words of the titles of bench/reference.py's models")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of each engine; default: all processors")
    parser.add_argument("--rounds", type=int, default=12, help="of eco, tool, tool, eco (12)")
    parser.add_argument("--seconds", type=float, default=1, help="of each turn, about (1)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    installed = {e["name"] for e in json.loads(run([ECO, "engines", "--json"]))["engines"] if e["installed"]}
    rows, failed, left = [], 0, []
    for engine in options.engines.split(","):
        if engine not in installed:
            left.append(engine)
            continue
        for word in options.models.split(","):
            title, model, shapes = next(m for m in MODELS if word in m[0])
            with tempfile.TemporaryDirectory(prefix="eco-bench-") as folder:
                try:
                    row = measure(engine, Case(title, model, shapes, options.threads, options.seconds, folder), options.rounds)
                except RuntimeError as error:
                    print(f"{engine}, {title}: {error}", file=sys.stderr)
                    failed += 1
                    continue
            rows.append(row)
            if not options.json:
                print(f"{engine:12} {title:22} {row['figure']:6} eco compare {spread(row['eco_ms'])} ms   {row['tool']} {spread(row['tool_ms'])} ms   "
                      f"ratio {row['ratio']:.3f} [{row['ratio_low']:.3f}, {row['ratio_high']:.3f}]   {row['verdict']}", flush=True)
    for engine in left:
        print(f"{engine}: not installed, left out", file=sys.stderr)
    wrong = failed + sum(row["verdict"].startswith("NOT") for row in rows)
    if options.json:
        print(json.dumps({"schema_version": 1, "threads": options.threads, "rows": rows, "not_installed": left}, indent=2))
    else:
        within, unclear = (sum(row["verdict"].startswith(word) for row in rows) for word in ("within", "unclear"))
        print(f"{within} within 10%, {unclear} unclear, {wrong} not or failed")
    return 1 if wrong or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
