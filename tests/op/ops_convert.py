"""Changes of element type, quantization and top_k."""

import math

import formats
import jax
import jax.numpy as jnp
import numpy as np
from formats import is_complex, is_float, is_integer
from suite import Case, T, op, rng_of


def saturated(v: float, d: str) -> int:
    """Toward zero; what is too large becomes the end of the range, NaN 0 (docs/ir-semantics.md)."""
    if math.isnan(v):
        return 0
    low, high = formats.integer_range(d)
    return (high if v > 0 else low) if math.isinf(v) else min(max(math.trunc(v), low), high)


def to_odd(v: int) -> float:
    """An integer as a double, rounded to odd: rounding that to a narrower type is as rounding the integer once."""
    f = float(v)
    if int(f) == v:
        return f
    if abs(int(f)) > abs(v):
        f = math.nextafter(f, 0)  # truncated
    return f if np.float64(f).view(np.uint64) & np.uint64(1) else math.nextafter(f, math.inf if v > 0 else -math.inf)


def converted(x, source: str, target: str):
    """Values in mode spec (not rounded yet) and in mode real."""
    if source == target:
        return x, x
    if target == "i1":
        y = x != 0
        return y, y
    if is_integer(target):
        if is_float(source) or is_complex(source):
            y = np.array([saturated(float(v.real), target) for v in x], formats.wide_dtype(target))
        else:
            y = formats.rounded(target, x)
        return y, y
    if is_integer(source) or source == "i1":
        once = np.array([to_odd(int(v)) for v in x])
        direct = np.array([float(int(v)) for v in x])
        return (direct if target in ("f64", "complex<f64>") else once), direct
    if is_float(target) and is_complex(source):
        return x.real, x.real
    return x, x


@op("stablehlo.convert")
def convert(d: str):
    cases = []
    for target in formats.ALL:
        x = formats.pool(d, rng_of("convert", d, target))
        if d in ("i64", "ui64"):  # near the ties of narrower types
            ties = [s * ((1 << 62) + (1 << k) + e) for k in (54, 51, 38, 9) for e in (-1, 0, 1) for s in (1, -1)]
            x = np.concatenate([x, np.array([t for t in ties if d == "i64" or t > 0], x.dtype)])
        spec, real = converted(x, d, target)
        cases.append(Case(f"to {target}", [T(d, x)], [T(target, spec)], {"dtype": {"dtype": target}}, real=[T(target, real)]))
    return cases


def codes(d: str, x) -> list[int]:
    """The elements' bits."""
    data, width = formats.encode(d, x), max(formats.bits(d), 8) // 8
    mask = (1 << formats.bits(d)) - 1
    return [int.from_bytes(data[i:i + width], "little") & mask for i in range(0, len(data), width)]


