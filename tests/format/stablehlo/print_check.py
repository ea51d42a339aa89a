"""Has JAX parse what print_test.cpp and roundtrip_test.cpp printed, and run it where there are the reference's results.

Usage: python print_check.py PRINT_TEST_BINARY
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "jax"))
import numpy as np  # noqa: E402
from reprint_check import parse, run  # noqa: E402  (sets JAX's flags)

# Sums of at most 12 terms and tanh, in f32: a few units in the last place of the largest term.
TOLERANCE = 4e-6


def bits(array):
    return array.view(f"u{array.dtype.itemsize}") if array.dtype.kind not in "biu" else array


def problem(got, want, exact):
    if got.shape != want.shape or got.dtype.itemsize != want.dtype.itemsize:
        return f"{got.dtype}{got.shape} where {want.dtype}{want.shape} is wanted"
    if exact or want.dtype.kind in "biu":
        if want.dtype.kind == "c" or not np.array_equal(bits(got), bits(want)):
            return None if np.array_equal(got.tobytes(), want.tobytes()) else f"{got} where {want} is wanted"
        return None
    error = np.max(np.abs(got - want) / (np.abs(want) + 1), initial=0)
    return None if error <= TOLERANCE else f"error {error}"


def main():
    passed, failed = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([sys.argv[1]], env=os.environ | {"ECOTONE_PRINT_DIR": folder}, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(f"{sys.argv[1]} failed:\n{done.stdout}")
        for path in sorted(Path(folder).glob("*.mlir")):
            try:
                if not path.with_suffix(".npz").exists():
                    parse(path.read_text())
                    passed += 1
                    continue
                with np.load(path.with_suffix(".npz")) as arrays:
                    arguments = [arrays[f"arg{i}"] for i in range(sum(n.startswith("arg") for n in arrays))]
                    wanted = [arrays[f"out{i}"] for i in range(sum(n.startswith("out") for n in arrays))]
                results = run(path.read_text(), arguments)
                problems = [problem(g, w, path.stem == "constants") for g, w in zip(results, wanted, strict=True)]
                message = next((f"out{i}: {p}" for i, p in enumerate(problems) if p), None)
            except Exception as error:
                message = f"{type(error).__name__}: {str(error)[:1000]}"
            passed, failed = passed + (not message), failed + bool(message)
            if message:
                print(f"FAIL {path.stem}: {message}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or passed < 25 else 0)


main()
