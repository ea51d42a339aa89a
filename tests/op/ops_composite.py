"""Composites: `@op("ecotone.name")` functions from a dtype to cases, with NumPy, SciPy or JAX as the independent truth.

A composite that joins the op table and has no function here makes the suite fail, unless exceptions.txt gives a reason.
"""

import formats
import jax
import jax.numpy as jnp
import numpy as np
from suite import Case, T, op, rng_of


def composite_case(d: str, name: str, operands: list, wants: list, attributes: dict, result: str | None = None) -> Case:
    """Types narrower than f32 are computed in f32 and rounded once: 100 eps of the computing type, of the largest value
    met, and a spacing of the result's type, onto whose other neighbour a value near a tie may fall."""
    bound, real_bound = [], []
    size = max(1.0, *(np.max(np.abs(w[np.isfinite(w)]), initial=0) for w in wants))
    for w in wants:
        computing = "f64" if d == "f64" else "f32"
        least = 0 if d in ("f32", "f64") else float(formats.magnitudes(d)[1])
        bound.append(100 * formats.epsilon(computing) * size + (0 if d in ("f32", "f64") else formats.epsilon(d)) * np.abs(w) + least)
        real_bound.append(np.full(w.shape, 100 * 2.0**-52 * size))
    return Case(name, [T(d, x) for x in operands], [T(result or d, w) for w in wants], attributes, bound=bound, real_bound=real_bound)


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
        cases.append(composite_case(d, f"axis {axis}", operands, wants, attributes))
    return cases
