"""jax.lax: elementwise operations, conversions, shapes, indexing, reductions, contractions, windows."""

import functools

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
from jax import lax

from suite import (ALL, C, F, F8, FC, FD, I, SHORT, SI, UI, add, arr, b1, bf16, bits, c64, const, distinct, edges, f16, f32, f64, i4, i8,
                   i16, i32, i64, left, positive_definite, right, typed, u4, u8, u16, u32, u64, vec)

L = functools.partial(add, "lax")

# --- elementwise, one operand ---------------------------------------------------------------------------------------
L("lax.abs", lax.abs, vec(), dtypes=F + SI)
L("lax.abs-complex", lax.abs, vec(), dtypes=C, tolerance="elementary")
L("lax.neg", lax.neg, vec(), dtypes=ALL)
L("lax.sign", lax.sign, vec(), dtypes=F + I)
L("lax.sign-complex", lax.sign, vec(), dtypes=C, tolerance="elementary")
L("lax.floor", lax.floor, vec(), dtypes=F)
L("lax.ceil", lax.ceil, vec(), dtypes=F)
for _name, _method in (("afz", lax.RoundingMethod.AWAY_FROM_ZERO), ("even", lax.RoundingMethod.TO_NEAREST_EVEN)):
    L(f"lax.round-{_name}", functools.partial(lax.round, rounding_method=_method), vec(), dtypes=F)
L("lax.is_finite", lax.is_finite, vec(), dtypes=F)
L("lax.square", lax.square, vec(), dtypes=F + I)
L("lax.square-complex", lax.square, arr(9), dtypes=C, tolerance="rounding")
L("lax.reciprocal", lax.reciprocal, vec(), dtypes=F)
L("lax.sqrt", lax.sqrt, vec(lo=0), dtypes=F, tolerance="elementary")
L("lax.rsqrt", lax.rsqrt, vec(lo=0.1), dtypes=F, tolerance="elementary")
for _f in ("cbrt", "exp", "exp2", "expm1", "sin", "cos", "tanh", "sinh", "cosh", "atan", "asinh", "logistic", "erf", "erfc"):
    L(f"lax.{_f}", getattr(lax, _f), vec(), dtypes=F, tolerance="elementary")
L("lax.tan", lax.tan, vec(lo=-1.4, hi=1.4), dtypes=F, tolerance="elementary")
for _f in ("log", "log1p"):
    L(f"lax.{_f}", getattr(lax, _f), vec(lo=-0.5, hi=9), dtypes=F, tolerance="elementary")
for _f in ("asin", "acos", "atanh", "erf_inv"):
    L(f"lax.{_f}", getattr(lax, _f), vec(lo=-0.95, hi=0.95), dtypes=F, tolerance="composed")
L("lax.acosh", lax.acosh, vec(lo=1, hi=9), dtypes=F, tolerance="elementary")
L("lax.lgamma", lax.lgamma, vec(lo=0.1, hi=20), dtypes=F, tolerance="special")
L("lax.lgamma-negative", lax.lgamma, arr(12, lo=-4.9, hi=-0.1), dtypes=FD, tolerance="loose")
L("lax.digamma", lax.digamma, vec(lo=0.1, hi=20), dtypes=FD, tolerance="special")
for _f in ("bessel_i0e", "bessel_i1e"):
    L(f"lax.{_f}", getattr(lax, _f), vec(lo=-9, hi=9), dtypes=FD, tolerance="special")
for _f in ("exp", "log", "sqrt", "rsqrt", "tanh", "sin", "cos", "log1p", "expm1", "logistic", "tan", "sinh", "cosh", "asin", "acos",
           "atan", "asinh", "acosh", "atanh"):
    L(f"lax.{_f}-complex", getattr(lax, _f), arr(10), dtypes=C, tolerance="special")
L("lax.real", lax.real, arr(4), dtypes=C)
L("lax.imag", lax.imag, arr(4), dtypes=C)
L("lax.conj", lax.conj, arr(4), dtypes=C)
L("lax.integer_pow", lambda x: [lax.integer_pow(x, n) for n in (0, 1, 2, 3, 7)], vec(), dtypes=FD + (i32, i64, u8), tolerance="rounding")
L("lax.integer_pow-negative", lambda x: lax.integer_pow(x, -3), vec(), dtypes=FD, tolerance="elementary")
L("lax.bitwise_not", lax.bitwise_not, vec(), dtypes=I + (b1,))
L("lax.population_count", lax.population_count, vec(), dtypes=I)
L("lax.clz", lax.clz, vec(), dtypes=I)
L("lax.reduce_precision", lambda x: [lax.reduce_precision(x, e, m) for e, m in ((5, 10), (8, 7), (4, 3), (5, 2), (2, 1))],
  vec(lo=-300, hi=300), dtypes=(f32, f64))
