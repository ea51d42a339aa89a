"""Control flow, calls and what only marks. The bodies are small; what is tested is what runs, on what, how often."""

import formats
import numpy as np
from formats import is_complex, is_float
from suite import TOKEN, Case, T, equation, op, region, rng_of


def values(d: str, shape, rng) -> np.ndarray:
    return formats.random_values(d, int(np.prod(shape)), rng).reshape(shape)


def add_of(d: str, x, y):
    """Sum in mode spec and in mode real; of bools the disjunction."""
    if d == "i1":
        return x | y, x | y
    spec = formats.rounded(d, x + y)
    return spec, (x + y if is_float(d) or is_complex(d) else spec)


@op("ecotone.call")
def call(d: str):
    rng = rng_of("call", d)
    x, y = T(d, values(d, (2, 3), rng)), T(d, values(d, (2, 3), rng))
    spec, real = add_of(d, x.values, y.values)
    body = region([x, y], [equation("stablehlo.add", 0, 1)], 2, 0)
    return [Case("two results", [x, y], [T(d, spec), x], {"callee": "f"}, [body], real=[T(d, real), x])]


@op("ecotone.custom_derivative")
def custom_derivative(d: str):
    rng = rng_of("custom_derivative", d)
    x, y = T(d, values(d, (4,), rng)), T(d, values(d, (4,), rng))
    spec, real = add_of(d, x.values, y.values)
    primal = region([x, y], [equation("stablehlo.add", 0, 1)], 2)
    derivative = region([x, y, x, y], [equation("stablehlo.add", 0, 1), equation("stablehlo.add", 2, 3)], 4, 5)
    return [Case("primal", [x, y], [T(d, spec)], {"name": "sum"}, [primal, derivative], real=[T(d, real)])]


@op("stablehlo.if")
def if_(d: str):
    rng = rng_of("if", d)
    x, y = T(d, values(d, (3,), rng)), T(d, values(d, (3,), rng))
    spec, real = add_of(d, x.values, y.values)
    branches = [region([x, y], [equation("stablehlo.add", 0, 1)], 2), region([x, y], [], 1)]
    return [Case("then", [T("i1", np.array(True))], [T(d, spec)], regions=branches, captures=[x, y], real=[T(d, real)]),
            Case("else", [T("i1", np.array(False))], [y], regions=branches, captures=[x, y])]


@op("stablehlo.case")
def case(d: str):
    rng = rng_of("case", d)
    x = [T(d, values(d, (2,), rng)) for _ in range(3)]
    branches = [region(x, [], i) for i in range(3)]
    return [Case(f"{i}", [T("i32", np.array(i))], [x[i if 0 <= i < 3 else 2]], regions=branches, captures=x)
            for i in (0, 1, 2, 3, -1, 2**31 - 1, -(2**31))]


@op("stablehlo.while")
def while_(d: str):
    rng = rng_of("while", d)
    cases = []
    for count in (0, 1, 5):
        x, step = T(d, values(d, (3,), rng)), T(d, values(d, (3,), rng))
        zero, limit = T("i32", np.array(0)), T("i32", np.array(count))
        carried = [zero, x, limit, step]
        less = {"comparison_direction": "LT", "compare_type": "SIGNED"}
        cond = region(carried, [equation("stablehlo.compare", 0, 2, attributes=less)], 4)
        one = equation("stablehlo.constant", attributes={"value": T("i32", np.array(1))})
        body = region(carried, [one, equation("stablehlo.add", 0, 4), equation("stablehlo.add", 1, 3)], 5, 6)
        spec = real = x.values
        for _ in range(count):
            spec, real = add_of(d, spec, step.values)[0], add_of(d, real, step.values)[1]
        cases.append(Case(f"{count} times", [zero, x], [limit, T(d, spec)], regions=[cond, body], captures=[limit, step], real=[limit, T(d, real)]))
    return cases


@op("ecotone.scan")
def scan(d: str):
    rng = rng_of("scan", d)
    cases = []
    for length, reverse in ((4, False), (4, True), (0, False), (1, True)):
        carry, xs = T(d, values(d, (2,), rng)), T(d, values(d, (length, 2), rng))
        slice_ = {"d": d, "s": [2]}
        body = region([carry, slice_], [equation("stablehlo.add", 0, 1)], 2, 0)  # running sum; stacks what it was before
        spec = real = carry.values
        before_spec, before_real = np.zeros((length, 2), spec.dtype), np.zeros((length, 2), spec.dtype)
        for i in reversed(range(length)) if reverse else range(length):
            before_spec[i], before_real[i] = spec, real
            spec, real = add_of(d, spec, xs.values[i])[0], add_of(d, real, xs.values[i])[1]
        cases.append(Case(f"{length} {'reversed' if reverse else ''}", [carry, xs], [T(d, spec), T(d, before_spec)],
                          {"length": length, "carry_count": 1, "reverse": reverse}, [body], real=[T(d, real), T(d, before_real)]))
    return cases


@op("stablehlo.optimization_barrier")
def optimization_barrier(d: str):
    rng = rng_of("barrier", d)
    x, y = T(d, rng.choice(formats.pool(d, rng), 16)), T("i32", np.arange(3))
    return [Case("two", [x, y], [x, y]), Case("token", [x, TOKEN], [x, TOKEN])]


@op("stablehlo.after_all")
def after_all(d: str):
    return [Case("two", [TOKEN, TOKEN], [TOKEN]), Case("none", [], [TOKEN])]


@op("stablehlo.custom_call")
def custom_call(d: str):
    x = T(d, values(d, (2, 3), rng_of("custom_call", d)))
    return [Case("Sharding", [x], [x], {"call_target_name": "Sharding", "has_side_effect": False, "results": [{"type": x.type}]})]



