"""npz files as Ecotone writes them: element types that NumPy lacks stand as raw elements, named by the entry "__dtypes__"."""

import json

import numpy as np

_TYPES = "__dtypes__"
_NAMES = {
    "bf16": "bfloat16",
    "f8E4M3FN": "float8_e4m3fn",
    "f8E4M3FNUZ": "float8_e4m3fnuz",
    "f8E4M3B11FNUZ": "float8_e4m3b11fnuz",
    "f8E4M3": "float8_e4m3",
    "f8E3M4": "float8_e3m4",
    "f8E5M2": "float8_e5m2",
    "f8E5M2FNUZ": "float8_e5m2fnuz",
    "f8E8M0FNU": "float8_e8m0fnu",
    "f4E2M1FN": "float4_e2m1fn",
    "f6E2M3FN": "float6_e2m3fn",
    "f6E3M2FN": "float6_e3m2fn",
    "i4": "int4",
    "ui4": "uint4",
    "i2": "int2",
    "ui2": "uint2",
}


def read_npz(path):
    with np.load(path, allow_pickle=False) as archive:
        types = json.loads(archive[_TYPES].tobytes()) if _TYPES in archive else {}
        result = {}
        for name in archive.files:
            if name == _TYPES:
                continue
            array = archive[name]
            if name in types:
                import ml_dtypes

                array = array.view(np.uint8 if array.dtype.itemsize == 1 else np.uint16)
                array = array.view(np.dtype(getattr(ml_dtypes, _NAMES[types[name]])))
            result[name] = array
        return result


def write_npz(path, arrays):
    names = {v: k for k, v in _NAMES.items()}
    types, out = {}, {}
    for name, array in arrays.items():
        array = np.asarray(array)
        if array.dtype.name in names:
            types[name] = names[array.dtype.name]
            integer = types[name].startswith(("i", "ui"))
            raw = {1: np.uint8, 2: np.uint16}[array.dtype.itemsize]
            array = array.astype(np.int8 if types[name][0] == "i" else np.uint8) if integer else array.view(raw).view(f"V{array.dtype.itemsize}")
        out[name] = array
    if types:
        out[_TYPES] = np.frombuffer(json.dumps(types).encode(), np.uint8)
    np.savez(path, **out)
