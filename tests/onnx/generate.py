"""Writes ONNX's own backend test cases (made in process by the onnx package) into a folder, for onnx_suite to run.

A case is a folder with model.onnx, data sets of input_N.pb and output_N.pb, and tolerance (rtol atol); or, where a value can't be stored as
tensors of numbers, with model.onnx and not-numeric, which says why. Done once for each version of onnx.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test import loader

KINDS = ("node", "simple", "pytorch-operator", "pytorch-converted")


class NotNumeric(Exception):
    """A value that can't be stored as tensors of numbers; the message says why."""


def to_bytes(value, type_proto):
    """A value as ONNX's suite stores it."""
    if isinstance(value, onnx.TensorProto):
        if value.data_type == onnx.TensorProto.STRING:
            raise NotNumeric("strings")
        return value.SerializeToString()
    if isinstance(value, list) and value and all(isinstance(v, np.ndarray) and v.dtype.kind not in "OUS" for v in value):
        return numpy_helper.from_list(value).SerializeToString()
    if value is None:
        raise NotNumeric("an optional that holds nothing")
    if isinstance(value, dict):
        raise NotNumeric("a map")
    if isinstance(value, list):
        raise NotNumeric("a sequence of other things than tensors of numbers" if value else "a sequence that is empty")
    if type_proto is not None and not type_proto.HasField("tensor_type"):
        raise NotNumeric("an optional that holds a tensor")
    array = np.asarray(value)
    if array.dtype.kind in "OUS":
        raise NotNumeric("strings")
    tensor = numpy_helper.from_array(array)
    if type_proto is not None and tensor.data_type != type_proto.tensor_type.elem_type:
        raise NotNumeric(f"element type {type_proto.tensor_type.elem_type}, given as {tensor.data_type}")
    return tensor.SerializeToString()


def stored_values(case, model):
    """For each data set the contents of its files: those of the inputs, and those of the outputs."""
    stored = []
    if case.data_sets is not None:
        for inputs, outputs in case.data_sets:
            pairs = [(inputs, model.graph.input), (outputs, model.graph.output)]
            stored.append([[to_bytes(v, d.type if i < len(decl) else None) for i, (v, d) in enumerate(zip(values, decl))] for values, decl in pairs])
    else:
        for data in sorted(Path(case.model_dir).glob("test_data_set_*")):
            groups = [sorted(data.glob(f"{kind}_*.pb"), key=lambda p: int(p.stem.split("_")[1])) for kind in ("input", "output")]
            stored.append([[p.read_bytes() for p in group] for group in groups])
    return stored


def write_case(case, folder):
    """False when the case's values can't be stored."""
    model = case.model if case.model is not None else onnx.load(Path(case.model_dir) / "model.onnx")
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    try:
        stored = stored_values(case, model)
    except NotNumeric as why:
        (folder / "not-numeric").write_text(str(why))
        return False
    (folder / "tolerance").write_text(f"{case.rtol or 1e-3} {case.atol or 1e-7}\n")
    for number, (inputs, outputs) in enumerate(stored):
        data = folder / f"data_{number}"
        data.mkdir()
        for kind, values in (("input", inputs), ("output", outputs)):
            for i, value in enumerate(values):
                (data / f"{kind}_{i}.pb").write_bytes(value)
    return True


def main():
    root = Path(sys.argv[1])
    stamp = root / "version"
    wanted = f"{onnx.__version__} 2"
    if stamp.exists() and stamp.read_text() == wanted:
        print(f"{root} holds the cases of onnx {onnx.__version__} already")
        return
    if root.exists():
        import shutil

        shutil.rmtree(root)
    counts, without = {}, 0
    for kind in KINDS:
        for case in loader.load_model_tests(kind=kind):
            if write_case(case, root / kind / case.name):
                counts[kind] = counts.get(kind, 0) + 1
            else:
                without += 1
    stamp.write_text(wanted)
    print(f"wrote {counts}; {without} cases can't be stored as tensors of numbers")


if __name__ == "__main__":
    main()
