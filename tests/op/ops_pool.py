"""Windows and resizing: pools and transposed convolutions in loops, resizes by ONNX's reference evaluator, in f64."""

import functools
import itertools

import formats
import jax.image
import numpy as np
import onnx
import onnx.reference
from formats import is_float
from onnx.reference.ops import op_resize
from ops_elementwise import extreme
from ops_reduce import windows
from ops_select import lowest, mixed
from suite import Case, T, approximate, op, rng_of

# Pools ----------------------------------------------------------------------------------------------------------------------

PLANS = [
    ((2, 3, 7), {"size": [3], "strides": [1], "dilations": [1], "padding_low": [0], "padding_high": [0]}),
    ((2, 2, 7), {"size": [3], "strides": [2], "dilations": [2], "padding_low": [1], "padding_high": [2]}),
    ((1, 2, 5, 6), {"size": [3, 2], "strides": [2, 1], "dilations": [1, 2], "padding_low": [1, 0], "padding_high": [0, 1]}),
    ((1, 2, 3, 4, 2), {"size": [2, 3, 1], "strides": [1, 2, 1], "dilations": [1, 1, 1], "padding_low": [0, 1, 0], "padding_high": [1, 1, 0]}),
    ((1, 1, 4), {"size": [2], "strides": [3], "dilations": [1], "padding_low": [2], "padding_high": [3]}),  # windows of padding alone
    ((1, 1, 6), {"size": [4], "strides": [1], "dilations": [1], "padding_low": [-1], "padding_high": [0]}),
    ((0, 2, 5), {"size": [2], "strides": [1], "dilations": [1], "padding_low": [0], "padding_high": [0]}),
    ((1, 1, 2), {"size": [3], "strides": [1], "dilations": [1], "padding_low": [0], "padding_high": [0]}),  # no window fits
]


def seen(shape, w: dict):
    """The result's shape, and for each of its places the entries of x that its window holds."""
    wide = {"window_dimensions": [1, 1, *w["size"]], "window_strides": [1, 1, *w["strides"]], "window_dilations": [1, 1, *w["dilations"]],
            "padding_low": [0, 0, *w["padding_low"]], "padding_high": [0, 0, *w["padding_high"]]}
    places, entries = windows(shape, wide)
    return places, {p: [at for at in entries(p) if at is not None] for p in np.ndindex(*places)}


seen_by_plan = functools.cache(lambda i: seen(*PLANS[i]))


@op("ecotone.max_pool")
def max_pool(d: str):
    rng = rng_of("max_pool", d)
    cases = []
    for i, (shape, w) in enumerate(PLANS):
        x = mixed(d, shape, rng)
        places, entries = seen_by_plan(i)
        want = np.full(places, lowest(d), x.dtype)
        for p, inside in entries.items():
            for at in inside:
                want[p] = extreme(np.atleast_1d(want[p]), np.atleast_1d(x[at]), True)[0] if is_float(d) else max(want[p], x[at])
        cases.append(Case(f"{shape} {w}", [T(d, x)], [T(d, want)], {"window": {"struct": w}}))
    cases.append(Case("rank", [T(d, np.zeros((2, 3)))], [], {"window": {"struct": w}}, refuses="types", message="do not fit an input of 2"))
    return cases


@op("ecotone.average_pool")
def average_pool(d: str):
    rng = rng_of("average_pool", d)
    cases = []
    for i, (shape, w) in enumerate(PLANS):
        places, entries = seen_by_plan(i)
        # Of the padding nothing counts, all, or one entry in front.
        counted = [{}] if min(w["padding_low"]) < 0 else [{}, {"counted_low": w["padding_low"], "counted_high": w["padding_high"]},
                                                         {"counted_low": [min(1, n) for n in w["padding_low"]], "counted_high": [0] * len(w["size"])}]
        for c in counted:
            x = formats.random_values(d, int(np.prod(shape)), rng).reshape(shape)
            low, high = c.get("counted_low", [0] * len(w["size"])), c.get("counted_high", [0] * len(w["size"]))
            padded = (*shape[:2], *(n + a + b for n, a, b in zip(shape[2:], low, high, strict=True)))
            less = w | {"padding_low": [a - b for a, b in zip(w["padding_low"], low, strict=True)], "padding_high": [a - b for a, b in zip(w["padding_high"], high, strict=True)]}
            counts = {p: len(e) for p, e in seen(padded, less)[1].items()}
            want, size = np.zeros(places), np.zeros(places)
            for p, inside in entries.items():
                values = np.array([x[at] for at in inside])
                with np.errstate(invalid="ignore"):
                    want[p], size[p] = values.sum() / np.float64(counts[p]), np.abs(values).sum() / max(1, counts[p])
            cases.append(approximate(f"{shape} {w} {c}", d, [x], [want], {"window": {"struct": w}} | c, roundings=int(np.prod(w["size"])) + 1, scale=[size]))
    return cases


