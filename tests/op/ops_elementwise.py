"""Elementwise ops: StableHLO's and CHLO's, against NumPy, SciPy and Python's cmath, in float64."""

import cmath
import math

import formats
import numpy as np
import scipy.special as sp
from formats import is_complex, is_float, is_integer, is_signed
from suite import Case, T, op, rng_of

# Transcendental functions are computed in double on both sides. Rounded to a narrower type, a result can fall on the other
# side of a rounding boundary: 1 spacing. In f64, two good libraries differ by some spacings; more where named below.
ULP_F64 = 4
# Complex functions are made of several real ones, each rounded: spacings of the modulus.
ULP_C128 = 16


def ulp_of(d: str, f64: float = ULP_F64) -> float:
    if is_complex(d):
        return max(f64, ULP_C128) if d == "complex<f64>" else 1
    return f64 if d == "f64" else 1 if is_float(d) else 0


def real_ulp_of(d: str, f64: float = ULP_F64) -> float:
    return max(f64, ULP_C128) if is_complex(d) else f64 if is_float(d) else 0


def by_element(f, fallback=None):
    """A function of one complex element, as an array function. Where cmath raises, NumPy's value stands."""

    def apply(x):
        out = np.empty(x.shape, np.complex128)
        for i, v in enumerate(x.ravel()):
            try:
                out.ravel()[i] = f(complex(v))
            except (ValueError, OverflowError, ZeroDivisionError):
                out.ravel()[i] = fallback(v) if fallback else complex(np.nan, np.nan)
        return out

    return apply


def odd(f):
    """SciPy gives 0 for -0."""
    return lambda x: np.where(x == 0, x, f(x))


def gammaln(x):
    """C's lgamma(-inf) is inf, and XLA's; SciPy has -inf, and inf for the least denormals."""
    tiny = (np.abs(x) < 1e-300) & (x != 0)
    return np.where(np.isneginf(x), np.inf, np.where(tiny, -np.log(np.abs(x)), sp.gammaln(x)))


def logistic(x):
    return sp.expit(x)


def sign(x):
    return np.where(np.isnan(x) | (x == 0), x, np.copysign(1.0, x))


def round_away(x):
    with np.errstate(invalid="ignore"):
        down = np.floor(np.abs(x))
        return np.copysign(np.where(np.abs(x) - down >= 0.5, down + 1, down), x)


def complex_sign(z):
    out = np.empty(z.shape, np.complex128)
    for i, v in enumerate(z):
        if np.isnan(v.real) or np.isnan(v.imag):
            out[i] = complex(np.nan, np.nan)
        else:
            size = math.hypot(v.real, v.imag)
            parts = (np.float64(v.real) / size, np.float64(v.imag) / size) if size else (v.real, v.imag)
            out[i] = complex(*parts)
    return out


def complex_cbrt(z):
    """|z|^(1/3) at a third of the angle; where an angle or a size is unknown, see FINITE."""
    return by_element(lambda v: cmath.rect(np.cbrt(abs(v)), cmath.phase(v) / 3) if v else v)(z)


def mp_like_expm1(z):
    a, b = z.real, z.imag
    return np.expm1(a) * np.cos(b) - 2 * np.sin(b / 2) ** 2 + 1j * np.exp(a) * np.sin(b)


def complex_log1p(z):
    return 0.5 * np.log1p(z.real * (2 + z.real) + z.imag**2) + 1j * np.arctan2(z.imag, 1 + z.real)