def decoded(d: str, bits: list[int]):
    n = formats.bits(d)
    if d == "i1":
        return np.array([b != 0 for b in bits])
    if is_integer(d):
        return np.array([b - (1 << n) if d in formats.SIGNED and b >> (n - 1) else b for b in bits], formats.wide_dtype(d))
    data = b"".join(b.to_bytes(max(n, 8) // 8, "little") for b in bits)
    if is_complex(d):
        return np.frombuffer(data, formats.COMPLEXES[d][1]).astype(np.complex128)
    return np.frombuffer(data, formats.FLOATS[d][1]).astype(np.float64)


@op("stablehlo.bitcast_convert")
def bitcast_convert(d: str):
    cases = []
    for target in formats.ALL:
        n, m = formats.bits(d), formats.bits(target)
        if is_complex(d) != is_complex(target) or ("i1" in (d, target) and d != target) or max(n, m) % min(n, m):
            continue
        x = formats.pool(d, rng_of("bitcast", d, target))
        x = x[~np.isnan(x)] if is_float(d) or is_complex(d) else x  # mode real keeps no payloads of NaN
        ratio = max(n, m) // min(n, m)
        if n >= m:
            bits = [(c >> (k * m)) & ((1 << m) - 1) for c in codes(d, x) for k in range(ratio)]
            want = decoded(target, bits).reshape(x.shape if n == m else (*x.shape, ratio))
        else:
            x = x[:len(x) // ratio * ratio].reshape(-1, ratio)
            c = codes(d, x)
            want = decoded(target, [sum(c[i + k] << (k * n) for k in range(ratio)) for i in range(0, len(c), ratio)])
        if (is_float(target) or is_complex(target)) and n != m:
            want = np.asarray(want)
        cases.append(Case(f"to {target}", [T(d, x)], [T(target, want)], {"dtype": {"dtype": target}}))
    return cases


def reduced(x, exponent_bits: int, mantissa_bits: int):
    """Rounded to a significand of so many bits; outside the exponent's range infinity or, as XLA flushes subnormals, zero."""
    fraction, exponent = np.frexp(x)
    y = np.ldexp(np.rint(np.ldexp(fraction, mantissa_bits + 1)), exponent - mantissa_bits - 1)
    _, exponent = np.frexp(y)
    bias = (1 << (exponent_bits - 1)) - 1
    y = np.where(np.isinf(y) | (exponent - 1 > bias), np.copysign(np.inf, x), np.where(exponent - 1 <= -bias, np.copysign(0.0, x), y))
    return np.where(np.isfinite(x) & (x != 0), y, x)


@op("stablehlo.reduce_precision")
def reduce_precision(d: str):
    cases = []
    for e, m in ((5, 10), (8, 7), (4, 3), (8, 23), (11, 52), (2, 1), (5, 2)):
        x = formats.pool(d, rng_of("reduce_precision", d))
        want = reduced(x, e, m)
        attributes = {"exponent_bits": e, "mantissa_bits": m}
        cases.append(Case(f"{e} {m}", [T(d, x)], [T(d, want)], attributes))
        if d in ("f32", "f64") and (e, m) in ((5, 10), (8, 7)):
            native = formats.FLOATS[d][1]
            x = x[(np.abs(x) > 1e-30) | (x == 0)]  # XLA:CPU treats the operand's own subnormals as zeros
            by_jax = np.asarray(jax.lax.reduce_precision(jnp.asarray(x.astype(native)), e, m)).astype(np.float64)
            cases.append(Case(f"{e} {m} JAX", [T(d, x)], [T(d, by_jax)], attributes))
    return cases


@op("stablehlo.complex")
def complex_(d: str):
    x, y = formats.pairs(d, rng_of("complex", d))
    want = np.empty(x.shape, np.complex128)
    want.real, want.imag = x, y
    return [Case("values", [T(d, x), T(d, y)], [T({"f32": "complex<f32>", "f64": "complex<f64>"}[d], want)])]


@op("stablehlo.real")
def real(d: str):
    x = formats.pool(d, rng_of("real", d))
    return [Case("values", [T(d, x)], [T(formats.real_part(d), x.real)])]


@op("stablehlo.imag")
def imag(d: str):
    x = formats.pool(d, rng_of("imag", d))
    return [Case("values", [T(d, x)], [T(formats.real_part(d), x.imag)])]


# --- quantization -----------------------------------------------------------------------------------------------------
def spread(parameter, shape, axis, block):
    """Scales or zero points, one an element."""
    if axis < 0:
        return np.broadcast_to(parameter, shape)
    if block:
        return np.repeat(parameter, block, axis)[tuple(slice(0, n) for n in shape)]
    return np.broadcast_to(parameter.reshape([-1 if i == axis else 1 for i in range(len(shape))]), shape)


LAYOUTS = {"whole": (-1, 0), "axis": (1, 0), "blocks": (0, 2)}


def parameters(layout: str, d_zero: str, rng, shape):
    axis, block = LAYOUTS[layout]
    sizes = () if axis < 0 else (shape[axis],) if not block else tuple(-(-n // block) if i == axis else n for i, n in enumerate(shape))
    count = int(np.prod(sizes))
    scale = rng.choice([0.5, 0.1, 1.0, 3.7], count).astype(np.float32).astype(np.float64).reshape(sizes)
    zero = np.zeros(sizes, formats.wide_dtype(d_zero))
    if is_integer(d_zero):
        low, high = formats.integer_range(d_zero)
        zero = rng.integers(max(low, -20), min(high, 20), count, endpoint=True).astype(zero.dtype).reshape(sizes)
    return axis, block, scale, zero


def round_once(x, d: str):
    return formats.rounded(d, x)


@op("ecotone.quantize")
def quantize(d: str):
    """d is the operand's type when a float, else the storage type."""
    rng = rng_of("quantize", d)
    source, storage = (d, "i8") if is_float(d) else ("f32", d)
    cases = []
    shape = (5, 8)
    for layout in LAYOUTS:
        for limits in (None, (0, 3)) if storage == d else (None,):
            if limits and limits[1] > formats.integer_range(storage)[1]:
                continue
            axis, block, scale, zero = parameters(layout, storage, rng, shape)
            x = rng.choice(np.concatenate([formats.edges(source), formats.random_values(source, 64, rng, 30)]), shape)
            low, high = limits or formats.integer_range(storage)
            ratio = round_once(x / spread(scale, shape, axis, block), source)
            want = np.zeros(shape, formats.wide_dtype(storage))
            for at, z in np.ndenumerate(spread(zero, shape, axis, block)):
                r = np.rint(ratio[at])
                want[at] = 0 if np.isnan(r) else (high if r > 0 else low) if np.isinf(r) else min(max(int(r) + int(z), low), high)
            attributes = {"dtype": {"dtype": storage}, "axis": axis, "block_size": block}
            if limits:
                attributes |= {"min": low, "max": high}
            cases.append(Case(f"{layout} {limits}", [T(source, x), T("f32", scale), T(storage, zero)], [T(storage, want)], attributes))
    if is_float(d) and formats.bits(d) == 8 and d != "f8E8M0FNU":  # to a float storage type: saturates
        x, scale = formats.pool("f32", rng), np.float64(0.5)
        top = formats.magnitudes(d)[-2]
        ratio = round_once(x / scale, "f32")
        want = np.where(np.isnan(ratio), np.nan, np.clip(ratio, -top, top))
        cases.append(Case("to float", [T("f32", x), T("f32", scale), T(d, np.float64(0))], [T(d, want)],
                          {"dtype": {"dtype": d}}, real=[T(d, formats.rounded(d, want))]))
    return cases


@op("ecotone.dequantize")
def dequantize(d: str):
    rng = rng_of("dequantize", d)
    cases = []
    shape = (5, 8)
    for layout in LAYOUTS:
        for result in ("f32", "f16", "f64"):
            axis, block, scale, zero = parameters(layout, d, rng, shape)
            x = rng.choice(np.concatenate([formats.edges(d), formats.random_values(d, 64, rng)]), shape)
            z = spread(zero, shape, axis, block)
            if is_float(d):
                centred = x - z
            else:
                centred = np.array([float(int(a) - int(b)) for a, b in zip(x.ravel(), z.ravel(), strict=True)]).reshape(shape)
            by = spread(scale, shape, axis, block)
            # In f32 the difference is rounded before it is scaled, as two ops would.
            spec = (round_once(centred, "f32") if result == "f32" else centred) * by
            if d == "f8E8M0FNU":
                zero = np.full_like(zero, 2.0**-127)  # its least value: it has no zero
                continue
            cases.append(Case(f"{layout} to {result}", [T(d, x), T("f32", scale), T(d, zero)], [T(result, spec)],
                              {"dtype": {"dtype": result}, "axis": axis, "block_size": block}, real=[T(result, centred * by)]))
    if d == "f8E8M0FNU":
        x, zero, scale = formats.pool(d, rng), np.float64(2.0**-127), np.float64(0.5)  # its least value: it has no zero
        cases.append(Case("whole", [T(d, x), T("f32", scale), T(d, zero)], [T("f64", (x - zero) * scale)], {"dtype": {"dtype": "f64"}}))
    return cases


# --- top_k ------------------------------------------------------------------------------------------------------------
@op("chlo.top_k")
def top_k(d: str):
    rng = rng_of("top_k", d)
    cases = []
    for shape, k in (((12,), 5), ((3, 8), 8), ((2, 4), 0)):
        x = rng.choice(formats.pool(d, rng), shape)
        lines = x.reshape(-1, shape[-1])
        order = []
        for line in lines:
            key = (lambda v: (not np.isnan(v), -v)) if is_float(d) else (lambda v: -int(v))
            order.append(sorted(range(len(line)), key=lambda i, line=line, key=key: key(line[i]))[:k])
        index = np.array(order, np.int64).reshape(len(lines), k)
        want = np.take_along_axis(lines, index, 1).reshape(*shape[:-1], k)
        cases.append(Case(f"{shape} {k}", [T(d, x)], [T(d, want), T("i32", index.reshape(*shape[:-1], k))], {"k": k}))
    return cases
