"""Element types: their values as wide NumPy arrays (float64, complex128, int64, uint64, bool), and their bits.

Rounding is to nearest even, once, from float64: for types of at most 16 bits by search in the table of all their
values (decoded by NumPy and ml_dtypes), so that it shares nothing with the library under test.
"""

import functools

import ml_dtypes
import numpy as np

FLOATS = {
    "f4E2M1FN": (4, ml_dtypes.float4_e2m1fn),
    "f6E2M3FN": (6, ml_dtypes.float6_e2m3fn),
    "f6E3M2FN": (6, ml_dtypes.float6_e3m2fn),
    "f8E3M4": (8, ml_dtypes.float8_e3m4),
    "f8E4M3": (8, ml_dtypes.float8_e4m3),
    "f8E4M3B11FNUZ": (8, ml_dtypes.float8_e4m3b11fnuz),
    "f8E4M3FN": (8, ml_dtypes.float8_e4m3fn),
    "f8E4M3FNUZ": (8, ml_dtypes.float8_e4m3fnuz),
    "f8E5M2": (8, ml_dtypes.float8_e5m2),
    "f8E5M2FNUZ": (8, ml_dtypes.float8_e5m2fnuz),
    "f8E8M0FNU": (8, ml_dtypes.float8_e8m0fnu),
    "bf16": (16, ml_dtypes.bfloat16),
    "f16": (16, np.float16),
    "f32": (32, np.float32),
    "f64": (64, np.float64),
}
COMPLEXES = {"complex<f32>": ("f32", np.complex64), "complex<f64>": ("f64", np.complex128)}
SIGNED = {f"i{n}": n for n in (2, 4, 8, 16, 32, 64)}
UNSIGNED = {f"ui{n}": n for n in (2, 4, 8, 16, 32, 64)}
INTEGERS = SIGNED | UNSIGNED
ALL = ["i1", *INTEGERS, *FLOATS, *COMPLEXES]


def is_float(d: str) -> bool:
    return d in FLOATS


def is_complex(d: str) -> bool:
    return d in COMPLEXES


def is_signed(d: str) -> bool:
    return d in SIGNED


def is_integer(d: str) -> bool:
    return d in INTEGERS


def bits(d: str) -> int:
    if d == "i1":
        return 1
    if d in COMPLEXES:
        return 64 if d == "complex<f32>" else 128
    return INTEGERS[d] if d in INTEGERS else FLOATS[d][0]


def real_part(d: str) -> str:
    return COMPLEXES[d][0] if d in COMPLEXES else d


def accumulator(d: str) -> str:
    """What sums of the type run in, as docs/ir-semantics.md says."""
    return {"f64": "f64", "complex<f64>": "complex<f64>", "complex<f32>": "complex<f32>"}.get(d, "f32" if is_float(d) else d)


def wide_dtype(d: str):
    if d == "i1":
        return np.bool_
    if d in SIGNED:
        return np.int64
    if d in UNSIGNED:
        return np.uint64
    return np.complex128 if d in COMPLEXES else np.float64


def integer_range(d: str) -> tuple[int, int]:
    if d == "i1":
        return 0, 1
    n = bits(d)
    return (-(1 << (n - 1)), (1 << (n - 1)) - 1) if d in SIGNED else (0, (1 << n) - 1)


def epsilon(d: str) -> float:
    """The gap between 1 and the next value."""
    part = real_part(d)
    if part == "f8E8M0FNU":
        return 1.0
    return {"f64": 2.0**-52, "f32": 2.0**-23}.get(part) or float(ml_dtypes.finfo(FLOATS[part][1]).eps)


@functools.cache
def table(d: str) -> np.ndarray:
    """The values of all codes of a float type of at most 16 bits."""
    n, native = FLOATS[d]
    codes = np.arange(1 << n, dtype=np.uint8 if n <= 8 else np.uint16)
    values = codes.view(native).astype(np.float64)
    return np.where(np.isnan(values), np.nan, values)  # quiet ones only