L("lax.optimization_barrier", lambda x, y: lax.optimization_barrier((x + 1, y)), arr(3), arr(2, 2))
L("lax.stop_gradient", lax.stop_gradient, arr(3))

# --- elementwise, two and three operands -----------------------------------------------------------------------------
for _f in ("add", "sub", "mul"):
    L(f"lax.{_f}", getattr(lax, _f), left(), right(), dtypes=F + I)
L("lax.add-complex", lax.add, left(), right(), dtypes=C)
L("lax.sub-complex", lax.sub, left(), right(), dtypes=C)
L("lax.mul-complex", lax.mul, left(), right(), dtypes=C, tolerance="rounding")
L("lax.div-complex", lax.div, arr(9), arr(9, lo=0.5), dtypes=C, tolerance="special")
L("lax.add-bool", lambda x, y: (x + y, x * y), left(), right(), dtypes=b1)
L("lax.div", lax.div, left(), right(), dtypes=F)
L("lax.rem", lax.rem, left(-20, 20), right(), dtypes=F)
L("lax.div-int", lax.div, left(-99, 99), right(-9, 9), dtypes=I)
L("lax.rem-int", lax.rem, left(-99, 99), right(-9, 9), dtypes=I)
L("lax.max", lax.max, left(), right(), dtypes=F + I + (b1,), tolerance="unsigned_zero")
L("lax.min", lax.min, left(), right(), dtypes=F + I + (b1,), tolerance="unsigned_zero")
L("lax.pow", lax.pow, left(0.1, 4), right(), dtypes=FD, tolerance="composed")
L("lax.pow-half", lax.pow, arr(9, lo=0.1, hi=3), arr(9), dtypes=(f16, bf16), tolerance="composed")
L("lax.pow-complex", lax.pow, arr(9), arr(9), dtypes=C, tolerance="special")
L("lax.atan2", lax.atan2, left(), right(), dtypes=F, tolerance="elementary")
L("lax.atan2-signed_zero", lax.atan2, const([0.0, -0.0, 0.0, -0.0], f32), const([1.0, 1.0, -1.0, -1.0], f32), tolerance="elementary")
L("lax.complex", lax.complex, vec(), vec(), dtypes=FD)
L("lax.nextafter", lax.nextafter, arr(8, lo=1), arr(8, lo=-9, hi=9), dtypes=FD)
for _f in ("bitwise_and", "bitwise_or", "bitwise_xor"):
    L(f"lax.{_f}", getattr(lax, _f), left(), right(), dtypes=I + (b1,))
for _f in ("shift_left", "shift_right_logical", "shift_right_arithmetic"):
    # The last counts reach the width and beyond, where the result is defined (0 or the sign).
    L(f"lax.{_f}", getattr(lax, _f), bits(9), lambda rng, d: np.array([0, 1, 2, 3, 5, 7, 8, 33, 100]).astype(d), dtypes=I)
for _f in ("eq", "ne", "lt", "le", "gt", "ge"):
    L(f"lax.{_f}", getattr(lax, _f), left(), right(), dtypes=F + I + (b1,))
