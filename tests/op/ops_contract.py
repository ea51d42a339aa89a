"""dot_general and convolution, against direct sums in the order that docs/ir-semantics.md names."""

import formats
import numpy as np
from formats import is_complex, is_float
from suite import Case, T, op, rng_of


def serial(d: str, terms_x, terms_y):
    """The sum over the last axis of products, one after the other from zero: in the accumulator's type, and in float64. Products
    and sums may be contracted to one rounding, so the first is bounded, not exact (see bound_of)."""
    spec_type = formats.accumulator(d)
    wide = formats.wide_dtype(d)
    total = np.zeros(terms_x.shape[:-1], wide)
    if d == "i1":
        return np.any(terms_x & terms_y, -1), None
    for k in range(terms_x.shape[-1]):
        product = terms_x[..., k] * terms_y[..., k]
        total = formats.rounded(spec_type, total + formats.rounded(spec_type, product))
    return total, np.sum(terms_x * terms_y, -1)


def bound_of(d: str, terms_x, terms_y, want, real: bool):
    """|error| <= (k + 2) eps sum |x||y| for any order and contraction (Higham, Accuracy and Stability, 3.1), and one rounding to the
    result's type; complex products have twice the operations."""
    if not (is_float(d) or is_complex(d)):
        return None
    size = np.sum(np.abs(terms_x) * np.abs(terms_y), -1)
    k = terms_x.shape[-1]
    eps = 2.0**-52 if real else formats.epsilon(formats.accumulator(d))
    bound = (2 if is_complex(d) else 1) * (k + 2) * eps * size
    if real:
        return bound
    least = {"f64": 0.0, "f32": 0.0}.get(formats.real_part(d))
    if least is None:
        least = float(formats.magnitudes(d)[1])
        bound = bound + formats.epsilon(d) * (np.abs(want) + bound) + least
        if formats.is_float(d) and np.max(np.abs(want), initial=0) > formats.magnitudes(d)[-2]:
            raise ValueError("the operands overflow the type")
    return bound


def small(d: str, shape, rng, exact: bool):
    """Operands whose sums are exact in every accumulator and mostly in the type, or any of moderate size."""
    count = int(np.prod(shape))
    if d == "i1" or formats.is_integer(d):
        return formats.random_values(d, count, rng).reshape(shape)
    if d == "f8E8M0FNU":
        return (2.0 ** rng.integers(0, 3, count)).reshape(shape)
    if exact:
        part = lambda: rng.integers(-2, 3, count).astype(np.float64)  # noqa: E731
    else:
        part = lambda: rng.normal(0, 0.4, count)  # noqa: E731
    values = part() + 1j * part() if is_complex(d) else part()
    return formats.rounded(d, values).reshape(shape)


def contraction(d: str, name: str, operands: list[T], terms_x, terms_y, attributes: dict, exact: bool) -> Case:
    spec, real = serial(d, terms_x, terms_y)
    if real is None or not (is_float(d) or is_complex(d)):
        return Case(name, operands, [T(d, spec)], attributes)
    if exact:  # sums of small integers: nothing is rounded but the result
        return Case(f"{name} exact", operands, [T(d, spec + 0.0)], attributes, real=[T(d, real + 0.0)], bound=[zero_bound(spec)], real_bound=[zero_bound(spec)])
    return Case(f"{name} random", operands, [T(d, spec)], attributes, real=[T(d, real)],
                bound=[bound_of(d, terms_x, terms_y, spec, False)], real_bound=[bound_of(d, terms_x, terms_y, real, True)])


def zero_bound(like):
    """Equal, but for the sign of a zero: a sum that starts from +0 or from its first term."""
    return np.zeros(np.shape(like))


@op("stablehlo.dot_general")
def dot_general(d: str):
    rng = rng_of("dot_general", d)
    plans = [("matrix", (3, 5), (5, 4), [], [], [1], [0]), ("vectors", (6,), (6,), [], [], [0], [0]), ("outer", (3,), (2,), [], [], [], []),
             ("batched", (2, 3, 4), (4, 2, 5), [0], [1], [2], [0]), ("two contracted", (3, 2, 4), (4, 3, 2), [], [], [2, 0], [0, 1]),
             ("empty sum", (3, 0), (0, 2), [], [], [1], [0]), ("large", (9, 70), (70, 17), [], [], [1], [0])]
    cases = []
    for name, ls, rs, lb, rb, lc, rc in plans:
        for exact in (True, False) if is_float(d) or is_complex(d) else (True,):
            if not exact and formats.bits(d) < 8:
                continue
            if name == "large" and exact and formats.bits(d) < 8:
                continue
            x, y = small(d, ls, rng, exact), small(d, rs, rng, exact)
            lrest = [i for i in range(len(ls)) if i not in lb + lc]
            rrest = [i for i in range(len(rs)) if i not in rb + rc]
            k, batch = int(np.prod([ls[i] for i in lc])), [ls[i] for i in lb]
            left = x.transpose(lb + lrest + lc).reshape(*batch, *(ls[i] for i in lrest), *([1] * len(rrest)), k)
            right = y.transpose(rb + rrest + rc).reshape(*batch, *([1] * len(lrest)), *(rs[i] for i in rrest), k)
            left, right = np.broadcast_arrays(left, right)
            attributes = {"lhs_batching_dimensions": lb, "rhs_batching_dimensions": rb, "lhs_contracting_dimensions": lc, "rhs_contracting_dimensions": rc}
            cases.append(contraction(d, name, [T(d, x), T(d, y)], left, right, attributes, exact))
    if formats.is_integer(d) and formats.bits(d) <= 8:  # to a wider type
        x, y = formats.random_values(d, 12, rng).reshape(3, 4), formats.random_values(d, 8, rng).reshape(4, 2)
        want = x.astype(np.int64) @ y.astype(np.int64)
        cases.append(Case("to i32", [T(d, x), T(d, y)], [T("i32", want)], {"lhs_contracting_dimensions": [1], "rhs_contracting_dimensions": [0], "result_dtype": {"dtype": "i32"}}))
    return cases