# op: (real function, complex function, spacings in f64). The complex function is None where the op takes none.
UNARY = {
    "stablehlo.cbrt": (np.cbrt, complex_cbrt, ULP_F64),
    "stablehlo.ceil": (np.ceil, None, 0),
    "stablehlo.cosine": (np.cos, by_element(cmath.cos, np.cos), ULP_F64),
    "stablehlo.exponential": (np.exp, by_element(cmath.exp, np.exp), ULP_F64),
    "stablehlo.exponential_minus_one": (np.expm1, mp_like_expm1, ULP_F64),
    "stablehlo.floor": (np.floor, None, 0),
    "stablehlo.log": (np.log, by_element(cmath.log, np.log), ULP_F64),
    "stablehlo.log_plus_one": (np.log1p, complex_log1p, ULP_F64),
    "stablehlo.logistic": (logistic, lambda z: 1 / (1 + np.exp(-z)), ULP_F64),
    "stablehlo.negate": (np.negative, np.negative, 0),
    "stablehlo.round_nearest_afz": (round_away, None, 0),
    "stablehlo.round_nearest_even": (np.rint, None, 0),
    "stablehlo.rsqrt": (lambda x: 1 / np.sqrt(x), lambda z: 1 / np.sqrt(z), 1),
    "stablehlo.sign": (sign, complex_sign, 0),
    "stablehlo.sine": (np.sin, by_element(cmath.sin, np.sin), ULP_F64),
    "stablehlo.sqrt": (np.sqrt, by_element(cmath.sqrt, np.sqrt), 0),
    "stablehlo.tan": (np.tan, by_element(cmath.tan, np.tan), ULP_F64),
    "stablehlo.tanh": (np.tanh, by_element(cmath.tanh, np.tanh), ULP_F64),
    "chlo.acos": (np.arccos, by_element(cmath.acos, np.arccos), ULP_F64),
    "chlo.acosh": (np.arccosh, by_element(cmath.acosh, np.arccosh), ULP_F64),
    "chlo.asin": (np.arcsin, by_element(cmath.asin, np.arcsin), ULP_F64),
    "chlo.asinh": (np.arcsinh, by_element(cmath.asinh, np.arcsinh), ULP_F64),
    "chlo.atan": (np.arctan, by_element(cmath.atan, np.arctan), ULP_F64),
    "chlo.atanh": (np.arctanh, by_element(cmath.atanh, np.arctanh), ULP_F64),
    "chlo.bessel_i1e": (odd(sp.i1e), None, 16),  # Chebyshev series in SciPy, power and asymptotic series in ours
    "chlo.conj": (lambda x: x, np.conj, 0),
    "chlo.cosh": (np.cosh, by_element(cmath.cosh, np.cosh), ULP_F64),
    "chlo.erf": (sp.erf, None, ULP_F64),
    "chlo.erf_inv": (odd(sp.erfinv), None, 16),  # both iterate
    "chlo.erfc": (sp.erfc, None, 32),  # Cephes loses digits in the tail
    "chlo.sinh": (np.sinh, by_element(cmath.sinh, np.sinh), ULP_F64),
    "chlo.square": (lambda x: x * x, None, 0),
}

# Complex functions whose values at infinities and NaN no standard settles (C99's Annex G has them for exp, log, sqrt and
# the trigonometric and hyperbolic functions): finite operands only. Those made of formulas also lose digits to
# cancellation near their zeros, where the operands are chosen apart.
FINITE = {"stablehlo.cbrt", "stablehlo.exponential_minus_one", "stablehlo.log_plus_one", "stablehlo.logistic",
          "stablehlo.rsqrt", "stablehlo.sign"}


def integer_unary(name: str, d: str, x: np.ndarray):
    n = formats.bits(d)
    mask = (1 << n) - 1
    functions = {
        "stablehlo.negate": lambda v: -v,
        "chlo.conj": lambda v: v,
        "chlo.square": lambda v: v * v,
        "stablehlo.sign": lambda v: (v > 0) - (v < 0),
        "stablehlo.abs": abs,
        "stablehlo.not": lambda v: ~v,
        "stablehlo.popcnt": lambda v: (v & mask).bit_count(),
        "stablehlo.count_leading_zeros": lambda v: n - (v & mask).bit_length(),
    }
    f = functions[name]
    return np.array([f(int(v)) & mask for v in x], np.uint64)


def complex_operands(name: str, d: str, rng) -> np.ndarray:
    x = formats.pool(d, rng)
    if name not in ("stablehlo.negate", "chlo.conj"):
        # With one part NaN, Annex G leaves signs open and changed between C11 and C17; libraries differ.
        x = x[np.isnan(x.real) == np.isnan(x.imag)]
    if name in FINITE:
        x = x[np.isfinite(x)]
        x = x[(np.abs(x) < 100) & (np.abs(x) > 1e-3)]
    if name == "stablehlo.log_plus_one":
        x = x[np.abs(x + 1) > 0.5]
    return x