L("lax.eq-complex", lambda x, y: (lax.eq(x, y), lax.ne(x, y)), left(), right(), dtypes=C)
L("lax.igamma", lax.igamma, arr(8, lo=0.2, hi=9), arr(8, lo=0.1, hi=12), dtypes=FD, tolerance="special")
L("lax.igammac", lax.igammac, arr(8, lo=0.2, hi=9), arr(8, lo=0.1, hi=12), dtypes=FD, tolerance="special")
L("lax.zeta", lax.zeta, arr(8, lo=1.2, hi=9), arr(8, lo=0.3, hi=9), dtypes=FD, tolerance="special")
L("lax.polygamma", lax.polygamma, const([1, 2, 3, 1], f32), arr(4, lo=0.5, hi=6), dtypes=f32, tolerance="special")
L("lax.betainc", lax.betainc, arr(6, lo=0.5, hi=4), arr(6, lo=0.5, hi=4), arr(6, lo=0.02, hi=0.98), dtypes=FD, tolerance="special")
L("lax.random_gamma_grad", lax.random_gamma_grad, arr(4, lo=0.5, hi=5), arr(4, lo=0.5, hi=5), dtypes=FD, tolerance="loose")
L("lax.clamp", lax.clamp, arr(lo=-1, hi=0), vec(), arr(lo=1, hi=2), dtypes=F + SI, tolerance="unsigned_zero")
L("lax.clamp-array", lax.clamp, arr(9, lo=-9, hi=0), arr(9, lo=-20, hi=20), arr(9, lo=0, hi=9), dtypes=(f32, i32))
L("lax.select", lax.select, typed(b1, 3, 4), arr(3, 4), arr(3, 4), dtypes=ALL + (b1,))
L("lax.select_n", lambda w, a, b, c: lax.select_n(w, a, b, c), const([0, 1, 2, 1], i32), arr(4), arr(4), arr(4), dtypes=(f32, i16))
L("lax.select_n-scalar", lax.select_n, const(True), arr(4), arr(4), dtypes=(f32, i16))

# --- conversions -----------------------------------------------------------------------------------------------------
_WIDE = (b1,) + F + C + I
for _d in (f32, f64, f16, bf16, i8, i32, i64, u8, u32, u64, b1, c64):
    _targets = tuple(t for t in _WIDE if t.kind == "c") if _d.kind == "c" else _WIDE
    # Values that every target holds: a float outside of an integer's range has no defined conversion.
    L(f"lax.convert_element_type-{_d.name}", lambda x, targets=_targets: [lax.convert_element_type(x, t) for t in targets],
      arr(10, lo=0, hi=120), dtypes=_d)
L("lax.convert_element_type-narrow", lambda x: [lax.convert_element_type(x, t) for t in I + F], vec(), dtypes=(i64, u64, i32, u8),
  tolerance="exact")
L("lax.convert_element_type-round", lambda x: [lax.convert_element_type(x, t) for t in (f16, bf16, f32)], vec(60, lo=-70, hi=70),
  dtypes=FD)
L("lax.convert_element_type-trunc", lambda x: [lax.convert_element_type(x, t) for t in SI], arr(20, lo=-99, hi=99), dtypes=F)
for _d in F8:
    _short = _d.name.replace("float", "f")
    L(f"lax.convert_element_type-from-{_short}", lambda x: [lax.convert_element_type(x, t) for t in (f32, f16, bf16)],
      np.arange(256, dtype=np.uint8).view(_d))
    L(f"lax.convert_element_type-to-{_short}", lambda x, t=_d: lax.convert_element_type(x, t),
      lambda rng, d: np.concatenate([rng.normal(0, 8, 60), rng.normal(0, 0.02, 20), [0.0, -0.0]]).astype(d), dtypes=(f32, f16))
L("lax.convert_element_type-i4", lambda x: [lax.convert_element_type(x, t) for t in (i8, i32, f32, u4)],
  np.arange(-8, 8).astype(i4))
L("lax.convert_element_type-to-i4", lambda x: [lax.convert_element_type(x, t) for t in (i4, u4)], arr(9, lo=0, hi=7), dtypes=(i8, i32, f32))
L("lax.bitcast_convert_type", lambda x, y: (lax.bitcast_convert_type(x, i32), lax.bitcast_convert_type(y, f32)), edges(f32),
  const([0, 1065353216, -1, 2139095040], i32)[:2])
L("lax.bitcast_convert_type-narrow", lambda x: [lax.bitcast_convert_type(x, t) for t in (u8, i16, i32)], arr(2, 3), dtypes=FD[1:])
L("lax.bitcast_convert_type-widen", lambda x: lax.bitcast_convert_type(x, f32), typed(u8, 3, 4, lo=0, hi=100))
L("lax.bitcast_convert_type-16", lambda x: lax.bitcast_convert_type(x, u16), vec(), dtypes=(f16, bf16))

