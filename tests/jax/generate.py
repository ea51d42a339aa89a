"""Writes the suite: NAME.mlir (StableHLO text as JAX lowers it), NAME.npz (arguments and JAX's results), manifest.json.

Usage: python generate.py OUT_DIR [--only SUBSTRING]. A second run with the same sources and JAX does nothing.
Results come from XLA:CPU without excess precision, so that bfloat16 and float16 round after each operation, as the
StableHLO specification says.
"""

import argparse
import collections
import hashlib
import json
import os
import pathlib
import re
import sys
import time
import traceback

os.environ["XLA_FLAGS"] = " ".join([
    os.environ.get("XLA_FLAGS", ""), "--xla_allow_excess_precision=false", "--xla_backend_optimization_level=0",
    "--xla_llvm_disable_expensive_passes=true"])
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["JAX_ENABLE_X64"] = "1"

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import jax  # noqa: E402
import numpy as np  # noqa: E402
from jax import export  # noqa: E402

import cases  # noqa: E402
from suite import CASES, TOLERANCES, Case  # noqa: E402


def digest() -> str:
    """Identifies what the outputs depend on: these sources and the versions of JAX and NumPy."""
    state = hashlib.sha256(f"{jax.__version__} {np.__version__}".encode())
    for source in sorted(HERE.glob("*.py")):
        if source.name != "reprint_check.py":
            state.update(source.read_bytes())
    return state.hexdigest()


def storable(array: np.ndarray) -> np.ndarray:
    """npz holds NumPy's own dtypes: bfloat16, float8 and int4 go in as their bits, one element per item."""
    if array.dtype.isbuiltin == 1:
        return array
    return array.view({1: np.uint8, 2: np.uint16}[array.dtype.itemsize])


def lower(case: Case, arguments: list[np.ndarray]):
    """The program's text, and JAX's results."""
    jitted = jax.jit(case.flat_function(), keep_unused=True)
    if case.form == "export":
        scope = export.SymbolicScope(case.constraints)
        specs = [
            jax.ShapeDtypeStruct(export.symbolic_shape(shape, scope=scope), a.dtype)
            for shape, a in zip(case.shapes, arguments, strict=True)
        ]
        exported = export.export(jitted)(*specs)
        return exported.mlir_module(), exported.call(*arguments)
    traced = jitted.trace(*arguments)
    lowered = traced.lower()
    results = lowered.compile()(*arguments)
    if case.platform != "cpu":
        lowered = traced.lower(lowering_platforms=(case.platform,))
    if case.form == "generic":
        module = lowered.compiler_ir(dialect="stablehlo")
        return module.operation.get_asm(print_generic_op_form=True, large_elements_limit=None), results
    return lowered.as_text(), results


def write(case: Case, out: pathlib.Path) -> dict:
    arguments = case.arguments()
    text, results = lower(case, arguments)
    results = [np.asarray(r) for r in results]
    (out / f"{case.name}.mlir").write_text(text)
    arrays = {f"arg{i}": storable(a) for i, a in enumerate(arguments)} | {f"out{i}": storable(r) for i, r in enumerate(results)}
    np.savez(out / f"{case.name}.npz", **arrays)
    return {
        "name": case.name,
        "category": case.category,
        "tolerance": case.tolerance,
        "form": case.form,
        "inputs": [a.dtype.name for a in arguments],
        "outputs": [r.dtype.name for r in results],
    }


def count_operations(out: pathlib.Path, names: list[str]) -> str:
    """How often each operation occurs, and in how many files: what a reader must know."""
    total, files = collections.Counter(), collections.Counter()
    pattern = re.compile(r'(?:^|[\s="(])"?((?:stablehlo|chlo|sdy|func|mhlo|shape|tensor)\.[a-z_0-9]+|call|return)\b')
    for name in names:
        found = collections.Counter()
        for line in (out / f"{name}.mlir").read_text().splitlines():
            match = pattern.search(line)
            if match:
                found[match.group(1)] += 1
        total.update(found)
        files.update(found.keys())
    return "".join(f"{op}\t{n}\tin {files[op]} files\n" for op, n in total.most_common())


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--only", default="", help="just the cases whose name contains this; leaves the manifest alone")
    options = parser.parse_args()
    out = options.out
    out.mkdir(parents=True, exist_ok=True)
    stamp, version = out / "stamp", digest()
    if not options.only and stamp.exists() and stamp.read_text() == version:
        return 0
    start = time.perf_counter()
    stamp.unlink(missing_ok=True)
    chosen = [case for name, case in CASES.items() if options.only in name]
    if not options.only:
        for old in [*out.glob("*.mlir"), *out.glob("*.npz")]:
            if old.stem not in CASES:
                old.unlink()
    entries, failed = [], []
    for case in chosen:
        try:
            entries.append(write(case, out))
        except Exception as error:  # One broken case must not hide the others; the run fails below.
            failed.append(case.name)
            print(f"{case.name}: {''.join(traceback.format_exception_only(error)).strip()[:600]}", file=sys.stderr)
    print(f"{len(entries)} cases of {len({e['name'].split('-')[0] for e in entries})} functions in {time.perf_counter() - start:.0f} s",
          file=sys.stderr)
    if failed:
        print(f"failed: {' '.join(failed)}", file=sys.stderr)
        return 1
    if not options.only:
        manifest = {"schema_version": 1, "jax": jax.__version__, "tolerances": TOLERANCES, "cases": entries}
        (out / "manifest.json").write_text(json.dumps(manifest, indent=1))
        (out / "OPS.txt").write_text(count_operations(out, [e["name"] for e in entries]))
        stamp.write_text(version)
    return 0


if __name__ == "__main__":
    sys.exit(main())
