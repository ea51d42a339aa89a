"""Running sums and extremes, marks, the largest entries, padding: NumPy's on wide values; exact but for sums of floats."""

import formats
import numpy as np
from formats import is_float, is_integer
from ops_elementwise import extreme
from suite import Case, T, approximate, op, rng_of


def mixed(d: str, shape, rng) -> np.ndarray:
    """Edges, NaN among them, and moderate values, with ties."""
    n = int(np.prod(shape))
    few = formats.random_values(d, max(1, n // 2), rng)
    x = rng.choice(np.concatenate([few, few, formats.edges(d)]), n)
    return x.reshape(shape)


# Cumulative -------------------------------------------------------------------------------------------------------------------


def lowest(d: str, largest: bool = False):
    """What no entry is below (above): the first value of a running maximum (minimum)."""
    if is_integer(d):
        return formats.integer_range(d)[largest]
    return formats.rounded(d, np.array(np.inf if largest else -np.inf)).item() if d in ("f16", "bf16", "f32", "f64") else \
        (np.nanmax if largest else np.nanmin)(formats.table(d))


def running(x, axis: int, step, first, exclusive: bool, reverse: bool):
    """Entry by entry along the axis."""
    x = np.moveaxis(x, axis, 0)
    out = np.empty(x.shape, x.dtype)
    total = np.full(x.shape[1:], first, x.dtype)
    for i in reversed(range(len(x))) if reverse else range(len(x)):
        after = step(total, x[i])
        out[i] = total if exclusive else after
        total = after
    return np.moveaxis(out, 0, axis)


@op("ecotone.cumsum", "ecotone.cumprod", "ecotone.cummax", "ecotone.cummin")
def cumulative(d: str, name: str):
    rng = rng_of(name, d)
    product, extremes = name == "ecotone.cumprod", name in ("ecotone.cummax", "ecotone.cummin")
    largest = name == "ecotone.cummax"
    cases = []
    for (shape, axis), exclusive, reverse in [(p, e, r) for p in (((5,), 0), ((3, 4, 2), 1), ((3, 4), -1)) for e in (False, True) for r in (False, True)] + \
            [(((0, 3), 0), False, False), (((2, 0), 0), True, False), (((3, 1), 1), True, True)]:
        attributes = {"axis": axis, "exclusive": exclusive, "reverse": reverse}
        case = f"{shape} {axis} {'exclusive ' * exclusive}{'reverse' * reverse}"
        if extremes:
            x = mixed(d, shape, rng)

            def step(a, b):
                return extreme(a, b, largest) if is_float(d) else (np.maximum if largest else np.minimum)(a, b)

            want = running(x, axis, step, lowest(d, not largest), exclusive, reverse)
            cases.append(Case(case, [T(d, x)], [T(d, want)], attributes))
            continue
        x = formats.random_values(d, int(np.prod(shape)), rng).reshape(shape)
        step = np.multiply if product else np.add
        if is_integer(d):  # wraps
            want = formats.rounded(d, running(x.astype(object), axis, step, int(product), exclusive, reverse))
            cases.append(Case(case, [T(d, x)], [T(d, want.reshape(shape))], attributes))
            continue
        want = running(x, axis, step, float(product), exclusive, reverse)
        size = np.abs(want) if product else running(np.abs(x), axis, step, 0.0, exclusive, reverse)
        cases.append(approximate(case, d, [x], [want], attributes, roundings=shape[axis], scale=[size]))
    if is_float(d) and not extremes:
        x = formats.rounded(d, np.array([1, -2, np.inf, 3, -np.inf, 1]))
        if d != "f8E8M0FNU":
            cases.append(approximate("infinities", d, [x], [(np.cumprod if product else np.cumsum)(x)], {"axis": 0}, roundings=6))
        x = formats.rounded(d, np.array([1, np.nan, 2]))
        cases.append(approximate("nan", d, [x], [(np.cumprod if product else np.cumsum)(x)], {"axis": 0}, roundings=3))
    cases.append(Case("axis", [T(d, x)], [], {"axis": x.ndim}, refuses="types", message=f"axis {x.ndim} is not in"))
    return cases


# Marks and the largest ----------------------------------------------------------------------------------------------------------


@op("ecotone.one_hot")
def one_hot(d: str):
    rng = rng_of("one_hot", d)
    cases = []
    for index_type, indices in (("i32", [2, -1, 7, 0, -4, -5, 3, 4]), ("i64", [-(2**63), 2**63 - 1, 1, -2]), ("ui64", [2**64 - 1, 2**63, 2**64 - 2, 3]),
                                ("i8", [-128, 127, -3]), ("ui8", [255, 252, 0]), ("ui32", [2**32 - 1, 1]), ("i4", [-8, 7, -1]), ("i2", [-2, -1, 0, 1])):
        for depth, axis in ((4, -1), (4, 0), (1, 1)):
            x = np.array(indices, formats.wide_dtype(index_type))
            off, on = rng.choice(formats.pool(d, rng), 2)
            place = [None if v >= depth or v < -depth else v % depth for v in indices]
            want = np.array([[on if j == p else off for j in range(depth)] for p in place])
            cases.append(Case(f"{index_type} {depth} {axis}", [T(index_type, x), T(d, off), T(d, on)], [T(d, want if axis else want.T)], {"depth": depth, "axis": axis}))
    off, on = (T(d, v) for v in formats.random_values(d, 2, rng))
    for shape, depth, axis in (((2, 3), 2, 1), ((), 3, 0), ((0, 2), 3, -1), ((2,), 0, 0)):
        x = rng.integers(0, max(depth, 1), shape)
        hit = np.moveaxis(np.asarray(x)[..., None] == np.arange(depth), -1, axis)
        cases.append(Case(f"{shape} {depth} {axis}", [T("i32", x), off, on], [T(d, np.where(hit, on.values, off.values))], {"depth": depth, "axis": axis}))
    cases.append(Case("indices", [T("f32", np.zeros(2)), off, on], [], {"depth": 2, "axis": 0}, refuses="types", message="the indices are f32"))
    return cases


def ordered(row, largest: bool) -> list[int]:
    """Indices in order: NaN first, the earlier of equals first."""
    return sorted(range(len(row)), key=lambda i: (row[i] == row[i], (-1 if largest else 1) * row[i].item() if row[i] == row[i] else 0))


@op("ecotone.top_k")
def top_k(d: str):
    rng = rng_of("top_k", d)
    cases = []
    for shape, axis, k in (((6,), 0, 3), ((3, 7), -1, 2), ((5, 2, 3), 0, 4), ((2, 5, 2), 1, 5), ((3, 4), 1, 0), ((0, 3), 1, 2), ((2, 1), 1, 1)):
        for largest in (True, False):
            x = mixed(d, shape, rng)
            rows = np.moveaxis(x, axis, -1)
            at = np.array([ordered(row, largest)[:k] for row in rows.reshape(-1, shape[axis])], np.int64).reshape((*rows.shape[:-1], k))
            picked = np.take_along_axis(rows, at, -1)
            cases.append(Case(f"{shape} {axis} {k} {'largest' if largest else 'smallest'}", [T(d, x)],
                              [T(d, np.moveaxis(picked, -1, axis)), T("i64", np.moveaxis(at, -1, axis))], {"axis": axis, "k": k, "largest": largest}))
    cases.append(Case("k", [T(d, x)], [], {"axis": 1, "k": 2}, refuses="types", message="k is 2"))
    return cases


@op("ecotone.arg_max", "ecotone.arg_min")
def arg(d: str, name: str):
    rng = rng_of(name, d)
    find = np.argmax if name == "ecotone.arg_max" else np.argmin  # NaN first, as here
    cases = []
    equal = np.full((2, 3), formats.edges(d)[0])
    extremes = np.array([[lowest(d)] * 3, [lowest(d, True)] * 3])
    plans = [(mixed(d, shape, rng), axis) for shape, axis in (((6,), 0), ((8, 7), 1), ((3, 5, 2), -2), ((5, 3), 0), ((0, 4), 1), ((2, 1), 1))]
    for x, axis in [*plans, (equal, 1), (extremes.astype(equal.dtype), 1)]:
        for last in (False, True):
            want = find(np.flip(x, axis), axis) if last else find(x, axis)
            want = x.shape[axis] - 1 - want if last else want
            cases.append(Case(f"{x.shape} {axis} {'last' if last else 'first'}", [T(d, x)], [T("i64", want)], {"axis": axis, "last": last}))
    cases.append(Case("no entries", [T(d, np.zeros((2, 0)))], [], {"axis": 1}, refuses="types", message="dimension 1 has no entries"))
    return cases


# Padding --------------------------------------------------------------------------------------------------------------------------


@op("ecotone.pad_from_itself")
def pad_from_itself(d: str):
    rng = rng_of("pad_from_itself", d)
    pool = formats.pool(d, rng)
    cases = []
    for mode in ("edge", "reflect", "wrap"):
        for shape, axes, low, high in (((5,), [0], [2], [3]), ((3, 4), [0, 1], [1, 2], [2, 0]), ((3, 4), [-1], [0], [3]), ((4, 3), [0], [-1], [2]), ((5,), [0], [-2], [-1]), ((4, 2, 3), [2, 0], [2, 0], [1, 3]), ((0, 3), [1], [1], [2])):
            x = rng.choice(pool, shape)
            want = x
            for axis, before, after in zip(axes, low, high, strict=True):
                cut = [slice(None)] * x.ndim
                amounts = [(0, 0)] * x.ndim
                amounts[axis] = (max(before, 0), max(after, 0))
                want = np.pad(want, amounts, mode) if want.size else np.zeros([n + sum(a) for n, a in zip(want.shape, amounts, strict=True)], x.dtype)
                cut[axis] = slice(max(-before, 0), want.shape[axis] - max(-after, 0))
                want = want[tuple(cut)]
            cases.append(Case(f"{mode} {shape} {axes} {low} {high}", [T(d, x)], [T(d, want)], {"axes": axes, "low": low, "high": high, "mode": mode}))
    return cases