# --- shapes ----------------------------------------------------------------------------------------------------------
L("lax.broadcast", lambda x: lax.broadcast(x, (2, 3)), arr(4), dtypes=ALL)
L("lax.broadcast_in_dim", lambda x: lax.broadcast_in_dim(x, (3, 2, 4), (0, 2)), arr(3, 1), dtypes=SHORT)
L("lax.broadcast_in_dim-scalar", lambda x: lax.broadcast_in_dim(x, (2, 2), ()), arr(), dtypes=SHORT)
L("lax.broadcast_to_rank", lambda x: lax.broadcast_to_rank(x, 3), arr(2, 2))
L("lax.reshape", lambda x: lax.reshape(x, (2, 6)), arr(3, 4), dtypes=ALL)
L("lax.reshape-dimensions", lambda x: lax.reshape(x, (12,), dimensions=(1, 0)), arr(3, 4), dtypes=f32)
L("lax.reshape-empty", lambda x: lax.reshape(x, (0, 5)), arr(2, 0, 3), dtypes=f32)
L("lax.transpose", lambda x: lax.transpose(x, (2, 0, 1)), arr(2, 3, 4), dtypes=ALL)
L("lax.concatenate", lambda x, y, z: lax.concatenate([x, y, z], 1), arr(2, 3), arr(2, 1), arr(2, 0), dtypes=ALL)
L("lax.pad", lambda x, v: lax.pad(x, v, ((1, 2, 0), (0, 1, 2))), arr(2, 3), arr(), dtypes=ALL)
L("lax.pad-negative", lambda x, v: lax.pad(x, v, ((-1, 2, 1), (1, -2, 0))), arr(3, 4), arr(), dtypes=SHORT)
L("lax.slice", lambda x: lax.slice(x, (1, 0), (4, 5), (2, 3)), arr(5, 6), dtypes=ALL)
L("lax.slice_in_dim", lambda x: lax.slice_in_dim(x, 1, -1, 2, axis=1), arr(2, 7))
L("lax.index_in_dim", lambda x: lax.index_in_dim(x, -1, axis=1), arr(2, 7))
L("lax.dynamic_slice", lambda x, i, j: lax.dynamic_slice(x, (i, j), (2, 3)), arr(4, 5), const(1, i32), const(9, i32), dtypes=SHORT)
L("lax.dynamic_slice-negative", lambda x, i: lax.dynamic_slice(x, (i,), (2,)), arr(6), const(-100, i64))
L("lax.dynamic_slice_in_dim", lambda x, i: lax.dynamic_slice_in_dim(x, i, 2, axis=1), arr(4, 5), const(-2, i32))
L("lax.dynamic_index_in_dim", lambda x, i: lax.dynamic_index_in_dim(x, i, keepdims=False), arr(4, 5), const(2, u8))
L("lax.dynamic_update_slice", lambda x, u, i: lax.dynamic_update_slice(x, u, (i, np.int32(0))), arr(4, 5), arr(2, 3), const(3, i32), dtypes=SHORT)
L("lax.dynamic_update_slice_in_dim", lambda x, u, i: lax.dynamic_update_slice_in_dim(x, u, i, 1), arr(4, 5), arr(4, 2), const(1, i32))
L("lax.dynamic_update_index_in_dim", lambda x, u, i: lax.dynamic_update_index_in_dim(x, u, i, 0), arr(4, 5), arr(5), const(2, i32))
L("lax.rev", lambda x: lax.rev(x, (0, 2)), arr(2, 3, 4), dtypes=ALL)
L("lax.squeeze", lambda x: lax.squeeze(x, (0, 2)), arr(1, 3, 1))
L("lax.expand_dims", lambda x: lax.expand_dims(x, (0, 2)), arr(3, 2))
L("lax.collapse", lambda x: lax.collapse(x, 1, 3), arr(2, 3, 2, 2))
L("lax.split", lambda x: lax.split(x, (1, 2, 4), axis=1), arr(2, 7))
L("lax.tile", lambda x: lax.tile(x, (2, 3)), arr(2, 2))
L("lax.iota", lambda: [lax.iota(d, 5) for d in (f32, f64, f16, bf16, i8, i32, i64, u8, u32)])
L("lax.broadcasted_iota", lambda: [lax.broadcasted_iota(d, (3, 4), k) for d in (f32, i32, u64) for k in (0, 1)])
L("lax.full_like", lambda x: lax.full_like(x, 7), arr(2, 3), dtypes=ALL)
L("lax.full", lambda: [lax.full((2, 3), v, d) for v, d in ((np.nan, f32), (np.inf, bf16), (-np.inf, f64), (-5, i8), (True, b1), (1 + 2j, c64))])
L("lax.constants", lambda x: [x + 1, jnp.asarray(np.linspace(-1, 1, 7, dtype=f32)), jnp.asarray(np.array([np.inf, -np.inf, np.nan, -0.0], f64)),
  jnp.asarray(np.array([1 + 2j, -3j], c64)), jnp.asarray(np.array([True, False, True])), jnp.asarray(np.array([[-128, 127]], i8)),
  jnp.asarray(np.array([2**64 - 1, 0], u64)), jnp.asarray(np.array([1.5, np.nan, -np.inf], bf16)), jnp.asarray(np.array([1.5, -2], f16))], arr())
