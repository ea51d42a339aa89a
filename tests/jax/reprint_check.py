"""Has JAX (XLA:CPU) run the programs that we print, and compares with the results it gave for its own text.

Usage: python reprint_check.py SUITE_DIR [--from reprinted] [--only SUBSTRING] [--exceptions FILE]
SUITE_DIR is what generate.py filled and the suite's runner printed into (SUITE_DIR/reprinted/NAME.mlir).
`--from .` checks JAX's own text: this program's test of itself.
"""

import argparse
import collections
import json
import os
import pathlib
import re
import sys
import time

os.environ["XLA_FLAGS"] = " ".join([
    os.environ.get("XLA_FLAGS", ""), "--xla_allow_excess_precision=false", "--xla_backend_optimization_level=0",
    "--xla_llvm_disable_expensive_passes=true"])
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["JAX_ENABLE_X64"] = "1"

import jax  # noqa: E402
import ml_dtypes  # noqa: E402
import numpy as np  # noqa: E402
from jax._src import compiler, xla_bridge  # noqa: E402
from jax._src.interpreters import mlir  # noqa: E402
from jax._src.lib import _jax  # noqa: E402
from jax._src.lib.mlir import ir  # noqa: E402


def dtype_of(name: str) -> np.dtype:
    return np.dtype(getattr(ml_dtypes, name)) if hasattr(ml_dtypes, name) else np.dtype(name)


def read_exceptions(path: pathlib.Path | None, phase: str) -> dict[str, str]:
    """Lines of 'phase case: reason'; '#' starts a comment."""
    found = {}
    for line in path.read_text().splitlines() if path else []:
        match = re.fullmatch(r"(\w+)\s+(\S+):\s*(.+)", line.split("#")[0].strip())
        if match and match[1] == phase:
            found[match[2]] = match[3]
    return found


def make_static(module: ir.Module, arguments: list[np.ndarray]) -> ir.Module:
    """Calls main at the arguments' sizes and lets StableHLO's refinement find all the others."""
    symbols = ir.SymbolTable(module.operation)
    main = symbols["main"]
    wanted = [str(t) for t in main.type.inputs]
    if not any("?" in t for t in wanted):
        return module
    symbols.set_symbol_name(main, "dynamic_main")
    symbols.set_visibility(main, "private")
    static = [
        t if "?" not in t else f"tensor<{''.join(f'{n}x' for n in a.shape)}{re.match(r'tensor<(?:[0-9?]+x)*(.*)>$', t)[1]}>"
        for t, a in zip(wanted, arguments, strict=True)
    ]
    results = ", ".join(str(t) for t in main.type.results)
    body = [f"%c{i} = stablehlo.convert %a{i} : ({s}) -> {t}" for i, (s, t) in enumerate(zip(static, wanted, strict=True))]
    n = len(main.type.results)
    body.append(f"%r:{n} = func.call @dynamic_main({', '.join(f'%c{i}' for i in range(len(static)))}) : ({', '.join(wanted)}) -> ({results})")
    body.append(f"func.return {', '.join(f'%r#{i}' for i in range(n))} : {results}")
    parameters = ", ".join(f"%a{i}: {s}" for i, s in enumerate(static))
    lines = "\n".join(body)
    wrapper = ir.Module.parse(
        f"module {{ func.func private @dynamic_main({', '.join(wanted)}) -> ({results})\n"
        f"func.func public @main({parameters}) -> ({results}) {{\n{lines}\n}} }}")
    module.body.append(ir.SymbolTable(wrapper.operation)["main"].operation.detach_from_parent())
    return mlir.refine_polymorphic_shapes(module)


def parse(text: str) -> None:
    """Raises what MLIR says against the text."""
    with mlir.make_ir_context():
        ir.Module.parse(text).operation.verify()


def run(text: str, arguments: list[np.ndarray]) -> list[np.ndarray]:
    backend = xla_bridge.get_backend("cpu")
    devices = backend.local_devices()[:1]
    with mlir.make_ir_context():
        module = make_static(ir.Module.parse(text), arguments)
        module.operation.attributes["sym_name"] = ir.StringAttr.get("reprinted")
        options = compiler.get_compile_options(1, 1, device_assignment=np.array([[devices[0].id]]), backend=backend)
        options.executable_build_options.use_shardy_partitioner = True
        executable = compiler.backend_compile_and_load(backend, module, _jax.DeviceList(tuple(devices)), options, [])
    buffers = [jax.device_put(a, devices[0]) for a in arguments]
    return [np.asarray(r) for r in executable.execute(buffers)]


