"""Ops that move elements: constants, shapes, slices, indices. All of them are exact."""

import itertools

import formats
import numpy as np
from suite import Case, T, equation, op, region, reducer, rng_of, scalar


def values(d: str, shape, rng) -> np.ndarray:
    """Elements of that shape, edges among them."""
    count = int(np.prod(shape))
    everything = formats.pool(d, rng)
    return rng.choice(everything, count).reshape(shape) if count else np.zeros(shape, formats.wide_dtype(d))


@op("stablehlo.constant")
def constant(d: str):
    rng = rng_of("constant", d)
    return [Case(f"{shape}", [], [T(d, x)], {"value": T(d, x)})
            for shape in ((), (5,), (2, 3), (0, 4)) for x in [values(d, shape, rng)]]


@op("stablehlo.iota")
def iota(d: str):
    cases = []
    for shape, axis in (((7,), 0), ((3, 4), 0), ((3, 4), 1), ((2, 0), 0), ((300,), 0)):
        x = np.broadcast_to(np.arange(shape[axis]).reshape([-1 if i == axis else 1 for i in range(len(shape))]), shape)
        cases.append(Case(f"{shape} {axis}", [], [T(d, x)], {"iota_dimension": axis, "type": {"type": {"d": d, "s": list(shape)}}}))
    return cases


@op("stablehlo.reshape")
def reshape(d: str):
    rng = rng_of("reshape", d)
    return [Case(f"{a} to {b}", [T(d, x)], [T(d, x.reshape(b))], {"shape": list(b)})
            for a, b in (((2, 6), (3, 4)), ((), (1, 1)), ((1,), ()), ((0, 3), (5, 0))) for x in [values(d, a, rng)]]


@op("stablehlo.broadcast_in_dim")
def broadcast_in_dim(d: str):
    rng = rng_of("broadcast_in_dim", d)
    cases = []
    for shape, dims, to in (((), (), (2, 3)), ((3,), (1,), (2, 3)), ((2, 1), (0, 2), (2, 4, 3)), ((3, 2), (1, 0), (2, 3)), ((1,), (0,), (0,))):
        x = values(d, shape, rng)
        order = np.argsort(dims)  # the result's dimensions that x has, ascending
        spread = [1] * len(to)
        for i in order:
            spread[dims[i]] = shape[i]
        want = np.broadcast_to(x.transpose(order).reshape(spread), to)
        cases.append(Case(f"{shape} {dims} {to}", [T(d, x)], [T(d, want)], {"broadcast_dimensions": list(dims), "shape": list(to)}))
    return cases


@op("stablehlo.transpose")
def transpose(d: str):
    rng = rng_of("transpose", d)
    return [Case(f"{p}", [T(d, x)], [T(d, x.transpose(p))], {"permutation": list(p)})
            for shape, p in (((), ()), ((2, 3), (1, 0)), ((2, 3, 4), (2, 0, 1)), ((0, 3), (1, 0))) for x in [values(d, shape, rng)]]


@op("stablehlo.concatenate")
def concatenate(d: str):
    rng = rng_of("concatenate", d)
    cases = []
    for shapes, axis in ((((2, 3), (2, 1), (2, 0)), 1), (((3,),), 0), (((1, 2), (3, 2)), 0)):
        xs = [values(d, s, rng) for s in shapes]
        cases.append(Case(f"{shapes} {axis}", [T(d, x) for x in xs], [T(d, np.concatenate(xs, axis))], {"dimension": axis}))
    return cases


@op("stablehlo.slice")
def slice_(d: str):
    rng = rng_of("slice", d)
    cases = []
    for shape, start, limit, strides in (((7,), (1,), (6,), (2,)), ((4, 5), (0, 2), (4, 5), (3, 1)), ((4,), (2,), (2,), (1,)), ((), (), (), ())):
        x = values(d, shape, rng)
        want = x[tuple(slice(*t) for t in zip(start, limit, strides, strict=True))]
        cases.append(Case(f"{shape} {start} {limit} {strides}", [T(d, x)], [T(d, want)],
                          {"start_indices": list(start), "limit_indices": list(limit), "strides": list(strides)}))
    return cases


