"""Activations, against SciPy and NumPy in f64, on every edge of each type."""

import formats
import numpy as np
import scipy.special as sp
from formats import is_float
from ops_elementwise import extreme
from suite import Case, T, approximate, computing, constant, op, rng_of

ALPHA = [{"alpha": 1.0}, {"alpha": 0.1}]
# Attributes that f32 can't hold are constants of f32 in bodies of narrow types: `constant` gives the formula the same.
SELU = {"alpha": 1.6732632423543772, "gamma": 1.0507009873554805}


def values(d: str, *what: str) -> np.ndarray:
    """All values of small types; of others edges and random ones."""
    return formats.pool(d, rng_of("activation", d, *what))


def softplus(x):
    return np.logaddexp(0, x)


def tanh_gelu(d, x, a):
    inner = constant(d, np.sqrt(2 / np.pi)) * (x + constant(d, 0.044715) * x**3)
    return x * sp.expit(2 * inner)  # (1 + tanh t) / 2


# op: (formula of x and its attributes, attributes, roundings, size). The size of a rounding's error is the result's, but:
# of a product with x where a sum near 1 cancels, x; of an exponential, the result times its argument, which was rounded.
FORMULAS = {
    "softplus": (lambda d, x, a: softplus(x), [{}], 4, None),
    "softsign": (lambda d, x, a: x / (1 + np.abs(x)), [{}], 2, None),
    "mish": (lambda d, x, a: x * np.tanh(softplus(x)), [{}], 6, None),
    "hard_swish": (lambda d, x, a: x * np.clip(x * np.float64(np.float32(1 / 6)) + 0.5, 0, 1), [{}], 3, lambda x, a: x),
    "leaky_relu": (lambda d, x, a: np.where(x >= 0, x, a["alpha"] * x), [*ALPHA, {"alpha": 0.0}, {"alpha": -2.0}], 1, None),
    "elu": (lambda d, x, a: np.where(x >= 0, x, a["alpha"] * np.expm1(x)), ALPHA, 2, None),
    "celu": (lambda d, x, a: np.where(x >= 0, x, a["alpha"] * np.expm1(x / a["alpha"])), [{"alpha": 1.5}, *ALPHA], 4, None),
    "thresholded_relu": (lambda d, x, a: np.where(x > a["alpha"], x, 0), [*ALPHA, {"alpha": 0.0}, {"alpha": -1.5}], 0, None),
    "swish": (lambda d, x, a: x * sp.expit(a["alpha"] * x), [*ALPHA, {"alpha": -1.5}], 4, lambda x, a: x * sp.expit(a["alpha"] * x) * (1 + np.abs(a["alpha"] * x))),
    "selu": (lambda d, x, a: a["gamma"] * np.where(x >= 0, x, a["alpha"] * np.expm1(x)), [SELU, {"alpha": 1.5, "gamma": 0.75}], 3, None),
    "hard_sigmoid": (lambda d, x, a: np.clip(a["alpha"] * x + a["beta"], 0, 1), [{"alpha": 0.2, "beta": 0.5}, {"alpha": 0.25, "beta": 0.75}], 2,
                     lambda x, a: np.minimum(np.abs(a["alpha"] * x), 2) + a["beta"]),
    "gelu": (lambda d, x, a: tanh_gelu(d, x, a) if a["form"] == "tanh" else x * sp.ndtr(x), [{"form": "erf"}, {"form": "tanh"}], 8, lambda x, a: x),
}


@op(*(f"ecotone.{name}" for name in FORMULAS))
def activation(d: str, name: str):
    formula, attributes, roundings, size = FORMULAS[name.removeprefix("ecotone.")]
    cases = []
    for a in attributes:
        x = values(d, name)
        seen = {k: v if isinstance(v, str) else constant(d, v) for k, v in a.items()}
        want = formula(d, x, seen)
        if name == "ecotone.gelu":
            # 1/sqrt 2, sqrt(2/pi): rounded to f32, they move the sum of 1 and a number near -1 by an eps of its slope.
            want = np.where(np.isneginf(x), np.nan, want)  # -inf * 0
        cases.append(approximate(f"{a}", d, [x], [want], a, roundings=roundings, scale=[size(x, seen)] if size else None,
                                 constants=name == "ecotone.gelu" and computing(d) != "f64"))
    for shape in ((), (0,), (2, 0), (2, 3)):
        x = formats.random_values(d, int(np.prod(shape)), rng_of(name, d, str(shape))).reshape(shape)
        cases.append(approximate(f"{shape}", d, [x], [formula(d, x, seen)], a, roundings=roundings, scale=[size(x, seen)] if size else None,
                                 constants=name == "ecotone.gelu" and computing(d) != "f64"))
    return cases


@op("ecotone.relu")
def relu(d: str):
    x = values(d, "relu")
    zero = np.zeros((), x.dtype)
    return [Case("values", [T(d, x)], [T(d, extreme(x, zero, True) if is_float(d) else np.maximum(x, zero))]),
            Case("scalar", [T(d, x[1])], [T(d, (extreme(x[1:2], zero, True) if is_float(d) else np.maximum(x[1:2], zero))[0])]),
            Case("empty", [T(d, x[:0])], [T(d, x[:0])])]


@op("ecotone.prelu")
def prelu(d: str):
    rng = rng_of("prelu", d)
    pool = values(d, "prelu")
    cases = []
    for shape, slope_shape in (((3, len(pool)), (3, 1)), ((2, 3, 4), (3, 1)), ((2, 4), (4,)), ((5,), ()), ((0, 3), (3,))):
        x = np.broadcast_to(pool, shape) if shape[-1] == len(pool) else rng.choice(pool, shape)
        slope = formats.random_values(d, int(np.prod(slope_shape)), rng).reshape(slope_shape)
        with np.errstate(over="ignore"):
            want = np.where(x >= 0, x, x * slope)  # one rounding; integers wrap
        cases.append(Case(f"{shape} {slope_shape}", [T(d, x), T(d, slope)], [T(d, want if is_float(d) else formats.rounded(d, want))]))
    return cases


@op("ecotone.shrink")
def shrink(d: str):
    x = values(d, "shrink")
    cases = []
    for a in ({}, {"lambda": 0.5, "bias": 0.25}, {"lambda": 1.5, "bias": 1.5}, {"lambda": 0.1, "bias": 0.3}, {"lambda": -1.0, "bias": 2.0}):
        lamb, bias = constant(d, a.get("lambda", 0.5)), constant(d, a.get("bias", 0.0))
        if not is_float(d):
            lamb, bias = a.get("lambda", 0.5), a.get("bias", 0.0)
        v = x.astype(np.float64)
        want = np.where(v < -lamb, v + bias, np.where(v > lamb, v - bias, 0))
        if is_float(d):
            cases.append(approximate(f"{a}", d, [x], [want], a, roundings=1, scale=[np.abs(v) + bias]))
        else:  # truncated; saturates
            low, high = formats.integer_range(d)
            clipped = [min(max(int(w), low), high) for w in want]
            cases.append(Case(f"{a}", [T(d, x)], [T(d, np.array(clipped, x.dtype))], a))
    return cases
