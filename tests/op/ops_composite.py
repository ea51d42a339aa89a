"""Normalizations, means and softmaxes, against SciPy and NumPy in f64; the gradient of one against JAX's reverse mode.

Composites are `@op("ecotone.name")` functions from a dtype to cases. One that joins the op table and has no function makes
the suite fail, unless exceptions.txt gives a reason.
"""

import formats
import jax
import jax.numpy as jnp
import numpy as np
import scipy.special as sp
from formats import is_float
from suite import Case, T, approximate, op, rng_of


def spread(v, axis: int, rank: int):
    return v.reshape([-1 if i == axis else 1 for i in range(rank)])


def batch_norm_operands(d: str, rng, axis: int):
    shape = (4, 3, 2)
    n = shape[axis]
    x = formats.random_values(d, 24, rng, 1).reshape(shape)
    positive = formats.rounded(d, np.full(n, 0.5) + rng.integers(0, 3, n) / 2)
    return x, positive, formats.random_values(d, n, rng, 1), formats.random_values(d, n, rng, 0.5), positive[::-1].copy()


def normalized(x, scale, offset, mean, variance, axis, epsilon):
    s = lambda v: spread(v, axis, x.ndim)  # noqa: E731
    return (x - s(mean)) / (s(variance) + epsilon) ** 0.5 * s(scale) + s(offset)


@op("stablehlo.batch_norm_inference", "stablehlo.batch_norm_training", "stablehlo.batch_norm_grad")
def batch_norm(d: str, name: str):
    rng = rng_of(name, d)
    cases = []
    for axis in (1, 2):
        x, scale, offset, mean, variance = batch_norm_operands(d, rng, axis)
        others = tuple(i for i in range(3) if i != axis)
        epsilon = 0.125
        attributes = {"epsilon": epsilon, "feature_index": axis}
        if name.endswith("inference"):
            operands, wants = [x, scale, offset, mean, variance], [normalized(x, scale, offset, mean, variance, axis, epsilon)]
        elif name.endswith("training"):
            m, v = x.mean(others), x.var(others)
            operands, wants = [x, scale, offset], [normalized(x, scale, offset, m, v, axis, epsilon), m, v]
        else:
            dy = formats.random_values(d, 24, rng, 1).reshape(x.shape)
            if d == "f64":  # against JAX's reverse mode, at the very mean and variance
                def f(x, scale, offset, others=others, axis=axis, epsilon=epsilon):
                    return normalized(x, scale, offset, x.mean(others), x.var(others), axis, epsilon)

                wants = [np.asarray(g) for g in jax.vjp(f, jnp.asarray(x), jnp.asarray(scale), jnp.asarray(offset))[1](jnp.asarray(dy))]
                mean, variance = x.mean(others), x.var(others)
            else:  # the specification's formula
                n, s = x.size // x.shape[axis], lambda v, axis=axis: spread(v, axis, 3)
                centred, deviation = x - s(mean), (variance + epsilon) ** 0.5
                slope = (dy * centred).sum(others) / (variance + epsilon)
                dx = s(scale / deviation / n) * (n * dy - s(dy.sum(others)) - centred * s(slope))
                wants = [dx, (dy * centred / s(deviation)).sum(others), dy.sum(others)]
            operands = [x, scale, mean, variance, dy]
        # Sums of 8 or 12 entries, and some ten operations on values of about the largest result.
        size = [max(1.0, np.abs(np.concatenate([w.ravel() for w in wants])).max())] * len(wants)
        cases.append(approximate(f"axis {axis}", d, operands, wants, attributes, roundings=50, scale=size))
    return cases


def random(d: str, shape, rng, scale: float = 1) -> np.ndarray:
    return formats.random_values(d, int(np.prod(shape)), rng, scale).reshape(shape)


def size_of(*wants) -> list:
    """One size for all of a result: the largest number met, or 1."""
    return [max(1.0, np.abs(w[np.isfinite(w)]).max(initial=0)) for w in wants]


# Softmax ------------------------------------------------------------------------------------------------------------------