@op("ecotone.lp_pool")
def lp_pool(d: str):
    rng = rng_of("lp_pool", d)
    cases = []
    for i, p in itertools.product(range(len(PLANS)), (1.0, 2.0, 3.0, 2.5)):
        shape, w = PLANS[i]
        places, entries = seen_by_plan(i)
        x = formats.random_values(d, int(np.prod(shape)), rng).reshape(shape)
        x.ravel()[:2] = 0
        want = np.zeros(places)
        for at, inside in entries.items():
            want[at] = (np.abs(np.array([x[e] for e in inside])) ** p).sum() ** (1 / p)
        # 1 / p is rounded, an exponent of the sum.
        size = want * (1 + np.abs(np.log(np.where(want > 0, want, 1))))
        cases.append(approximate(f"{shape} {w} {p}", d, [x], [want], {"window": {"struct": w}, "p": p}, roundings=int(np.prod(w["size"])) + 4, scale=[size], constants=p > 2))
    return cases


# Transposed convolution --------------------------------------------------------------------------------------------------------


def spread_kernels(x, kernel, a):
    """Each entry of x adds its multiple of the kernel to the result; then the padding is cut off."""
    groups, rank = a["groups"], x.ndim - 2
    n, channels, m = x.shape[0], x.shape[1], kernel.shape[1]
    reach = [(k - 1) * dil + 1 for k, dil in zip(kernel.shape[2:], a["dilations"], strict=True)]
    full = [(i - 1) * s + r for i, s, r in zip(x.shape[2:], a["strides"], reach, strict=True)]
    y = np.zeros((n, m * groups, *full))
    for c in range(channels):
        g = c // (channels // groups)
        for at in np.ndindex(*x.shape[2:]):
            place = tuple(slice(i * s, i * s + r, dil) for i, s, r, dil in zip(at, a["strides"], reach, a["dilations"], strict=True))
            y[(slice(None), slice(g * m, (g + 1) * m), *place)] += np.multiply.outer(x[(slice(None), c, *at)], kernel[c])
    for i in range(rank):  # negative padding adds zeros
        low, high = a["padding_low"][i], a["padding_high"][i]
        amounts = [(0, 0)] * y.ndim
        amounts[i + 2] = (max(-low, 0), max(-high, 0))
        y = np.pad(y, amounts)
        cut = [slice(None)] * y.ndim
        cut[i + 2] = slice(max(low, 0), y.shape[i + 2] - max(high, 0))
        y = y[tuple(cut)]
    return y


@op("ecotone.conv_transpose")
def conv_transpose(d: str):
    rng = rng_of("conv_transpose", d)
    cases = []
    for shape, kernel_shape, strides, dilations, low, high, groups in (
            ((2, 3, 4), (3, 2, 3), [1], [1], [0], [0], 1), ((2, 4, 3), (4, 3, 3), [2], [2], [1], [-1], 2), ((1, 4, 3), (4, 1, 2), [3], [1], [0], [-2], 4),
            ((1, 2, 3, 4), (2, 3, 2, 3), [2, 1], [1, 2], [1, 0], [0, 1], 1), ((1, 2, 3, 3), (2, 1, 3, 2), [2, 2], [1, 1], [1, 1], [0, -1], 2),
            ((1, 2, 2, 2, 2), (2, 1, 2, 1, 2), [1, 2, 1], [1, 1, 1], [0, 0, 0], [0, 0, 0], 1), ((0, 2, 3), (2, 1, 2), [1], [1], [0], [0], 1),
            ((1, 2, 3), (2, 2, 1), [2], [1], [0], [0], 1)):
        x = formats.random_values(d, int(np.prod(shape)), rng).reshape(shape)
        kernel = formats.random_values(d, int(np.prod(kernel_shape)), rng).reshape(kernel_shape)
        a = {"strides": strides, "dilations": dilations, "padding_low": low, "padding_high": high, "groups": groups}
        want, size = spread_kernels(x, kernel, a), spread_kernels(np.abs(x), np.abs(kernel), a)
        cases.append(approximate(f"{shape} {kernel_shape} {a}", d, [x, kernel], [want], a, roundings=2 * shape[1] * int(np.prod(kernel_shape[2:])), scale=[size]))
    cases.append(Case("groups", [T(d, np.ones((1, 3, 2))), T(d, np.ones((3, 1, 1)))], [],
                      {"strides": [1], "dilations": [1], "padding_low": [0], "padding_high": [0], "groups": 2}, refuses="types"))
    return cases


# Resize ------------------------------------------------------------------------------------------------------------------------

COORDINATES = ["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"]  # tf_... stand apart
ROUNDINGS = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]