L("lax.constants-large", lambda x: x * np.sin(np.arange(64 * 40, dtype=f32)).reshape(64, 40) + np.arange(40, dtype=f32), arr(64, 40), tolerance="rounding")

# --- gather and scatter ----------------------------------------------------------------------------------------------
_rows = lax.GatherDimensionNumbers(offset_dims=(1,), collapsed_slice_dims=(0,), start_index_map=(0,))
for _mode in ("clip", "fill", "promise_in_bounds"):
    _indices = const([[0], [3], [1]] if _mode == "promise_in_bounds" else [[0], [3], [-1], [7], [2]], i32)
    L(f"lax.gather-{_mode}", lambda x, i, m=_mode: lax.gather(x, i, _rows, (1, 3), mode=m), arr(4, 3), _indices, dtypes=(f32, i8, c64, bf16))
L("lax.gather-window", lambda x, i: lax.gather(x, i, lax.GatherDimensionNumbers((1, 2), (), (0, 1)), (2, 2), mode="clip"), arr(5, 4),
  const([[0, 0], [4, 3], [1, 2], [-3, 1]], i32), dtypes=SHORT)
L("lax.gather-batching", lambda x, i: lax.gather(x, i, lax.GatherDimensionNumbers(
    offset_dims=(2,), collapsed_slice_dims=(1,), start_index_map=(1,), operand_batching_dims=(0,), start_indices_batching_dims=(0,)),
    (1, 1, 3), mode="clip"), arr(2, 5, 3), const([[[0], [4]], [[2], [9]]], i64))
_srows = lax.ScatterDimensionNumbers(update_window_dims=(1,), inserted_window_dims=(0,), scatter_dims_to_operand_dims=(0,))
_si = const([[0], [2], [2], [5], [-1]], i32)
for _f in ("scatter_add", "scatter_mul", "scatter_min", "scatter_max", "scatter_sub"):
    if hasattr(lax, _f):
        L(f"lax.{_f}", lambda x, i, u, f=getattr(lax, _f): f(x, i, u, _srows), arr(4, 3), _si, arr(5, 3), dtypes=(f32, i32, f64, u8), tolerance="rounding")
L("lax.scatter", lambda x, i, u: lax.scatter(x, i, u, _srows), arr(4, 3), const([[0], [3], [9]], i32), arr(3, 3), dtypes=ALL)
L("lax.scatter-clip", lambda x, i, u: lax.scatter(x, i, u, _srows, mode="clip"), arr(4, 3), const([[0], [9]], i32), arr(2, 3), dtypes=SHORT)
L("lax.scatter_apply", lambda x, i: lax.scatter_apply(x, i, lambda v: v * 2 + 1, _srows, update_shape=(2, 3)), arr(4, 3), const([[0], [2]], i32))
L("lax.scatter-window", lambda x, i, u: lax.scatter_add(x, i, u, lax.ScatterDimensionNumbers((1, 2), (), (0, 1))), arr(5, 4),
  const([[0, 0], [3, 2], [4, 3]], i32), arr(3, 2, 2), tolerance="rounding")
L("lax.scatter-batching", lambda x, i, u: lax.scatter_add(x, i, u, lax.ScatterDimensionNumbers(
    update_window_dims=(2,), inserted_window_dims=(1,), scatter_dims_to_operand_dims=(1,), operand_batching_dims=(0,),
    scatter_indices_batching_dims=(0,))), arr(2, 5, 3), const([[[0], [4]], [[2], [9]]], i64), arr(2, 2, 3), tolerance="rounding")
L("lax.index_take", lambda x, i: lax.index_take(x, (i,), axes=(0,)), arr(4, 3), const([1, 3], i32))