def softmax_of(name: str, x, axes):
    if name == "ecotone.softmax":
        return sp.softmax(x, axis=axes) if x.size else x
    if name == "ecotone.log_softmax":
        # Where the largest is infinite, SciPy does not subtract it; the definition gives NaN.
        top = x.max(axes, keepdims=True, initial=-np.inf)
        return np.where(np.isfinite(top), sp.log_softmax(x, axis=axes), np.nan) if x.size else x
    kept = tuple(n for i, n in enumerate(x.shape) if i not in axes)
    return sp.logsumexp(x, axis=axes) if x.size else np.full(kept, -np.inf)


@op("ecotone.softmax", "ecotone.log_softmax", "ecotone.log_sum_exp")
def softmax(d: str, name: str):
    rng = rng_of(name, d)
    edges = [v for v in formats.edges(d) if np.isfinite(v)]
    rows = [(f"{shape} {axes}", random(d, shape, rng, 2), axes)
            for shape, axes in (((3, 4, 5), (1,)), ((3, 4, 5), (0, 2)), ((4, 5), (0, 1)), ((2, 3), ()), ((6,), (0,)), ((0, 3), (1,)), ((3, 0), (1,)), ((3, 1), (1,)))]
    rows.append(("ties", np.tile(random(d, (3, 1), rng), (1, 4)), (1,)))
    rows.append(("edges", np.stack([rng.permutation(edges)[:6] for _ in range(8)]), (1,)))
    limit = formats.rounded(d, np.array([-np.inf, np.inf, np.nan]))  # what the type has of these
    rows.append(("infinities", np.array([[limit[0], 1, 2], [limit[0]] * 3, [limit[1], 1, 2], [limit[0], limit[1], 1], [limit[2], 1, 2]]), (1,)))
    cases = []
    for case, x, axes in rows:
        want = np.asarray(softmax_of(name, x, axes))
        n = int(np.prod([x.shape[i] for i in axes]))
        with np.errstate(invalid="ignore", over="ignore"):
            top = x.max(axes, keepdims=True, initial=-np.inf)
            away = np.abs(x - top)  # the rounded difference is an exponential's argument
        if name == "ecotone.softmax":
            size = want * (1 + away)
        elif name == "ecotone.log_softmax":
            size = 1 + away + np.abs(want)
        else:
            size = 1 + np.abs(np.where(np.isfinite(top), top, 0)).reshape(want.shape) + np.abs(want)
        cases.append(approximate(case, d, [x], [want], {"dimensions": list(axes)}, roundings=n + 4, scale=[size]))
    return cases


# Means and norms ----------------------------------------------------------------------------------------------------------


