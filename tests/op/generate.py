"""Writes the op suite: cases.jsonl (one case a line) and data.bin (the tensors).

Usage: python generate.py OUT_DIR OP_SUITE [--only OP]. OP_SUITE is the runner, asked for the op table. A second run with the same
sources, packages and table does nothing.
"""

import argparse
import hashlib
import importlib
import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys
import time
import traceback
import warnings

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["JAX_ENABLE_X64"] = "1"

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))


def digest(table: str) -> str:
    state = hashlib.sha256(table.encode())
    for package in ("numpy", "scipy", "ml_dtypes", "jax", "onnx"):
        state.update(importlib.metadata.version(package).encode())
    for source in sorted(HERE.glob("*.py")):
        state.update(source.read_bytes())
    return state.hexdigest()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("op_suite")
    parser.add_argument("--only", default="", help="just the ops whose name contains this")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    table = subprocess.run([options.op_suite, "--list"], check=True, capture_output=True, text=True).stdout
    stamp, version = options.out / "stamp", digest(table)
    if not options.only and stamp.exists() and stamp.read_text() == version:
        return 0
    stamp.unlink(missing_ok=True)
    start = time.perf_counter()
    warnings.simplefilter("ignore")  # overflow and NaN are what is tested

    for source in sorted(HERE.glob("ops_*.py")):
        importlib.import_module(source.stem)
    import formats
    from suite import MAKERS, Writer, undeclared

    writer, failed, pairs = Writer(options.out), 0, 0
    for entry in json.loads(table):
        make = MAKERS.get(entry["name"])
        if options.only not in entry["name"] or make is None:
            continue  # the runner says which pairs are missing
        for dtype in entry["dtypes"]:
            try:
                cases = list(make(dtype))
                for case in cases:
                    writer.add(entry["name"], dtype, case)
                pairs += bool(cases)
                if entry["composite"] and dtype == entry["dtypes"][0]:
                    for other in formats.ALL:
                        if other not in entry["dtypes"]:
                            writer.add(entry["name"], other, undeclared(cases[0], dtype, other))
            except Exception as error:  # One broken case must not hide the others; the run fails below.
                failed += 1
                print(f"{entry['name']} {dtype}: {''.join(traceback.format_exception(error)[-3:]).strip()[-600:]}", file=sys.stderr)
    writer.finish()
    print(f"{len(writer.lines)} cases of {pairs} op×dtype pairs in {time.perf_counter() - start:.0f} s", file=sys.stderr)
    if not failed and not options.only:
        stamp.write_text(version)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
