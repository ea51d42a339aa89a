"""Drives the `eco` command from Python: models stay loaded between runs, arrays travel as npz files."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np


class EcoError(RuntimeError):
    """What `eco` said when it could not do something."""


def peak_megabytes(pid):
    """Peak resident memory of a process, in MB; 0 when it is gone."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    except OSError:
        pass
    return 0.0


class EcoModel:
    """A model behind `eco run --stream`. ECOTONE_DEMO_ENGINE=onnxruntime works on the glue without `eco`."""

    def __init__(self, path, eco="eco"):
        self.path, self.eco = str(path), str(eco)
        self.seconds, self.runs, self.peak_mb = 0.0, 0, 0.0
        self.engine = os.environ.get("ECOTONE_DEMO_ENGINE", "eco")
        self.process = self.session = None
        self.folder = tempfile.TemporaryDirectory(prefix="eco-demo-")
        if self.engine == "onnxruntime":
            import onnxruntime

            options = onnxruntime.SessionOptions()
            options.log_severity_level = 3
            self.session = onnxruntime.InferenceSession(self.path, options, providers=["CPUExecutionProvider"])
        else:
            # A file, since nobody reads a pipe that may fill up.
            self.said = tempfile.TemporaryFile("w+")
            self.process = subprocess.Popen(
                [self.eco, "-q", "run", self.path, "--stream"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.said, text=True,
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            try:
                self.process.stdin.close()
            except OSError:
                pass  # it ended first
            self.process.wait()
            self.process.stdout.close()
            self.said.close()
        self.folder.cleanup()

    def run(self, inputs):
        """Arrays by input name -> arrays by output name."""
        start = time.perf_counter()
        if self.session:
            values = self.session.run(None, inputs)
            outputs = dict(zip([o.name for o in self.session.get_outputs()], values))
            self.seconds += time.perf_counter() - start
        else:
            given, got = (os.path.join(self.folder.name, n) for n in ("in.npz", "out.npz"))
            np.savez(given, **inputs)
            try:
                self.process.stdin.write(f"{given}\t{got}\n")
                self.process.stdin.flush()
            except OSError:
                pass  # it has ended: what it said follows
            answer = self.process.stdout.readline().strip()
            if not answer.startswith("ok "):
                self.said.seek(0)
                said = answer.removeprefix("error ") or self.said.read().strip()
                raise EcoError(f"{Path(self.path).name}: {said or 'eco ended without a word'}")
            self.seconds += float(answer[3:])
            self.peak_mb = max(self.peak_mb, peak_megabytes(self.process.pid))
            with np.load(got) as arrays:
                outputs = dict(arrays)
        self.runs += 1
        return outputs

    def verify(self, inputs, against):
        """`eco verify --json` on these inputs, against "ONNX Runtime" or "JAX": its report, or the failure as one."""
        if self.session:
            return {"passed": None, "reason": "not verified: ECOTONE_DEMO_ENGINE=onnxruntime checks the glue alone"}
        given = os.path.join(self.folder.name, "verify.npz")
        np.savez(given, **inputs)
        command = [self.eco, "-q", "verify", self.path, "--against", against.replace(" ", "").lower(), "--json", "-i", given]
        done = subprocess.run(command, capture_output=True, text=True, env={"ECOTONE_PYTHON": sys.executable, **os.environ})
        try:
            report = json.loads(done.stdout)
            # The exit code is the verdict; a report cannot pass over it.
            report["passed"] = bool(report["passed"]) and done.returncode == 0
            return report
        except (ValueError, KeyError):
            return {"passed": False, "reason": done.stderr.strip() or f"eco verify: exit {done.returncode}"}


def largest_error(report):
    """Largest absolute difference of the outputs from ONNX Runtime's, over all outputs; nan when one has none."""
    return max((float(o["max_abs"]) for o in report.get("outputs", [])), default=float("nan"))
