"""jax.numpy: ufuncs, statistics, shapes, indexing, linear algebra, FFT."""

import functools

import jax.numpy as jnp
import numpy as np

from suite import (ALL, C, F, FC, FD, I, SI, add, arr, b1, bf16, bits, c64, const, distinct, f32, f64, i8, i16, i32, i64, left,
                   positive_definite, right, typed, u8, u16, u32, u64, vec)

N = functools.partial(add, "numpy")


def case(name, *makers, **options):
    N(f"jnp.{name}", getattr(jnp, name), *makers, **options)


# --- ufuncs ----------------------------------------------------------------------------------------------------------
for _f in ("abs", "fabs", "negative", "positive", "floor", "ceil", "trunc", "rint", "square", "signbit", "isnan", "isinf", "isfinite", "isposinf",
           "isneginf", "nan_to_num"):
    case(_f, vec(), dtypes=F)
for _f in ("sign", "conj", "real", "imag", "isreal", "iscomplex", "logical_not", "positive"):
    N(f"jnp.{_f}-types", getattr(jnp, _f), arr(7), dtypes=(f32, i32, c64) + ((b1,) if _f == "logical_not" else ()), tolerance="elementary")
for _f in ("bitwise_not", "invert", "bitwise_count"):
    case(_f, vec(), dtypes=I)
for _f in ("exp", "exp2", "expm1", "sin", "cos", "tanh", "sinh", "cosh", "arctan", "arcsinh", "cbrt", "sinc", "deg2rad", "rad2deg", "degrees", "radians"):
    case(_f, arr(14, lo=-3, hi=3), dtypes=F, tolerance="composed")
for _f in ("log", "log2", "log10", "log1p", "sqrt", "reciprocal"):
    case(_f, vec(lo=0.1, hi=9), dtypes=F, tolerance="composed")
for _f in ("tan", "arcsin", "arccos", "arctanh", "i0"):
    case(_f, arr(12, lo=-0.95, hi=0.95), dtypes=FD, tolerance="composed")
case("arccosh", arr(12, lo=1.1, hi=9), dtypes=FD, tolerance="composed")
case("angle", arr(8), dtypes=C, tolerance="elementary")
case("round", vec(), dtypes=FD)
N("jnp.round-decimals", lambda x: (jnp.round(x, 2), jnp.around(x, -1)), arr(9, lo=-99, hi=99), dtypes=FD, tolerance="rounding")
N("jnp.frexp", jnp.frexp, arr(9, lo=-99, hi=99), dtypes=FD)
N("jnp.modf", jnp.modf, arr(9, lo=-99, hi=99), dtypes=FD, tolerance="unsigned_zero")
case("ldexp", arr(5), const([0, 1, -3, 10, 2], i32), dtypes=FD)
case("spacing", arr(6), dtypes=FD) if hasattr(jnp, "spacing") else None
for _f in ("add", "subtract", "multiply"):
    case(_f, left(), right(), dtypes=FD + (i32, u8, i64))
case("divide", left(), right(), dtypes=FD)
N("jnp.true_divide-int", jnp.true_divide, left(-99, 99), right(-9, 9), dtypes=(i32, u8))
for _f in ("floor_divide", "mod", "remainder", "fmod"):
    case(_f, left(-50, 50), right(-9, 9), dtypes=(f32, f64, i32, u8, i64), tolerance="unsigned_zero")
N("jnp.divmod", jnp.divmod, arr(12, lo=-50, hi=50), arr(12, lo=1, hi=9), dtypes=(f32, i32, u8), tolerance="rounding")
for _f in ("maximum", "minimum", "fmax", "fmin"):
    case(_f, left(), right(), dtypes=(f32, f64, bf16, i32, u8), tolerance="unsigned_zero")
for _f in ("power", "float_power"):
    case(_f, arr(9, lo=0.1, hi=4), arr(9, lo=-3, hi=3), dtypes=FD, tolerance="composed")
N("jnp.power-int", jnp.power, arr(9, lo=-9, hi=9), arr(9, lo=0, hi=6), dtypes=(i32, i64, u8))
for _f in ("arctan2", "hypot", "logaddexp", "logaddexp2", "copysign", "heaviside"):
    case(_f, left(), right(), dtypes=FD, tolerance="composed")