@op("stablehlo.pad")
def pad(d: str):
    rng = rng_of("pad", d)
    cases = []
    for shape, low, high, interior in (((3,), (1,), (2,), (0,)), ((2, 3), (0, 2), (1, -1), (2, 1)), ((4,), (-1,), (-2,), (0,)), ((0,), (2,), (1,), (3,)), ((2,), (-3,), (3,), (0,))):
        x, value = values(d, shape, rng), values(d, (), rng)
        spread = np.full([max(0, n + (n - 1) * i) for n, i in zip(shape, interior, strict=True)], value)
        spread[tuple(slice(None, None, i + 1) for i in interior)] = x
        want = np.full([n + lo + hi for n, lo, hi in zip(spread.shape, low, high, strict=True)], value)
        for at in np.ndindex(spread.shape):  # by element: edges may be negative
            to = tuple(a + lo for a, lo in zip(at, low, strict=True))
            if all(0 <= t < n for t, n in zip(to, want.shape, strict=True)):
                want[to] = spread[at]
        cases.append(Case(f"{shape} {low} {high} {interior}", [T(d, x), T(d, value)], [T(d, want)],
                          {"edge_padding_low": list(low), "edge_padding_high": list(high), "interior_padding": list(interior)}))
    return cases


@op("stablehlo.reverse")
def reverse(d: str):
    rng = rng_of("reverse", d)
    return [Case(f"{axes}", [T(d, x)], [T(d, np.flip(x, axes))], {"dimensions": list(axes)})
            for shape, axes in (((4,), (0,)), ((2, 3, 2), (0, 2)), ((2, 3), ()), ((0, 2), (0,))) for x in [values(d, shape, rng)]]


@op("ecotone.dim_value")
def dim_value(d: str):
    return [Case(f"{n}", [], [T(d, np.array(n))], {"value": n, "dtype": {"dtype": d}}) for n in (0, 1, 300)]


@op("ecotone.take_prefix")
def take_prefix(d: str):
    x = values(d, (4, 3), rng_of("take_prefix", d))
    return [Case(f"{n} of axis {axis}", [T(d, x), T("i32", np.array(n))], [T(d, x[:n] if axis == 0 else x[:, :n])],
                 {"axis": axis, "size": {"symbol": "n"}}) for n, axis in ((0, 0), (3, 0), (4, 0), (2, 1))]


@op("ecotone.size_from")
def size_from(d: str):
    return [Case(f"{n}", [T(d, np.array(n))], [T(d, np.array(n))], {"size": {"symbol": "n"}}) for n in (0, 1)]


# --- indices ----------------------------------------------------------------------------------------------------------
INDEX_TYPES = ["i8", "ui8", "i32", "ui32", "i64"]


@op("stablehlo.dynamic_slice")
def dynamic_slice(d: str):
    rng = rng_of("dynamic_slice", d)
    cases = []
    for starts, sizes in (((1, 2), (2, 3)), ((-5, 100), (2, 3)), ((3, 0), (4, 0)), ((127, -128), (1, 5))):
        for index in ("i8", "i64"):
            x = values(d, (4, 5), rng)
            at = [min(max(s, 0), n - k) for s, n, k in zip(starts, x.shape, sizes, strict=True)]
            want = x[at[0]:at[0] + sizes[0], at[1]:at[1] + sizes[1]]
            cases.append(Case(f"{starts} {sizes} {index}", [T(d, x), *(T(index, np.array(s)) for s in starts)], [T(d, want)],
                              {"slice_sizes": list(sizes)}))
    return cases


@op("stablehlo.dynamic_update_slice")
def dynamic_update_slice(d: str):
    rng = rng_of("dynamic_update_slice", d)
    cases = []
    for starts, sizes in (((1, 2), (2, 3)), ((-5, 100), (2, 3)), ((3, 0), (4, 0)), ((2**62, -(2**62)), (1, 5))):
        x, update = values(d, (4, 5), rng), values(d, sizes, rng)
        at = [min(max(s, 0), n - k) for s, n, k in zip(starts, x.shape, sizes, strict=True)]
        want = x.copy()
        want[at[0]:at[0] + sizes[0], at[1]:at[1] + sizes[1]] = update
        cases.append(Case(f"{starts} {sizes}", [T(d, x), T(d, update), *(T("i64", np.array(s)) for s in starts)], [T(d, want)]))
    return cases


