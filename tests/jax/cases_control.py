"""Control flow, random numbers, derivatives and batching."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, random

from suite import F, FD, I, add, arr, b1, bf16, bits, c64, const, distinct, f16, f32, f64, i8, i16, i32, i64, key, positive_definite, typed, u8, u16, u32, u64

# --- control flow ----------------------------------------------------------------------------------------------------
W = functools.partial(add, "control", tolerance="sum")
W("lax.cond", lambda p, x: lax.cond(p, lambda v: v * 2, lambda v: v - 1, x), const(True), arr(3), dtypes=(f32, i32))
W("lax.cond-capture", lambda p, x, y: lax.cond(p < 0, lambda: x + y, lambda: x * y), const(3, i32), arr(3), arr(3))
W("lax.cond-nested", lambda p, q, x: lax.cond(p, lambda v: lax.cond(q, jnp.sin, jnp.cos, v), jnp.tan, x), const(True), const(False), arr(3), tolerance="elementary")
for _i in (-3, 1, 7):
    W(f"lax.switch-{'low' if _i < 0 else 'high' if _i > 2 else 'inside'}", lambda i, x: lax.switch(i, [lambda v: v + 1, lambda v: v * v, lambda v: -v], x),
      const(_i, i32), arr(3))
W("lax.while_loop", lambda n: lax.while_loop(lambda s: s[0] < n, lambda s: (s[0] + 1, s[1] * 2), (0, 1)), const(7, i64))
W("lax.while_loop-never", lambda x: lax.while_loop(lambda v: v.sum() > 1e9, lambda v: v * 2, x), arr(3))
W("lax.while_loop-newton", lambda a: lax.while_loop(lambda s: jnp.abs(s * s - a) > 1e-6, lambda s: 0.5 * (s + a / s), a), const(2.0, f32), tolerance="rounding")
W("lax.while_loop-nested", lambda n: lax.fori_loop(0, n, lambda i, s: lax.fori_loop(0, i, lambda j, t: t + i * j, s), 0), const(6, i64))
W("lax.while_loop-capture", lambda x, y: lax.while_loop(lambda s: jnp.all(s < y.sum() + 50), lambda s: s + jnp.abs(x), x), arr(3, lo=1, hi=2), arr(2))
W("lax.fori_loop", lambda x: lax.fori_loop(0, 5, lambda i, v: v * 1.5 + i, x), arr(3), dtypes=FD)
W("lax.fori_loop-dynamic", lambda lo, hi: lax.fori_loop(lo, hi, lambda i, v: v + i, 0), const(2, i32), const(9, i32))
W("lax.fori_loop-update", lambda x: lax.fori_loop(0, 4, lambda i, v: v.at[i].set(v[i - 1] + v[i]), x), arr(4))
W("lax.fori_loop-unroll", lambda x: lax.fori_loop(0, 7, lambda i, v: v + i * x, x, unroll=3), arr(3))
W("lax.scan", lambda x: lax.scan(lambda c, v: (c + v, c * v), jnp.zeros_like(x[0]), x), arr(5, 2), dtypes=FD + (i32,))
W("lax.scan-reverse", lambda x: lax.scan(lambda c, v: (c * 0.5 + v, c), jnp.float32(1), x, reverse=True), arr(5))
W("lax.scan-unroll", lambda x: lax.scan(lambda c, v: (c + v, c), jnp.float32(0), x, unroll=2), arr(5))
W("lax.scan-length", lambda x: lax.scan(lambda c, _: (c * 2, c.sum()), x, None, length=4), arr(3))
W("lax.scan-tree", lambda x, y: lax.scan(lambda c, v: ({"a": c["a"] + v[0], "b": c["b"] * 2}, {"s": c["a"], "t": v[1]}), {"a": x[0], "b": jnp.int32(1)}, (x, y)),
  arr(4, 2), typed(i8, 4))
W("lax.map", lambda x: lax.map(lambda v: v @ v, x), arr(4, 3))
W("lax.map-batch", lambda x: lax.map(lambda v: v * 2, x, batch_size=2), arr(5, 3))
W("control.fibonacci", lambda n: lax.fori_loop(0, n, lambda i, s: (s[1], s[0] + s[1]), (jnp.uint64(0), jnp.uint64(1)))[0], const(90, i64))
W("control.collatz", lambda n: lax.while_loop(lambda s: s[0] != 1, lambda s: (jnp.where(s[0] % 2 == 0, s[0] // 2, 3 * s[0] + 1), s[1] + 1), (n, 0))[1], const(27, i64))
W("control.mandelbrot", lambda c: lax.fori_loop(0, 12, lambda i, s: (jnp.where(jnp.abs(s[0]) < 2, s[0] * s[0] + c, s[0]), s[1] + (jnp.abs(s[0]) < 2)),
  (jnp.zeros_like(c), jnp.zeros(c.shape, np.int32)))[1], lambda rng, d: np.array([[-1.5, 0.3j, -0.7 + 0.2j], [0.4 + 0.4j, 2, -1j]], np.complex128))
W("control.sieve", lambda: lax.fori_loop(2, 10, lambda i, s: jnp.where((jnp.arange(60) % i == 0) & (jnp.arange(60) > i), False, s), jnp.ones(60, bool)))
W("control.game_of_life", lambda g: lax.fori_loop(0, 4, lambda _, s: (lambda n: ((n == 3) | ((n == 2) & (s == 1))).astype(np.int32))(
  sum(jnp.roll(s, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0))), g), typed(i32, 6, 6, lo=0, hi=1))
W("control.power_iteration", lambda a: lax.fori_loop(0, 12, lambda i, v: (lambda w: w / jnp.linalg.norm(w))(a @ v), jnp.ones(3, a.dtype)), positive_definite(3), dtypes=FD,
  tolerance="composed")
W("control.rk4", lambda y: lax.fori_loop(0, 8, lambda i, s: (lambda k1: (lambda k2: (lambda k3: (lambda k4: s + 0.05 / 6 * (k1 + 2 * k2 + 2 * k3 + k4))(
  jnp.sin(s + 0.05 * k3)))(jnp.sin(s + 0.025 * k2)))(jnp.sin(s + 0.025 * k1)))(jnp.sin(s)), y), arr(4), dtypes=FD, tolerance="composed")
W("jax.checkpoint", lambda x: jax.checkpoint(lambda v: jnp.sin(v) * v)(x), arr(3), tolerance="elementary")
W("jax.jit-nested", lambda x: jax.jit(lambda v: jax.jit(jnp.sin)(v) + jax.jit(jnp.sin)(v * 2))(x), arr(3), tolerance="elementary")
W("jax.custom_jvp", lambda x: jax.nn.relu(jax.nn.silu(x)), arr(6), tolerance="elementary")
W("jax.pure", lambda x: (x, x, jnp.float32(3)), arr(2))

# --- random numbers: threefry's bits must be equal -------------------------------------------------------------------------
R = functools.partial(add, "random", tolerance="exact")


def rnd(name, function, *makers, **options):
    R(f"jax.random.{name}", lambda k, *rest: function(random.wrap_key_data(k), *rest), key(42), *makers, **options)


rnd("key", lambda k: random.key_data(k))
R("jax.random.key-seed", lambda s: random.key_data(random.key(s)), const(1234567890123, i64))
R("jax.random.PRNGKey", lambda s: random.PRNGKey(s), const(-5, i32))
rnd("split", lambda k: random.key_data(random.split(k, 3)))
rnd("fold_in", lambda k, n: random.key_data(random.fold_in(k, n)), const(77, u32))
for _d in (u8, u16, u32, u64):
    rnd(f"bits-{_d.name}", lambda k, d=_d: random.bits(k, (7,), d))
rnd("uniform", lambda k: [random.uniform(k, (5, 3), d) for d in F])
rnd("uniform-range", lambda k: random.uniform(k, (6,), f32, -2, 3), tolerance="rounding")
rnd("normal", lambda k: [random.normal(k, (9,), d) for d in F], tolerance="special")
rnd("randint", lambda k: [random.randint(k, (9,), lo, hi, d) for lo, hi, d in ((0, 10, i32), (-5, 1000, i64), (0, 255, u8), (-128, 127, i8))])
rnd("permutation", lambda k, x: (random.permutation(k, 8), random.permutation(k, x)), arr(6, 2))
rnd("permutation-independent", lambda k, x: random.permutation(k, x, axis=1, independent=True), arr(2, 6))
rnd("choice", lambda k, x: (random.choice(k, x, (4,)), random.choice(k, x, (4,), replace=False)), arr(9))
rnd("choice-weights", lambda k, x, p: random.choice(k, x, (5,), p=p), distinct(4), const([0.1, 0.2, 0.3, 0.4], f32))
rnd("bernoulli", lambda k: random.bernoulli(k, 0.3, (20,)))
rnd("categorical", lambda k, x: random.categorical(k, x, axis=1), arr(5, 4))
for _f in ("exponential", "gumbel", "laplace", "logistic", "cauchy", "rayleigh", "maxwell"):
    rnd(_f, (lambda k, f=getattr(random, _f): f(k, 1.5, (6,))) if _f == "rayleigh" else (lambda k, f=getattr(random, _f): f(k, (6,))), tolerance="special")
rnd("truncated_normal", lambda k: random.truncated_normal(k, -1, 2, (6,), f32), tolerance="special")
rnd("rademacher", lambda k: random.rademacher(k, (9,)))
rnd("multivariate_normal", lambda k, c: random.multivariate_normal(k, jnp.zeros(2, f32), c, (3,), method="cholesky"), positive_definite(2), tolerance="special", platform="tpu")
rnd("gamma", lambda k: random.gamma(k, 2.5, (4,), f32), tolerance="loose")
rnd("beta", lambda k: random.beta(k, 2.0, 3.0, (3,), f32), tolerance="loose")
rnd("dirichlet", lambda k, a: random.dirichlet(k, a), const([1.0, 2.0, 3.0], f32), tolerance="loose")
rnd("chisquare", lambda k: random.chisquare(k, 4.0, shape=(3,), dtype=f32), tolerance="loose")
rnd("poisson", lambda k: random.poisson(k, 3.0, (6,)))
rnd("binomial", lambda k: random.binomial(k, 12.0, 0.3, (5,), f32))
rnd("geometric", lambda k: random.geometric(k, 0.3, (6,)))
rnd("weibull_min", lambda k: random.weibull_min(k, 1.0, 2.0, (5,), f32), tolerance="special")
rnd("pareto", lambda k: random.pareto(k, 2.0, (5,), f32), tolerance="special")
rnd("triangular", lambda k: random.triangular(k, 0.0, 1.0, 3.0, (5,), f32), tolerance="special")
rnd("ball", lambda k: random.ball(k, 3, shape=(2,), dtype=f32), tolerance="loose")
rnd("generalized_normal", lambda k: random.generalized_normal(k, 2.0, (3,), f32), tolerance="loose")
R("jax.nn.initializers.glorot_uniform", lambda k: jax.nn.initializers.glorot_uniform()(k, (4, 3), f32), key(3), tolerance="rounding")
R("jax.nn.initializers.he_normal", lambda k: jax.nn.initializers.he_normal()(k, (4, 3), f32), key(3), tolerance="special")
R("jax.random.vmap", lambda k: jax.vmap(lambda s: random.bits(random.wrap_key_data(s), (3,)))(k), const([[0, 1], [2, 3], [7, 1 << 31]], u32))

# --- derivatives -----------------------------------------------------------------------------------------------------
D = functools.partial(add, "grad", tolerance="composed")


def gradient(name, function, *makers, **options):
    D(f"grad.{name}", lambda *x: jax.grad(lambda *y: function(*y).sum(), argnums=tuple(range(len(x))))(*x), *makers, **options)


for _f in ("sin", "tanh", "exp", "log", "sqrt", "cbrt", "arctan", "sinh", "log1p", "expm1", "exp2", "square", "reciprocal", "abs", "arcsinh", "log2", "sinc"):
    gradient(f"jnp.{_f}", getattr(jnp, _f), arr(8, lo=0.2, hi=2), dtypes=FD)
for _f in ("relu", "gelu", "silu", "softplus", "elu", "sigmoid", "log_sigmoid", "selu", "leaky_relu", "hard_tanh", "celu", "mish"):
    gradient(f"jax.nn.{_f}", getattr(jax.nn, _f), arr(8, lo=-2, hi=2), dtypes=FD)
for _f in ("erf", "erfinv", "gammaln", "digamma", "ndtr", "i0e", "expit", "logit", "entr"):
    gradient(f"jax.scipy.special.{_f}", getattr(jax.scipy.special, _f), arr(6, lo=0.1, hi=0.9), dtypes=FD, tolerance="special")
for _f in ("add", "multiply", "divide", "maximum", "minimum", "power", "arctan2", "hypot", "logaddexp", "mod"):
    gradient(f"jnp.{_f}", getattr(jnp, _f), arr(6, lo=0.5, hi=3), arr(6, lo=0.5, hi=3), dtypes=FD)
for _f in ("sum", "prod", "max", "min", "mean", "std", "var", "cumsum", "cumprod", "sort", "median", "ravel", "flip"):
    gradient(f"jnp.{_f}", lambda x, f=getattr(jnp, _f): f(x) * 3, distinct(9, scale=0.3) if _f != "cumprod" and _f != "prod" else arr(5, lo=0.5), dtypes=FD)
gradient("softmax", lambda x: jax.nn.softmax(x)[:, 0], arr(3, 4), dtypes=FD)
gradient("log_softmax", lambda x: jax.nn.log_softmax(x)[:, 1], arr(3, 4), dtypes=FD)
gradient("logsumexp", jax.nn.logsumexp, arr(3, 4), dtypes=FD)
# Small arguments: 1 - tanh^2 cancels for large ones.
gradient("matmul", lambda x, y: jnp.tanh(x @ y), arr(3, 4, lo=-0.5, hi=0.5), arr(4, 2, lo=-0.5, hi=0.5), dtypes=FD + (bf16,))
gradient("einsum", lambda x, y: jnp.einsum("bij,bkj->bik", x, y) ** 2, arr(2, 3, 4), arr(2, 2, 4), dtypes=f32)
gradient("conv", lambda x, w: lax.conv_general_dilated(x, w, (2, 1), "SAME") ** 2, arr(1, 2, 5, 5), arr(3, 2, 3, 3), dtypes=FD)
gradient("conv-groups", lambda x, w: lax.conv_general_dilated(x, w, (1, 2), ((1, 0), (0, 1)), rhs_dilation=(1, 2), feature_group_count=2) ** 2, arr(2, 4, 5, 6),
         arr(6, 2, 2, 2), dtypes=f32)
gradient("max_pool", lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "SAME") ** 2, distinct(1, 2, 5, 4, scale=0.2), dtypes=f32)
gradient("avg_pool", lambda x: lax.reduce_window(x, 0.0, lax.add, (1, 1, 2, 2), (1, 1, 2, 2), "VALID") ** 2, arr(1, 2, 4, 4), dtypes=f32)
gradient("gather", lambda x: x[jnp.array([0, 2, 2])] ** 2, arr(4, 3), dtypes=FD)
gradient("scatter", lambda x, u: x.at[jnp.array([0, 2])].set(u) ** 2, arr(4, 3), arr(2, 3), dtypes=f32)
gradient("scatter-multiply", lambda x, u: x.at[jnp.array([0, 2])].multiply(u, unique_indices=True), arr(4, 3), arr(2, 3), dtypes=f32)
gradient("dynamic_slice", lambda x: lax.dynamic_slice(x, (1, 1), (2, 2)) ** 2, arr(4, 3), dtypes=f32)
gradient("pad", lambda x: jnp.pad(x, 1, mode="reflect") ** 2, arr(3, 3), dtypes=f32)
gradient("concatenate", lambda x, y: jnp.concatenate([x, y]) ** 2, arr(2, 3), arr(1, 3), dtypes=f32)
gradient("where", lambda x: jnp.where(x > 0, x * x, jnp.sin(x)), arr(8), dtypes=f32)
gradient("clip", lambda x: jnp.clip(x, -1, 1) * 2, arr(8), dtypes=f32)
gradient("fft", lambda x: jnp.abs(jnp.fft.rfft(x)) ** 2, arr(8), dtypes=FD)
gradient("cholesky", lambda x: jnp.linalg.cholesky(x @ x.T + 3 * jnp.eye(3, dtype=x.dtype)), arr(3, 3), dtypes=FD, platform="tpu")
gradient("norm", jnp.linalg.norm, arr(3, 4), dtypes=FD)
gradient("interp", lambda x: jnp.interp(x, np.array([0.0, 1, 2]), np.array([1.0, -1, 3])), arr(6, lo=0.1, hi=1.9), dtypes=f64)
gradient("cond", lambda x: lax.cond(x.sum() > 0, jnp.sin, jnp.cos, x), arr(4), dtypes=f32)
gradient("scan", lambda x: lax.scan(lambda c, v: (jnp.tanh(c + v), c * v), jnp.zeros_like(x[0]), x)[1], arr(4, 2), dtypes=FD)
gradient("fori_loop", lambda x: lax.fori_loop(0, 4, lambda i, v: jnp.sin(v) + x, x), arr(3), dtypes=f32)
gradient("checkpoint", jax.checkpoint(lambda x: jnp.sin(jnp.sin(x))), arr(3), dtypes=f32)
gradient("layer_norm", lambda x: ((x - x.mean(-1, keepdims=True)) * lax.rsqrt(x.var(-1, keepdims=True) + 1e-5)) ** 3, arr(3, 6), dtypes=FD)
gradient("attention", lambda q, k, v: jax.nn.dot_product_attention(q, k, v, is_causal=True) ** 2, arr(1, 4, 2, 3), arr(1, 4, 2, 3), arr(1, 4, 2, 3), dtypes=f32)
gradient("mlp", lambda x, w, v: jax.nn.log_softmax(jax.nn.relu(x @ w) @ v)[:, 0], arr(3, 4), arr(4, 8), arr(8, 3), dtypes=FD)
gradient("lax.igamma", lambda x: lax.igamma(jnp.full_like(x, 2.5), x), arr(4, lo=0.5, hi=4), dtypes=FD, tolerance="special")
gradient("lax.betainc", lambda x: lax.betainc(jnp.full_like(x, 2.5), jnp.full_like(x, 1.5), x), arr(4, lo=0.1, hi=0.9), dtypes=FD, tolerance="special")
D("jvp.tanh", lambda x, t: jax.jvp(jnp.tanh, (x,), (t,)), arr(5), arr(5), dtypes=FD)
D("jvp.matmul", lambda x, y: jax.jvp(lambda v: v @ y, (x,), (x * 2,)), arr(3, 3), arr(3, 2), dtypes=FD)
D("jvp.sort", lambda x, t: jax.jvp(jnp.sort, (x,), (t,)), distinct(6), arr(6), dtypes=FD)
D("jvp.while_loop", lambda x: jax.jvp(lambda v: lax.while_loop(lambda s: s[0] < 4, lambda s: (s[0] + 1, jnp.sin(s[1]) * 1.1), (0, v))[1], (x,), (jnp.ones_like(x),)), arr(3), dtypes=f32)
D("vjp.cumsum", lambda x, t: jax.vjp(jnp.cumsum, x)[1](t), arr(5), arr(5), dtypes=FD)
D("linearize.sin", lambda x, t: jax.linearize(jnp.sin, x)[1](t), arr(5), arr(5), dtypes=f32)
D("jacfwd", lambda x: jax.jacfwd(lambda v: jnp.sin(v) * v.sum())(x), arr(4), dtypes=FD)
D("jacrev", lambda x: jax.jacrev(lambda v: jnp.outer(v, v).sum(0))(x), arr(4), dtypes=FD)
D("hessian", lambda x: jax.hessian(lambda v: (jnp.sin(v) * v[::-1]).sum())(x), arr(4), dtypes=FD)
D("hessian.softmax", lambda x: jax.hessian(lambda v: jax.nn.logsumexp(v))(x), arr(4), dtypes=f32)
D("grad.grad", lambda x: jax.grad(jax.grad(lambda v: jnp.sin(v) ** 3))(x), arr(), dtypes=FD)
D("grad.value_and_grad", lambda x: jax.value_and_grad(lambda v: (v**3).sum())(x), arr(4), dtypes=FD)
D("grad.custom_vjp", lambda x: jax.grad(lambda v: jax.nn.relu6(v).sum())(x), arr(6, lo=-3, hi=9), dtypes=f32)
D("grad.complex", lambda x: jax.grad(lambda v: jnp.abs(v * v).sum())(x), arr(4), dtypes=c64)
D("grad.sgd_step", lambda w, x, y: w - 0.1 * jax.grad(lambda v: ((jnp.tanh(x @ v) - y) ** 2).mean())(w), arr(3), arr(8, 3), arr(8), dtypes=FD)
D("grad.training_loop", lambda w, x, y: lax.fori_loop(0, 10, lambda i, v: v - 0.1 * jax.grad(lambda u: ((x @ u - y) ** 2).mean())(v), w), arr(3), arr(8, 3), arr(8), dtypes=FD)

# --- batching --------------------------------------------------------------------------------------------------------
B = functools.partial(add, "vmap", tolerance="composed")


def batched(name, function, *makers, in_axes=0, out_axes=0, **options):
    B(f"vmap.{name}", jax.vmap(function, in_axes, out_axes), *makers, **options)


batched("sin", jnp.sin, arr(3, 4), dtypes=f32)
batched("add", jnp.add, arr(3, 4), arr(4, 3), in_axes=(0, 1), dtypes=(f32, i32))
batched("add-unbatched", jnp.add, arr(3, 4), arr(4), in_axes=(0, None), out_axes=1, dtypes=f32)
batched("dot", jnp.dot, arr(3, 4), arr(3, 4), dtypes=FD)
batched("matmul", jnp.matmul, arr(2, 3, 4), arr(4, 5), in_axes=(0, None), dtypes=FD)
batched("matmul-both", jnp.matmul, arr(2, 3, 4), arr(4, 5, 2), in_axes=(0, 2), dtypes=FD)
batched("conv", lambda x, w: lax.conv(x, w, (1, 1), "SAME"), arr(3, 1, 2, 4, 4), arr(3, 2, 2, 2, 2), dtypes=f32)
batched("conv-input", lambda x, w: lax.conv(x, w, (1, 1), "SAME"), arr(3, 1, 2, 4, 4), arr(2, 2, 2, 2), in_axes=(0, None), dtypes=f32)
batched("sum", lambda x: (x.sum(0), x.max(), jnp.argmax(x)), arr(3, 4, 2), dtypes=(f32, i32))
batched("sort", lambda x: (jnp.sort(x), jnp.argsort(x)), arr(6, 3), in_axes=1, dtypes=(f32, i32))
batched("top_k", lambda x: lax.top_k(x, 2), distinct(3, 5), dtypes=f32)
batched("gather", lambda x, i: x[i], arr(3, 5), const([[0, 4], [1, 1], [-1, 9]], i32), dtypes=f32)
batched("scatter", lambda x, i, v: x.at[i].add(v), arr(3, 5), const([0, 2, 9], i32), arr(3), dtypes=f32)
batched("scatter-set", lambda x, i, v: x.at[i].set(v), arr(3, 5), const([[0, 1], [2, 4], [3, 0]], i32), arr(3, 2), dtypes=(f32, i32))
batched("dynamic_slice", lambda x, i: lax.dynamic_slice(x, (i,), (2,)), arr(3, 6), const([0, 3, 9], i32), dtypes=f32)
batched("dynamic_update_slice", lambda x, u, i: lax.dynamic_update_slice(x, u, (i,)), arr(3, 6), arr(3, 2), const([0, 3, 9], i32), dtypes=f32)
batched("cond", lambda p, x: lax.cond(p, jnp.sin, jnp.cos, x), typed(b1, 5), arr(5), dtypes=f32)
batched("switch", lambda i, x: lax.switch(i, [jnp.sin, jnp.cos, jnp.tanh], x), const([0, 2, 1, 5], i32), arr(4), dtypes=f32)
batched("while_loop", lambda n: lax.while_loop(lambda s: s[0] < n, lambda s: (s[0] + 1, s[1] * 2), (0, 1))[1], const([3, 0, 7], i64))
batched("scan", lambda x: lax.scan(lambda c, v: (c + v, c * v), jnp.zeros((), x.dtype), x), arr(3, 5), dtypes=(f32, i32))
batched("fori_loop", lambda x: lax.fori_loop(0, 3, lambda i, v: v * x + i, x), arr(4), dtypes=f32)
batched("cumsum", jnp.cumsum, arr(3, 4), dtypes=(f32, i32))
batched("pad", lambda x: jnp.pad(x, 1), arr(3, 4), dtypes=f32)
batched("reshape", lambda x: x.reshape(6).T, arr(3, 2, 3), dtypes=f32)
batched("transpose", lambda x: x.T, arr(3, 2, 4), in_axes=2, dtypes=f32)
batched("concatenate", lambda x, y: jnp.concatenate([x, y]), arr(3, 2), arr(4), in_axes=(0, None), dtypes=f32)
batched("where", jnp.where, typed(b1, 3, 2), arr(3, 2), arr(2), in_axes=(0, 0, None), dtypes=f32)
batched("fft", jnp.fft.fft, arr(3, 8), dtypes=c64)
batched("softmax", jax.nn.softmax, arr(3, 4), in_axes=1, dtypes=f32)
batched("cholesky", jnp.linalg.cholesky, lambda rng, d: np.stack([positive_definite(3)(rng, d) for _ in range(2)]), dtypes=f32, platform="tpu")
batched("triangular_solve", lambda a, b: lax.linalg.triangular_solve(a, b, left_side=True, lower=True), lambda rng, d: np.stack([positive_definite(3)(rng, d) for _ in range(2)]),
        arr(2, 3, 2), dtypes=f32, platform="tpu")
batched("reduce_window", lambda x: lax.reduce_window(x, 0.0, lax.add, (2,), (1,), "SAME"), arr(3, 5), dtypes=f32)
batched("select_and_scatter", jax.grad(lambda x: (lax.reduce_window(x, -jnp.inf, lax.max, (2,), (2,), "VALID") ** 2).sum()), distinct(3, 6), dtypes=f32)
batched("random", lambda k: random.normal(random.wrap_key_data(k), (2,), np.float32), const([[0, 1], [5, 6]], u32), tolerance="special")
batched("searchsorted", lambda a, v: jnp.searchsorted(a, v), lambda rng, d: np.sort(arr(3, 5)(rng, d)), arr(3, 2), dtypes=f32)
batched("vmap", jax.vmap(lambda x, y: x * y, (0, None)), arr(3, 2), arr(3), dtypes=f32)
batched("grad", jax.grad(lambda x: jnp.sin(x) * x), arr(5), dtypes=FD)
batched("grad-mlp", jax.grad(lambda w, x: jnp.tanh(x @ w).sum()), arr(4, 2, lo=-0.5, hi=0.5), arr(3, 4, lo=-0.5, hi=0.5), in_axes=(None, 0), dtypes=FD)
batched("jvp", lambda x, t: jax.jvp(jnp.exp, (x,), (t,)), arr(4), arr(4), dtypes=FD)
batched("jacobian", jax.jacfwd(lambda x: jnp.sin(x) * x.sum()), arr(2, 3), dtypes=f32)
batched("hessian", jax.hessian(lambda x: (x**3).sum()), arr(2, 3), dtypes=f32)
B("vmap.psum", jax.vmap(lambda x: (x - lax.pmean(x, "i"), lax.psum(x, "i"), lax.axis_index("i"), lax.pmax(x, "i"), lax.all_gather(x, "i")), axis_name="i"), arr(3, 2), dtypes=f32)