case("nextafter", arr(8, lo=1), arr(8, lo=-9, hi=9), dtypes=FD)
for _f in ("gcd", "lcm"):
    case(_f, arr(9, lo=-60, hi=60), arr(9, lo=-60, hi=60), dtypes=(i32, i64, u8))
for _f in ("bitwise_and", "bitwise_or", "bitwise_xor"):
    case(_f, left(), right(), dtypes=(i8, u32, b1))
for _f in ("left_shift", "right_shift"):
    case(_f, bits(9), lambda rng, d: np.array([0, 1, 2, 3, 5, 7, 8, 33, 100]).astype(d), dtypes=(i8, i32, u32, u64))
for _f in ("logical_and", "logical_or", "logical_xor"):
    case(_f, left(), right(), dtypes=(f32, i32, b1))
for _f in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"):
    case(_f, left(), right(), dtypes=(f32, i32, u8, b1))
case("isclose", left(), right(), dtypes=(f32, f64))
case("allclose", arr(5), arr(5), dtypes=f32)
case("array_equal", arr(5), arr(5), dtypes=(f32, i32))
case("array_equiv", arr(5), arr(5), dtypes=(f32, i32))
N("jnp.promotion", lambda a, b, c, d: (a + b, b * c, c - d, a * d, b + 1.5, c + 1j, a / 2), typed(i8, 4), typed(i32, 4), typed(bf16, 4), typed(f32, 4),
  tolerance="rounding")

# --- reductions and statistics ---------------------------------------------------------------------------------------
for _f in ("sum", "prod", "mean", "std", "var", "nansum", "nanmean", "nanstd", "nanvar", "nanprod"):
    N(f"jnp.{_f}", lambda x, f=getattr(jnp, _f): (f(x), f(x, axis=1), f(x, axis=0, keepdims=True)), arr(3, 5), dtypes=(f32, f64, bf16, i32)
      if not _f.startswith("nan") else FD, tolerance="sum")
for _f in ("max", "min", "ptp", "argmax", "argmin", "nanmax", "nanmin", "nanargmax", "nanargmin", "all", "any", "count_nonzero"):
    N(f"jnp.{_f}", lambda x, f=getattr(jnp, _f): (f(x), f(x, axis=1)), arr(4, 5, lo=-9, hi=9), dtypes=(f32, i32, u8) if "nan" not in _f else FD)
N("jnp.nansum-nan", lambda x: (jnp.nansum(x), jnp.nanmean(x), jnp.nanmax(x), jnp.max(x), jnp.argmax(x)), const([1, np.nan, 3, -2, np.nan], f32),
  tolerance="sum")
for _f in ("median", "nanmedian"):
    N(f"jnp.{_f}", lambda x, f=getattr(jnp, _f): (f(x), f(x, axis=0)), distinct(4, 5), dtypes=FD, tolerance="rounding")
for _f in ("quantile", "percentile", "nanquantile"):
    N(f"jnp.{_f}", lambda x, f=getattr(jnp, _f), s=100 if _f == "percentile" else 1: f(x, np.array([0.1, 0.5, 0.9]) * s), distinct(11), dtypes=FD,
      tolerance="sum")
N("jnp.quantile-methods", lambda x: [jnp.quantile(x, 0.3, method=m) for m in ("lower", "higher", "midpoint", "nearest")], distinct(9), dtypes=f32,
  tolerance="rounding")
case("average", arr(3, 4), dtypes=FD, tolerance="sum")
N("jnp.average-weights", lambda x, w: jnp.average(x, axis=1, weights=w), arr(3, 4), arr(4, lo=0.1), dtypes=f32, tolerance="sum")
case("cov", arr(3, 6), dtypes=FD, tolerance="sum")
case("corrcoef", arr(3, 6), dtypes=FD, tolerance="composed")
for _f in ("cumsum", "cumprod", "nancumsum", "nancumprod"):
    N(f"jnp.{_f}", lambda x, f=getattr(jnp, _f): (f(x), f(x, axis=0)), arr(3, 4), dtypes=(f32, f64) + (() if "nan" in _f else (i32,)), tolerance="sum")