def gathered(x, indices, a):
    """The specification's formula for gather, element by element."""
    batch_shape = list(indices.shape)
    vector_dim = a["index_vector_dim"]
    if vector_dim < indices.ndim:
        del batch_shape[vector_dim]
    kept = [i for i in range(x.ndim) if i not in a["collapsed_slice_dims"] and i not in a["operand_batching_dims"]]
    rank = len(batch_shape) + len(kept)
    batch_dims = [i for i in range(rank) if i not in a["offset_dims"]]
    shape = [0] * rank
    for i, b in zip(batch_dims, batch_shape, strict=True):
        shape[i] = b
    for i, k in zip(a["offset_dims"], kept, strict=True):
        shape[i] = a["slice_sizes"][k]
    out = np.zeros(shape, x.dtype)
    for at in np.ndindex(*shape):
        batch = [at[i] for i in batch_dims]
        if vector_dim < indices.ndim:
            start = indices[tuple(batch[:vector_dim] + [slice(None)] + batch[vector_dim:])]
        else:
            start = [indices[tuple(batch)]]
        full = [0] * x.ndim
        for i, s in zip(a["start_index_map"], start, strict=True):
            full[i] = min(max(int(s), 0), x.shape[i] - a["slice_sizes"][i])
        for i, j in zip(a["operand_batching_dims"], a["start_indices_batching_dims"], strict=True):
            full[i] = batch[j - (j > vector_dim)]
        for i, k in zip(a["offset_dims"], kept, strict=True):
            full[k] += at[i]
        out[at] = x[tuple(full)]
    return out


def gather_attributes(**given):
    return {"offset_dims": [], "collapsed_slice_dims": [], "operand_batching_dims": [], "start_indices_batching_dims": [],
            "start_index_map": [], "index_vector_dim": 0, "slice_sizes": []} | given


@op("stablehlo.gather")
def gather(d: str):
    rng = rng_of("gather", d)
    plans = {
        "rows": ((5, 3), (4,), gather_attributes(offset_dims=[1], collapsed_slice_dims=[0], start_index_map=[0], index_vector_dim=1, slice_sizes=[1, 3])),
        "points": ((4, 5), (3, 2, 2), gather_attributes(collapsed_slice_dims=[0, 1], start_index_map=[1, 0], index_vector_dim=2, slice_sizes=[1, 1])),
        "windows": ((4, 5), (2, 2), gather_attributes(offset_dims=[0, 2], start_index_map=[0, 1], index_vector_dim=0, slice_sizes=[2, 3])),
        "batched": ((2, 4, 3), (2, 5, 1), gather_attributes(offset_dims=[2], collapsed_slice_dims=[1], operand_batching_dims=[0], start_indices_batching_dims=[0], start_index_map=[1], index_vector_dim=2, slice_sizes=[1, 1, 3])),
        "nothing": ((4, 3), (0,), gather_attributes(offset_dims=[1], collapsed_slice_dims=[0], start_index_map=[0], index_vector_dim=1, slice_sizes=[1, 3])),
    }
    cases = []
    for name, (shape, index_shape, a) in plans.items():
        for index in INDEX_TYPES:
            x = values(d, shape, rng)
            low, high = formats.integer_range(index)
            near = rng.integers(max(low, -2), 8, index_shape)
            far = rng.choice([low, high], index_shape)
            indices = np.where(rng.random(index_shape) < 0.8, near, far).astype(formats.wide_dtype(index))
            cases.append(Case(f"{name} {index}", [T(d, x), T(index, indices)], [T(d, gathered(x, indices, a))], a))
    return cases