# --- reductions ------------------------------------------------------------------------------------------------------
for _f, _name in ((lax.add, "add"), (lax.max, "max"), (lax.min, "min"), (lax.mul, "mul")):
    _init = {"add": 0, "mul": 1, "max": -100, "min": 100}[_name]
    L(f"lax.reduce-{_name}", lambda x, f=_f, v=_init: lax.reduce(x, np.array(v).astype(x.dtype), f, (1,)), arr(3, 5),
      dtypes=(f32, f64, i32, i8), tolerance="rounding")
L("lax.reduce-custom", lambda x: lax.reduce(x, np.float32(0), lambda a, b: a + b + a * b, (0,)), arr(3, 5), tolerance="rounding")
L("lax.reduce-pair", lambda x, y: lax.reduce((x, y), (np.float32(-np.inf), np.int32(0)), lambda a, b: (
    lax.max(a[0], b[0]), lax.add(a[1], b[1])), (0, 1)), arr(3, 4), typed(i32, 3, 4))
L("lax.reduce-empty", lambda x: (lax.reduce(x, np.float32(3), lax.add, (1,))), arr(2, 0))
for _f in ("reduce_sum", "reduce_prod", "reduce_max", "reduce_min"):
    L(f"lax.{_f}", lambda x, f=getattr(lax, _f): f(x, axes=(0, 2)), arr(3, 2, 4), dtypes=FD + (i32, u8), tolerance="sum")
L("lax.reduce_and", lambda x: lax.reduce_and(x, axes=(1,)), bits(3, 4), dtypes=I)
L("lax.reduce_or", lambda x: lax.reduce_or(x, axes=(1,)), bits(3, 4), dtypes=I)
L("lax.reduce_xor", lambda x: lax.reduce_xor(x, axes=(1,)), bits(3, 4), dtypes=I)
L("lax.argmax", lambda x: lax.argmax(x, 1, i32), arr(4, 6), dtypes=(f32, bf16, i32, u8))
L("lax.argmin", lambda x: lax.argmin(x, 0, i64), arr(4, 6), dtypes=(f32, bf16, i32, u8))
L("lax.argmax-nan", lambda x: lax.argmax(x, 0, i32), const([1, np.nan, 3, np.nan], f32))
for _f in ("cumsum", "cumprod", "cummax", "cummin"):
    L(f"lax.{_f}", lambda x, f=getattr(lax, _f): (f(x, axis=1), f(x, axis=0, reverse=True)), arr(3, 5), dtypes=FD + (i32, u8), tolerance="sum")
L("lax.cumlogsumexp", lambda x: lax.cumlogsumexp(x, axis=0), arr(6, 2), dtypes=FD, tolerance="composed")
L("lax.associative_scan", lambda x: lax.associative_scan(lambda a, b: a * b + a, x), arr(7), tolerance="sum")
_rw = lax.reduce_window
L("lax.reduce_window-max", lambda x: _rw(x, np.array(-100).astype(x.dtype), lax.max, (1, 2, 2, 1), (1, 2, 1, 1), "SAME"), arr(1, 5, 4, 2), dtypes=(f32, f64, i32))
L("lax.reduce_window-add", lambda x: _rw(x, np.array(0).astype(x.dtype), lax.add, (3,), (1,), ((2, 0),)), arr(7), dtypes=(f32, bf16, i32), tolerance="rounding")
L("lax.reduce_window-dilated", lambda x: _rw(x, np.float32(0), lax.add, (2, 3), (2, 1), ((1, 1), (0, 2)), base_dilation=(2, 1), window_dilation=(1, 2)),
  arr(5, 6), tolerance="sum")
L("lax.reduce_window-custom", lambda x: _rw(x, np.float32(1), lambda a, b: a * b, (2,), (2,), "VALID"), arr(6), tolerance="rounding")
L("lax.reduce_window-pair", lambda x, y: _rw((x, y), (np.float32(-9), np.int32(9)), lambda a, b: (lax.max(a[0], b[0]), lax.min(a[1], b[1])),
  (2,), (1,), "VALID"), arr(6), typed(i32, 6))