N("jnp.cumulative_sum", lambda x: jnp.cumulative_sum(x, include_initial=True), arr(5), dtypes=(f32, i32), tolerance="sum")
N("jnp.histogram", lambda x: jnp.histogram(x, bins=4, range=(-2, 2)), arr(20), dtypes=f32, tolerance="rounding")
N("jnp.histogram2d", lambda x, y: jnp.histogram2d(x, y, bins=3, range=[[-2, 2], [-2, 2]])[0], arr(20), arr(20), dtypes=f32)
N("jnp.bincount", lambda x: jnp.bincount(x, length=6), const([0, 1, 1, 5, 3, 1], i32))
N("jnp.digitize", jnp.digitize, arr(9), const([-1, 0, 0.5, 1.5], f32), dtypes=f32)
N("jnp.trapezoid", jnp.trapezoid, arr(3, 6), dtypes=FD, tolerance="sum")
N("jnp.diff", lambda x: (jnp.diff(x), jnp.diff(x, n=2, axis=0)), arr(4, 5), dtypes=(f32, i32), tolerance="rounding")
N("jnp.ediff1d", jnp.ediff1d, arr(6), dtypes=(f32, i32))
N("jnp.gradient", jnp.gradient, arr(6), dtypes=FD, tolerance="rounding")
N("jnp.interp", jnp.interp, arr(9, lo=-4, hi=4), np.array([-2.0, 0.0, 1.0, 3.0]), np.array([1.0, -1.0, 0.5, 2.0]), dtypes=FD, tolerance="composed")
N("jnp.convolve", lambda x, w: [jnp.convolve(x, w, m) for m in ("full", "same", "valid")], arr(7), arr(3), dtypes=FD, tolerance="sum")
N("jnp.correlate", lambda x, w: jnp.correlate(x, w, "full"), arr(6), arr(3), dtypes=f32, tolerance="sum")

# --- polynomials and windows -----------------------------------------------------------------------------------------
N("jnp.polyval", jnp.polyval, arr(4), arr(6), dtypes=FD, tolerance="sum")
N("jnp.polyadd", jnp.polyadd, arr(4), arr(3), dtypes=FD)
N("jnp.polysub", jnp.polysub, arr(4), arr(3), dtypes=FD)
N("jnp.polymul", jnp.polymul, arr(4), arr(3), dtypes=FD, tolerance="sum")
N("jnp.polyder", jnp.polyder, arr(4), dtypes=FD, tolerance="rounding")
N("jnp.polyint", jnp.polyint, arr(4), dtypes=FD, tolerance="rounding")
N("jnp.vander", lambda x: jnp.vander(x, 4), arr(3), dtypes=FD, tolerance="sum")
for _f in ("hamming", "hanning", "blackman", "bartlett"):
    N(f"jnp.{_f}", lambda x, f=getattr(jnp, _f): x * f(8), arr(8), tolerance="composed")
N("jnp.kaiser", lambda x: x * jnp.kaiser(8, 4.0), arr(8), tolerance="special")

# --- shapes ----------------------------------------------------------------------------------------------------------
N("jnp.reshape", lambda x: (jnp.reshape(x, (4, -1)), x.reshape(3, 4, order="F")), arr(2, 6))
N("jnp.ravel", lambda x: (jnp.ravel(x), x.ravel(order="F")), arr(2, 3))
N("jnp.transpose", lambda x: (x.T, jnp.transpose(x, (1, 0, 2)), jnp.matrix_transpose(x)), arr(2, 3, 4))
N("jnp.moveaxis", lambda x: (jnp.moveaxis(x, 0, -1), jnp.rollaxis(x, 2), jnp.swapaxes(x, 0, 2)), arr(2, 3, 4))
N("jnp.expand_dims", lambda x: (jnp.expand_dims(x, (0, 2)), jnp.squeeze(x[None]), jnp.atleast_1d(x[0, 0]), jnp.atleast_2d(x[0]), jnp.atleast_3d(x)), arr(2, 3))
N("jnp.concatenate", lambda x, y: (jnp.concatenate([x, y]), jnp.concatenate([x, y], axis=1), jnp.append(x, y)), arr(2, 3), arr(2, 3), dtypes=(f32, i8))
for _f in ("stack", "vstack", "hstack", "dstack", "column_stack"):
    N(f"jnp.{_f}", lambda x, y, f=getattr(jnp, _f): f([x, y]), arr(2, 3), arr(2, 3), dtypes=(f32, i8))