def empty_like(case: Case) -> Case:
    """The same op on no elements."""
    none = [T(t.dtype, np.zeros((0, 3), t.values.dtype)) for t in case.operands]
    return Case("empty", none, [T(t.dtype, np.zeros((0, 3), t.values.dtype)) for t in case.expected], case.attributes)


@op(*UNARY, "stablehlo.not", "stablehlo.popcnt", "stablehlo.count_leading_zeros")
def unary(d: str, name: str):
    rng = rng_of(name, d)
    if is_integer(d):
        x = formats.pool(d, rng)
        case = Case("values", [T(d, x)], [T(d, integer_unary(name, d, x))])
    elif d == "i1":
        x = np.array([False, True])
        case = Case("values", [T(d, x)], [T(d, ~x)])
    else:
        real, of_complex, f64 = UNARY[name]
        if is_complex(d):
            x = complex_operands(name, d, rng)
            if name == "chlo.square":
                y = (x.real - x.imag) * (x.real + x.imag) + 1j * (2 * x.real * x.imag)
                keep = np.isfinite(x)
                x, y = x[keep], y[keep]
            else:
                y = of_complex(x)
            exact = name in ("stablehlo.negate", "chlo.conj")
            case = Case("values", [T(d, x)], [T(d, y)], ulp=0 if exact else ulp_of(d, f64),
                        real_ulp=0 if exact else real_ulp_of(d, f64), any_infinity=not exact)
        else:
            x = formats.pool(d, rng)
            if name == "chlo.erfc":
                x = x[~((x > 26) & (x < 28))]  # SciPy underflows to 0 before the true value does
            exact = f64 == 0
            case = Case("values", [T(d, x)], [T(d, real(x))], ulp=0 if exact else ulp_of(d, f64),
                        real_ulp=0 if exact else real_ulp_of(d, f64))
    return [case, empty_like(case)]


@op("stablehlo.abs")
def absolute(d: str):
    rng = rng_of("abs", d)
    x = formats.pool(d, rng)
    if is_integer(d):
        return [Case("values", [T(d, x)], [T(d, integer_unary("stablehlo.abs", d, x))])]
    y = np.hypot(x.real, x.imag) if is_complex(d) else np.abs(x)
    ulp = 1 if is_complex(d) else 0  # hypot is not correctly rounded
    return [Case("values", [T(d, x)], [T(formats.real_part(d), y)], ulp=ulp)]


def predicate(f):
    def make(d: str):
        x = formats.pool(d, rng_of("predicate", d))
        return [Case("values", [T(d, x)], [T("i1", f(x))]), Case("empty", [T(d, x[:0])], [T("i1", x[:0] == 0)])]

    return make


op("stablehlo.is_finite")(predicate(np.isfinite))
op("chlo.is_inf")(predicate(np.isinf))
op("chlo.is_neg_inf")(predicate(np.isneginf))
op("chlo.is_pos_inf")(predicate(np.isposinf))


# --- special functions ------------------------------------------------------------------------------------------------
def away_from_zeros(f, x, least=0.05):
    """A function's relative accuracy is lost at its zeros: the operands whose result is not small. What is not finite stays."""
    y = f(x)
    return x[~(np.abs(y) < least) | np.isnan(y)]


@op("chlo.lgamma")
def lgamma(d: str):
    x = away_from_zeros(gammaln, formats.pool(d, rng_of("lgamma", d)))
    x = x[~((x < 0) & (x > -1e6) & (x != np.floor(x)) & (np.abs(x - np.rint(x)) < 1e-3))]  # the poles' flanks
    return [Case("values", [T(d, x)], [T(d, gammaln(x))], ulp=ulp_of(d, 32), real_ulp=32)]  # reflection in both


