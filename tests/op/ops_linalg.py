"""Factorizations, solves, Fourier transforms and random bits, against NumPy, SciPy and JAX."""

import itertools

import formats
import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
import scipy.special
from formats import is_complex
from jax.extend.random import threefry_2x32
from suite import Case, T, op, rng_of

INEXACT = ("f32", "f64", "complex<f32>", "complex<f64>")


def bounds(d: str, want, factor: float):
    """factor * eps of the largest element, in the type and in f64."""
    size = np.max(np.abs(want), initial=0)
    return {"bound": [np.full(want.shape, factor * formats.epsilon(d) * size)], "real_bound": [np.full(want.shape, factor * 2.0**-52 * size)]}


def fits(d: str, *arrays) -> bool:
    return all(np.array_equal(formats.rounded(d, a), a) for a in arrays)


def random_matrix(d: str, shape, rng):
    x = rng.normal(0, 1, shape)
    return formats.rounded(d, x + 1j * rng.normal(0, 1, shape) if is_complex(d) else x)


@op("stablehlo.cholesky")
def cholesky(d: str):
    rng = rng_of("cholesky", d)
    factors = [np.array([[2.0, 0], [1, 1]]), np.array([[1.0, 0, 0], [1, 1, 0], [0, 1, 1]])]
    if is_complex(d):
        factors.append(np.array([[2, 0], [1j, 1]]))
    cases = []
    for lower in (True, False):
        for i, factor in enumerate(factors):  # small whole numbers: exact
            factor = factor.astype(formats.wide_dtype(d))
            x, want = factor @ factor.conj().T, factor if lower else factor.conj().T
            if d == "f8E8M0FNU" and i > 0:
                continue  # it has no zero
            # A zero may come out with either sign: conj and sums.
            none = np.zeros(want.shape)
            cases.append(Case(f"exact {i} {lower}", [T(d, x)], [T(d, want)], {"lower": lower}, bound=[none], real_bound=[none]))
        if d in INEXACT:
            m = random_matrix(d, (3, 5, 5), rng)
            x = formats.rounded(d, m @ m.conj().swapaxes(-1, -2) + 5 * np.eye(5))
            want = np.linalg.cholesky(x)
            # The condition number is below 10: backward stable to n eps of it (Higham, 10.1).
            cases.append(Case(f"random {lower}", [T(d, x)], [T(d, want if lower else want.conj().swapaxes(-1, -2))], {"lower": lower}, **bounds(d, want, 50)))
    return cases


TRANSPOSES = {"NO_TRANSPOSE": lambda a: a, "TRANSPOSE": lambda a: a.swapaxes(-1, -2), "ADJOINT": lambda a: a.conj().swapaxes(-1, -2)}


@op("stablehlo.triangular_solve")
def triangular_solve(d: str):
    rng = rng_of("triangular_solve", d)
    cases = []
    for left, lower, unit, (name, turn) in itertools.product((True, False), (True, False), (True, False), TRANSPOSES.items()):
        attributes = {"left_side": left, "lower": lower, "unit_diagonal": unit, "transpose_a": name}

        def used(a, lower=lower, unit=unit):
            t = np.tril(a) if lower else np.triu(a)
            return t - np.diag(np.diag(t)) + np.eye(len(a)) if unit else t

        a, x = np.array([[2.0, 1], [1, 1]]).astype(formats.wide_dtype(d)), np.array([[1.0, 2], [1, 2]]).astype(formats.wide_dtype(d))
        if is_complex(d):
            a = a * np.array([[1j, 1], [1, 1]])
        m = turn(used(a))
        b = m @ x if left else x @ m
        if fits(d, a, b):
            none = np.zeros(x.shape)
            cases.append(Case(f"exact {attributes}", [T(d, a), T(d, b)], [T(d, x)], attributes, bound=[none], real_bound=[none]))
        if d in INEXACT:
            a, b = random_matrix(d, (4, 4), rng), random_matrix(d, (4, 4), rng)
            a = formats.rounded(d, 0.3 * a + np.eye(4) * 2)
            m = turn(used(a))
            want = scipy.linalg.solve(m, b) if left else scipy.linalg.solve(m.T, b.T).T
            # Condition numbers below 20 or so, times n eps (Higham, 8.2).
            cases.append(Case(f"random {attributes}", [T(d, a), T(d, b)], [T(d, want)], attributes, **bounds(d, want, 100)))
    return cases


