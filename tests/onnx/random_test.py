"""Random operators of ONNX in `eco run`: their distributions, and what makes draws equal or different.

Seeds are fixed, so results are too. A test of goodness of fit (Kolmogorov and Smirnov for floats, chi-squared for counts, by SciPy)
fails at p < 1e-4: some 130 are made, so that a right generator would fail for one choice of seeds in 77; a wrong mean, scale or
bound gives p < 1e-20 at these sizes.
"""

import itertools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from scipy import stats

ECO = os.environ["ECO"]
LEAST_P = 1e-4
N = 40_000
SEEDS = itertools.count(100)  # of runs that do not ask for one
COUNTS = {True: 0, False: 0}
F32 = TensorProto.FLOAT


def check(name, good, why=""):
    COUNTS[bool(good)] += 1
    if not good:
        print(f"FAILED {name}: {why}")


def fits(name, p):
    check(name, p >= LEAST_P, f"p = {p:.3g}")


class Model:
    def __init__(self, folder, nodes, outputs, inputs=(), weights=(), functions=(), opset=21):
        values = [helper.make_tensor_value_info(n, t, s) for n, t, s in inputs]
        declared = [helper.make_tensor_value_info(n, t, s) for n, t, s in outputs]
        initializers = [numpy_helper.from_array(np.asarray(v), n) for n, v in weights]
        graph = helper.make_graph(nodes, "random", values, declared, initializers)
        opsets = [helper.make_opsetid("", opset), helper.make_opsetid("f", 1)]
        self.folder, self.path = folder, folder / "model.onnx"
        self.path.write_bytes(helper.make_model(graph, opset_imports=opsets, functions=list(functions), ir_version=10).SerializeToString())

    def eco(self, *arguments):
        return subprocess.run([ECO, *map(str, arguments)], capture_output=True, text=True)

    def run(self, seed=None, **inputs):
        seed = next(SEEDS) if seed is None else seed
        out, given = self.folder / "out.npz", self.folder / "in.npz"
        arguments = ["run", self.path, "--seed", seed, "-o", out]
        if inputs:
            np.savez(given, **inputs)
            arguments += ["-i", given]
        done = self.eco(*arguments)
        if done.returncode:
            raise RuntimeError(done.stderr)
        with np.load(out) as z:
            return {k: z[k] for k in z}

    def random_inputs(self):
        return self.eco("inspect", self.path, "--json").stdout.count('"rng_key"')


def node(op, inputs=(), outputs=("y",), **attributes):
    return helper.make_node(op, list(inputs), list(outputs), **attributes)


