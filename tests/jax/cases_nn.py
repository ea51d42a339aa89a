"""jax.nn, jax.scipy.special, and some of jax.scipy.stats and jax.scipy.signal."""

import functools

import jax
import jax.numpy as jnp
import jax.scipy as jsp
import numpy as np

from suite import F, FD, add, arr, b1, bf16, const, f16, f32, f64, i32, typed, vec

N = functools.partial(add, "nn")
for _f in ("relu", "relu6", "sigmoid", "softplus", "sparse_plus", "soft_sign", "silu", "swish", "log_sigmoid", "leaky_relu", "hard_sigmoid", "hard_silu",
           "hard_swish", "hard_tanh", "elu", "celu", "selu", "squareplus", "mish", "sparse_sigmoid", "tanh"):
    if hasattr(jax.nn, _f):
        N(f"jax.nn.{_f}", getattr(jax.nn, _f), arr(16, lo=-6, hi=6), dtypes=F, tolerance="composed")
# 1 + tanh cancels where x is below -2: its one rounding is more there than a few of the result's.
N("jax.nn.gelu", jax.nn.gelu, arr(16, lo=-2, hi=6), dtypes=F, tolerance="composed")
N("jax.nn.gelu-tail", jax.nn.gelu, arr(8, lo=-4, hi=-2), dtypes=FD, tolerance="loose")
N("jax.nn.gelu-exact", lambda x: jax.nn.gelu(x, approximate=False), arr(16, lo=-6, hi=6), dtypes=F, tolerance="composed")
N("jax.nn.relu-edges", lambda x: (jax.nn.relu(x), jax.nn.relu6(x)), vec(), dtypes=F, tolerance="unsigned_zero")
N("jax.nn.glu", jax.nn.glu, arr(3, 6), dtypes=FD, tolerance="composed")
for _f in ("softmax", "log_softmax", "standardize"):
    N(f"jax.nn.{_f}", lambda x, f=getattr(jax.nn, _f): (f(x), f(x, axis=0)), arr(4, 6, lo=-6, hi=6), dtypes=F, tolerance="composed")
N("jax.nn.softmax-where", lambda x, m: jax.nn.softmax(x, where=m), arr(3, 5), typed(b1, 3, 5), dtypes=f32, tolerance="composed")
N("jax.nn.softmax-infinite", lambda x: jax.nn.softmax(x), const([[0, -np.inf, 1], [1e30, -1e30, 0]], f32), tolerance="composed")
N("jax.nn.logsumexp", lambda x: (jax.nn.logsumexp(x), jax.nn.logsumexp(x, axis=1)), arr(4, 6, lo=-6, hi=6), dtypes=FD, tolerance="composed")
if hasattr(jax.nn, "logmeanexp"):
    N("jax.nn.logmeanexp", lambda x: jax.nn.logmeanexp(x), arr(4, 6), dtypes=FD, tolerance="composed")
if hasattr(jax.nn, "log1mexp"):
    N("jax.nn.log1mexp", jax.nn.log1mexp, arr(8, lo=0.1, hi=4), dtypes=FD, tolerance="composed")
N("jax.nn.one_hot", lambda i: (jax.nn.one_hot(i, 4), jax.nn.one_hot(i, 4, axis=0, dtype=bf16)), const([0, 3, -1, 9, 2], i32))
if hasattr(jax.nn, "identity"):
    N("jax.nn.identity", jax.nn.identity, arr(3))
for _impl in ("plain", "causal", "mask", "gqa", "bias"):
    def _attention(q, k, v, m, impl=_impl):
        if impl == "gqa":
            k, v = k[:, :, :1], v[:, :, :1]
        return jax.nn.dot_product_attention(q, k, v, is_causal=impl == "causal", mask=m if impl == "mask" else None,
                                            bias=m.astype(q.dtype) if impl == "bias" else None)
    N(f"jax.nn.dot_product_attention-{_impl}", _attention, arr(2, 4, 2, 3), arr(2, 4, 2, 3), arr(2, 4, 2, 3), np.tril(np.ones((1, 1, 4, 4), bool)),
      dtypes=f32 if _impl != "plain" else (f32, bf16), tolerance="composed")


