"""Operators against ONNX Runtime's CPU provider (or NumPy where it has no kernel): com.microsoft's, and those of ai.onnx and
ai.onnx.ml that ONNX's own suite does not test.

Floats are judged by the rule of errors (docs/ir-semantics.md) with `eco verify` against the stored outputs; integers must
be equal, or at most `off` away in at most one element of 25 (cases.py says where and why).
"""

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import contrib_cases  # noqa: F401
import standard_cases  # noqa: F401
from cases import CASES, Case
from onnx import TensorProto, helper, numpy_helper

ECO = os.environ["ECO"]


def model_of(case):
    values = [helper.make_tensor_value_info(k, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape) for k, v in case.inputs.items()]
    outputs = [helper.make_value_info(name, helper.make_tensor_type_proto(TensorProto.UNDEFINED, None)) for name in case.outputs]
    weights = [numpy_helper.from_array(np.array(v, order="C"), k) for k, v in case.weights.items()]
    for value in outputs:
        value.ClearField("type")
    graph = helper.make_graph(case.nodes, "case", values, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid(*d) for d in (("", case.opset), ("com.microsoft", 1), ("com.microsoft.nchwc", 1), ("ai.onnx.ml", 3))], ir_version=9)


def expected(case, model):
    if isinstance(case.want, Case):
        return expected(case.want, model_of(case.want))
    if case.want is not None:
        return case.want
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(case.outputs, case.inputs)


def complain(case, folder):
    """Why the case fails; nothing when it passes."""
    model = model_of(case)
    wanted = expected(case, model)
    for value, array in zip(model.graph.output, wanted, strict=True):
        value.CopyFrom(helper.make_tensor_value_info(value.name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape))
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    if case.tolerance is not None or all(np.issubdtype(w.dtype, np.integer) for w in wanted):
        np.savez(folder / "in.npz", **case.inputs)
        done = subprocess.run([ECO, "run", path, "-i", folder / "in.npz", "-o", folder / "out.npz"], capture_output=True, text=True)
        if done.returncode:
            return done.stderr.strip()
        got = np.load(folder / "out.npz")
        for name, want in zip(case.outputs, wanted, strict=True):
            if case.tolerance is not None:
                if got[name].dtype != want.dtype or not np.allclose(got[name], want, rtol=0, atol=case.tolerance):
                    return f"{name}: apart by up to {np.abs(got[name] - want).max()}"
                continue
            apart = np.abs(got[name].astype(np.int64) - want.astype(np.int64))
            if got[name].dtype != want.dtype or apart.max(initial=0) > case.off or np.count_nonzero(apart) * 25 > apart.size:
                return f"{name}: {np.count_nonzero(apart)} of {apart.size} differ, by up to {apart.max(initial=0)}"
        return ""
    for i, array in enumerate(case.inputs.values()):
        (folder / f"input_{i}.pb").write_bytes(numpy_helper.from_array(np.array(array, order="C")).SerializeToString())
    for i, array in enumerate(wanted):
        (folder / f"output_{i}.pb").write_bytes(numpy_helper.from_array(array).SerializeToString())
    done = subprocess.run([ECO, "verify", path, "--against", folder], capture_output=True, text=True)
    return "" if done.returncode == 0 else (done.stderr + done.stdout).strip()


def run(case):
    with tempfile.TemporaryDirectory() as folder:
        try:
            return complain(case, Path(folder))
        except Exception as e:  # noqa: BLE001 - ONNX Runtime refuses with many kinds; any is a failed case
            return f"{type(e).__name__}: {e}"


def main():
    chosen = [c for c in CASES if len(sys.argv) < 2 or sys.argv[1] in c.name]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(run, chosen))
    for case, why in zip(chosen, results, strict=True):
        if why:
            print(f"FAILED {case.name}\n  {why}")
    failed = sum(bool(why) for why in results)
    print(f"{len(chosen) - failed} passed, {failed} failed")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