def floats(folder):
    for dtype, numpy_dtype in ((F32, np.float32), (TensorProto.DOUBLE, np.float64), (TensorProto.FLOAT16, np.float16)):
        kind = TensorProto.DataType.Name(dtype)
        # f16 has some thousand values, so that the distribution is one of steps: a tenth as many draws do not see them.
        count = N // 10 if dtype == TensorProto.FLOAT16 else N
        like = [("x", dtype, [4, count // 4])]
        zeros = np.zeros((4, count // 4), numpy_dtype)
        for op, attributes, distribution in (
            ("RandomNormal", {}, stats.norm),
            ("RandomNormal", {"mean": -3.0, "scale": 0.5}, stats.norm(-3, 0.5)),
            ("RandomUniform", {}, stats.uniform),
            ("RandomUniform", {"low": -2.0, "high": 6.0}, stats.uniform(-2, 8)),
        ):
            y = Model(folder, [node(op, dtype=dtype, shape=[4, count // 4], **attributes)], [("y", dtype, None)]).run()["y"]
            check(f"{op} {kind}: type and shape", y.dtype == numpy_dtype and y.shape == (4, count // 4), (y.dtype, y.shape))
            fits(f"{op} {kind} {attributes}", stats.kstest(y.ravel().astype(np.float64), distribution.cdf).pvalue)
            y = Model(folder, [node(op + "Like", ["x"], **attributes)], [("y", dtype, None)], like).run(x=zeros)["y"]
            check(f"{op}Like {kind}: type and shape", y.dtype == numpy_dtype and y.shape == (4, count // 4), (y.dtype, y.shape))
            fits(f"{op}Like {kind} {attributes}", stats.kstest(y.ravel().astype(np.float64), distribution.cdf).pvalue)
    y = Model(folder, [node("RandomUniformLike", ["x"], dtype=F32, low=1.0, high=2.0)], [("y", F32, None)], [("x", TensorProto.INT64, ["n"])]).run(x=np.zeros(N, np.int64))["y"]
    check("bounds of a uniform", y.min() >= 1 and y.max() < 2 and y.shape == (N,), (y.min(), y.max()))


def counts(folder):
    p = np.array([0.0, 0.2, 0.5, 0.93, 1.0], np.float32)
    for dtype in (F32, TensorProto.BOOL, TensorProto.INT64):
        y = Model(folder, [node("Bernoulli", ["p"], dtype=dtype)], [("y", dtype, None)], [("p", F32, [N, 5])]).run(p=np.tile(p, (N, 1)))["y"]
        ones = y.astype(np.int64).sum(0)
        check("Bernoulli: 0 and 1 are certain", ones[0] == 0 and ones[4] == N and set(np.unique(y)) == {0, 1}, ones)
        for k in (1, 2, 3):
            fits(f"Bernoulli {p[k]}", stats.binomtest(int(ones[k]), N, float(p[k])).pvalue)
        fits("Bernoulli: columns are independent", stats.chi2_contingency(np.histogram2d(y[:, 1].astype(int), y[:, 2].astype(int), 2)[0]).pvalue)
    shares = np.array([[0.1, 0.2, 0.3, 0.4], [0.7, 0.0, 0.05, 0.25]])
    with np.errstate(divide="ignore"):
        logits = (np.log(shares) + [[5.0], [-3.0]]).astype(np.float32)  # only differences count
    y = Model(folder, [node("Multinomial", ["x"], sample_size=N)], [("y", TensorProto.INT32, None)], [("x", F32, [2, 4])]).run(x=logits)["y"]
    check("Multinomial: type and shape", y.dtype == np.int32 and y.shape == (2, N), (y.dtype, y.shape))
    for row, share in zip(y, shares):
        seen = np.bincount(row, minlength=4)
        check("Multinomial: what has no share", not seen[share == 0].any(), seen)
        fits("Multinomial", stats.chisquare(seen[share > 0], N * share[share > 0]).pvalue)
    fits("Multinomial: rows are independent", stats.chi2_contingency(np.histogram2d(y[0], y[1], (4, [0, 1.5, 2.5, 4]))[0]).pvalue)


def dropout(folder):
    weights = [("r", np.float32(0.3)), ("t", np.bool_(True))]
    model = Model(folder, [node("Dropout", ["x", "r", "t"], ["y", "m"])], [("y", F32, None), ("m", TensorProto.BOOL, None)], [("x", F32, [N])], weights)
    x = np.random.default_rng(2).standard_normal(N).astype(np.float32)
    got = model.run(x=x)
    y, m = got["y"], got["m"]
    fits("Dropout: the share that is kept", stats.binomtest(int(m.sum()), N, 0.7).pvalue)
    # Rounded once more than x / 0.7: an eps of 1.2e-7 each for the factor and the product.
    check("Dropout: what is kept is scaled", np.allclose(y[m], x[m] / 0.7, rtol=3e-7, atol=0) and not y[~m].any(), np.abs(y[m] - x[m] / 0.7).max())
    open_weights = [("r", np.float32(0.3))]
    model = Model(folder, [node("Dropout", ["x", "r", "t"], ["y", "m"])], [("y", F32, None), ("m", TensorProto.BOOL, None)], [("x", F32, [N]), ("t", TensorProto.BOOL, [])], open_weights)
    got = model.run(x=x, t=np.bool_(False))
    check("Dropout that does not train", np.array_equal(got["y"], x) and got["m"].all())
    for name, nodes in (("no training", [node("Dropout", ["x"], ["y"])]), ("ratio 0", [node("Dropout", ["x", "z", "t"], ["y"])])):
        model = Model(folder, nodes, [("y", F32, None)], [("x", F32, [N])], [*weights, ("z", np.float32(0))])
        check(f"Dropout, {name}: nothing is drawn", model.random_inputs() == 0 and np.array_equal(model.run(x=x)["y"], x))


def unrelated(name, x, y):
    """No two draws alike, nor one the other's continuation: correlations at shifts of up to 3 are normal with deviation 1 / sqrt(n)."""
    x, y = x.ravel(), y.ravel()
    for shift in range(-3, 4):
        a, b = (x[shift:], y[: len(y) - shift]) if shift >= 0 else (x[:shift], y[-shift:])
        r = np.corrcoef(a, b)[0, 1]
        fits(f"{name}, shifted by {shift}", 2 * stats.norm.sf(abs(r) * np.sqrt(len(a))))


def seeds(folder):
    two = [node("RandomNormal", shape=[N], outputs=["a"]), node("RandomNormal", shape=[N], outputs=["b"])]
    model = Model(folder, two, [("a", F32, None), ("b", F32, None)])
    first, again, other = model.run(7), model.run(7), model.run(8)
    check("one key for all", model.random_inputs() == 1)
    check("the same seed, the same values", all(np.array_equal(first[k], again[k]) for k in "ab"))
    unrelated("two nodes", first["a"], first["b"])
    unrelated("two seeds", first["a"], other["a"])
    key = np.array([1, 2], np.uint64)
    check("a key may be given", np.array_equal(model.run(1, rng_key=key)["a"], model.run(2, rng_key=key)["a"]))
    done = model.eco("verify", model.path, "--against", "onnxruntime")
    check("verify says that values are random", done.returncode == 1 and "random" in done.stdout, done.stdout + done.stderr)
    for op, seed in (("RandomNormal", 3.0), ("RandomUniform", 3.0), ("RandomUniform", 4.0)):
        model = Model(folder, [node(op, shape=[N], seed=seed)], [("y", F32, None)])
        check(f"{op} with a seed of its own", model.random_inputs() == 0 and np.array_equal(model.run(1)["y"], model.run(2)["y"]))
    unrelated("two seeds of nodes", *(Model(folder, [node("RandomNormal", shape=[N], seed=s)], [("y", F32, None)]).run()["y"] for s in (3.0, 4.0)))
    x = np.ones(N, np.float32)
    drops = [
        Model(folder, [node("Dropout", ["x", "r", "t"], ["y"], seed=s)], [("y", F32, None)], [("x", F32, [N])], [("r", np.float32(0.5)), ("t", np.bool_(True))]).run(seed, x=x)["y"]
        for s, seed in ((1, 1), (1, 2), (2, 1))
    ]
    check("Dropout with a seed of its own", np.array_equal(drops[0], drops[1]) and not np.array_equal(drops[0], drops[2]))


def nested(folder):
    """Draws in subgraphs and functions: each trip, branch and call has its own."""
    size = 10_000
    info = helper.make_tensor_value_info
    for seed in ({}, {"seed": 5.0}):
        draw = node("RandomNormal", shape=[size], outputs=["d"], **seed)
        name = "seeded" if seed else "seedless"
        body = helper.make_graph([draw, node("Identity", ["c"], ["k"])], "b", [info("i", 7, []), info("c", 9, [])], [info("k", 9, []), info("d", F32, [size])])
        for trips, kind in (([("t", TensorProto.INT64, [])], "of open length"), ([], "unrolled")):
            model = Model(folder, [helper.make_node("Loop", ["t", ""], ["y"], body=body)], [("y", F32, None)], trips, [] if trips else [("t", np.int64(3))])
            y = model.run(1, **({"t": np.int64(40)} if trips else {}))["y"]
            if seed and not trips:
                continue  # copies of a node are that node
            check(f"Loop {kind}, {name}", y.shape == (40 if trips else 3, size) and model.random_inputs() == (0 if seed else 1), y.shape)
            unrelated(f"trips of a Loop {kind}, {name}", y[0], y[1])
            unrelated(f"later trips of a Loop {kind}, {name}", y[-2], y[-1])
        add = [draw, node("Add", ["s", "d"], ["o"])]
        body = helper.make_graph(add, "b", [info("s", F32, [size]), info("e", F32, [])], [info("o", F32, [size]), info("d", F32, [size])])
        model = Model(folder, [helper.make_node("Scan", ["x", "e"], ["last", "y"], body=body, num_scan_inputs=1)], [("last", F32, None), ("y", F32, None)], [("x", F32, [size]), ("e", F32, [3])])
        got = model.run(1, x=np.zeros(size, np.float32), e=np.zeros(3, np.float32))
        unrelated(f"trips of a Scan, {name}", got["y"][0], got["y"][1])
        # Three roundings to f32 of values below 8: 3 * 2^-22.
        check(f"carries of a Scan, {name}", np.abs(got["last"] - got["y"].sum(0)).max() < 1e-6)
    draw = node("RandomNormal", shape=[size], outputs=["d"])
    inner = helper.make_graph([draw], "t", [], [info("d", F32, [size])])
    other = helper.make_graph([node("Neg", ["d0"], ["d"])], "e", [], [info("d", F32, [size])])
    nodes = [node("RandomNormal", shape=[size], outputs=["d0"]), helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=other)]
    model = Model(folder, nodes, [("d0", F32, None), ("y", F32, None)], [("c", TensorProto.BOOL, [])])
    taken, not_taken = model.run(1, c=np.bool_(True)), model.run(1, c=np.bool_(False))
    unrelated("a branch and its graph", taken["d0"], taken["y"])
    check("the other branch", np.array_equal(not_taken["y"], -not_taken["d0"]) and np.array_equal(taken["d0"], not_taken["d0"]))
    f = helper.make_function("f", "draw", [], ["d"], [draw], [helper.make_opsetid("", 21)])
    calls = [helper.make_node("draw", [], [n], domain="f") for n in "ab"]
    got = Model(folder, calls, [("a", F32, None), ("b", F32, None)], functions=[f]).run()
    unrelated("two calls of a function", got["a"], got["b"])


def main():
    with tempfile.TemporaryDirectory() as name:
        for part in (floats, counts, dropout, seeds, nested):
            part(Path(name))
    print(f"{COUNTS[True]} passed, {COUNTS[False]} failed")
    return 1 if COUNTS[False] else 0


if __name__ == "__main__":
    sys.exit(main())