class Resize(op_resize.Resize):
    """ONNX's, but the coefficient of cubic weights is no NumPy float32, which would make all of them float32."""

    op_domain = ""

    def _run(self, *args, cubic_coeff_a=None, **kwargs):
        return super()._run(*args, cubic_coeff_a=float(cubic_coeff_a), **kwargs)


@functools.cache
def onnx_resize(axes: tuple, sizes: tuple, scales: tuple, by_scales: bool, roi: tuple, attributes: tuple):
    """ONNX's reference evaluator of that Resize, on f64."""
    h = onnx.helper
    node = h.make_node("Resize", ["x", "roi" if roi else "", "scales" if by_scales else "", "" if by_scales else "sizes"], ["y"], axes=list(axes), **dict(attributes))
    given = [h.make_tensor("scales", onnx.TensorProto.FLOAT, [len(scales)], scales), h.make_tensor("sizes", onnx.TensorProto.INT64, [len(sizes)], sizes),
             h.make_tensor("roi", onnx.TensorProto.FLOAT, [len(roi)], roi)]
    used = [g for g in given if g.name in node.input]
    graph = h.make_graph([node], "resize", [h.make_tensor_value_info("x", onnx.TensorProto.DOUBLE, None)], [h.make_tensor_value_info("y", onnx.TensorProto.DOUBLE, None)], used)
    return onnx.reference.ReferenceEvaluator(h.make_model(graph, opset_imports=[h.make_opsetid("", 19)], ir_version=9), new_ops=[Resize])


def resized(x, a: dict):
    """ONNX's result on the attributes of ecotone.resize; scales are given where sizes do not follow from them."""
    scales, axes = tuple(a["scales"]), tuple(i % x.ndim for i in a["axes"])
    if a["coordinates"] == "pytorch_half_pixel":  # ONNX's text has position 0 for a result of size 1, its evaluator -0.5
        for i, n in zip(axes, a["sizes"], strict=True):
            if n == 1:
                return np.take(x, [0], i)
    by_scales = any(s * x.shape[i] != n for i, n, s in zip(axes, a["sizes"], scales, strict=True))
    named = {"mode": a["mode"], "coordinate_transformation_mode": a["coordinates"], "nearest_mode": a.get("rounding", "round_prefer_floor"),
             "cubic_coeff_a": a.get("cubic_a", -0.75), "exclude_outside": int(a.get("exclude_outside", False)), "antialias": int(a.get("antialias", False)),
             "extrapolation_value": a.get("extrapolation_value", 0.0)}
    roi = (*a.get("starts", ()), *a.get("ends", ()))
    y = np.asarray(onnx_resize(axes, tuple(a["sizes"]), scales, by_scales, roi, tuple(named.items())).run(None, {"x": x})[0])
    assert [y.shape[i] for i in axes] == list(a["sizes"]), (y.shape, a)
    return y


def attributes_of(shape, axes, scales, **more) -> dict:
    scales = [float(np.float32(s)) for s in scales]  # as ONNX holds them
    return {"axes": list(axes), "scales": scales, "sizes": [int(np.floor(shape[i] * s)) for i, s in zip(axes, scales, strict=True)], **more}


SHAPE = (2, 5, 4)
SCALINGS = [((1,), (2.0,)), ((1,), (1.6,)), ((1,), (0.6,)), ((1, 2), (0.4, 1.5)), ((-1,), (0.25,))]


@functools.cache
def nearest_plans() -> list:
    """Attributes, a shape, and which entry each of the result is: told by resizing the numbers of the places."""
    plans = []
    for (axes, scales), coordinates, rounding in itertools.product(SCALINGS, COORDINATES, ROUNDINGS):
        a = attributes_of(SHAPE, axes, scales, mode="nearest", coordinates=coordinates, rounding=rounding)
        plans.append((a, SHAPE, resized(np.arange(40.0).reshape(SHAPE), a).astype(np.int64)))
    for n, m in ((5, 8), (5, 10), (4, 2)):  # left out of ONNX at opset 13
        a = {"axes": [0], "scales": [m / n], "sizes": [m], "mode": "nearest", "coordinates": "tf_half_pixel_for_nn", "rounding": "floor"}
        plans.append((a, (n,), np.clip(np.floor((np.arange(m) + 0.5) * n / m), 0, n - 1).astype(np.int64)))
    return plans


def nearest(d: str, rng):
    pool = formats.pool(d, rng)
    for a, shape, at in nearest_plans():
        x = rng.choice(pool, shape)
        yield Case(" ".join(f"{v}" for v in a.values()), [T(d, x)], [T(d, x.ravel()[at])], a)
    x = rng.choice(pool, (4,))
    crop = {"axes": [0], "scales": [1.0], "sizes": [4], "mode": "nearest", "coordinates": "tf_crop_and_resize", "rounding": "round_prefer_floor", "starts": [-0.5], "ends": [1.0],
            "extrapolation_value": 1.0}
    position = -1.5 + np.arange(4) * 1.5  # 3 (-0.5 + i 1.5 / 3)
    want = np.where(position < 0, np.ones((), x.dtype), x[np.clip(np.ceil(position - 0.5), 0, 3).astype(np.int64)])
    yield Case("nearest tf_crop_and_resize", [T(d, x)], [T(d, want)], crop)