@op("stablehlo.fft")
def fft(d: str):
    rng = rng_of("fft", d)
    cases = []
    for lengths, batch in (([8], [2]), ([5], []), ([1], [3]), ([4, 6], []), ([3, 2, 7], [2]), ([97], [])):
        if is_complex(d):
            plans = {"FFT": (lengths, np.fft.fftn, d), "IFFT": (lengths, np.fft.ifftn, d), "IRFFT": ([*lengths[:-1], lengths[-1] // 2 + 1], np.fft.irfftn, formats.real_part(d))}
        else:
            plans = {"RFFT": (lengths, np.fft.rfftn, {"f32": "complex<f32>", "f64": "complex<f64>"}[d])}
        for kind, (shape, f, result) in plans.items():
            x = random_matrix(d, (*batch, *shape), rng)
            axes = tuple(range(-len(lengths), 0))
            want = f(x, s=lengths, axes=axes)
            # Each result sums all elements: a few eps per factor of the length, of the largest result.
            scale = 1 if kind in ("FFT", "RFFT") else 1 / np.prod(lengths)
            slack = 16 * 2.0**-52 * np.sum(np.abs(x)) * scale
            cases.append(Case(f"{kind} {lengths} {batch}", [T(d, x)], [T(result, want)], {"fft_type": kind, "fft_length": lengths},
                              bound=[formats.epsilon(result) * np.abs(want) + slack], real_bound=[np.full(want.shape, slack)]))
    return cases


# --- random bits ------------------------------------------------------------------------------------------------------
@op("stablehlo.rng_bit_generator")
def rng_bit_generator(d: str):
    """XLA:CPU's own bits, through JAX."""
    rng = rng_of("rng_bit_generator", d)
    cases = []
    for name, algorithm in (("THREE_FRY", jax.lax.RandomAlgorithm.RNG_THREE_FRY), ("PHILOX", jax.lax.RandomAlgorithm.RNG_PHILOX)):
        for bits, native in (("ui32", jnp.uint32), ("ui64", jnp.uint64)):
            for shape in ((), (7,), (4, 3), (0,)):
                key = rng.integers(0, 2**64 - 1, 2, np.uint64)
                state, want = jax.lax.rng_bit_generator(jnp.asarray(key), shape, dtype=native, algorithm=algorithm)
                cases.append(Case(f"{name} {bits} {shape}", [T(d, key)], [T(d, np.asarray(state)), T(bits, np.asarray(want).astype(np.uint64))],
                                  {"rng_algorithm": name, "type": {"type": {"d": bits, "s": list(shape)}}}))
    return cases


@op("stablehlo.rng")
def rng_(d: str):
    """Our own draw from ThreeFry's bits of (key, counter + i), the bits by JAX."""
    rng = rng_of("rng", d)
    key = rng.integers(0, 2**31, 2, np.uint64) << np.uint64(17)
    counters = key[1] + np.arange(32, dtype=np.uint64)
    words = np.concatenate([counters & np.uint64(0xFFFFFFFF), counters >> np.uint64(32)]).astype(np.uint32)
    pair = np.array([key[0] & np.uint64(0xFFFFFFFF), key[0] >> np.uint64(32)]).astype(np.uint32)
    drawn = np.asarray(threefry_2x32(jnp.asarray(pair), jnp.asarray(words))).astype(np.uint64)
    bits = drawn[:32] | drawn[32:] << np.uint64(32)
    cases = []
    for kind in ("UNIFORM", "NORMAL"):
        if not formats.is_float(d):
            if kind == "NORMAL":
                continue
            low, high = formats.integer_range(d)
            a, b = max(low, -7), min(high, 90)
            want = np.array([a + (int(v) * (b - a) >> 64) for v in bits], formats.wide_dtype(d))
        elif kind == "UNIFORM":
            a, b = 0.5, 2.0
            x = (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53
            r = formats.rounded(d, a * (1 - x) + b * x)
            want = np.where(r < b, r, a)  # below b even where rounding would reach it
        else:
            a, b = 1.0, 0.5
            x = ((bits >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-51 - 1
            want = formats.rounded(d, a + b * np.sqrt(2) * scipy.special.erfinv(x))
        a, b = np.array(a, formats.wide_dtype(d)), np.array(b, formats.wide_dtype(d))
        # Exact but for the inverse error function; mode real rounds the draw to its type too, where a spacing may flip.
        slack = [np.full(32, 2.0**-48 if d == "f64" else formats.epsilon(d) * 4)] if kind == "NORMAL" else None
        cases.append(Case(kind, [T(d, a), T(d, b), T("ui64", key)], [T(d, want)], {"rng_distribution": kind, "shape": [32]},
                          bound=slack, real_bound=slack))
    return cases