def _layer_norm(x, g, b):
    mean = x.mean(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(((x - mean) ** 2).mean(-1, keepdims=True) + 1e-5) * g + b


def _mlp(x, w1, b1_, w2):
    return jax.nn.softmax(jax.nn.relu(x @ w1 + b1_) @ w2)


def _lstm(x, h, c, w):
    gates = jnp.concatenate([x, h], 1) @ w
    i, f, g, o = jnp.split(gates, 4, axis=1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


N("network.layer_norm", _layer_norm, arr(3, 8), arr(8), arr(8), dtypes=F, tolerance="composed")
N("network.mlp", _mlp, arr(4, 8), arr(8, 16, lo=-1, hi=1), arr(16), arr(16, 3, lo=-1, hi=1), dtypes=FD, tolerance="composed")
N("network.lstm_cell", _lstm, arr(2, 3), arr(2, 4), arr(2, 4), arr(7, 16, lo=-1, hi=1), dtypes=FD, tolerance="composed")
for _method in ("nearest", "linear", "cubic", "lanczos3"):
    N(f"jax.image.resize-{_method}", lambda x, m=_method: jax.image.resize(x, (7, 3), m), arr(4, 5), dtypes=f32, tolerance="composed")
N("jax.image.scale_and_translate", lambda x, s, t: jax.image.scale_and_translate(x, (5, 6), (0, 1), s, t, "linear"), arr(4, 5), const([1.2, 1.3], f32),
  const([0.1, -0.2], f32), tolerance="composed")

# --- scipy.special ---------------------------------------------------------------------------------------------------
P = functools.partial(add, "special")
special = jsp.special


def sp(name, *makers, tolerance="special", dtypes=FD):
    P(f"jax.scipy.special.{name}", getattr(special, name.split("-")[0]), *makers, dtypes=dtypes, tolerance=tolerance)


sp("erf", vec(), tolerance="elementary")
sp("erfc", arr(10, lo=-3, hi=5), tolerance="composed")
sp("erfinv", arr(10, lo=-0.95, hi=0.95), tolerance="composed")
if hasattr(special, "erfcx"):
    sp("erfcx", arr(10, lo=-2, hi=8))
sp("gammaln", arr(10, lo=0.1, hi=20))
sp("loggamma", arr(10, lo=0.1, hi=20)) if hasattr(special, "loggamma") else None
sp("gamma", arr(10, lo=0.2, hi=8))
sp("gammasgn", arr(10, lo=-5, hi=5), tolerance="exact")
sp("rgamma", arr(10, lo=0.2, hi=8)) if hasattr(special, "rgamma") else None
sp("factorial", arr(6, lo=0, hi=9))
sp("digamma", arr(10, lo=0.3, hi=9))
sp("digamma-negative", arr(8, lo=-4.8, hi=-0.2), tolerance="loose")
sp("polygamma", const([1, 2, 3], i32), arr(3, lo=0.5, hi=6))
sp("zeta", arr(6, lo=1.3, hi=8), arr(6, lo=0.5, hi=5))
sp("beta", arr(6, lo=0.5, hi=5), arr(6, lo=0.5, hi=5))
sp("betaln", arr(6, lo=0.5, hi=5), arr(6, lo=0.5, hi=5))
sp("betainc", arr(6, lo=0.5, hi=5), arr(6, lo=0.5, hi=5), arr(6, lo=0.02, hi=0.98))
sp("gammainc", arr(8, lo=0.3, hi=8), arr(8, lo=0.1, hi=10))
sp("gammaincc", arr(8, lo=0.3, hi=8), arr(8, lo=0.1, hi=10))
P("jax.scipy.special.multigammaln", lambda x: special.multigammaln(x, 3), arr(5, lo=3, hi=9), dtypes=FD, tolerance="special")
sp("expit", vec(lo=-9, hi=9), tolerance="elementary")
sp("logit", arr(10, lo=0.02, hi=0.98))
sp("log_softmax", arr(8), tolerance="composed")
sp("softmax", arr(8), tolerance="composed")
sp("log_ndtr", arr(10, lo=-8, hi=5))
sp("ndtr", arr(10, lo=-5, hi=5))
sp("ndtri", arr(10, lo=0.02, hi=0.98))
for _f in ("i0", "i0e", "i1", "i1e"):
    sp(_f, arr(10, lo=-9, hi=9))
sp("entr", arr(10, lo=-0.2, hi=4), tolerance="composed")
sp("rel_entr", arr(8, lo=0.1, hi=4), arr(8, lo=0.1, hi=4), tolerance="composed")
sp("kl_div", arr(8, lo=0.1, hi=4), arr(8, lo=0.1, hi=4))
sp("xlogy", arr(8, lo=0, hi=4), arr(8, lo=0.1, hi=4), tolerance="composed")
sp("xlog1py", arr(8, lo=0, hi=4), arr(8, lo=-0.5, hi=4), tolerance="composed")
sp("expm1", vec(), tolerance="elementary") if hasattr(special, "expm1") else None
sp("log1p", vec(lo=0, hi=4), tolerance="elementary") if hasattr(special, "log1p") else None
sp("logsumexp", arr(8), tolerance="composed")
sp("poch", arr(6, lo=0.5, hi=5), arr(6, lo=0.5, hi=3))
sp("binom", arr(6, lo=2, hi=9), arr(6, lo=0.5, hi=2)) if hasattr(special, "binom") else None
sp("comb", arr(6, lo=2, hi=9), arr(6, lo=0, hi=2)) if hasattr(special, "comb") else None
sp("expi", arr(8, lo=0.2, hi=9))
sp("exp1", arr(8, lo=0.2, hi=9))
P("jax.scipy.special.expn", lambda x: special.expn(np.int32(2), x), arr(8, lo=0.2, hi=9), dtypes=FD, tolerance="special")
sp("spence", arr(8, lo=0.1, hi=5))
sp("boxcox", arr(6, lo=0.2, hi=5), arr(6, lo=-2, hi=2)) if hasattr(special, "boxcox") else None
sp("sici", arr(8, lo=0.2, hi=9)) if hasattr(special, "sici") else None
sp("fresnel", arr(8, lo=-3, hi=3)) if hasattr(special, "fresnel") else None
sp("hyp1f1", arr(5, lo=0.5, hi=3), arr(5, lo=0.5, hi=3), arr(5, lo=-2, hi=2))
sp("hyp2f1", arr(5, lo=0.5, hi=2), arr(5, lo=0.5, hi=2), arr(5, lo=2.5, hi=4), arr(5, lo=-0.7, hi=0.7)) if hasattr(special, "hyp2f1") else None
P("jax.scipy.special.bernoulli", lambda x: special.bernoulli(8) * x, arr(), dtypes=f64, tolerance="special")
P("jax.scipy.special.bessel_jn", lambda x: special.bessel_jn(x, v=3, n_iter=20), arr(4, lo=0.5, hi=5), dtypes=f64, tolerance="loose")
P("jax.scipy.special.sph_harm_y", lambda t, p: special.sph_harm_y(np.array([1, 2]), np.array([0, 1]), t, p, n_max=2).real, arr(2, lo=0.1, hi=1),
  arr(2, lo=0.1, hi=1), dtypes=f32, tolerance="special") if hasattr(special, "sph_harm_y") else None

# --- scipy.stats, signal, ndimage ------------------------------------------------------------------------------------
stats = jsp.stats
for _f, _makers in (("norm.logpdf", (arr(6),)), ("norm.cdf", (arr(6),)), ("expon.logpdf", (arr(6, lo=0.1),)),
                    ("gamma.logpdf", (arr(6, lo=0.1), arr(6, lo=0.5, hi=4))), ("beta.logpdf", (arr(6, lo=0.1, hi=0.9), arr(6, lo=0.5), arr(6, lo=0.5))),
                    ("poisson.logpmf", (arr(6, lo=0, hi=6), arr(6, lo=0.5, hi=4))), ("bernoulli.logpmf", (const([0, 1, 1], f32), arr(3, lo=0.1, hi=0.9))),
                    ("cauchy.logpdf", (arr(6),)), ("laplace.cdf", (arr(6),)), ("logistic.logpdf", (arr(6),)), ("t.logpdf", (arr(6), arr(6, lo=1, hi=5))),
                    ("uniform.pdf", (arr(6),)), ("chi2.logpdf", (arr(6, lo=0.2), arr(6, lo=1, hi=5)))):
    _module, _method = _f.split(".")
    P(f"jax.scipy.stats.{_f}", getattr(getattr(stats, _module), _method), *_makers, dtypes=FD if _module != "bernoulli" else f32, tolerance="special")
# f64 alone: JAX takes f32 to f64 last, whose own last bits then say nothing.
P("jax.scipy.stats.norm.ppf", stats.norm.ppf, arr(6, lo=0.05, hi=0.95), dtypes=f64, tolerance="special")
P("jax.scipy.stats.rankdata", stats.rankdata, typed(i32, 8, lo=0, hi=4), tolerance="rounding")
P("jax.scipy.stats.sem", stats.sem, arr(8), dtypes=FD, tolerance="composed")
P("jax.scipy.signal.convolve", lambda x, y: jsp.signal.convolve(x, y, mode="same"), arr(8), arr(3), dtypes=FD, tolerance="sum")
P("jax.scipy.signal.convolve2d", lambda x, y: jsp.signal.convolve2d(x, y), arr(4, 5), arr(2, 3), dtypes=f32, tolerance="sum")
P("jax.scipy.signal.correlate", lambda x, y: jsp.signal.correlate(x, y), arr(8), arr(3), dtypes=f32, tolerance="sum")
P("jax.scipy.signal.fftconvolve", lambda x, y: jsp.signal.fftconvolve(x, y), arr(8), arr(3), dtypes=FD, tolerance="composed")
P("jax.scipy.signal.detrend", lambda x: jsp.signal.detrend(x, type="constant"), arr(8), dtypes=FD, tolerance="sum")
P("jax.scipy.fft.dct", lambda x: (jsp.fft.dct(x), jsp.fft.idct(x)), arr(8), dtypes=FD, tolerance="composed")
P("jax.scipy.fft.dctn", lambda x: jsp.fft.dctn(x), arr(4, 4), dtypes=f32, tolerance="composed")
P("jax.scipy.ndimage.map_coordinates", lambda x, c: jsp.ndimage.map_coordinates(x, [c[0], c[1]], order=1, mode="nearest"), arr(5, 6),
  arr(2, 4, lo=0, hi=5), dtypes=f32, tolerance="composed")
P("jax.scipy.integrate.trapezoid", lambda x: jsp.integrate.trapezoid(x), arr(8), dtypes=FD, tolerance="sum")
P("jax.scipy.interpolate", lambda x, v: jsp.interpolate.RegularGridInterpolator((np.arange(4.0, dtype=np.float32),), v)(x), arr(5, 1, lo=0, hi=3), arr(4),
  dtypes=f32, tolerance="composed")
P("jax.scipy.linalg.toeplitz", lambda x: jsp.linalg.toeplitz(x), arr(4))
P("jax.scipy.linalg.block_diag", lambda x, y: jsp.linalg.block_diag(x, y), arr(2, 2), arr(1, 3))