@functools.cache
def weighted_plans(positive: bool) -> list:
    """Attributes of resizes that are weighted sums, operands that every float type holds (or f8E8M0FNU), and results."""
    plans = []

    def plan(a: dict, shape=SHAPE):
        rng = rng_of("resize", str(a))
        x = rng.choice([0.25, 0.5, 1, 2, 4, 8] if positive else [0, 0.5, 1, -1.5, -2, 3, -4, 6], shape)
        plans.append((a, x, resized(x, a)))

    for mode, (axes, scales), coordinates in itertools.product(("linear", "cubic"), SCALINGS, COORDINATES):
        plan(attributes_of(SHAPE, axes, scales, mode=mode, coordinates=coordinates))
    for mode, (axes, scales) in itertools.product(("linear", "cubic"), SCALINGS):
        plan(attributes_of(SHAPE, axes, scales, mode=mode, coordinates="half_pixel", antialias=True))
        plan(attributes_of(SHAPE, axes, scales, mode=mode, coordinates="half_pixel", exclude_outside=True))
    plan(attributes_of(SHAPE, (1,), (2.0,), mode="cubic", coordinates="half_pixel", cubic_a=-0.5))
    for start, end, m, value in ((0.25, 0.75, 2, 0.0), (-0.25, 1.25, 7, 2.0), (0.0, 1.0, 5, 1.0)):
        plan({"axes": [1], "scales": [m / 5], "sizes": [m], "mode": "linear", "coordinates": "tf_crop_and_resize", "starts": [start], "ends": [end], "extrapolation_value": value})
    plan(attributes_of((3, 1), (1,), (3.0,), mode="cubic", coordinates="half_pixel"), (3, 1))
    plan(attributes_of((1, 4), (1,), (0.25,), mode="linear", coordinates="align_corners"), (1, 4))
    for method, (n, m) in itertools.product(("linear", "cubic"), ((8, 3), (3, 8), (6, 6))):  # JAX's filters widen where they shrink
        a = {"axes": [1], "scales": [m / n], "sizes": [m], "mode": method, "coordinates": "half_pixel", "antialias": True, "exclude_outside": True, "cubic_a": -0.5}
        x = rng_of("resize", method, str(n)).choice([0.25, 1, 2, 8] if positive else [0.5, -1.5, 3, -4], (2, n))
        plans.append((a, x, np.asarray(jax.image.resize(x, (2, m), method, antialias=True))))
    return plans


@functools.cache
def integer_plans(low: int, high: int, signed: bool) -> list:
    """Weights are multiples of 1 / 4 (linear) or 1 / 256 (cubic), and so exact; results are truncated and saturate."""
    plans = []
    for mode, (axes, scales), coordinates in itertools.product(("linear", "cubic"), (((1,), (2.0,)), ((2,), (0.25,)), ((1, 2), (2.0, 2.0))), ("half_pixel", "asymmetric")):
        a = attributes_of(SHAPE, axes, scales, mode=mode, coordinates=coordinates)
        x = rng_of("resize", str(a)).integers(max(low, -(1 << 40)), min(high, 1 << 40), SHAPE, endpoint=True).astype(np.int64 if signed else np.uint64)
        y = resized(x.astype(np.float64), a)
        plans.append((a, x, np.array([min(max(int(v), low), high) for v in y.ravel()], x.dtype).reshape(y.shape)))
    return plans


@op("ecotone.resize")
def resize(d: str):
    cases = list(nearest(d, rng_of("resize", d)))
    if is_float(d):
        for a, x, want in weighted_plans(d == "f8E8M0FNU"):
            # Weights are rounded, and sums of some ten products; cubic weights exceed 1 a little.
            cases.append(approximate(" ".join(f"{v}" for v in a.values()), d, [x], [want], a, roundings=40, scale=[np.full(want.shape, 2 * np.abs(x).max())]))
    else:
        for a, x, want in integer_plans(*formats.integer_range(d), formats.is_signed(d)):
            cases.append(Case(" ".join(f"{v}" for v in a.values()), [T(d, x)], [T(d, want)], a))
    cases.append(Case("no entries", [T(d, np.zeros((0, 2)))], [], {"axes": [0], "scales": [2.0], "sizes": [0], "mode": "linear"}, refuses="types",
                      message="a resize from 0 to 0 entries"))
    return cases