# --- contractions ----------------------------------------------------------------------------------------------------
L("lax.dot", lax.dot, arr(3, 4), arr(4, 2), dtypes=FC + (i32, i8, u8), tolerance="sum")
L("lax.dot-vector", lambda x, y: (lax.dot(x, y), lax.dot(jnp.outer(x, x), y)), arr(5), arr(5), tolerance="sum")
L("lax.dot_general", lambda x, y: lax.dot_general(x, y, (((2,), (1,)), ((0,), (0,)))), arr(2, 3, 4), arr(2, 4, 5), dtypes=FC + (i16,), tolerance="sum")
L("lax.dot_general-two", lambda x, y: lax.dot_general(x, y, (((1, 3), (2, 0)), ((0,), (1,)))), arr(2, 3, 4, 5), arr(5, 2, 3), tolerance="sum")
L("lax.dot_general-outer", lambda x, y: lax.dot_general(x, y, (((), ()), ((), ()))), arr(3), arr(2), dtypes=(f32, i32))
L("lax.dot_general-int8", lambda x, y: lax.dot_general(x, y, (((1,), (0,)), ((), ())), preferred_element_type=i32), bits(3, 9), bits(9, 2), dtypes=(i8,))
L("lax.dot_general-bf16", lambda x, y: lax.dot_general(x, y, (((1,), (0,)), ((), ())), preferred_element_type=f32), arr(3, 9), arr(9, 2),
  dtypes=(bf16, f16), tolerance="sum")
L("lax.dot_general-precision", lambda x, y: lax.dot_general(x, y, (((1,), (0,)), ((), ())), precision=lax.Precision.HIGHEST), arr(3, 9), arr(9, 2), tolerance="sum")
L("lax.dot_general-f8", lambda x, y: lax.dot_general(x, y, (((1,), (0,)), ((), ())), preferred_element_type=f32), arr(3, 4), arr(4, 2), dtypes=F8[:2],
  tolerance="sum")
L("lax.dot_general-empty", lambda x, y: lax.dot_general(x, y, (((1,), (0,)), ((), ()))), arr(3, 0), arr(0, 2))
L("lax.batch_matmul", lax.batch_matmul, arr(2, 3, 4), arr(2, 4, 2), dtypes=FD, tolerance="sum")
L("lax.ragged_dot", lax.ragged_dot, arr(6, 4), arr(3, 4, 2), const([2, 1, 3], i32), tolerance="sum")
L("lax.conv", lambda x, w: lax.conv(x, w, (1, 2), "SAME"), arr(2, 3, 5, 6), arr(4, 3, 3, 2), dtypes=(f32, f64, bf16), tolerance="sum")
L("lax.conv_with_general_padding", lambda x, w: lax.conv_with_general_padding(x, w, (1, 1), ((1, 2), (0, 1)), (2, 1), (1, 2)),
  arr(1, 2, 4, 5), arr(3, 2, 2, 3), tolerance="sum")
_cgd = lax.conv_general_dilated
L("lax.conv_general_dilated", lambda x, w: _cgd(x, w, (2, 1), ((1, 0), (2, 2)), rhs_dilation=(2, 1), dimension_numbers=("NHWC", "HWIO", "NHWC")),
  arr(2, 6, 5, 3), arr(2, 3, 3, 4), dtypes=FD + (i32,), tolerance="sum")
L("lax.conv_general_dilated-groups", lambda x, w: _cgd(x, w, (1, 1), "VALID", feature_group_count=3), arr(1, 6, 4, 4), arr(9, 2, 2, 2), tolerance="sum")
L("lax.conv_general_dilated-batch_groups", lambda x, w: _cgd(x, w, (1, 1), "VALID", batch_group_count=2), arr(4, 3, 4, 4), arr(6, 3, 2, 2), tolerance="sum")
L("lax.conv_general_dilated-lhs_dilation", lambda x, w: _cgd(x, w, (1,), ((-1, 2),), lhs_dilation=(3,), dimension_numbers=("NCH", "OIH", "NCH")),
  arr(1, 2, 4), arr(3, 2, 2), tolerance="sum")
L("lax.conv_general_dilated-3d", lambda x, w: _cgd(x, w, (1, 1, 2), "SAME", dimension_numbers=("NCDHW", "OIDHW", "NCDHW")), arr(1, 2, 3, 4, 4),
  arr(2, 2, 2, 2, 3), tolerance="sum")
