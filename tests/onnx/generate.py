"""Writes ONNX's own backend test cases (made in process by the onnx package) into a folder, for onnx_suite to run.

A case is a folder with model.onnx, data sets of input_N.pb and output_N.pb, and tolerance (rtol atol). Done once for each version of onnx.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test import loader

KINDS = ("node", "simple", "pytorch-operator", "pytorch-converted")


def to_bytes(value, type_proto):
    """A value as ONNX's suite stores it; None when it holds strings or is a map."""
    if isinstance(value, onnx.TensorProto):
        return None if value.data_type == onnx.TensorProto.STRING else value.SerializeToString()
    if isinstance(value, (list, dict)) or value is None or (type_proto is not None and not type_proto.HasField("tensor_type")):
        if isinstance(value, list) and all(isinstance(v, np.ndarray) and v.dtype.kind not in "OUS" for v in value):
            return numpy_helper.from_list(value).SerializeToString() if value else None
        return None
    array = np.asarray(value)
    if array.dtype.kind in "OUS":
        return None
    tensor = numpy_helper.from_array(array)
    if type_proto is not None and tensor.data_type != type_proto.tensor_type.elem_type:
        return None
    return tensor.SerializeToString()


def write_case(case, folder):
    """False when the case's values can't be stored as tensors."""
    model = case.model if case.model is not None else onnx.load(Path(case.model_dir) / "model.onnx")
    if case.data_sets is not None:
        stored = []
        for inputs, outputs in case.data_sets:
            pairs = [(inputs, model.graph.input), (outputs, model.graph.output)]
            files = [[to_bytes(v, d.type if i < len(decl) else None) for i, (v, d) in enumerate(zip(values, decl))] for values, decl in pairs]
            if any(f is None for group in files for f in group):
                return False
            stored.append(files)
    else:
        stored = []
        for data in sorted(Path(case.model_dir).glob("test_data_set_*")):
            groups = [sorted(data.glob(f"{kind}_*.pb"), key=lambda p: int(p.stem.split("_")[1])) for kind in ("input", "output")]
            stored.append([[p.read_bytes() for p in group] for group in groups])
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
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
    wanted = f"{onnx.__version__} 1"
    if stamp.exists() and stamp.read_text() == wanted:
        print(f"{root} holds the cases of onnx {onnx.__version__} already")
        return
    if root.exists():
        import shutil

        shutil.rmtree(root)
    without = []
    counts = {}
    for kind in KINDS:
        for case in loader.load_model_tests(kind=kind):
            if write_case(case, root / kind / case.name):
                counts[kind] = counts.get(kind, 0) + 1
            else:
                without.append(f"{kind}/{case.name}")
    (root / "not-numeric.txt").write_text("\n".join(without) + "\n")
    stamp.write_text(wanted)
    print(f"wrote {counts}; {len(without)} cases hold strings, maps or None")


if __name__ == "__main__":
    main()