@op("chlo.digamma")
def digamma(d: str):
    x = away_from_zeros(sp.digamma, formats.pool(d, rng_of("digamma", d)))
    # Far on the negative side tan(pi x) has no digits left, and SciPy loses some next to the poles.
    x = x[~((x < -200) & (x != np.floor(x)))]
    x = x[~((x < -0.5) & (x != np.floor(x)) & (np.abs(x - np.rint(x)) < 0.02))]
    wanted = np.where(x == 0, np.nan, sp.digamma(x))  # SciPy gives a one-sided limit at this pole alone
    return [Case("values", [T(d, x)], [T(d, wanted)], ulp=ulp_of(d, 64), real_ulp=64)]


@op("chlo.polygamma")
def polygamma(d: str):
    rng = rng_of("polygamma", d)
    n = formats.rounded(d, rng.integers(1, 5, 64).astype(np.float64))
    x = np.abs(formats.random_values(d, 64, rng, 4))
    x = formats.rounded(d, np.maximum(x, 0.5))
    y = np.array([float(sp.polygamma(int(a), b)) if a == int(a) else np.nan for a, b in zip(n, x, strict=True)])
    return [Case("values", [T(d, n), T(d, x)], [T(d, y)], ulp=ulp_of(d, 64), real_ulp=64)]


@op("chlo.zeta")
def zeta(d: str):
    rng = rng_of("zeta", d)
    x = formats.rounded(d, 1.5 + np.abs(formats.random_values(d, 64, rng, 4)))
    q = formats.rounded(d, np.maximum(np.abs(formats.random_values(d, 64, rng, 4)), 0.25))
    x[:4], q[:4] = formats.rounded(d, np.array([1.0, 2, 3, 0.5])), formats.rounded(d, np.array([2.0, 1, 1, 2]))
    return [Case("values", [T(d, x), T(d, q)], [T(d, sp.zeta(x, q))], ulp=ulp_of(d, 64), real_ulp=64)]


@op("chlo.next_after")
def next_after(d: str):
    x, y = formats.pairs(d, rng_of("next_after", d))
    if d in ("f32", "f64"):
        native = formats.FLOATS[d][1]
        want = np.nextafter(x.astype(native), y.astype(native)).astype(np.float64)
    else:  # a step in the sorted list of the type's values
        values = formats.table(d)
        values = np.unique(values[~np.isnan(values)])
        at = np.searchsorted(values, x)
        step = np.clip(at + np.where(y > x, 1, -1), 0, len(values) - 1)
        want = np.where(np.isnan(x) | np.isnan(y), np.nan, np.where(x == y, y, values[step]))
        zero = (want == 0) & (x != y)  # a step onto zero keeps x's sign where the type has two zeros
        if not d.endswith("FNUZ") and d != "f8E8M0FNU":
            want = np.where(zero, np.copysign(0.0, x), want)
        if d.startswith(("f4", "f6")):  # NaN has no code: -0 stands for it, and operands can't be NaN
            want = np.where(np.isnan(want), -0.0, want)
    return [Case("values", [T(d, x), T(d, y)], [T(d, want)])]


# --- binary -----------------------------------------------------------------------------------------------------------
def truncated(a: int, b: int) -> int:
    q = abs(a) // abs(b)
    return q if (a < 0) == (b < 0) else -q


def power(a: int, b: int, n: int) -> int:
    if b < 0:
        return a if a == 1 or (a == -1 and b % 2) else 1 if a == -1 else 0
    return pow(a, b, 1 << n)


def integer_binary(name: str, d: str, x, y):
    n = formats.bits(d)
    mask = (1 << n) - 1
    functions = {
        "add": lambda a, b: a + b,
        "subtract": lambda a, b: a - b,
        "multiply": lambda a, b: a * b,
        "divide": lambda a, b: -1 if b == 0 else truncated(a, b),  # docs/ir-semantics.md
        "remainder": lambda a, b: a if b == 0 else a - b * truncated(a, b),
        "power": lambda a, b: power(a, b, n),
        "and": lambda a, b: a & b,
        "or": lambda a, b: a | b,
        "xor": lambda a, b: a ^ b,
        "maximum": max,
        "minimum": min,
        # Amounts are unsigned; by the width or more nothing (or the sign) is left.
        "shift_left": lambda a, b: 0 if b & mask >= n else a << (b & mask),
        "shift_right_logical": lambda a, b: 0 if b & mask >= n else (a & mask) >> (b & mask),
        "shift_right_arithmetic": lambda a, b: signed(a, n) >> min(b & mask, n - 1),
    }
    f = functions[name]
    return np.array([f(int(a), int(b)) & mask for a, b in zip(x, y, strict=True)], np.uint64)