def difference(got: np.ndarray, want: np.ndarray, tolerance: dict) -> str | None:
    """What differs, or None; the rule stands in suite.TOLERANCES."""
    if got.dtype != want.dtype or got.shape != want.shape:
        return f"is {got.dtype}{list(got.shape)}, wants {want.dtype}{list(want.shape)}"
    if got.size == 0:
        return None
    got, want = np.atleast_1d(got), np.atleast_1d(want)
    if want.dtype.kind in "biu" or want.dtype.name in ("int4", "uint4"):
        bad = got != want
    else:
        parts = []
        for part in ("real", "imag") if want.dtype.kind == "c" else (None,):
            g, w = (getattr(got, part), getattr(want, part)) if part else (got, want)
            info = ml_dtypes.finfo(w.dtype)
            signs_differ = np.signbit(g) != np.signbit(w)
            g, w = np.asarray(g, np.float64), np.asarray(w, np.float64)
            finite = np.isfinite(w)
            with np.errstate(all="ignore"):
                scale = np.abs(np.asarray(want, np.complex128 if want.dtype.kind == "c" else np.float64))
                scale[~np.isfinite(scale)] = 0
                typical = np.median(scale[scale > 0]) if scale.any() else 0.0
                bound = float(info.eps) * (tolerance["element"] * scale + tolerance["typical"] * typical)
                if tolerance["element"]:
                    bound += float(info.smallest_normal)
                off = np.where(finite, ~(np.abs(g - w) <= bound), ~((g == w) | (np.isnan(g) & np.isnan(w))))
            if tolerance["zero_sign"]:
                off |= (w == 0) & (g == 0) & signs_differ
            parts.append(off)
        bad = np.logical_or.reduce(parts)
    if not bad.any():
        return None
    at = np.unravel_index(np.flatnonzero(bad)[0], bad.shape)
    return f"{int(bad.sum())} of {bad.size} elements, first at {[int(i) for i in at]}: {got[at]}, JAX has {want[at]}"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("suite", type=pathlib.Path)
    parser.add_argument("--from", dest="source", default="reprinted")
    parser.add_argument("--only", default="")
    parser.add_argument("--exceptions", type=pathlib.Path)
    options = parser.parse_args()
    manifest = json.loads((options.suite / "manifest.json").read_text())
    exceptions = read_exceptions(options.exceptions, "reprint")
    start = time.perf_counter()
    passed, total = collections.Counter(), collections.Counter()
    failures: dict[str, str] = {}
    functions = set()
    for case in manifest["cases"]:
        name = case["name"]
        if options.only not in name:
            continue
        total[case["category"]] += 1
        try:
            with np.load(options.suite / f"{name}.npz") as arrays:
                arguments = [arrays[f"arg{i}"].view(dtype_of(d)) for i, d in enumerate(case["inputs"])]
                wanted = [arrays[f"out{i}"].view(dtype_of(d)) for i, d in enumerate(case["outputs"])]
            results = run((options.suite / options.source / f"{name}.mlir").read_text(), arguments)
            if len(results) != len(wanted):
                raise ValueError(f"{len(results)} results, wants {len(wanted)}")
            differences = [difference(g, w, manifest["tolerances"][case["tolerance"]]) for g, w in zip(results, wanted, strict=True)]
            message = next((f"result {i}: {d}" for i, d in enumerate(differences) if d), None)
        except Exception as error:  # A program that does not compile is a failure of its case alone.
            message = f"{type(error).__name__}: {str(error)[:400]}"
        if message:
            failures[name] = message
        else:
            passed[case["category"]] += 1
            functions.add(name.split("-")[0])
    known = {name: exceptions[name] for name in failures if name in exceptions}
    for name, message in failures.items():
        if name not in known:
            print(f"FAIL {name}: {message}")
    stale = sorted(name for name in exceptions if name not in failures and options.only in name)
    for name in stale:
        print(f"STALE {name} passes, or is no case any more: take it off the list of exceptions")
    for category in total:
        print(f"{category}: {passed[category]} of {total[category]}")
    print(f"reprinted programs that JAX runs with equal results: {passed.total()} of {total.total()} cases, {len(functions)} functions "
          f"({len(known)} known exceptions), {time.perf_counter() - start:.0f} s")
    unexpected = len(failures) - len(known) + len(stale)
    print(f"{passed.total() + len(known)} passed, {unexpected} failed")
    return 1 if unexpected else 0


if __name__ == "__main__":
    sys.exit(main())
