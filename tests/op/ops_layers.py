"""Attention and recurrent layers in loops over queries and sequences, einsum by NumPy's, in f64."""

import formats
import numpy as np
import scipy.special as sp
from formats import is_complex, is_float
from suite import Case, T, approximate, constant, op, rng_of


def random(d: str, shape, rng, scale: float = 1) -> np.ndarray:
    return formats.random_values(d, int(np.prod(shape)), rng, scale).reshape(shape)


# Attention ------------------------------------------------------------------------------------------------------------------


def sees(a: dict, query: int, key: int, queries: int, length: int | None) -> bool:
    """Whether the bounds let a query see a key; with lengths, queries stand at the end of the keys."""
    at = query + (a.get("past", 0) if length is None else length - queries)
    return not ((a.get("causal") and key > at) or (a.get("window_left", -1) >= 0 and key < at - a["window_left"])
                or (a.get("window_right", -1) >= 0 and key > at + a["window_right"]) or (length is not None and key >= length))


def attend(d: str, q, k, v, a: dict, mask=None, lengths=None):
    """The result, the scores that are shown, and how large the scores' terms are."""
    batch, heads, queries, _ = q.shape
    keys = k.shape[2]
    y, shown, size = np.zeros((batch, heads, queries, v.shape[3])), np.zeros((batch, heads, queries, keys)), np.zeros((batch, heads, queries, keys))
    mask = None if mask is None else np.broadcast_to(mask, shown.shape)
    root = constant(d, np.sqrt(a.get("scale", 1.0)))
    for b, h, i in np.ndindex(batch, heads, queries):
        g = h // (heads // k.shape[1])
        s = np.array([(root * q[b, h, i] * (root * k[b, g, j])).sum() for j in range(keys)])
        size[b, h, i] = [np.abs(root**2 * q[b, h, i] * k[b, g, j]).sum() for j in range(keys)]
        stages = {"products": s}
        if cap := a.get("softcap", 0):
            s = cap * np.tanh(s / cap)
        stages["capped"] = s
        hidden = np.array([not sees(a, i, j, queries, None if lengths is None else int(lengths[b])) for j in range(keys)], bool)
        if mask is not None and mask.dtype == np.bool_:
            hidden |= ~mask[b, h, i]
        elif mask is not None:
            s = s + mask[b, h, i]
        s = np.where(hidden, -np.inf, s)
        stages["masked"] = s
        none = np.all(np.isneginf(s))  # sees no key: zeros
        stages["weights"] = np.zeros(keys) if none else sp.softmax(s)
        y[b, h, i] = stages["weights"] @ v[b, g] if keys else 0
        shown[b, h, i] = stages[a.get("shown", "products")]
    return y, shown, size