def signed(v: int, n: int) -> int:
    v &= (1 << n) - 1
    return v - (1 << n) if v >> (n - 1) else v


def extreme(x, y, larger: bool):
    """NaN wins; of equal zeros the positive one is larger."""
    out = np.maximum(x, y) if larger else np.minimum(x, y)
    zeros = (x == 0) & (y == 0)
    negative = np.signbit(x) & np.signbit(y) if larger else np.signbit(x) | np.signbit(y)
    return np.where(zeros, np.where(negative, -0.0, 0.0), out)


def complex_extreme(x, y, larger: bool):
    """Lexicographic, as the specification says."""
    out = np.empty(len(x), np.complex128)
    for i, (a, b) in enumerate(zip(x, y, strict=True)):
        if np.isnan(a) or np.isnan(b):
            out[i] = a if np.isnan(a) else b
        else:
            before = (a.real, a.imag) < (b.real, b.imag)
            out[i] = (b if before else a) if larger else (b if (b.real, b.imag) < (a.real, a.imag) else a)
    return out


FLOAT_BINARY = {
    "add": (np.add, 0), "subtract": (np.subtract, 0), "multiply": (np.multiply, 0), "divide": (np.divide, 0),
    "remainder": (np.fmod, 0), "maximum": (lambda x, y: extreme(x, y, True), 0),
    "minimum": (lambda x, y: extreme(x, y, False), 0), "power": (np.power, ULP_F64), "atan2": (np.arctan2, ULP_F64),
}
BOOL_BINARY = {"add": np.logical_or, "multiply": np.logical_and, "maximum": np.logical_or, "minimum": np.logical_and,
               "and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor}


def complex_binary(name: str, d: str, rng):
    x, y = formats.pairs(d, rng)
    if name in ("add", "subtract"):
        parts = FLOAT_BINARY[name][0]
        return x, y, part_pairs(parts(x.real, y.real), parts(x.imag, y.imag)), 0, False
    if name == "multiply":  # no recovery of infinities, as NumPy and XLA
        return x, y, part_pairs(x.real * y.real - x.imag * y.imag, x.real * y.imag + x.imag * y.real), 2, False
    if name in ("maximum", "minimum"):
        return x, y, complex_extreme(x, y, name == "maximum"), 0, False
    # Nothing settles these at infinities and zeros. Moderate sizes keep the exponent of a power from amplifying rounding.
    keep = np.isfinite(x) & np.isfinite(y) & (np.abs(x) > 0.05) & (np.abs(y) > 0.05) & (np.abs(x) < 20) & (np.abs(y) < 8)
    x, y = x[keep], y[keep]
    if name == "divide":
        return x, y, x / y, ULP_C128, False
    if name == "power":
        # exp(y log x): an error of eps in log x grows by |y log x|, up to 8 * 5.
        return x, y, np.power(x, y), 64, False
    keep = np.abs(x * x + y * y) > 0.1
    x, y = x[keep], y[keep]
    return x, y, -1j * np.log((y + 1j * x) / np.sqrt(y * y + x * x)), 64, False


def part_pairs(re, im):
    out = np.empty(len(re), np.complex128)
    out.real, out.imag = re, im
    return out


BINARY = ["add", "and", "atan2", "divide", "maximum", "minimum", "multiply", "or", "power", "remainder", "shift_left",
          "shift_right_arithmetic", "shift_right_logical", "subtract", "xor"]


@op(*(f"stablehlo.{n}" for n in BINARY))
def binary(d: str, full_name: str):
    name = full_name.removeprefix("stablehlo.")
    rng = rng_of(name, d)
    if is_complex(d):
        x, y, want, f64, loose = complex_binary(name, d, rng)
        case = Case("values", [T(d, x), T(d, y)], [T(d, want)], ulp=0 if f64 == 0 else 1 if d == "complex<f32>" else f64,
                    real_ulp=f64, any_infinity=loose)
    else:
        x, y = formats.pairs(d, rng)
        if d == "i1":
            case = Case("values", [T(d, x), T(d, y)], [T(d, BOOL_BINARY[name](x, y))])
        elif is_integer(d):
            case = Case("values", [T(d, x), T(d, y)], [T(d, integer_binary(name, d, x, y))])
        else:
            f, f64 = FLOAT_BINARY[name]
            case = Case("values", [T(d, x), T(d, y)], [T(d, f(x, y))], ulp=ulp_of(d, f64) if f64 else 0,
                        real_ulp=f64)
    return [case, empty_like(case)]


# --- compare, select, clamp -------------------------------------------------------------------------------------------
DIRECTIONS = {"EQ": np.equal, "NE": np.not_equal, "GE": np.greater_equal, "GT": np.greater, "LE": np.less_equal, "LT": np.less}


def total_order_key(x):
    """-NaN < -inf < ... < -0 < +0 < ... < inf < NaN."""
    bits = np.asarray(x, np.float64).view(np.int64)
    return np.where(bits < 0, bits ^ np.int64(0x7FFFFFFFFFFFFFFF), bits)


@op("stablehlo.compare")
def compare(d: str):
    x, y = formats.pairs(d, rng_of("compare", d))
    kind = "FLOAT" if is_float(d) or is_complex(d) else "SIGNED" if is_signed(d) else "UNSIGNED"
    cases = []
    for direction, f in DIRECTIONS.items():
        if is_complex(d) and direction not in ("EQ", "NE"):
            continue
        for compare_type in (kind, "NOTYPE"):
            cases.append(Case(f"{direction} {compare_type}", [T(d, x), T(d, y)], [T("i1", f(x, y))],
                              {"comparison_direction": direction, "compare_type": compare_type}))
        if is_float(d):
            # NaNs are left out: their signs and payloads do not survive conversions.
            keep = ~(np.isnan(x) | np.isnan(y))
            a, b = x[keep], y[keep]
            cases.append(Case(f"{direction} TOTALORDER", [T(d, a), T(d, b)], [T("i1", f(total_order_key(a), total_order_key(b)))],
                              {"comparison_direction": direction, "compare_type": "TOTALORDER"}))
    return cases


@op("stablehlo.select")
def select(d: str):
    cases = []
    for other in formats.ALL:  # declared by the predicate's type; the values may have any
        rng = rng_of("select", other)
        x, y = formats.random_values(other, 24, rng), formats.random_values(other, 24, rng)
        p = rng.integers(0, 2, 24).astype(bool)
        cases.append(Case(f"of {other}", [T(d, p), T(other, x), T(other, y)], [T(other, np.where(p, x, y))]))
        cases.append(Case(f"of {other}, scalar", [T(d, np.array(True)), T(other, x), T(other, y)], [T(other, x)]))
    return cases


@op("stablehlo.clamp")
def clamp(d: str):
    rng = rng_of("clamp", d)
    lo, x = formats.pairs(d, rng)
    hi = rng.permutation(x)

    def f(lo, x, hi):
        if is_complex(d):
            return complex_extreme(complex_extreme(lo, x, True), hi, False)
        if is_float(d):
            return extreme(extreme(lo, x, True), hi, False)
        return np.minimum(np.maximum(lo, x), hi)

    a, b = formats.random_values(d, 2, rng)
    full = np.full(x.shape, a), np.full(x.shape, b)
    return [Case("elementwise", [T(d, lo), T(d, x), T(d, hi)], [T(d, f(lo, x, hi))]),
            Case("scalars", [T(d, a), T(d, x), T(d, b)], [T(d, f(full[0], x, full[1]))])]
