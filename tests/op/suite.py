"""Cases, and the registry of what makes them: one function an op, `dtype -> cases`."""

import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Callable, Iterable

import formats
import numpy as np

MAKERS: dict[str, Callable[[str], Iterable["Case"]]] = {}


def op(*names: str):
    """Registers a function (dtype) -> cases of these ops; with several names also the name is passed: (dtype, name)."""

    def register(make):
        for name in names:
            MAKERS[name] = make if len(names) == 1 else (lambda d, name=name: make(d, name))
        return make

    return register


def rng_of(*what: str) -> np.random.Generator:
    """A generator seeded by names, so that a case does not change when others come."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(" ".join(what).encode()).digest()[:8], "little"))


@dataclasses.dataclass
class T:
    """A tensor: its type, and its elements as wide values; results may be unrounded."""

    dtype: str
    values: np.ndarray

    def __post_init__(self):
        self.values = np.asarray(self.values)

    @property
    def type(self) -> dict:
        return {"d": self.dtype, "s": list(self.values.shape)}


TOKEN = "token"


@dataclasses.dataclass
class Case:
    """One equation. `expected` is rounded to each result's type in mode spec, and taken as it is in mode real, unless
    `real` gives other values (or None, with a comment why mode real isn't compared).

    ulp, real_ulp: how many spacings of the type a finite result may be away (complex: of its modulus). 0 is bit-equal,
    signs of zeros included. bound, real_bound: absolute bounds instead, a result.
    """

    name: str
    operands: list
    expected: list
    attributes: dict = dataclasses.field(default_factory=dict)
    regions: list = dataclasses.field(default_factory=list)
    captures: list = dataclasses.field(default_factory=list)
    real: list | None | str = "same"
    ulp: float = 0
    real_ulp: float | None = None
    bound: list | None = None
    real_bound: list | None = None
    any_infinity: bool = False


def scalar(d: str) -> dict:
    return {"d": d, "s": []}


def equation(name: str, *operands: int, attributes: dict | None = None, captures=(), regions=()) -> dict:
    return {"op": name, "operands": list(operands), "attributes": attributes or {}, "captures": list(captures),
            "regions": list(regions)}


def region(inputs: list, equations: list, *outputs: int) -> dict:
    """A closed sub-Program; values are counted as in a Program: inputs, then results."""
    return {"inputs": [t.type if isinstance(t, T) else t for t in inputs], "equations": equations, "outputs": list(outputs)}


def reducer(name: str, d: str) -> dict:
    return region([scalar(d), scalar(d)], [equation(f"stablehlo.{name}", 0, 1)], 2)


class Writer:
    """Writes cases.jsonl and data.bin."""

    def __init__(self, out: pathlib.Path):
        self.out = out
        self.lines: list[str] = []
        self.data = bytearray()

    def tensor(self, dtype: str, values: np.ndarray) -> dict:
        self.data += b"\0" * (-len(self.data) % 64)
        offset = len(self.data)
        self.data += formats.encode(dtype, values)
        return {"d": dtype, "s": list(values.shape), "o": offset}

    def attribute(self, v):
        """Tensors stand in the data."""
        if isinstance(v, T):
            return {"tensor": self.tensor(v.dtype, v.values)}
        if isinstance(v, dict):
            return {k: self.attribute(e) for k, e in v.items()}
        if isinstance(v, list | tuple):
            return [self.attribute(e) for e in v]
        return v.item() if isinstance(v, np.generic) else v

    def given(self, t):
        return TOKEN if t is TOKEN else self.tensor(t.dtype, t.values)

    def real(self, t):
        if t is TOKEN:
            return TOKEN
        wide = "f64" if formats.is_float(t.dtype) else "complex<f64>" if formats.is_complex(t.dtype) else t.dtype
        return self.tensor(wide, t.values)

    def bounds(self, bound):
        return [None if b is None else self.tensor("f64", np.asarray(b, np.float64)) for b in bound]

    def add(self, name: str, dtype: str, case: Case):
        entry = {
            "op": name, "dtype": dtype, "name": case.name,
            "attributes": self.attribute(case.attributes),
            "operands": [self.given(t) for t in case.operands],
            "captures": [self.given(t) for t in case.captures],
            "regions": self.attribute(case.regions),
            "expected": [self.given(t) for t in case.expected],
            "real": None if case.real is None else
            [self.real(t) for t in (case.expected if isinstance(case.real, str) else case.real)],
            "ulp": case.ulp, "real_ulp": case.ulp if case.real_ulp is None else case.real_ulp,
            "any_infinity": case.any_infinity,
        }
        if case.bound is not None:
            entry["bound"] = self.bounds(case.bound)
        if case.real_bound is not None:
            entry["real_bound"] = self.bounds(case.real_bound)
        self.lines.append(json.dumps(entry))

    def finish(self):
        (self.out / "cases.jsonl").write_text("\n".join(self.lines) + "\n")
        (self.out / "data.bin").write_bytes(bytes(self.data))
