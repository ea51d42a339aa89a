"""The same language in other clothes: generic form, symbolic dimensions, CHLO, composites, shardings."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from suite import CASES, F, FD, add, arr, b1, bf16, const, distinct, f32, f64, i32, typed, u8, vec

# --- generic form: every operation as "dialect.name"(...) <{...}> ({regions}) : type ---------------------------------
for _name in ("lax.add", "lax.eq", "lax.convert_element_type-float32", "lax.constants", "lax.pad-negative", "lax.slice", "lax.dynamic_slice",
              "lax.dynamic_update_slice", "lax.gather-clip", "lax.scatter_add", "lax.reduce-add", "lax.reduce-pair", "lax.reduce_window-dilated",
              "lax.select_and_scatter_add", "lax.dot_general", "lax.dot_general-precision", "lax.conv_general_dilated", "lax.sort-keys", "lax.top_k",
              "lax.clamp", "lax.complex", "lax.bitcast_convert_type", "lax.reduce_precision", "lax.broadcasted_iota", "lax.erf_inv", "lax.lgamma",
              "lax.linalg.cholesky", "lax.linalg.triangular_solve-lower", "jnp.fft.irfft-8", "jnp.where", "lax.cond", "lax.switch-inside", "lax.while_loop",
              "lax.scan", "jax.random.normal", "jax.random.split", "grad.mlp", "vmap.scan", "lax.optimization_barrier", "lax.constants-large"):
    _case = CASES[_name]
    add("generic", f"generic.{_name}", _case.function, *_case.makers, dtypes=_case.dtypes, tolerance=_case.tolerance, form="generic", platform=_case.platform)

# --- symbolic dimensions ---------------------------------------------------------------------------------------------
E = functools.partial(add, "symbolic", form="export", tolerance="composed")
E("symbolic.sin", jnp.sin, arr(3, 4), shapes=("b, 4",))
E("symbolic.add", lambda x, y: x + y, arr(3, 4), arr(3, 4), shapes=("b, n", "b, n"))
E("symbolic.broadcast", lambda x, y: x + y, arr(3, 4), arr(4), shapes=("b, n", "n"))
E("symbolic.sum", lambda x: (x.sum(), x.sum(0), x.mean(1)), arr(3, 4), shapes=("b, n",))
E("symbolic.matmul", lambda x, w: x @ w, arr(3, 4), arr(4, 2), shapes=("b, 4", "4, 2"))
E("symbolic.matmul-inner", lambda x, w: x @ w, arr(3, 4), arr(4, 2), shapes=("b, k", "k, 2"))
E("symbolic.reshape", lambda x: x.reshape(x.shape[0] * x.shape[1], 2), arr(3, 4, 2), shapes=("b, n, 2",))
E("symbolic.concatenate", lambda x, y: jnp.concatenate([x, y]), arr(3, 2), arr(4, 2), shapes=("a, 2", "b, 2"))
E("symbolic.softmax", jax.nn.softmax, arr(3, 4), shapes=("b, n",))
E("symbolic.iota", lambda x: x + jnp.arange(x.shape[0], dtype=x.dtype), arr(5), shapes=("n",))
E("symbolic.slice", lambda x: (x[1:], x[::2], x[:-1]), arr(7), shapes=("n",), constraints=("n >= 2",))
E("symbolic.pad", lambda x: jnp.pad(x, ((1, 2), (0, 0))), arr(3, 2), shapes=("b, 2",))
E("symbolic.gather", lambda x, i: x[i], arr(5, 2), const([0, 4, 1], i32), shapes=("n, 2", "m"))
E("symbolic.dim_value", lambda x: x.sum() / x.shape[0] + x.shape[1], arr(3, 4), shapes=("b, n",))
E("symbolic.attention", lambda q, k, v: jax.nn.softmax(q @ k.swapaxes(1, 2)) @ v, arr(2, 4, 3), arr(2, 4, 3), arr(2, 4, 3), shapes=("b, s, 3",) * 3)
E("symbolic.conv", lambda x, w: lax.conv_general_dilated(x, w, (1, 1), "VALID"), arr(2, 3, 5, 5), arr(4, 3, 3, 3), shapes=("b, 3, 5, 5", "4, 3, 3, 3"))
E("symbolic.polynomial", lambda x: jnp.concatenate([x, x, jnp.zeros(1, x.dtype)]) * (2 * x.shape[0] + 1), arr(3), shapes=("n",))
E("symbolic.divisible", lambda x: x.reshape(-1, 2).sum(1), arr(6), shapes=("2*n",))
E("symbolic.while", lambda x: lax.fori_loop(0, x.shape[0], lambda i, s: s + x[i], jnp.zeros(x.shape[1:], x.dtype)), arr(4, 2), shapes=("n, 2",))
E("symbolic.sort", jnp.sort, distinct(3, 5), shapes=("b, n",))
E("symbolic.dynamic_slice", lambda x, i: lax.dynamic_slice(x, (i, i), (x.shape[0] - 2, 2)), arr(5, 3), const(1, i32), shapes=("n, 3", ""), constraints=("n >= 3",))
E("symbolic.dynamic_slice-clamped", lambda x, i: lax.dynamic_slice_in_dim(x, i, 2 * x.shape[0] // 3), arr(6, 2), const(9, i32), shapes=("n, 2", ""))
E("symbolic.cumulative", lambda x: (lax.cumsum(x), lax.cummax(x, reverse=True), lax.cumlogsumexp(x, axis=1)), arr(4, 3), shapes=("n, m",))
E("symbolic.reduce_window", lambda x: lax.reduce_window(x, 0.0, lax.add, (x.shape[0], 2), (1, 1), "SAME"), arr(4, 5), shapes=("n, 5",))
E("symbolic.pool", lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "SAME"), arr(2, 5, 4, 3), shapes=("b, h, w, 3",))
E("symbolic.conv-same", lambda x, w: lax.conv_general_dilated(x, w, (2, 1), "SAME"), arr(2, 3, 5, 6), arr(4, 3, 3, 3), shapes=("b, 3, h, w", "4, 3, 3, 3"))
E("symbolic.top_k", lambda x: lax.top_k(x, 2), distinct(3, 5), shapes=("b, n",), constraints=("n >= 2",))
E("symbolic.argmax", lambda x: (jnp.argmax(x, 1), jnp.argmin(x)), distinct(3, 5), shapes=("b, n",))
E("symbolic.random", lambda k, x: x + jax.random.uniform(jax.random.wrap_key_data(k), x.shape, np.float32), const([0, 7], np.uint32), arr(3, 4), shapes=("2", "b, n"))
E("symbolic.random-bits", lambda k, x: lax.rng_bit_generator(k, x.shape, dtype=np.uint32, algorithm=lax.RandomAlgorithm.RNG_THREE_FRY), const([3, 4], np.uint64), arr(4, 2), shapes=("2", "n, 2"))
E("symbolic.split", lambda x: jnp.split(x, 2), arr(6, 2), shapes=("2*n, 2",))
E("symbolic.floordiv", lambda x: x[: x.shape[0] // 2] + x.shape[0] % 3, arr(7), shapes=("n",))
E("symbolic.scan", lambda x: lax.scan(lambda c, v: (c + v, c * v), jnp.zeros(x.shape[1:], x.dtype), x), arr(4, 2), shapes=("n, m",))
E("symbolic.cond", lambda p, x: lax.cond(p, lambda v: v * v.shape[0], lambda v: jnp.concatenate([v[1:], v[:1]]), x), const(False, b1), arr(5), shapes=("", "n"))
E("symbolic.tile", lambda x: jnp.tile(x, (2, x.shape[0])), arr(3, 2), shapes=("n, 2",))
E("symbolic.layer_norm", lambda x, g: (x - x.mean(-1, keepdims=True)) * lax.rsqrt(x.var(-1, keepdims=True) + 1e-5) * g, arr(2, 3, 4), arr(4), shapes=("b, s, d", "d"))

# --- CHLO operations, as they stand in what JAX writes --------------------------------------------------------------------
H = functools.partial(add, "chlo", tolerance="special")
H("chlo.unary", lambda x: [f(x) for f in (lax.acos, lax.acosh, lax.asin, lax.asinh, lax.atan, lax.atanh, lax.cosh, lax.sinh, lax.erf, lax.erfc, lax.erf_inv,
  lax.lgamma, lax.digamma, lax.bessel_i1e, lax.tan, lax.square)], arr(6, lo=0.1, hi=0.9), dtypes=FD)
H("chlo.binary", lambda x, y: [lax.zeta(x + 1, y), lax.polygamma(jnp.ones_like(x), y), lax.nextafter(x, y)], arr(6, lo=0.5, hi=2), arr(6, lo=0.5, hi=2), dtypes=FD)
H("chlo.top_k", lambda x: lax.top_k(jax.nn.relu(x), 2), distinct(3, 6))
H("chlo.half", lambda x: [f(x) for f in (lax.erf, lax.erf_inv, lax.sinh, lax.asin)], arr(6, lo=0.1, hi=0.9), dtypes=bf16)

# --- composites ------------------------------------------------------------------------------------------------------
M = functools.partial(add, "composite", tolerance="composed")
M("lax.composite", lambda x: lax.composite(lambda v, *, scale: jnp.tanh(v * scale), name="example.scaled_tanh", version=3)(x, scale=np.float32(2.0)), arr(5))
M("lax.composite-attributes", lambda x, y: lax.composite(lambda a, b, *, eps, axis, names: a / (jnp.abs(b).sum(axis) + eps), name="example.normalize")(
  x, y, eps=np.float32(1e-5), axis=1, names="rows"), arr(3), arr(3, 4))
M("lax.composite-nested", lambda x: lax.composite(lambda v: jnp.sin(lax.composite(jnp.cos, name="example.inner")(v)), name="example.outer")(x), arr(4))
M("lax.composite-constant", lambda x: lax.composite(lambda v, *, table: v + table, name="example.table")(x, table=np.arange(4, dtype=np.float32)), arr(4))

# --- shardings: annotations that change no value ---------------------------------------------------------------------------
Z = functools.partial(add, "sharding", tolerance="composed")
_mesh = Mesh(np.array(jax.devices("cpu")[:1]).reshape(1, 1), ("x", "y"))
_split = NamedSharding(_mesh, PartitionSpec("x", None))
Z("sharding.constraint", lambda x: jnp.sin(lax.with_sharding_constraint(x, _split)), arr(4, 2))
Z("sharding.matmul", lambda x, w: lax.with_sharding_constraint(lax.with_sharding_constraint(x, _split) @ w, NamedSharding(_mesh, PartitionSpec("x", "y"))), arr(4, 2), arr(2, 2))
Z("sharding.jit", lambda x: jax.jit(lambda v: v * 2, in_shardings=_split, out_shardings=NamedSharding(_mesh, PartitionSpec(None, "y")))(x), arr(4, 2))
Z("sharding.tuple", lambda x: lax.with_sharding_constraint(x, NamedSharding(_mesh, PartitionSpec(("x", "y")))) + 1, arr(4, 2))
Z("sharding.shard_map", lambda x: jax.shard_map(lambda v: v * 2, mesh=_mesh, in_specs=PartitionSpec("x"), out_specs=PartitionSpec("x"))(x), arr(4, 2))