N("jnp.block", lambda x, y: jnp.block([[x, y], [y, x]]), arr(2, 2), arr(2, 2))
for _f in ("split", "array_split", "hsplit", "vsplit"):
    N(f"jnp.{_f}", lambda x, f=getattr(jnp, _f): f(x, 2), arr(4, 6))
N("jnp.array_split-uneven", lambda x: jnp.array_split(x, 3, axis=1), arr(2, 7))
N("jnp.unstack", lambda x: jnp.unstack(x, axis=1), arr(2, 3))
N("jnp.tile", lambda x: jnp.tile(x, (2, 1, 3)), arr(2, 2))
N("jnp.repeat", lambda x: (jnp.repeat(x, 3), jnp.repeat(x, 2, axis=1)), arr(2, 3))
N("jnp.repeat-array", lambda x, n: jnp.repeat(x, n, axis=0, total_repeat_length=6), arr(3, 2), const([1, 3, 2], i32))
for _f in ("flip", "fliplr", "flipud", "rot90"):
    N(f"jnp.{_f}", getattr(jnp, _f), arr(3, 4))
N("jnp.roll", lambda x: (jnp.roll(x, 2), jnp.roll(x, (1, -1), axis=(0, 1))), arr(3, 4))
N("jnp.roll-dynamic", lambda x, n: jnp.roll(x, n, axis=0), arr(5), const(3, i32))
for _mode in ("constant", "edge", "reflect", "symmetric", "wrap", "linear_ramp", "maximum", "mean"):
    N(f"jnp.pad-{_mode}", lambda x, m=_mode: jnp.pad(x, ((1, 2), (2, 0)), mode=m), arr(4, 3), dtypes=f32, tolerance="sum")
N("jnp.broadcast_to", lambda x: jnp.broadcast_to(x, (2, 3, 4)), arr(3, 1))
N("jnp.broadcast_arrays", lambda x, y: jnp.broadcast_arrays(x, y), arr(3, 1), arr(4))
N("jnp.resize", lambda x: jnp.resize(x, (3, 3)), arr(4))
N("jnp.delete", lambda x: jnp.delete(x, 1, axis=0), arr(4, 2))
N("jnp.insert", lambda x: jnp.insert(x, 1, 9.0, axis=0), arr(4, 2))
N("jnp.fill_diagonal", lambda x: jnp.fill_diagonal(x, 7, inplace=False), arr(3, 3))
for _f in ("diag", "diagflat", "tril", "triu", "diagonal", "trace"):
    N(f"jnp.{_f}", getattr(jnp, _f), arr(3, 3), dtypes=(f32, i32), tolerance="rounding")
N("jnp.diag-vector", lambda x: jnp.diag(x, k=-1), arr(3))
N("jnp.meshgrid", lambda x, y: jnp.meshgrid(x, y), arr(2), arr(3))
N("jnp.ix_", lambda x: jnp.ix_(x, x), typed(i32, 3))
N("jnp.arange", lambda: (jnp.arange(5), jnp.arange(2, 9, 3), jnp.arange(0, 1, 0.25), jnp.arange(4, dtype=bf16)))
N("jnp.linspace", lambda a, b: (jnp.linspace(a, b, 7), jnp.linspace(a, b, 4, endpoint=False)), arr(), arr(), dtypes=FD, tolerance="sum")
N("jnp.logspace", lambda a, b: jnp.logspace(a, b, 5), arr(), arr(), dtypes=FD, tolerance="composed")
N("jnp.geomspace", lambda a, b: jnp.geomspace(a, b, 5), arr(lo=1), arr(lo=1), dtypes=f64, tolerance="composed")
N("jnp.eye", lambda: (jnp.eye(3), jnp.eye(2, 4, k=1, dtype=i8), jnp.identity(2, dtype=c64), jnp.tri(3, 4, k=-1)))
N("jnp.indices", lambda: jnp.indices((2, 3)))
N("jnp.full", lambda: (jnp.zeros((2, 0)), jnp.ones(3, dtype=bf16), jnp.full((2,), np.inf), jnp.full(3, -7, dtype=i8)))
N("jnp.zeros_like", lambda x: (jnp.zeros_like(x), jnp.ones_like(x), jnp.full_like(x, 3), jnp.empty_like(x)), arr(2, 3), dtypes=ALL)
N("jnp.astype", lambda x: [x.astype(d) for d in (i8, u16, f64, bf16, c64, b1)], arr(6, lo=0, hi=100))
N("jnp.view", lambda x: (x.view(i32), x.view(u8)), arr(2, 3))