def convolution_terms(x, w, a):
    """x is [batch, feature, spatial], w [output, input, spatial]; the products that each result sums, on a last axis: features, then taps."""
    rank = x.ndim - 2
    strides, lhs, rhs = a.get("window_strides") or [1] * rank, a.get("lhs_dilation") or [1] * rank, a.get("rhs_dilation") or [1] * rank
    low, high = a.get("padding_low") or [0] * rank, a.get("padding_high") or [0] * rank
    reversal = a.get("window_reversal") or [False] * rank
    groups, batches = a.get("feature_group_count", 1), a.get("batch_group_count", 1)
    places = []
    for i in range(rank):
        whole = low[i] + (x.shape[2 + i] - 1) * lhs[i] + 1 + high[i]
        places.append((whole - ((w.shape[2 + i] - 1) * rhs[i] + 1)) // strides[i] + 1)
    n, outs, taps = x.shape[0] // batches, w.shape[0], list(np.ndindex(*w.shape[2:]))
    k = w.shape[1] * len(taps)
    tx, tw = np.zeros((n, outs, *places, k), x.dtype), np.zeros((n, outs, *places, k), x.dtype)
    for at in np.ndindex(n, outs, *places):
        b, o, place = at[0], at[1], at[2:]
        image = b + (o // (outs // batches)) * n if batches > 1 else b
        first = (o // (outs // groups)) * w.shape[1] if batches == 1 else 0
        for f in range(w.shape[1]):
            for t, tap in enumerate(taps):
                q = [p * s + e * r - lo for p, s, e, r, lo in zip(place, strides, tap, rhs, low, strict=True)]
                if all(v >= 0 and v % m == 0 and v // m < size for v, m, size in zip(q, lhs, x.shape[2:], strict=True)):
                    from_tap = tuple(size - 1 - e if back else e for e, back, size in zip(tap, reversal, w.shape[2:], strict=True))
                    tx[(*at, f * len(taps) + t)] = x[(image, first + f, *(v // m for v, m in zip(q, lhs, strict=True)))]
                    tw[(*at, f * len(taps) + t)] = w[(o, f, *from_tap)]
    return tx, tw


@op("stablehlo.convolution")
def convolution(d: str):
    rng = rng_of("convolution", d)
    plans = {
        "plain": ((2, 3, 5), (4, 3, 2), {}),
        "strided": ((1, 2, 5, 6), (2, 2, 3, 2), {"window_strides": [2, 3], "padding_low": [1, 0], "padding_high": [0, 2]}),
        "dilated": ((1, 2, 4, 4), (2, 2, 2, 2), {"lhs_dilation": [2, 1], "rhs_dilation": [1, 2], "padding_low": [1, 1], "padding_high": [1, 1]}),
        "groups": ((1, 4, 4), (6, 2, 2), {"feature_group_count": 2}),
        "batch groups": ((4, 2, 4), (4, 2, 2), {"batch_group_count": 2}),
        "reversed": ((1, 1, 4, 3), (2, 1, 2, 2), {"window_reversal": [True, False], "padding_low": [-1, 1], "padding_high": [1, 0]}),
    }
    cases = []
    for name, (xs, ws, a) in plans.items():
        for channels_last in (False, True):
            x, w = small(d, xs, rng, True), small(d, ws, rng, True)
            if d == "f8E8M0FNU" and ("padding_low" in a or "lhs_dilation" in a):
                continue  # a type without zero: what padding contributes is not settled
            rank = len(xs) - 2
            spatial = list(range(2, rank + 2))
            numbers = {"input_batch_dimension": 0, "input_feature_dimension": 1, "input_spatial_dimensions": spatial,
                       "kernel_output_feature_dimension": 0, "kernel_input_feature_dimension": 1, "kernel_spatial_dimensions": spatial,
                       "output_batch_dimension": 0, "output_feature_dimension": 1, "output_spatial_dimensions": spatial}
            tx, tw = convolution_terms(x, w, a)
            case = contraction(d, f"{name}{' last' if channels_last else ''}", [T(d, x), T(d, w)], tx, tw, a | numbers, True)
            if channels_last:
                last = [0, *spatial, 1]
                where = list(range(1, rank + 1))
                case.attributes |= {"input_feature_dimension": rank + 1, "input_spatial_dimensions": where, "output_feature_dimension": rank + 1, "output_spatial_dimensions": where,
                                    "kernel_spatial_dimensions": list(range(rank)), "kernel_input_feature_dimension": rank, "kernel_output_feature_dimension": rank + 1}
                case.operands = [T(d, x.transpose(last)), T(d, w.transpose([*spatial, 1, 0]))]
                case.expected = [T(d, case.expected[0].values.transpose(last))]
                if case.bound is not None:
                    case.real = [T(d, case.real[0].values.transpose(last))]
                    case.bound, case.real_bound = [zero_bound(case.expected[0].values)], [zero_bound(case.expected[0].values)]
            cases.append(case)
    return cases
