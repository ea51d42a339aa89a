"""What a case of the JAX suite is: a function, its inputs, and how close another evaluator must come to JAX.

Inputs are made by *makers*, functions of a seeded generator and a dtype, so that one function runs over several
dtypes inside one program (one compilation); the program's arguments and results are then listed dtype by dtype.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable

import jax
import ml_dtypes
import numpy as np

f16, f32, f64 = np.dtype("float16"), np.dtype("float32"), np.dtype("float64")
bf16 = np.dtype(ml_dtypes.bfloat16)
i8, i16, i32, i64 = (np.dtype(f"int{n}") for n in (8, 16, 32, 64))
u8, u16, u32, u64 = (np.dtype(f"uint{n}") for n in (8, 16, 32, 64))
c64, c128 = np.dtype("complex64"), np.dtype("complex128")
b1 = np.dtype("bool")
i4, u4 = np.dtype(ml_dtypes.int4), np.dtype(ml_dtypes.uint4)
F8 = tuple(
    np.dtype(getattr(ml_dtypes, name))
    for name in ("float8_e4m3fn", "float8_e5m2", "float8_e4m3b11fnuz", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e4m3",
                 "float8_e3m4")
)

F = (f32, f64, f16, bf16)
FD = (f32, f64)
SI = (i8, i16, i32, i64)
UI = (u8, u16, u32, u64)
I = SI + UI
C = (c64, c128)
FC = F + C
ALL = F + C + I
SHORT = (f32, bf16, i32, u8)

# A class says how far a result may be from JAX's: |x - r| <= eps(dtype) * (element * |r| + typical * median of the |r| > 0) + min_normal(dtype).
# Integers and booleans must be equal in every class; NaN matches NaN alone, infinities only themselves.
TOLERANCES = {
    "exact": dict(element=0, typical=0, zero_sign=True,
                  reason="one rounding (or none) per element, defined by IEEE 754: the bits must agree"),
    "unsigned_zero": dict(element=0, typical=0, zero_sign=False,
                          reason="as exact, but XLA does not define which zero comes out"),
    "rounding": dict(element=4, typical=2, zero_sign=False,
                     reason="a few roundings; XLA:CPU may contract multiply-add and fold constants"),
    "elementary": dict(element=16, typical=0, zero_sign=False,
                       reason="XLA:CPU's own exp, log, tanh, ... are polynomials with errors of several ulps"),
    "sum": dict(element=8, typical=16, zero_sign=False,
                reason="XLA:CPU adds in another order, with vectors and FMA; bounded against the typical size of the results"),
    "composed": dict(element=64, typical=16, zero_sign=False,
                     reason="a chain of elementary functions and sums, each several ulps away"),
    "special": dict(element=512, typical=64, zero_sign=False,
                    reason="series and continued fractions that amplify the errors of exp, log and lgamma"),
    "loose": dict(element=8192, typical=2048, zero_sign=False,
                  reason="ill-conditioned near zeros of the function: errors of its parts cancel only partly"),
}


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    category: str
    function: Callable
    makers: tuple
    dtypes: tuple | None
    tolerance: str
    form: str = "pretty"  # pretty, generic, export (symbolic dimensions)
    platform: str = "cpu"  # whose lowering rules are used; results come from the CPU in any case
    shapes: tuple | None = None  # export: a shape string for each argument
    constraints: tuple = ()
    abstract: bool = False

    def arguments(self) -> list[np.ndarray]:
        rng = np.random.default_rng(zlib.crc32(self.name.encode()))
        return [
            np.asarray(maker(rng, dtype) if callable(maker) else maker)
            for dtype in (self.dtypes or (None,))
            for maker in self.makers
        ]

    def flat_function(self) -> Callable:
        """Takes all arguments flat, returns all results as a flat tuple."""
        width = len(self.makers)

        def main(*arguments):
            results = []
            for start in range(0, len(arguments), width) if width else [0]:
                results += jax.tree.leaves(self.function(*arguments[start : start + width]))
            return tuple(results)

        return main


CASES: dict[str, Case] = {}


def add(category: str, name: str, function: Callable, *makers, dtypes=None, tolerance="exact", **options) -> None:
    if name in CASES:
        raise ValueError(f"two cases are called {name}")
    if tolerance not in TOLERANCES:
        raise ValueError(f"{name}: no tolerance class is called {tolerance}")
    if isinstance(dtypes, np.dtype):
        dtypes = (dtypes,)
    CASES[name] = Case(name, category, function, makers, dtypes, tolerance, **options)


# --- makers ---------------------------------------------------------------------------------------------------------


def is_complex(dtype: np.dtype) -> bool:
    return dtype.kind == "c"


def is_integer(dtype: np.dtype) -> bool:
    return dtype.kind in "iu" or dtype in (i4, u4)


def _random(rng, dtype, shape, lo, hi) -> np.ndarray:
    if dtype == b1:
        return rng.integers(0, 2, shape).astype(bool)
    if is_integer(dtype):
        info = ml_dtypes.iinfo(dtype)
        low, high = max(int(np.floor(lo)), int(info.min)), min(int(np.ceil(hi)), int(info.max))
        return rng.integers(low, high, shape, endpoint=True).astype(dtype)
    if is_complex(dtype):
        return (rng.uniform(lo, hi, shape) + 1j * rng.uniform(lo, hi, shape)).astype(dtype)
    return rng.uniform(lo, hi, shape).astype(dtype)


def arr(*shape, lo=-2.0, hi=2.0):
    """Random values in [lo, hi], without special ones."""
    return lambda rng, dtype: _random(rng, dtype or f32, shape, lo, hi)


def typed(dtype, *shape, lo=-2.0, hi=2.0):
    """As arr, of a fixed dtype."""
    return lambda rng, _: _random(rng, dtype, shape, lo, hi)


def edges(dtype) -> np.ndarray:
    """Values at which operations differ: zeros, ones, infinities, NaN, the ends of the range."""
    if dtype == b1:
        return np.array([False, True])
    if is_integer(dtype):
        info = ml_dtypes.iinfo(dtype)
        low, high = int(info.min), int(info.max)
        values = {0, 1, 2, 3, high, high - 1, high // 2 + 1, low, low + 1} | ({-1, -2} if low < 0 else set())
        return np.array(sorted(v for v in values if low <= v <= high), dtype=object).astype(dtype)
    if is_complex(dtype):
        return np.array([0, 1, -1, 1j, -1j, 1 + 1j, -2 - 1j], dtype)
    info = ml_dtypes.finfo(dtype)
    return np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, float(info.max), 0.5, -2.5, 3.0]).astype(dtype)


def vec(n=12, lo=-3.0, hi=3.0):
    """n random values, then the edge values."""
    return lambda rng, dtype: np.concatenate([_random(rng, dtype, (n,), lo, hi), edges(dtype)])


def left(lo=-3.0, hi=3.0):
    """With right(): every pair of edge values, after ten random pairs."""
    return lambda rng, dtype: np.concatenate([_random(rng, dtype, (10,), lo, hi), np.repeat(edges(dtype), len(edges(dtype)))])


def right(lo=-3.0, hi=3.0):
    return lambda rng, dtype: np.concatenate([_random(rng, dtype, (10,), lo, hi), np.tile(edges(dtype), len(edges(dtype)))])


def bits(*shape):
    """Integers over the whole range of the dtype."""
    def make(rng, dtype):
        info = ml_dtypes.iinfo(dtype)
        return rng.integers(int(info.min), int(info.max), shape, endpoint=True, dtype=dtype if dtype.isbuiltin == 1 else i8).astype(dtype)
    return make


def distinct(*shape, scale=1.0):
    """A shuffled range: no ties, for order statistics."""
    def make(rng, dtype):
        size = int(np.prod(shape))
        return ((rng.permutation(size) - size // 3) * scale).reshape(shape).astype(dtype or f32)
    return make


def positive_definite(n):
    def make(rng, dtype):
        a = rng.uniform(-1, 1, (n, n))
        return (a @ a.T + n * np.eye(n)).astype(dtype or f32)
    return make


def const(values, dtype=None):
    return np.array(values, dtype)


def key(seed=0):
    return np.array([seed >> 32, seed & 0xFFFFFFFF], u32)