@op("ecotone.attention")
def attention(d: str):
    rng = rng_of("attention", d)
    cases = []

    def case(name: str, a: dict, heads: int = 2, kv_heads: int = 2, queries: int = 3, keys: int = 5, batch: int = 2, mask=None, mask_type: str | None = None, lengths=None,
             value_type: str | None = None, spoil=None):
        q, k = random(d, (batch, heads, queries, 4), rng), random(d, (batch, kv_heads, keys, 4), rng)
        v = random(value_type or d, (batch, kv_heads, keys, 3), rng)
        if spoil:
            spoil(q, k, v)
        operands = [q, k, T(value_type or d, v)]
        if mask is not None:
            mask_type = "i1" if mask.dtype == np.bool_ else mask_type or d
            mask = formats.rounded(mask_type, mask)
            operands.append(T(mask_type, mask))
            a = a | {"has_mask": True}
        if lengths is not None:
            operands.append(T("i32", np.array(lengths)))
            a = a | {"has_lengths": True}
        y, shown, size = attend(d, q, k, v, a, mask, lengths)
        # A score's error, of its terms and the mask, is a weight's relative error; results are means of v.
        finite = 0 if mask is None or mask.dtype == np.bool_ else np.abs(np.where(np.isfinite(mask), mask, 0)).max()
        scores = 1 + size + finite
        top = scores.max(3, initial=1)[..., None] * np.abs(v[np.isfinite(v)]).max(initial=1)
        through = "f32" if d == "f64" and (a.get("softmax_dtype") or value_type) else None
        cases.append(approximate(name, d, operands, [y, shown], a, roundings=keys + 20, scale=[top, scores], results=[value_type or d, d], through=through))

    case("plain", {"scale": 0.25})
    case("shared heads", {"scale": 0.25, "shown": "weights"}, heads=4)
    case("one head for all", {"scale": 0.25}, heads=3, kv_heads=1)
    case("cap", {"scale": 0.25, "softcap": 2.0, "shown": "capped"})
    for past in (0, 2):
        case(f"causal, {past} before", {"scale": 0.25, "causal": True, "past": past, "shown": "masked"})
    case("window", {"scale": 0.25, "window_left": 1, "window_right": 0, "past": 1, "shown": "masked"})
    case("window to the right", {"scale": 0.25, "window_right": 1, "shown": "weights"})
    hides = rng.integers(0, 2, (2, 1, 3, 5)).astype(np.bool_)
    hides[0, 0, 1] = False  # hides everything
    case("bool mask", {"scale": 0.25, "shown": "weights"}, mask=hides)
    case("bool mask of keys", {"scale": 0.25, "causal": True, "past": 1}, mask=np.array([True, False, True, True, False]))
    case("no key at all", {"scale": 0.25, "shown": "masked"}, mask=np.zeros((3, 5), np.bool_))
    added = random(d, (3, 5), rng)
    case("added mask", {"scale": 0.25, "shown": "masked"}, mask=added)
    if formats.rounded(d, np.array(-np.inf)) == -np.inf:
        added[1] = -np.inf
        added[0, 2] = -np.inf
        case("added mask with infinities", {"scale": 0.25, "shown": "weights"}, mask=added)
    case("added mask of f32", {"scale": 0.25}, mask=np.array([0.5, -np.inf, 1.0, 0.0, -2.0]), mask_type="f32")
    case("lengths", {"scale": 0.25, "shown": "weights"}, lengths=[0, 4])
    case("lengths, causal window", {"scale": 0.25, "causal": True, "window_left": 1, "softcap": 4.0, "shown": "masked"}, lengths=[5, 3])
    case("lengths and mask", {"scale": 0.25, "causal": True}, mask=hides, lengths=[3, 5])
    case("no keys", {"scale": 0.25}, keys=0)
    case("no queries", {"scale": 0.25}, queries=0)
    case("no batch", {"scale": 0.25}, batch=0)
    case("one key", {"scale": 0.25, "shown": "weights"}, keys=1)
    case("scale 1", {})
    case("softmax in f32", {"scale": 0.25, "softmax_dtype": {"dtype": "f32"}, "shown": "weights"})
    case("values of f32", {"scale": 0.25}, value_type="f32")

    def spoil(q, k, v):
        q[0, 0, 1, 2] = formats.rounded(d, np.array(np.nan))
        v[1, 1, 2, 0] = formats.rounded(d, np.array(np.inf))

    case("not a number", {"scale": 0.25}, spoil=spoil)
    four, three = T(d, np.ones((1, 1, 2, 3))), T(d, np.ones((1, 2, 3)))
    cases.append(Case("rank", [four, three, four], [], {}, refuses="types", message="operand 1 has 3 dimensions"))
    cases.append(Case("operands", [four, four, four], [], {"has_mask": True}, refuses="types", message="do not fit 3 operands"))
    return cases


# Recurrent layers ---------------------------------------------------------------------------------------------------------------

