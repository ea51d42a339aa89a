"""Small models whose outputs ONNX Runtime, or NumPy, gives."""

from dataclasses import dataclass, field

import numpy as np
from onnx import helper


@dataclass
class Case:
    name: str
    nodes: list
    inputs: dict
    outputs: list
    weights: dict = field(default_factory=dict)
    # Quantized outputs: 1 where ONNX Runtime's kernel rounds by another formula than dequantize, compute, quantize
    # (MLAS fuses scales into one multiply-add, tables and fixed point), else 0.
    off: int = 0
    # The outputs, where ONNX Runtime's CPU provider has no kernel: from NumPy, or a Case whose model gives them.
    want: object = None
    opset: int = 17
    tolerance: float = None  # absolute, of floats, where the rule of errors does not fit ONNX Runtime's method; the case says why


CASES = []
_generator = [None]


def seed(number):
    _generator[0] = np.random.default_rng(number)


def f32(*shape, scale=1.0):
    return (_generator[0].standard_normal(shape) * scale).astype(np.float32)


def ints(low, high, *shape, dtype=np.uint8):
    return _generator[0].integers(low, high, shape).astype(dtype)


def scalar(value, dtype=np.float32):
    return np.array(value, dtype)


def case(name, op, inputs, outputs=1, weights=(), domain="", off=0, compared=None, want=None, before=(), extra=None, version=17, tolerance=None, **attributes):
    """One node. `inputs` maps names to arrays, in order, None for one left out, ... for one that the nodes `before` make, which may
    take `extra` arrays. Arrays in `weights` become initializers. `compared` is how many outputs are compared (or which), of those that the node has."""
    names = [k if v is not None else "" for k, v in inputs.items()]
    while names and not names[-1]:
        names.pop()
    outs = [f"y{i}" for i in range(outputs)] if isinstance(outputs, int) else outputs
    node = helper.make_node(op, names, outs, domain=domain, **attributes)
    given = {k: v for k, v in (inputs | (extra or {})).items() if v is not None and v is not ...}
    new = Case(f"{op}: {name}", [*before, node], {k: v for k, v in given.items() if k not in weights}, [o for o in (compared if isinstance(compared, list) else outs[:compared]) if o])
    new.weights, new.off, new.want, new.opset = {k: given[k] for k in weights if k in given}, off, want, version
    new.tolerance = tolerance
    CASES.append(new)
    return new