L("lax.conv_general_dilated-int8", lambda x, w: _cgd(x, w, (1, 1), "SAME", preferred_element_type=i32), bits(1, 2, 4, 4), bits(2, 2, 3, 3), dtypes=(i8,))
L("lax.conv_general_dilated-complex", lambda x, w: _cgd(x, w, (1,), "SAME"), arr(1, 2, 6), arr(2, 2, 3), dtypes=c64, tolerance="sum")
L("lax.conv_transpose", lambda x, w: lax.conv_transpose(x, w, (2, 2), "SAME"), arr(1, 3, 4, 2), arr(3, 3, 2, 2), tolerance="sum")
L("lax.conv_general_dilated_patches", lambda x: lax.conv_general_dilated_patches(x, (2, 2), (1, 1), "VALID"), arr(1, 2, 3, 4), tolerance="sum")
L("lax.conv_general_dilated_local", lambda x, w: lax.conv_general_dilated_local(x, w, (1,), "VALID", (2,)), arr(1, 2, 5), arr(3, 4, 4), tolerance="sum")
L("lax.select_and_scatter_add", lambda x: jax.grad(lambda v: (_rw(v, -jnp.inf, lax.max, (1, 2, 2), (1, 2, 2), "VALID") ** 2).sum())(x),
  distinct(2, 4, 6, scale=0.25), tolerance="rounding")
L("lax.select_and_gather_add", lambda x: jax.jvp(lambda v: _rw(v, -jnp.inf, lax.max, (2, 2), (1, 1), "VALID"), (x,), (x * 2,)),
  distinct(4, 4, scale=0.25))

# --- linear algebra (StableHLO's own operations; XLA:CPU's lowering would call LAPACK) ------------------------------------
LA = functools.partial(add, "linalg", platform="tpu", tolerance="composed")
# As JAX writes it for its own platform: calls of LAPACK.
add("linalg", "lax.linalg.cholesky-lapack", lambda x: jnp.tril(lax.linalg.cholesky(x)), positive_definite(4), dtypes=FD, tolerance="composed")
add("linalg", "lax.linalg.cholesky-lapack_batch", lambda x, y: jnp.linalg.cholesky(jnp.stack([x, y, -x]), upper=True), positive_definite(3), positive_definite(3), dtypes=FD, tolerance="composed")
for _left, _lower, _transpose, _unit in ((True, True, False, False), (False, True, True, False), (True, False, True, True), (False, False, False, False)):
    add("linalg", f"lax.linalg.triangular_solve-lapack{_left:d}{_lower:d}{_transpose:d}{_unit:d}",
        lambda a, b, l=_left, w=_lower, t=_transpose, u=_unit: lax.linalg.triangular_solve(a, b, left_side=l, lower=w, transpose_a=t, unit_diagonal=u),
        positive_definite(3), arr(3, 3), dtypes=FD, tolerance="composed")
LA("lax.linalg.cholesky", lambda x: jnp.tril(lax.linalg.cholesky(x)), positive_definite(4), dtypes=FD)
for _lower in (True, False):
    for _t in (True, False):
        LA(f"lax.linalg.triangular_solve-{'lower' if _lower else 'upper'}{'-transposed' if _t else ''}", lambda a, b, lo=_lower, t=_t:
           lax.linalg.triangular_solve(a, b, left_side=True, lower=lo, transpose_a=t), positive_definite(4), arr(4, 3), dtypes=FD)
LA("lax.linalg.triangular_solve-right", lambda a, b: lax.linalg.triangular_solve(a, b, lower=True, unit_diagonal=True), positive_definite(3), arr(2, 3))

# --- sorting ---------------------------------------------------------------------------------------------------------
S = functools.partial(add, "sort")
S("lax.sort", lambda x: (lax.sort(x, dimension=0), lax.sort(x)), arr(4, 7), dtypes=F + I + (b1,))
S("lax.sort-edges", lax.sort, vec(), dtypes=F + I)
S("lax.sort-complex", lax.sort, arr(9), dtypes=C)
S("lax.sort-keys", lambda x, y, z: lax.sort((x, y, z), num_keys=2), typed(i32, 12, lo=0, hi=3), typed(f32, 12), typed(u8, 12, lo=0, hi=200))
S("lax.sort-stable", lambda x, y: lax.sort((x, y), num_keys=1, is_stable=True), typed(i32, 20, lo=0, hi=3), np.arange(20, dtype=i32))
S("lax.sort_key_val", lambda x, y: lax.sort_key_val(x, y), distinct(9), typed(f32, 9), dtypes=(f32, i32))
S("lax.top_k", lambda x: lax.top_k(x, 3), distinct(2, 9), dtypes=F + (i32, u8))
S("lax.top_k-ties", lambda x: lax.top_k(x, 4), const([[1, 3, 3, 2, 3], [0, 0, 0, 0, 0]], f32))
S("lax.approx_max_k", lambda x: lax.approx_max_k(x, 3), distinct(2, 16))