FUNCTIONS = {
    "sigmoid": lambda x, a, b: sp.expit(x), "tanh": lambda x, a, b: np.tanh(x), "relu": lambda x, a, b: np.maximum(x, 0), "affine": lambda x, a, b: a * x + b,
    "leakyrelu": lambda x, a, b: np.where(x >= 0, x, a * x), "thresholdedrelu": lambda x, a, b: np.where(x > a, x, 0), "scaledtanh": lambda x, a, b: a * np.tanh(b * x),
    "elu": lambda x, a, b: np.where(x >= 0, x, a * np.expm1(x)), "softsign": lambda x, a, b: x / (1 + np.abs(x)), "softplus": lambda x, a, b: np.logaddexp(0, x),
    "hardsigmoid": lambda x, a, b: np.clip(a * x + b, 0, 1),
}
GATES = {"rnn": 1, "gru": 3, "lstm": 4}


def sequence(kind: str, a: dict, f, x, w, r, bias, h, c, peep):
    """One sequence x [time, input], one direction: all h, the last h and c."""
    n = r.shape[1]
    input_bias, state_bias = (np.zeros(len(w)), np.zeros(len(w))) if bias is None else np.split(bias, 2)
    clip = a.get("clip", 0) or np.inf
    act = [lambda v, g=g: g(np.clip(v, -clip, clip)) for g in f]
    out = []
    for step in x:
        i, s = w @ step + input_bias, r @ h + state_bias
        gate = [slice(g * n, (g + 1) * n) for g in range(len(w) // n)]
        if kind == "rnn":
            h = act[0](i + s)
        elif kind == "gru":
            z, reset = act[0](i[gate[0]] + s[gate[0]]), act[0](i[gate[1]] + s[gate[1]])
            inner = reset * s[gate[2]] if a.get("linear_before_reset") else r[gate[2]] @ (reset * h) + state_bias[gate[2]]
            h = (1 - z) * act[1](i[gate[2]] + inner) + z * h
        else:
            t = i + s
            p = np.zeros((3, n)) if peep is None else peep.reshape(3, n)
            into = act[0](t[gate[0]] + p[0] * c)
            keep = 1 - into if a.get("input_forget") else act[0](t[gate[2]] + p[2] * c)
            c = keep * c + into * act[1](t[gate[3]])
            h = act[0](t[gate[1]] + p[1] * c) * f[2](c)
        out.append(h)
    return np.array(out).reshape(len(x), n), h, c


def recurrent_case(d: str, kind: str, name: str, a: dict, rng, seq: int = 4, lengths=None, functions=None) -> Case:
    batch, size, n, g = 3, 3, 2, GATES[kind]
    directions = 2 if a.get("direction") == "bidirectional" else 1
    count = {"rnn": 1, "gru": 2, "lstm": 3}[kind]
    defaults = [("tanh", 1, 1)] if kind == "rnn" else [("sigmoid", 1, 1), ("tanh", 1, 1), ("tanh", 1, 1)][:count]
    chosen = functions or defaults * directions
    given = {k: random(d, shape, rng, 0.5) for k, shape in
             {"x": (seq, batch, size), "w": (directions, g * n, size), "r": (directions, g * n, n), "bias": (directions, 2 * g * n), "h": (directions, batch, n), "c": (directions, batch, n),
              "peepholes": (directions, 3 * n)}.items()}
    has = {k: a.get(f"has_{k}", False) for k in ("bias", "h", "c", "peepholes")}
    y, last = np.zeros((seq, directions, batch, n)), np.zeros((2, directions, batch, n))
    for e, b in np.ndindex(directions, batch):
        f = [lambda v, fn=FUNCTIONS[fn], p=constant(d, p), q=constant(d, q): fn(v, p, q) for fn, p, q in chosen[e * count:(e + 1) * count]]
        length = seq if lengths is None else lengths[b]
        back = a.get("direction") == "reverse" or e == 1
        x = given["x"][:length, b]
        all_h, h, c = sequence(kind, a, f, x[::-1] if back else x, given["w"][e], given["r"][e], given["bias"][e] if has["bias"] else None,
                               given["h"][e, b] if has["h"] else np.zeros(n), given["c"][e, b] if has["c"] else np.zeros(n), given["peepholes"][e] if has["peepholes"] else None)
        y[:length, e, b] = all_h[::-1] if back else all_h
        last[:, e, b] = h, c
    first = a.get("batch_first", False)
    turn = (lambda v: v.transpose(1, 0, 2)) if first else (lambda v: v)  # x and states
    operands = [turn(given["x"]), given["w"], given["r"]]
    operands += [given["bias"]] * has["bias"] + ([T("i32", np.array(lengths))] if lengths is not None else [])
    operands += [turn(given["h"])] * has["h"] + [turn(given["c"])] * has["c"] + [given["peepholes"]] * has["peepholes"]
    wants = [y.transpose(2, 0, 1, 3) if first else y, *(turn(s) for s in last[: 2 if kind == "lstm" else 1])]
    attributes = a | ({"activations": [{"struct": {"function": fn, "alpha": float(p), "beta": float(q)}} for fn, p, q in functions]} if functions else {})
    if lengths is not None:
        attributes["has_lengths"] = True
    largest = max(1.0, *(np.abs(v).max(initial=0) for v in (y, last, given["x"])))
    # Each step adds the roundings of two products, of some ten operations, and hands its error on.
    return approximate(name, d, operands, wants, attributes, roundings=(seq + 1) * (size + n + 10), scale=[largest] * len(wants))


@op("ecotone.rnn", "ecotone.gru", "ecotone.lstm")
def recurrent(d: str, name: str):
    rng, kind = rng_of(name, d), name.removeprefix("ecotone.")
    lstm = kind == "lstm"
    everything = {"has_bias": True, "has_h": True} | ({"has_c": True, "has_peepholes": True} if lstm else {})
    cases = [recurrent_case(d, kind, "plain", {}, rng)]
    for direction in ("forward", "reverse", "bidirectional"):
        cases.append(recurrent_case(d, kind, direction, everything | {"direction": direction}, rng))
        cases.append(recurrent_case(d, kind, f"{direction} lengths", everything | {"direction": direction}, rng, lengths=[4, 0, 2]))
        cases.append(recurrent_case(d, kind, f"{direction} batch first", everything | {"direction": direction, "batch_first": True, "clip": 0.5}, rng, lengths=[1, 4, 3]))
    cases.append(recurrent_case(d, kind, "empty sequence", everything, rng, seq=0))
    cases.append(recurrent_case(d, kind, "one step", {"has_bias": True, "clip": 0.25}, rng, seq=1))
    if kind == "gru":
        cases += [recurrent_case(d, kind, f"linear before reset {x}", x | {"linear_before_reset": True, "direction": "bidirectional"}, rng) for x in ({}, everything)]
    if lstm:
        cases.append(recurrent_case(d, kind, "input forget", everything | {"input_forget": True, "direction": "bidirectional"}, rng, lengths=[2, 4, 1]))
        cases.append(recurrent_case(d, kind, "peepholes alone", {"has_peepholes": True}, rng))
    params = {"affine": (0.75, 0.25), "leakyrelu": (0.25, 0), "thresholdedrelu": (0.5, 0), "scaledtanh": (1.5, 0.5), "elu": (0.75, 0), "hardsigmoid": (0.2, 0.5)}
    count = {"rnn": 1, "gru": 2, "lstm": 3}[kind]
    for fn in FUNCTIONS:
        gate = "hardsigmoid" if count > 1 else fn  # gates stay in [0, 1], or what is kept grows
        chosen = [(gate, *params.get(gate, (1, 1)))] + [(fn, *params.get(fn, (1, 1)))] * (count - 1)
        cases.append(recurrent_case(d, kind, fn, everything | {"direction": "bidirectional"}, rng, functions=chosen * 2))
    x, w, r = (T(d, np.ones(s)) for s in ((4, 2, 3), (1, 2, 3), (1, 2, 2)))
    cases.append(Case("operands", [x, w, r], [], {"has_bias": True}, refuses="types", message="fewer than the attributes announce"))
    cases.append(Case("more operands", [x, w, r, r], [], {}, refuses="types", message="more than the attributes announce"))
    cases.append(Case("ranks", [x, w, T(d, np.ones(2))], [], {}, refuses="types", message="has 1 dimensions where 3 are needed"))
    return cases


# Einsum ---------------------------------------------------------------------------------------------------------------------------

EQUATIONS = [
    ("ij,jk->ik", (3, 4), (4, 5)), ("ij,jk", (3, 4), (4, 5)), ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)), ("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 5, 4)), ("ij->ji", (3, 4)), ("ij->", (3, 4)),
    ("ba", (2, 3)), ("ij->j", (3, 4)), ("ii->i", (4, 4)), ("ii", (4, 4)), ("...ii->...i", (2, 3, 3)), ("iji->j", (3, 2, 3)), ("i,j->ij", (3,), (4,)), ("i,i", (4,), (4,)), ("i,i->i", (4,), (4,)),
    ("...,k->...k", (2, 3), (4,)), ("...ij,...jk->...ik", (2, 3, 4), (4, 2)), ("...i,...i->...", (1, 4), (3, 4)), ("...i,...i", (2, 1, 4), (3, 4)), ("ij,ij->i", (3, 1), (3, 4)), (" i j , j -> i ", (3, 4), (4,)),
    ("ij,jk->ik", (3, 0), (0, 2)), ("ij,jk->ik", (0, 3), (3, 2)), (",i->i", (), (3,)), ("i->i", (3,)),
    ("bij,bjk,k->bi", (2, 3, 4), (2, 4, 5), (5,)), ("i,j,k->kji", (2,), (3,), (2,)), ("ij,ik,i->jk", (3, 2), (3, 2), (3,)),
]


@op("ecotone.einsum")
def einsum(d: str):
    rng = rng_of("einsum", d)
    cases = []
    for equation, *shapes in EQUATIONS:
        if len(shapes) > 2 and (is_float(d) or is_complex(d)):  # products of 0 and 1, which every type holds exactly until the last
            operands = [rng.integers(-1, 2, s).astype(formats.wide_dtype(d)) for s in shapes]
        else:
            operands = [random(d, s, rng) for s in shapes]
        attributes, name = {"equation": equation}, f"{equation} {shapes}"
        with np.errstate(over="ignore"):
            want = np.asarray(np.einsum(equation, *operands))
        size = np.einsum(equation, *(np.abs(x).astype(np.float64) for x in operands))
        n = 4 + max((s for shape in shapes for s in shape), default=1)
        if is_float(d):
            cases.append(approximate(name, d, operands, [want], attributes, roundings=n, scale=[size]))
        elif is_complex(d):
            eps = formats.epsilon(d)
            cases.append(Case(name, [T(d, x) for x in operands], [T(d, want)], attributes, bound=[2 * n * eps * size], real_bound=[2 * n * 2.0**-52 * size]))
        else:
            cases.append(Case(name, [T(d, x) for x in operands], [T(d, formats.rounded(d, want))], attributes))
    x, y = T(d, np.ones((2, 3))), T(d, np.ones((3, 2)))
    for equation, message in (("ij->i", "does not have 2 terms"), ("ij,jk->il", "has a label that no term has"), ("ij,j->i", "does not name 2 dimensions"), ("ij,kj->ik", "sizes"), ("i1,jk->i", "is no label")):
        cases.append(Case(equation, [x, y], [], {"equation": equation}, refuses="types", message=message))
    if is_float(d):
        x, y = formats.rounded(d, np.array([[np.nan, 1], [np.inf, 1], [1, 2]])), np.array([[1.0], [1.0]])
        cases.append(approximate("edges", d, [x, y], [x @ y], {"equation": "ij,jk->ik"}, roundings=3, scale=[np.abs(x).sum(1, keepdims=True)]))
    return cases