# --- indexing, searching, sets ---------------------------------------------------------------------------------------
N("jnp.getitem-slices", lambda x: (x[1:, ::2], x[..., -1], x[::-1], x[None, 1], x[-1, 1:3]), arr(3, 5))
N("jnp.getitem-integers", lambda x, i, j: (x[i], x[i, j], x[:, j], x[i[:, None], j]), arr(4, 5), const([0, -1, 2], i32), const([1, 4, -9], i32))
N("jnp.getitem-bounds", lambda x, i: (x[i], x.at[i].get(mode="fill", fill_value=5), x.at[i].get(mode="clip")), arr(4), const([0, 9, -5, 3], i32))
N("jnp.getitem-scalar", lambda x, i: (x[i], x[i, 1:], x[:, i]), arr(4, 5), const(-2, i64))
N("jnp.at-set", lambda x, i, u: x.at[i].set(u), arr(5, 2), const([0, 3, 9], i32), arr(3, 2), dtypes=(f32, i8, c64))
N("jnp.at-add", lambda x, i, u: x.at[i].add(u), arr(5, 2), const([0, 3, 0], i32), arr(3, 2), dtypes=(f32, i32), tolerance="rounding")
N("jnp.at-ops", lambda x: (x.at[1].mul(3), x.at[0, 1:].min(0), x.at[:, 2].max(1), x.at[::2].divide(2), x.at[1].power(2), x.at[2].apply(jnp.sin)),
  arr(3, 4), tolerance="elementary")
N("jnp.take", lambda x, i: (jnp.take(x, i), jnp.take(x, i, axis=1), jnp.take(x, i, axis=0, mode="clip"), jnp.take(x, i, axis=0, mode="wrap")), arr(3, 4),
  const([0, 2, 5, -1], i32))
N("jnp.take_along_axis", lambda x, i: jnp.take_along_axis(x, i, axis=1), arr(3, 4), const([[0, 2], [3, 3], [-1, 1]], i64), dtypes=(f32, i8))
N("jnp.put_along_axis", lambda x, i, v: jnp.put_along_axis(x, i, v, axis=1, inplace=False), arr(3, 4), const([[0, 2], [3, 1], [1, 2]], i64), arr(3, 2))
N("jnp.put", lambda x, i, v: jnp.put(x, i, v, inplace=False), arr(6), const([0, 5, 2], i32), arr(3))
N("jnp.choose", lambda i, x, y: jnp.choose(i, [x, y], mode="clip"), const([0, 1, 1], i32), arr(3), arr(3))
N("jnp.compress", lambda c, x: jnp.compress(c, x, axis=0, size=2), const([True, False, True]), arr(3, 2))
N("jnp.extract", lambda c, x: jnp.extract(c, x, size=3), const([True, False, True, True, False]), arr(5))
N("jnp.select", lambda x: jnp.select([x < -1, x < 1], [x, x * x], 7), arr(8), tolerance="rounding")
N("jnp.piecewise", lambda x: jnp.piecewise(x, [x < 0, x >= 1], [lambda v: -v, lambda v: v * 2, 0.5]), arr(8), tolerance="rounding")
N("jnp.where", lambda c, x, y: jnp.where(c, x, y), typed(b1, 3, 1), arr(4), arr(3, 4), dtypes=(f32, i8, bf16))
N("jnp.clip", lambda x: (jnp.clip(x, -1, 1), jnp.clip(x, min=0)), vec(), dtypes=(f32, i32), tolerance="unsigned_zero")
N("jnp.nonzero", lambda x: jnp.nonzero(x, size=5, fill_value=-1), const([[0, 1, 2], [0, 0, 3]], i32))
N("jnp.flatnonzero", lambda x: jnp.flatnonzero(x, size=4), const([0, 1, 2, 0, 0, 3], i32))
N("jnp.argwhere", lambda x: jnp.argwhere(x, size=4), const([[0, 1, 2], [0, 0, 3]], i32))
N("jnp.unique", lambda x: jnp.unique(x, size=5, return_inverse=True, return_counts=True), const([3, 1, 1, 2, 3, 9], i32))
N("jnp.union1d", lambda x, y: jnp.union1d(x, y, size=7), const([3, 1, 1], i32), const([4, 1, 7, 3], i32))
N("jnp.intersect1d", lambda x, y: jnp.intersect1d(x, y, size=3), const([3, 1, 1], i32), const([4, 1, 7, 3], i32))
N("jnp.setdiff1d", lambda x, y: jnp.setdiff1d(x, y, size=3), const([3, 1, 2], i32), const([4, 1, 7], i32))
N("jnp.isin", jnp.isin, const([3, 1, 2, 8], i32), const([4, 1, 8], i32))
N("jnp.searchsorted", lambda x, v: [jnp.searchsorted(x, v, side=s, method=m) for s in ("left", "right") for m in ("scan", "sort", "compare_all")],
  const([-1, 0, 0, 2, 5], f32), const([0, 3, -9, 9, 0.5, np.nan], f32))