def scattered(x, indices, updates, a, combine):
    """The specification's formula for scatter; elements outside are skipped."""
    out = x.copy()
    vector_dim = a["index_vector_dim"]
    kept = [i for i in range(x.ndim) if i not in a["inserted_window_dims"] and i not in a["input_batching_dims"]]
    batch_dims = [i for i in range(updates.ndim) if i not in a["update_window_dims"]]
    for at in np.ndindex(*updates.shape):
        batch = [at[i] for i in batch_dims]
        if vector_dim < indices.ndim:
            start = indices[tuple(batch[:vector_dim] + [slice(None)] + batch[vector_dim:])]
        else:
            start = [indices[tuple(batch)]]
        full = [0] * x.ndim
        for i, s in zip(a["scatter_dims_to_operand_dims"], start, strict=True):
            full[i] = int(s)
        for i, j in zip(a["input_batching_dims"], a["scatter_indices_batching_dims"], strict=True):
            full[i] = batch[j - (j > vector_dim)]
        for i, k in zip(a["update_window_dims"], kept, strict=True):
            full[k] += at[i]
        if all(0 <= i < n for i, n in zip(full, x.shape, strict=True)):
            out[tuple(full)] = combine(out[tuple(full)], updates[at])
    return out


def scatter_attributes(**given):
    return {"update_window_dims": [], "inserted_window_dims": [], "input_batching_dims": [], "scatter_indices_batching_dims": [],
            "scatter_dims_to_operand_dims": [], "index_vector_dim": 0} | given


@op("stablehlo.scatter")
def scatter(d: str):
    rng = rng_of("scatter", d)
    plans = {
        "rows": ((5, 3), (4,), (4, 3), scatter_attributes(update_window_dims=[1], inserted_window_dims=[0], scatter_dims_to_operand_dims=[0], index_vector_dim=1)),
        "points": ((4, 5), (3, 2, 2), (3, 2), scatter_attributes(inserted_window_dims=[0, 1], scatter_dims_to_operand_dims=[1, 0], index_vector_dim=2)),
        "windows": ((4, 5), (2, 2), (2, 2, 3), scatter_attributes(update_window_dims=[0, 2], scatter_dims_to_operand_dims=[0, 1], index_vector_dim=0)),
        "batched": ((2, 4, 3), (2, 5, 1), (2, 5, 3), scatter_attributes(update_window_dims=[2], inserted_window_dims=[1], input_batching_dims=[0], scatter_indices_batching_dims=[0], scatter_dims_to_operand_dims=[1], index_vector_dim=2)),
    }
    bodies = {"replace": (region([scalar(d), scalar(d)], [], 1), lambda old, new: new)}
    if d == "i1":
        bodies["or"] = (reducer("or", d), lambda old, new: old | new)
    else:
        bodies["add"] = (reducer("add", d), lambda old, new: formats.rounded(d, old + new))
        # Not one of the reducers: 2 * old + new, each step rounded.
        twice = region([scalar(d), scalar(d)], [equation("stablehlo.add", 0, 0), equation("stablehlo.add", 2, 1)], 3)
        bodies["twice"] = (twice, lambda old, new: formats.rounded(d, formats.rounded(d, old + old) + new))
    cases = []
    for (name, (shape, index_shape, update_shape, a)), (body_name, (body, f)) in itertools.product(plans.items(), bodies.items()):
        x, updates = formats.random_values(d, int(np.prod(shape)), rng).reshape(shape), formats.random_values(d, int(np.prod(update_shape)), rng).reshape(update_shape)
        indices = rng.integers(-1, 6, index_shape)
        indices.ravel()[0] = 2**63 - 1
        wide = x.dtype
        want = scattered(x, indices, updates, a, f).astype(wide)
        exact = {"replace": lambda o, n: n, "or": lambda o, n: o | n, "add": lambda o, n: o + n, "twice": lambda o, n: o + o + n}[body_name]
        real = scattered(x, indices, updates, a, exact).astype(wide)
        cases.append(Case(f"{name} {body_name}", [T(d, x), T("i64", indices), T(d, updates)], [T(d, want)], a, [body], real=[T(d, formats.rounded(d, real) if not formats.is_float(d) and not formats.is_complex(d) else real)]))
    return cases
