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
    refuses: "types": adding the equation must be an Error that holds `message`; "evaluation": results have their types, but
    evaluating them is an Error of kind kUnsupported.
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
    refuses: str | None = None
    message: str = ""


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


def undeclared(case: Case, dtype: str, other: str) -> Case:
    """The case in a type that the op does not declare, which must be refused."""
    operands = [T(other, np.ones(t.values.shape)) if t is not TOKEN and t.dtype == dtype else t for t in case.operands]
    return dataclasses.replace(case, name="undeclared type", operands=operands, expected=[], bound=None, real_bound=None, real="same",
                               refuses="types", message=f"does not take {other}")


def computing(d: str) -> str:
    """What composites compute in: types narrower than f32 in f32."""
    return "f64" if d == "f64" else "f32"


def constant(d: str, value: float) -> float:
    """An attribute as a body of type d sees it: a constant of the type it computes in."""
    return float(formats.rounded(computing(d), np.float64(value)))


def approximate(name: str, d: str, operands: list, wants: list, attributes: dict | None = None, *, roundings: float,
                scale: list | None = None, constants: bool = False, results: list | None = None, through: str | None = None) -> Case:
    """A case of a composite of floats, from unrounded results `wants` in f64. Operands that are no T have type d.

    The body makes at most `roundings` roundings on the way to a result, each an eps of the computing type of at most the
    size `scale` (one array a result; default: the result's own). That bounds mode real, with f64's eps, and mode spec
    where the result has the computing type. Where it is narrower, the end is one more rounding: a result must lie
    between the roundings of both ends of that bound, which are mostly one value. `constants`: attributes are rounded to
    the computing type in mode real too. `results`: the results' types, where they are not all d. `through`: a type narrower
    than the computing one that values are rounded to on the way.
    """
    results = results or [d] * len(wants)
    bound, real_bound = [], []
    for i, (want, result) in enumerate(zip(wants, results, strict=True)):
        want = np.asarray(want, np.float64)
        size = np.abs(want) if scale is None or scale[i] is None else np.broadcast_to(np.abs(scale[i]), want.shape)
        size = np.where(np.isfinite(size), size, np.where(np.isfinite(want), np.abs(want), 0))
        c = through or computing(d)
        slack = roundings * (formats.epsilon(c) * size + (2.0**-149 if c == "f32" else 2.0**-1074))
        exact, low, high = (formats.rounded(result, x) for x in (want, want - slack, want + slack))
        with np.errstate(invalid="ignore"):
            bound.append(np.nan_to_num(np.maximum(high - exact, exact - low), nan=0, posinf=0) if result != c else slack)
        real_bound.append(roundings * size * (formats.epsilon(c) if constants else 2.0**-52) + 2.0**-1000)
    return Case(name, [x if isinstance(x, T) else T(d, x) for x in operands], [T(r, w) for r, w in zip(results, wants, strict=True)],
                attributes or {}, bound=bound, real_bound=real_bound)


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
        if case.refuses:
            entry |= {"refuses": case.refuses, "message": case.message}
        if case.bound is not None:
            entry["bound"] = self.bounds(case.bound)
        if case.real_bound is not None:
            entry["real_bound"] = self.bounds(case.real_bound)
        self.lines.append(json.dumps(entry))

    def finish(self):
        (self.out / "cases.jsonl").write_text("\n".join(self.lines) + "\n")
        (self.out / "data.bin").write_bytes(bytes(self.data))