@op("ecotone.mean")
def mean(d: str):
    rng = rng_of("mean", d)
    cases = []
    for shape, axes, keep in (((3, 4, 5), (1,), False), ((3, 4, 5), (0, 2), True), ((7, 40), (1,), False), ((7, 40), (0, 1), True), ((2, 3), (), False), ((3, 0), (1,), True), ((0, 3), (1,), False)):
        attributes = {"dimensions": list(axes), "keep_dimensions": keep}
        n = int(np.prod([shape[i] for i in axes]))
        if is_float(d):
            x = random(d, shape, rng, 2)
            cases.append(approximate(f"{shape} {axes}", d, [x], [x.mean(axes, keepdims=keep)], attributes, roundings=n + 1, scale=[np.abs(x).mean(axes, keepdims=keep)]))
            continue
        low, high = formats.integer_range(d)
        near = 1 << 54 if formats.bits(d) == 64 else 1 << 64  # so that 64 bits hold the sums
        x = rng.integers(max(low, -near), min(high, near), shape, endpoint=True, dtype=formats.wide_dtype(d))
        if n == 0:  # division by zero gives all ones
            want = np.full(x.sum(axes, keepdims=keep).shape, -1 if formats.is_signed(d) else high, x.dtype)
        else:
            exact = x.astype(object).sum(axes, keepdims=keep)
            want = np.array([abs(v) // n * (1 if v > 0 else -1) for v in np.ravel(exact)], x.dtype).reshape(np.shape(exact))
        cases.append(Case(f"{shape} {axes}", [T(d, x)], [T(d, want)], attributes))
    if is_float(d):
        x = formats.rounded(d, np.array([[np.nan, 1], [0.0, -0.0], [np.inf, 1]]))
        cases.append(approximate("edges", d, [x], [x.mean(1)], {"dimensions": [1]}, roundings=3))
        big = np.full((2, 3), formats.edges(d)[np.isfinite(formats.edges(d))].max())
        if formats.bits(d) < 32 and d != "bf16":  # the sum of largest values does not fit the type, but f32
            cases.append(approximate("largest", d, [big], [big.mean(1)], {"dimensions": [1]}, roundings=4))
    return cases


def centred(x, axes, epsilon):
    """Normalized x, its mean and its inverse deviation."""
    m, v = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - m) / np.sqrt(v + epsilon), m, 1 / np.sqrt(v + epsilon)


@op("ecotone.layer_norm", "ecotone.rms_norm")
def layer_norm(d: str, name: str):
    rng = rng_of(name, d)
    rms = name == "ecotone.rms_norm"
    wide = "f64" if d == "f64" else "f32"
    cases = []
    plans = [("last axis", random(d, (3, 8), rng), -1, 2.0**-10, (8,), (8,)), ("from axis 1", random(d, (2, 3, 4), rng), 1, 2.0**-4, (3, 4), (4,)),
             ("all", random(d, (2, 5), rng), 0, 2.0**-10, (2, 5), ()), ("scalar scale", random(d, (3, 4), rng), -1, 0.125, (), None),
             ("empty batch", np.zeros((0, 4)), 1, 0.5, (4,), (4,)), ("constant rows", np.repeat([[1.0], [-1.0]], 4, 1), 1, 0.25, (4,), (4,)),
             ("edges", np.array([[np.nan, 1, 1, 1], [formats.rounded(d, np.inf), 1, 2, 0], [1, 2, -1, 0.5]]), 1, 0.25, (4,), (4,))]
    for case, x, axis, epsilon, scale_shape, bias_shape in plans:
        axes = tuple(range(axis % x.ndim, x.ndim))
        x = formats.rounded(d, x)
        scale = random(d, scale_shape, rng)
        attributes = {"axis": axis, "epsilon": epsilon}
        n = int(np.prod([x.shape[i] for i in axes]))
        if rms:
            want = [x / np.sqrt((x**2).mean(axes, keepdims=True) + epsilon) * scale]
            cases.append(approximate(case, d, [x, scale], want, attributes, roundings=n + 8, scale=size_of(*want)))
            continue
        y, m, inverse = centred(x, axes, epsilon)
        bias = None if bias_shape is None else random(d, bias_shape, rng)
        want = [y * scale + (0 if bias is None else bias), m, inverse]
        cases.append(approximate(case, d, [x, scale, *([] if bias is None else [bias])], want, attributes, roundings=2 * n + 12,
                                 scale=size_of(*want), results=[d, wide, wide]))
    return cases


@op("ecotone.batch_norm")
def inference_norm(d: str):
    rng = rng_of("ecotone.batch_norm", d)
    cases = []
    for shape in ((2, 3), (2, 3, 4), (2, 3, 2, 2), (0, 3, 2)):
        x, scale, bias, m = random(d, shape, rng), *(random(d, (3,), rng) for _ in range(3))
        variance = np.abs(random(d, (3,), rng)) + 0.5
        variance = formats.rounded(d, variance)
        want = normalized(x, scale, bias, m, variance, 1, 0.125)
        cases.append(approximate(f"{shape}", d, [x, scale, bias, m, variance], [want], {"epsilon": 0.125}, roundings=10, scale=size_of(want)))
    negative = np.array([1, -1, 0.0])  # its root is NaN; of 0 infinite
    want = normalized(x := random(d, (2, 3, 2), rng) + 0.0, scale, bias, m, negative, 1, 0.0)
    want = np.where(negative.reshape(1, 3, 1) < 0, np.nan, want)
    x[:, 2] = formats.rounded(d, m[2] + 1)
    want[:, 2] = (x[:, 2] - m[2]) * np.inf * scale[2] + bias[2]
    cases.append(approximate("variances", d, [x, scale, bias, m, negative], [want], {"epsilon": 0.0}, roundings=10, scale=size_of(want)))
    return cases


@op("ecotone.instance_norm", "ecotone.group_norm")
def instance_norm(d: str, name: str):
    rng = rng_of(name, d)
    cases = []
    for shape in ((2, 4, 3), (2, 4, 3, 2), (1, 4), (0, 4, 3), (2, 4, 1)):
        for groups in (1, 2, 4) if name == "ecotone.group_norm" else (4,):
            x, scale, bias = random(d, shape, rng), random(d, (4,), rng), random(d, (4,), rng)
            rest = int(np.prod(shape[2:])) * 4 // groups
            y = centred(x.reshape(shape[0], groups, rest), (2,), 0.0625)[0].reshape(shape)
            want = y * spread(scale, 1, len(shape)) + spread(bias, 1, len(shape))
            attributes = {"epsilon": 0.0625} | ({"groups": groups} if name == "ecotone.group_norm" else {})
            cases.append(approximate(f"{shape} {groups}", d, [x, scale, bias], [want], attributes, roundings=2 * rest + 12, scale=size_of(want)))
    x = random(d, (2, 4, 3), rng)
    x[0, 0, 0] = np.nan
    x[1, 3] = 1  # without deviation
    x = formats.rounded(d, x)
    y = centred(x.reshape(2, 4, 3), (2,), 0.0625)[0]
    attributes = {"epsilon": 0.0625} | ({"groups": 4} if name == "ecotone.group_norm" else {})
    want = y * spread(scale, 1, 3) + spread(bias, 1, 3)
    cases.append(approximate("edges", d, [x, scale, bias], [want], attributes, roundings=18, scale=size_of(want)))
    if name == "ecotone.group_norm":
        cases.append(Case("groups", [T(d, x), T(d, scale), T(d, bias)], [], {"groups": 3}, refuses="types"))
    return cases


@op("ecotone.lp_norm")
def lp_norm(d: str):
    rng = rng_of("lp_norm", d)
    cases = []
    for shape, axis in (((3, 4), 1), ((3, 4), -2), ((2, 3, 4), 1), ((5,), 0), ((0, 3), 1), ((3, 1), 1)):
        for p in (1, 2):
            x = random(d, shape, rng)
            x.ravel()[:2] = 0
            norm = np.linalg.norm(x, p, axis, keepdims=True)
            want = np.divide(x, norm, out=np.zeros(x.shape), where=norm != 0)
            cases.append(approximate(f"{shape} {axis} {p}", d, [x], [want], {"axis": axis, "p": p}, roundings=shape[axis] + 4))
    x = formats.rounded(d, np.array([[0.0, -0.0, 0.0], [np.nan, 1, 2], [np.inf, 1, -2]]))
    norm = np.linalg.norm(x, 2, 1, keepdims=True)
    cases.append(approximate("edges", d, [x], [np.where(norm == 0, 0, x / norm)], {"axis": 1, "p": 2}, roundings=7))
    cases.append(Case("p", [T(d, x)], [], {"axis": 1, "p": 3}, refuses="types", message="p is 3"))
    return cases


@op("ecotone.local_response_norm")
def local_response_norm(d: str):
    rng = rng_of("local_response_norm", d)
    cases = []
    for shape, size, alpha, beta, bias in (((2, 5, 3), 3, 0.375, 0.5, 1.5), ((1, 6), 4, 1.0, 0.75, 1.0), ((2, 3, 2, 2), 7, 1e-4, 0.75, 1.0), ((0, 3, 2), 1, 1.0, 1.0, 1.0)):
        x = random(d, shape, rng)
        total = np.zeros(shape)
        for c in range(shape[1]):
            near = slice(max(0, c - (size - 1) // 2), c + size // 2 + 1)
            total[:, c] = (x[:, near] ** 2).sum(1)
        want = x / (bias + alpha / size * total) ** beta
        attributes = {"size": size, "alpha": alpha, "beta": beta, "bias": bias}
        cases.append(approximate(f"{shape} {size}", d, [x], [want], attributes, roundings=size + 8, constants=True))
    return cases
