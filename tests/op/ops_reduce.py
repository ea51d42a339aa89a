"""Reductions, windows, sort, map, against loops in the types that docs/ir-semantics.md names."""

import itertools

import formats
import numpy as np
from formats import is_complex, is_float
from ops_elementwise import complex_extreme, extreme
from suite import Case, T, equation, op, reducer, region, rng_of, scalar


def fold_step(name: str, d: str, a, x):
    """One step of a named reducer on arrays, rounded to the type that sums run in."""
    if d == "i1":
        return {"add": a | x, "or": a | x, "maximum": a | x, "multiply": a & x, "and": a & x, "minimum": a & x, "xor": a ^ x}[name]
    if name in ("maximum", "minimum"):
        larger = name == "maximum"
        if is_complex(d):
            a, x = np.broadcast_arrays(a, x)
            return complex_extreme(a.ravel(), x.ravel(), larger).reshape(a.shape)
        return extreme(a, x, larger) if is_float(d) else np.maximum(a, x) if larger else np.minimum(a, x)
    if name == "multiply" and is_complex(d):
        re, im = a.real * x.real - a.imag * x.imag, a.real * x.imag + a.imag * x.real
        r = np.empty(np.shape(re), np.complex128)
        r.real, r.imag = re, im
    else:
        r = {"add": np.add, "multiply": np.multiply, "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor}[name](a, x)
    return formats.rounded(formats.accumulator(d), r)


def real_step(name: str, d: str, a, x):
    return fold_step(name, {"complex<f32>": "complex<f64>"}.get(d, "f64" if is_float(d) else d), a, x)


def reducers(d: str) -> list[str]:
    names = ["add", "multiply", "maximum", "minimum"]
    return names if is_float(d) or is_complex(d) else [*names, "and", "or", "xor"]


def folded(x, init, axes, step):
    """Serial in index order over the reduced axes."""
    kept = [i for i in range(x.ndim) if i not in axes]
    moved = x.transpose([*sorted(axes), *kept]).reshape(-1, *(x.shape[i] for i in kept))
    out = np.full(moved.shape[1:], init, x.dtype)
    for row in moved:
        out = step(out, row)
    return out


def one(d: str) -> np.ndarray:
    return np.array(1, formats.wide_dtype(d))


def moderate(d: str, shape, rng) -> np.ndarray:
    return formats.random_values(d, int(np.prod(shape)), rng).reshape(shape)


@op("stablehlo.reduce")
def reduce(d: str):
    rng = rng_of("reduce", d)
    cases = []
    for name, (shape, axes), form in itertools.product(reducers(d), (((7,), [0]), ((3, 4, 5), [1]), ((3, 4, 5), [0, 2]), ((2, 3), []), ((0, 3), [0]), ((4, 6), [1])), ("enum", "region")):
        x, init = moderate(d, shape, rng), one(d)
        if x.size and is_float(d) and name in ("maximum", "minimum"):
            x.ravel()[rng.integers(0, x.size)] = rng.choice(formats.edges(d))
        spec = folded(x, init, axes, lambda a, v: fold_step(name, d, a, v))
        real = folded(x, init, axes, lambda a, v: real_step(name, d, a, v))
        real = spec if not is_float(d) and not is_complex(d) else real
        regions = [] if form == "enum" else [reducer(name, d)]
        # Products of complex numbers: the compiler may contract (a c - b d), a rounding or so a step.
        loose = 8 if is_complex(d) and name == "multiply" else 0
        cases.append(Case(f"{name} {shape} {axes} {form}", [T(d, x), T(d, init)], [T(d, spec)],
                          {"dimensions": axes, "reducer": name if form == "enum" else "region"}, regions, real=[T(d, real)], ulp=loose))
    return [*cases, *argmax(d, rng)]


def argmax(d: str, rng):
    """A region of two inputs: the first of the largest, and its index."""
    if is_complex(d):
        return []
    x = moderate(d, (3, 6), rng)
    index = np.broadcast_to(np.arange(6), (3, 6)).astype(np.int64)
    take = [equation("stablehlo.compare", 2, 0, attributes={"comparison_direction": "GT", "compare_type": "NOTYPE"}),
            equation("stablehlo.select", 4, 2, 0), equation("stablehlo.select", 4, 3, 1)]
    body = region([scalar(d), scalar("i32"), scalar(d), scalar("i32")], take, 5, 6)
    low = x.min()
    best, at = np.full(3, low), np.full(3, -1)
    for k in range(6):
        better = x[:, k] > best
        best, at = np.where(better, x[:, k], best), np.where(better, k, at)
    return [Case("argmax", [T(d, x), T("i32", index), T(d, low), T("i32", np.array(-1))], [T(d, best), T("i32", at)],
                 {"dimensions": [1], "reducer": "region"}, [body])]


def windows(shape, a):
    """For each place of the window, for each entry in order: the operand's index, or None in padding and gaps."""
    rank = len(shape)
    ones = [1] * rank
    size, strides = a["window_dimensions"], a.get("window_strides") or ones
    base, dilation = a.get("base_dilations") or ones, a.get("window_dilations") or ones
    low, high = a.get("padding_low") or [0] * rank, a.get("padding_high") or [0] * rank
    places = []
    for i in range(rank):
        whole = low[i] + ((shape[i] - 1) * base[i] + 1 if shape[i] else 0) + high[i]
        extent = (size[i] - 1) * dilation[i] + 1
        places.append(max(0, (whole - extent) // strides[i] + 1))

    def entries(place):
        for entry in np.ndindex(*size):
            at = [p * s + e * w - lo for p, s, e, w, lo in zip(place, strides, entry, dilation, low, strict=True)]
            inside = all(q >= 0 and q % b == 0 and q // b < n for q, b, n in zip(at, base, shape, strict=True))
            yield tuple(q // b for q, b in zip(at, base, strict=True)) if inside else None

    return places, entries


@op("stablehlo.reduce_window")
def reduce_window(d: str):
    rng = rng_of("reduce_window", d)
    plans = [((7,), {"window_dimensions": [3]}),
             ((5, 6), {"window_dimensions": [2, 3], "window_strides": [2, 1], "padding_low": [1, 0], "padding_high": [0, 2]}),
             ((4, 5), {"window_dimensions": [2, 2], "base_dilations": [2, 3], "window_dilations": [1, 2], "padding_low": [0, 1], "padding_high": [1, 1]}),
             ((), {"window_dimensions": []})]
    cases = []
    for name, (shape, a), form in itertools.product(("add", "maximum", "multiply"), plans, ("enum", "region")):
        x, init = moderate(d, shape, rng), one(d)
        places, entries = windows(shape, a)
        spec, real = np.zeros(places, x.dtype), np.zeros(places, x.dtype)
        for place in np.ndindex(*places):
            s = r = init
            for at in entries(place):
                v = init if at is None else x[at]
                # A scalar operand's window goes element by element, each step rounded to the type itself.
                s, r = fold_step(name, d, np.atleast_1d(s), np.atleast_1d(v)), real_step(name, d, np.atleast_1d(r), np.atleast_1d(v))
            spec[place], real[place] = np.ravel(s)[0], np.ravel(r)[0]
        real = real if is_float(d) or is_complex(d) else spec
        loose = 8 if is_complex(d) and name == "multiply" else 0
        cases.append(Case(f"{name} {shape} {a} {form}", [T(d, x), T(d, init)], [T(d, spec)], a | {"reducer": name if form == "enum" else "region"},
                          [] if form == "enum" else [reducer(name, d)], real=[T(d, real)], ulp=loose))
    return cases


@op("stablehlo.select_and_scatter")
def select_and_scatter(d: str):
    rng = rng_of("select_and_scatter", d)
    add = "or" if d == "i1" else "add"
    direction = "EQ" if is_complex(d) else "GE"  # complex numbers have no order: keeps while equal
    select = region([scalar(d), scalar(d)], [equation("stablehlo.compare", 0, 1, attributes={"comparison_direction": direction, "compare_type": "NOTYPE"})], 2)
    cases = []
    for shape, a in (((6,), {"window_dimensions": [2], "window_strides": [2]}),
                     ((5, 6), {"window_dimensions": [3, 2], "window_strides": [2, 3], "padding_low": [1, 0], "padding_high": [1, 0]}),
                     ((6,), {"window_dimensions": [3], "window_strides": [1]})):
        places, entries = windows(shape, a)
        x, source, init = moderate(d, shape, rng), moderate(d, places, rng), np.zeros((), formats.wide_dtype(d))
        if d == "f8E8M0FNU":
            init = np.float64(1)
        spec, real = np.full(shape, init), np.full(shape, init)
        for place in np.ndindex(*places):
            chosen = None
            for at in entries(place):
                if at is not None and (chosen is None or not (x[chosen] == x[at] if is_complex(d) else x[chosen] >= x[at])):
                    chosen = at
            if chosen is not None:
                spec[chosen] = formats.rounded(d, spec[chosen] + source[place]) if d != "i1" else spec[chosen] | source[place]
                real[chosen] = real[chosen] + source[place] if d != "i1" else real[chosen] | source[place]
        real = real if is_float(d) or is_complex(d) else spec
        cases.append(Case(f"{shape} {a}", [T(d, x), T(d, source), T(d, init)], [T(d, spec)], a, [select, reducer(add, d)], real=[T(d, real)]))
    return cases


@op("stablehlo.sort")
def sort(d: str):
    rng = rng_of("sort", d)
    cases = []
    for direction, shape, axis in (("LT", (9,), 0), ("GT", (9,), -1), ("LT", (3, 5), 1), ("GT", (5, 3), 0), ("LT", (0, 2), 0), ("LT", (2, 0), 0)):
        x = moderate(d, shape, rng)
        if x.size and is_float(d):
            finite = formats.edges(d)[np.isfinite(formats.edges(d))]
            x.ravel()[: x.size // 2] = rng.choice(finite, x.size // 2)
        index = np.arange(x.size).reshape(shape)
        key = np.abs(x) if is_complex(d) else x
        if is_complex(d):  # by the imaginary part
            key = x.imag
            compared = [equation("stablehlo.imag", 0), equation("stablehlo.imag", 1)]
            at = (4, 5)
        else:
            compared, at = [], (0, 1)
        compare = equation("stablehlo.compare", *at, attributes={"comparison_direction": direction, "compare_type": "NOTYPE"})
        body = region([scalar(d), scalar(d), scalar("i32"), scalar("i32")], [*compared, compare], 4 + len(compared))
        keys = key.astype(object) if d in ("ui64", "i64") else key.astype(np.float64)
        order = np.argsort(-keys if direction == "GT" else keys, axis=axis, kind="stable")
        cases.append(Case(f"{direction} {shape} {axis}", [T(d, x), T("i32", index)],
                          [T(d, np.take_along_axis(x, order, axis)), T("i32", np.take_along_axis(index, order, axis))],
                          {"dimension": axis, "is_stable": True}, [body]))
    return cases


@op("stablehlo.map")
def map_(d: str):
    rng = rng_of("map", d)
    cases = []
    for shape in ((), (5,), (2, 3), (0,)):
        x, y = moderate(d, shape, rng), moderate(d, shape, rng)
        if d == "i1":
            body, spec = region([scalar(d), scalar(d)], [equation("stablehlo.and", 0, 1), equation("stablehlo.xor", 2, 0)], 3), (x & y) ^ x
            real = spec
        else:  # (x + y) + x, each step rounded
            body = region([scalar(d), scalar(d)], [equation("stablehlo.add", 0, 1), equation("stablehlo.add", 2, 0)], 3)
            spec, real = formats.rounded(d, x + y) + x, x + y + x
        real = real if is_float(d) or is_complex(d) else spec
        cases.append(Case(f"{shape}", [T(d, x), T(d, y)], [T(d, spec)], {"dimensions": list(range(len(shape)))}, [body], real=[T(d, real)]))
    return cases