N("jnp.unravel_index", lambda i: jnp.unravel_index(i, (3, 4)), const([0, 5, 11], i32))
N("jnp.ravel_multi_index", lambda i, j: jnp.ravel_multi_index((i, j), (3, 4), mode="clip"), const([0, 2], i32), const([3, 1], i32))
N("jnp.triu_indices_from", lambda x: x[jnp.triu_indices_from(x, 1)], arr(3, 3))
N("jnp.tril_indices", lambda x: x[jnp.tril_indices(3)], arr(3, 3))
N("jnp.packbits", lambda x: (jnp.packbits(x), jnp.packbits(x, axis=0, bitorder="little")), typed(b1, 9, 3))
N("jnp.unpackbits", lambda x: jnp.unpackbits(x, axis=1), bits(2, 2), dtypes=u8)
N("jnp.apply_along_axis", lambda x: jnp.apply_along_axis(lambda v: v.max() - v, 0, x), arr(4, 3))
N("jnp.vectorize", lambda x, y: jnp.vectorize(lambda a, b: a @ b, signature="(n),(n)->()")(x, y), arr(3, 4), arr(4), tolerance="sum")
N("jnp.lexsort", lambda x, y: jnp.lexsort((x, y)), typed(i32, 9, lo=0, hi=3), typed(i32, 9, lo=0, hi=3))
S = functools.partial(add, "sort")
S("jnp.sort", lambda x: (jnp.sort(x), jnp.sort(x, axis=0, descending=True)), arr(3, 6), dtypes=(f32, i32, u8, bf16, b1))
S("jnp.argsort", lambda x: (jnp.argsort(x), jnp.argsort(x, descending=True, stable=True)), arr(3, 6), dtypes=(f32, i32, u8))
S("jnp.sort-nan", lambda x: (jnp.sort(x), jnp.argsort(x)), const([3, np.nan, -0.0, 0.0, -np.inf, np.nan, np.inf], f32))
S("jnp.partition", lambda x: jnp.partition(x, 3), distinct(8), dtypes=(f32, i32))
S("jnp.argpartition", lambda x: jnp.argpartition(x, 3), distinct(8))
S("jnp.sort_complex", jnp.sort_complex, arr(6), dtypes=(c64,))

# --- contractions and linear algebra ------------------------------------------------------------------------------------
for _f in ("dot", "matmul", "inner", "vdot", "kron", "outer", "tensordot"):
    N(f"jnp.{_f}", (lambda x, y: jnp.tensordot(x, y, axes=1)) if _f == "tensordot" else getattr(jnp, _f), arr(3, 3), arr(3, 3), dtypes=(f32, f64, i32, c64),
      tolerance="sum")
N("jnp.matmul-batch", lambda x, y: x @ y, arr(2, 1, 3, 4), arr(5, 4, 2), dtypes=FD + (bf16,), tolerance="sum")
N("jnp.matvec", lambda x, y: (jnp.matvec(x, y), jnp.vecmat(y, x.mT), jnp.vecdot(y, y)), arr(3, 4), arr(4), tolerance="sum")
for _name, _spec, _shapes in (("matmul", "ij,jk->ik", ((2, 3), (3, 4))), ("batch", "bij,bkj->bik", ((2, 2, 3), (2, 4, 3))), ("trace", "ii", ((3, 3),)),
                              ("diagonal", "ii->i", ((3, 3),)), ("three", "ij,jk,kl->il", ((2, 3), (3, 2), (2, 4))),
                              ("ellipsis", "...ij,...j->...i", ((2, 3, 4), (2, 4))), ("transpose", "ijk->kij", ((2, 3, 4),))):
    N(f"jnp.einsum-{_name}", lambda *x, s=_spec: jnp.einsum(s, *x), *(arr(*s) for s in _shapes), dtypes=FD, tolerance="sum")