@functools.cache
def magnitudes(d: str) -> np.ndarray:
    """The finite non-negative values by code, and one more: what the next code would be were the type larger."""
    values = table(d)
    half = values if d == "f8E8M0FNU" else values[: len(values) // 2]
    finite = half[np.isfinite(half)]
    beyond = 2 * finite[-1] if d == "f8E8M0FNU" else 2 * finite[-1] - finite[-2]
    return np.append(finite, beyond)


def round_codes(d: str, x: np.ndarray) -> np.ndarray:
    """The codes of float64 values rounded to a float type of at most 16 bits."""
    n = bits(d)
    sizes = magnitudes(d)
    x = np.asarray(x, np.float64)
    size = np.abs(x)
    above = np.clip(np.searchsorted(sizes, size), 1, len(sizes) - 1)
    low, high = sizes[above - 1], sizes[above]
    with np.errstate(invalid="ignore"):
        down, up = size - low, high - size  # exact where it matters (Sterbenz)
    code = np.where(down < up, above - 1, np.where(down > up, above, above - 1 + (above - 1) % 2))
    overflow = (code == len(sizes) - 1) | np.isinf(size)
    if d == "f8E8M0FNU":  # no sign, no zero: what is not positive is NaN, but zero is the least value
        code = np.where(overflow | (x < 0) | np.isnan(x), 0xFF, code)
        return code.astype(np.uint8)
    sign = 1 << (n - 1)
    fnuz, finite_only = d.endswith("FNUZ"), d.startswith(("f4", "f6"))
    nan = sign if fnuz or finite_only else np.flatnonzero(np.isnan(table(d)))[0]
    infinite = np.flatnonzero(np.isinf(table(d)))
    top = infinite[0] if len(infinite) else len(sizes) - 2 if finite_only else nan
    code = np.where(overflow, top, code)
    signed = np.where(np.signbit(x), code | sign, code)
    if fnuz:
        signed = np.where((code == 0) | overflow, np.where(overflow, nan, 0), signed)
    signed = np.where(np.isnan(x), nan, signed)
    return signed.astype(np.uint8 if n <= 8 else np.uint16)


def encode(d: str, x) -> bytes:
    """The bytes of a tensor: one item an element; values are rounded, integers wrap."""
    x = np.asarray(x)
    if d == "i1":
        return x.astype(np.bool_).astype(np.uint8).tobytes()
    if d in INTEGERS:
        n = bits(d)
        codes = np.array([int(v) & ((1 << n) - 1) for v in x.ravel()], np.uint64)
        if n < 8 and d in SIGNED:
            codes = np.where(codes >> np.uint64(n - 1) != 0, codes | np.uint64(0x100 - (1 << n)), codes)
        return codes.astype({1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}[max(n, 8) // 8]).tobytes()
    with np.errstate(over="ignore", invalid="ignore"):
        if d in COMPLEXES:
            return x.astype(np.complex128).astype(COMPLEXES[d][1]).tobytes()
        if d in ("f32", "f64"):
            return x.astype(np.float64).astype(FLOATS[d][1]).tobytes()
    return round_codes(d, x).tobytes()


def rounded(d: str, x) -> np.ndarray:
    """The values that `x` becomes in the type."""
    x = np.asarray(x)
    if d == "i1":
        return x.astype(np.bool_)
    if d in INTEGERS:
        n = bits(d)
        values = [int(v) & ((1 << n) - 1) for v in x.ravel()]
        if d in SIGNED:
            values = [v - (1 << n) if v >> (n - 1) else v for v in values]
        return np.array(values, wide_dtype(d)).reshape(x.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        if d in COMPLEXES:
            return x.astype(np.complex128).astype(COMPLEXES[d][1]).astype(np.complex128)
        if d in ("f32", "f64"):
            return x.astype(np.float64).astype(FLOATS[d][1]).astype(np.float64)
    return table(d)[round_codes(d, x)].reshape(x.shape)


@functools.cache
def edges(d: str) -> np.ndarray:
    """Values where things go wrong."""
    if d == "i1":
        return np.array([False, True])
    if d in INTEGERS:
        low, high = integer_range(d)
        wanted = [low, low + 1, -2, -1, 0, 1, 2, 3, bits(d) - 1, bits(d), bits(d) + 1, high - 1, high, high // 2 + 1]
        return np.array(sorted({v for v in wanted if low <= v <= high}), wide_dtype(d))
    if d in COMPLEXES:
        parts = [0.0, -0.0, 1.0, -1.0, 0.5, -2.0, np.inf, -np.inf, np.nan]
        return rounded(d, np.array([complex(a, b) for a in parts for b in parts]))
    wanted = [0.0, -0.0, 1, -1, 0.5, -0.5, 1.5, -1.5, 2, -2, 2.5, 3, -3, 10, -10, np.inf, -np.inf, np.nan]
    if d == "f64":
        wanted += [5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, -1.7976931348623157e308]
    elif d == "f32":
        wanted += [1e-45, -1e-45, 2.0**-126, 2.0**-127, 3.4028234663852886e38, -3.4028234663852886e38]
    else:
        sizes = magnitudes(d)[:-1]
        wanted += [sizes[0], sizes[1], -sizes[1], sizes[-1], -sizes[-1], sizes[-2], sizes[len(sizes) // 2]]
    values = rounded(d, np.array(wanted))
    _, first = np.unique(values.view(np.uint64), return_index=True)
    return values[np.sort(first)]


def random_values(d: str, count: int, rng: np.random.Generator, scale: float = 2.0) -> np.ndarray:
    """Values of moderate size."""
    if d == "i1":
        return rng.integers(0, 2, count).astype(np.bool_)
    if d in INTEGERS:
        low, high = integer_range(d)
        return rng.integers(max(low, -100), min(high, 100), count, endpoint=True).astype(wide_dtype(d))
    if d in COMPLEXES:
        return rounded(d, rng.normal(0, scale, count) + 1j * rng.normal(0, scale, count))
    if d == "f8E8M0FNU":
        return 2.0 ** rng.integers(-6, 7, count)
    return rounded(d, rng.normal(0, scale, count))


def pool(d: str, rng: np.random.Generator, count: int = 64) -> np.ndarray:
    """Edges, moderate values, and values of any size; of types of at most 8 bits all there are."""
    if d == "i1" or bits(d) <= 8:
        if d in FLOATS:
            return table(d).copy()
        low, high = integer_range(d)
        return np.arange(low, high + 1).astype(wide_dtype(d))
    found = [edges(d), random_values(d, count, rng)]
    if d in INTEGERS:
        low, high = integer_range(d)
        found.append(rng.integers(low, high, count, dtype=wide_dtype(d), endpoint=True))
    elif d in COMPLEXES:
        found.append(rounded(d, random_values(d, count, rng) * np.exp(rng.normal(0, 6, count))))
    elif bits(d) == 16:
        found.append(rng.choice(table(d), 4 * count))
    else:
        native = np.uint32 if d == "f32" else np.uint64
        codes = rng.integers(0, np.iinfo(native).max, count, dtype=native, endpoint=True)
        with np.errstate(invalid="ignore"):
            found.append(codes.view(FLOATS[d][1]).astype(np.float64))
    return np.concatenate(found)


def pairs(d: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Operands of a binary op: each edge with each edge, then random ones."""
    if d == "i1" or bits(d) <= 4:
        values = pool(d, rng)
        return np.repeat(values, len(values)), np.tile(values, len(values))
    e = edges(d)
    if d in COMPLEXES:
        e = rng.choice(e, 24)
    x, y = np.repeat(e, len(e)), np.tile(e, len(e))
    more = [pool(d, rng), pool(d, rng)]
    n = min(len(more[0]), len(more[1]))
    near = random_values(d, 48, rng), random_values(d, 48, rng)
    return (np.concatenate([x, rng.permutation(more[0])[:n], near[0]]),
            np.concatenate([y, rng.permutation(more[1])[:n], near[1]]))