N("jnp.cross", jnp.cross, arr(4, 3), arr(4, 3), dtypes=FD, tolerance="rounding")
A = functools.partial(add, "linalg", tolerance="composed")
A("jnp.linalg.norm", lambda x: (jnp.linalg.norm(x), jnp.linalg.norm(x, axis=1), jnp.linalg.norm(x, ord=1), jnp.linalg.norm(x, ord=np.inf, axis=0),
  jnp.linalg.norm(x, ord=3, axis=1)), arr(3, 4), dtypes=FD)
A("jnp.linalg.det", lambda x, y: (jnp.linalg.det(x), jnp.linalg.det(y)), arr(2, 2), arr(3, 3), dtypes=FD)
A("jnp.linalg.matrix_power", lambda x: jnp.linalg.matrix_power(x, 5), arr(3, 3, lo=-1, hi=1), dtypes=FD)
A("jnp.linalg.multi_dot", lambda x, y, z: jnp.linalg.multi_dot([x, y, z]), arr(3, 4), arr(4, 2), arr(2, 5), dtypes=FD)
A("jnp.linalg.cholesky", jnp.linalg.cholesky, positive_definite(4), dtypes=FD, platform="tpu")
A("jnp.linalg.vector_norm", lambda x: (jnp.linalg.vector_norm(x), jnp.linalg.matrix_norm(x), jnp.linalg.trace(x), jnp.linalg.diagonal(x)), arr(3, 3))
A("jnp.linalg.outer", lambda x, y: (jnp.linalg.outer(x, y), jnp.linalg.cross(x[:3], y[:3]), jnp.linalg.tensordot(x, y, axes=1)), arr(4), arr(4))

# --- FFT -------------------------------------------------------------------------------------------------------------
T = functools.partial(add, "fft", tolerance="composed")
for _n in (8, 7, 12):
    T(f"jnp.fft.fft-{_n}", jnp.fft.fft, arr(2, _n), dtypes=C)
    T(f"jnp.fft.ifft-{_n}", jnp.fft.ifft, arr(2, _n), dtypes=C)
    T(f"jnp.fft.rfft-{_n}", jnp.fft.rfft, arr(2, _n), dtypes=FD)
    T(f"jnp.fft.irfft-{_n}", lambda x, n=_n: jnp.fft.irfft(x, n=n), arr(2, _n // 2 + 1), dtypes=C)
for _f in ("fft2", "ifft2"):
    T(f"jnp.fft.{_f}", getattr(jnp.fft, _f), arr(3, 4), dtypes=C)
for _f in ("fftn", "ifftn"):
    T(f"jnp.fft.{_f}", getattr(jnp.fft, _f), arr(2, 3, 4), dtypes=C)
T("jnp.fft.rfft2", jnp.fft.rfft2, arr(3, 4), dtypes=FD)
T("jnp.fft.rfftn", jnp.fft.rfftn, arr(2, 3, 4), dtypes=FD)
T("jnp.fft.irfft2", jnp.fft.irfft2, arr(3, 3), dtypes=C)
T("jnp.fft.irfftn", jnp.fft.irfftn, arr(2, 3, 3), dtypes=C)
T("jnp.fft.hfft", jnp.fft.hfft, arr(5), dtypes=C)
T("jnp.fft.ihfft", jnp.fft.ihfft, arr(6), dtypes=FD)
T("jnp.fft.fftshift", lambda x: (jnp.fft.fftshift(x), jnp.fft.ifftshift(x), jnp.fft.fftfreq(5), jnp.fft.rfftfreq(6)), arr(3, 5))
T("jnp.fft.fft-padded", lambda x: (jnp.fft.fft(x, n=10), jnp.fft.fft(x, n=4), jnp.fft.fft(x, norm="ortho")), arr(6), dtypes=C)
T("lax.fft-real_large", lambda x: jnp.abs(jnp.fft.rfft(x)), arr(64), dtypes=FD)
