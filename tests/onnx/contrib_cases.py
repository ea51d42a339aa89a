"""Small models of com.microsoft operators, a few variants each."""

import numpy as np
from cases import case as any_case
from cases import f32, ints, scalar, seed
from onnx import helper

MS = "com.microsoft"
seed(11)


def case(*arguments, domain=MS, **keywords):
    return any_case(*arguments, domain=domain, **keywords)


# Products ------------------------------------------------------------------------------------------------------------


def products():
    for a, b in ((0, 0), (1, 0), (0, 1), (1, 1)):
        case(f"transA={a} transB={b}", "FusedMatMul", {"a": f32(2, *((5, 4) if a else (4, 5))), "b": f32(2, *((3, 5) if b else (5, 3)))}, transA=a, transB=b, alpha=0.125)
    case("transBatchA", "FusedMatMul", {"a": f32(4, 2, 3, 5), "b": f32(2, 3, 5, 6)}, transBatchA=1)
    case("transBatchB transB", "FusedMatMul", {"a": f32(2, 3, 4, 5), "b": f32(6, 2, 3, 5)}, transBatchB=1, transB=1)
    case("transBatchA transA", "FusedMatMul", {"a": f32(5, 2, 3, 4), "b": f32(2, 3, 5, 6)}, transBatchA=1, transA=1)
    case("broadcast", "FusedMatMul", {"a": f32(3, 4, 5), "b": f32(5, 2)}, alpha=2.0)
    case("transB", "TransposeMatMul", {"a": f32(4, 5), "b": f32(3, 5)}, transB=1)
    for activation, attributes in (("Relu", {}), ("LeakyRelu", {"activation_alpha": 0.3}), ("Tanh", {}), ("Sigmoid", {}), ("HardSigmoid", {"activation_alpha": 0.4, "activation_beta": 0.3})):
        case(activation, "FusedGemm", {"a": f32(3, 4), "b": f32(5, 4), "c": f32(5)}, transB=1, alpha=0.7, beta=1.5, activation=activation, **attributes)
    case("no C", "FusedGemm", {"a": f32(4, 3), "b": f32(4, 5)}, transA=1, activation="Relu")
    x, w, bias = f32(1, 4, 7, 8), f32(6, 2, 3, 3, scale=0.3), f32(6)
    for activation, params in (("Relu", None), ("LeakyRelu", [0.2]), ("Clip", [-0.5, 0.75]), ("Tanh", None), ("Sigmoid", None), ("HardSigmoid", [0.3, 0.4])):
        extra = {"activation_params": params} if params else {}
        case(activation, "FusedConv", {"x": x, "w": w, "b": bias}, group=2, pads=[1, 0, 1, 2], strides=[2, 1], activation=activation, **extra)
    case("Relu and sum", "FusedConv", {"x": f32(1, 4, 6, 6), "w": f32(3, 4, 3, 3), "b": f32(3), "z": f32(1, 3, 4, 4)}, activation="Relu")
    for bits, k, block in ((4, 64, 32), (4, 40, 16), (8, 64, 32), (2, 64, 32)):
        n, blocks, size = 6, -(-k // block), block * bits // 8
        packed = -(-blocks * bits // 8)
        base = {"a": f32(2, 3, k), "b": ints(0, 256, n, blocks, size), "s": np.abs(f32(n, blocks)) * 0.1}
        for kind, zero in (("default zero", None), ("packed zeros", ints(0, 256, n, packed)), ("float zeros", f32(n, blocks) + 2 ** (bits - 1))):
            if kind == "float zeros" and bits != 4:
                continue
            case(f"{bits} bits, K={k}, {kind}", "MatMulNBits", {**base, "z": zero}, weights=("b", "s", "z"), N=n, K=k, bits=bits, block_size=block)
    case("4 bits, bias", "MatMulNBits", {**base, "b": ints(0, 256, 6, 2, 16), "z": None, "g": None, "bias": f32(6)}, weights=("b", "s", "bias"), N=6, K=64, bits=4, block_size=32)


# Activations, normalizations -----------------------------------------------------------------------------------------


def pointwise():
    x = f32(2, 3, 8, scale=2)
    case("plain", "Gelu", {"x": x})
    case("plain", "FastGelu", {"x": x})
    case("bias", "FastGelu", {"x": x, "b": f32(8)})
    case("plain", "BiasGelu", {"x": x, "b": f32(8)})
    case("default alpha", "QuickGelu", {"x": x})
    case("alpha", "QuickGelu", {"x": x}, alpha=0.9)
    h, skip, gamma, beta, bias = f32(2, 3, 8), f32(2, 3, 8), f32(8), f32(8), f32(8)
    case("plain", "SkipLayerNormalization", {"x": h, "s": skip, "g": gamma, "b": beta}, epsilon=1e-5)
    case("bias and sum", "SkipLayerNormalization", {"x": h, "s": skip, "g": gamma, "b": beta, "c": bias}, ["y", "", "", "t"], epsilon=1e-5)
    case("no beta, one skip for all", "SkipLayerNormalization", {"x": h, "s": f32(1, 3, 8), "g": gamma})
    case("skip without batch", "SkipLayerNormalization", {"x": h, "s": f32(3, 8), "g": gamma, "b": beta})
    case("plain", "SkipSimplifiedLayerNormalization", {"x": h, "s": skip, "g": gamma}, epsilon=1e-6)
    case("bias and sum", "SkipSimplifiedLayerNormalization", {"x": h, "s": skip, "g": gamma, "c": bias}, ["y", "", "", "t"], epsilon=1e-6)
    case("ai.onnx", "SimplifiedLayerNormalization", {"x": h, "g": gamma}, domain="", epsilon=1e-6, axis=-1)
    ids, segments = ints(0, 10, 2, 4, dtype=np.int32), ints(0, 2, 2, 4, dtype=np.int32)
    words, places, kinds = f32(10, 8), f32(6, 8), f32(2, 8)
    mask = np.array([[1, 1, 1, 0], [1, 1, 0, 0]], np.int32)
    case("all", "EmbedLayerNormalization", {"i": ids, "s": segments, "w": words, "p": places, "k": kinds, "g": gamma, "b": beta, "m": mask}, 2)
    case("no segments", "EmbedLayerNormalization", {"i": ids, "s": None, "w": words, "p": places, "k": None, "g": gamma, "b": beta}, 2, epsilon=1e-3)
    case("positions and sum", "EmbedLayerNormalization", {"i": ids, "s": segments, "w": words, "p": places, "k": kinds, "g": gamma, "b": beta, "m": None, "q": ints(0, 6, 2, 4, dtype=np.int32)}, ["y", "m1", "t"])


# Attention -----------------------------------------------------------------------------------------------------------


def attentions():
    b, s, d, h = 2, 4, 8, 2
    x, w, bias = f32(b, s, d), f32(d, 3 * d, scale=0.4), f32(3 * d)
    base = {"x": x, "w": w, "b": bias}
    flags = np.array([[1, 1, 1, 0], [0, 1, 1, 1]], np.int32)
    case("plain", "Attention", base, num_heads=h)
    case("no bias", "Attention", {**base, "b": None}, num_heads=h)
    case("flags", "Attention", {**base, "m": flags}, num_heads=h)
    case("flags, filter value", "Attention", {**base, "m": flags}, num_heads=h, mask_filter_value=-1.5)
    case("flags of queries", "Attention", {**base, "m": np.tril(np.ones((b, s, s), np.int32))}, num_heads=h)
    case("ends", "Attention", {**base, "m": np.array([3, 2], np.int32)}, num_heads=h)
    case("ends and starts", "Attention", {**base, "m": np.array([4, 3, 1, 0], np.int32)}, num_heads=h)
    case("causal, scale", "Attention", base, num_heads=h, unidirectional=1, scale=0.3)
    case("causal, flags", "Attention", {**base, "m": np.array([[1, 1, 0, 1], [0, 1, 1, 1]], np.int32)}, num_heads=h, unidirectional=1)
    case("past", "Attention", {**base, "m": None, "p": f32(2, b, h, 3, d // h)}, 2, num_heads=h, unidirectional=1)
    case("past, flags", "Attention", {**base, "m": np.array([[0, 1, 1, 1, 1, 1, 1], [1] * 7], np.int32), "p": f32(2, b, h, 3, d // h)}, 2, num_heads=h)
    case("added bias", "Attention", {**base, "m": None, "p": None, "a": f32(1, h, s, s)}, num_heads=h)
    case("sizes of q, k, v", "Attention", {"x": x, "w": f32(d, 8 + 8 + 12), "b": f32(28)}, num_heads=h, qkv_hidden_sizes=[8, 8, 12])

    q, k, v = f32(b, s, d), f32(b, 5, d), f32(b, 5, 12)
    base = {"q": q, "k": k, "v": v}
    case("plain", "MultiHeadAttention", base, num_heads=h)
    case("bias", "MultiHeadAttention", {**base, "b": f32(d + d + 12)}, num_heads=h)
    case("flags", "MultiHeadAttention", {**base, "b": None, "m": np.array([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0]], np.int32)}, num_heads=h)
    case("lengths", "MultiHeadAttention", {**base, "b": None, "m": np.array([4, 2], np.int32)}, num_heads=h)
    case("added bias, scale", "MultiHeadAttention", {**base, "b": None, "m": None, "a": f32(1, 1, s, 5)}, num_heads=h, scale=0.21)
    case("causal", "MultiHeadAttention", {"q": q, "k": f32(b, s, d), "v": f32(b, s, d)}, num_heads=h, unidirectional=1)
    case("split keys", "MultiHeadAttention", {"q": q, "k": f32(b, h, 5, 4), "v": f32(b, h, 5, 4)}, num_heads=h)
    case("past", "MultiHeadAttention", {"q": q, "k": f32(b, s, d), "v": f32(b, s, d), "b": f32(3 * d), "m": None, "a": None, "pk": f32(b, h, 3, 4), "pv": f32(b, h, 3, 4)}, 3, num_heads=h)

    cos, sin = np.cos(f32(16, 2, scale=3)), np.sin(f32(16, 2, scale=3))
    for name, shape, pos in (
        ("three dimensions, offset", (b, s, d), np.array([3], np.int64)),
        ("three dimensions, positions", (b, s, d), ints(0, 16, b, s, dtype=np.int64)),
        ("four dimensions", (b, h, s, 4), ints(0, 16, b, s, dtype=np.int64)),
    ):
        for interleaved in (0, 1):
            case(f"{name}, interleaved={interleaved}", "RotaryEmbedding", {"x": f32(*shape), "p": pos, "c": cos, "s": sin}, interleaved=interleaved)
    case("part of the head", "RotaryEmbedding", {"x": f32(b, s, 16), "p": np.array([0], np.int64), "c": cos, "s": sin}, num_heads=2, rotary_embedding_dim=4)

    nq, nk, size = 4, 2, 16
    cos, sin = np.cos(f32(32, size // 2, scale=3)), np.sin(f32(32, size // 2, scale=3))

    def gqa(name, sequence, total, past=None, rotary=True, packed=False, ends=None, compared=None, batch=b, extra=None, **attributes):
        ends = np.full(batch, total - 1, np.int32) if ends is None else np.array(ends, np.int32)
        cache = None if past is None else f32(batch, nk, past, size)
        inputs = {
            "q": f32(batch, sequence, (nq + 2 * nk) * size if packed else nq * size),
            "k": None if packed else f32(batch, sequence, nk * size),
            "v": None if packed else f32(batch, sequence, nk * size),
            "pk": cache,
            "pv": None if past is None else f32(batch, nk, past, size),
            "e": ends,
            "t": scalar(total, np.int32),
            "cos": cos if rotary else None,
            "sin": sin if rotary else None,
            **(extra or {}),
        }
        case(name, "GroupQueryAttention", inputs, 3, compared=compared, weights=("t",), num_heads=nq, kv_num_heads=nk, do_rotary=int(rotary), **attributes)

    gqa("prompt", 5, 5)
    gqa("prompt, packed, interleaved", 5, 5, packed=True, rotary_interleaved=1)
    gqa("prompt, no rotary, softcap", 5, 5, rotary=False, softcap=1.5)
    gqa("prompt, window", 6, 6, rotary=False, local_window_size=3)
    gqa("prompt, both ways", 5, 5, rotary=False, causal=0)
    gqa("step", 1, 6, past=5)
    gqa("step, window, scale", 1, 6, past=5, local_window_size=4, scale=0.2)
    gqa("step, ragged", 1, 6, past=5, ends=[5, 3], compared=1)  # what stands in a cache past its end is left open
    gqa("step, cache of full size", 1, 6, past=8, compared=1)
    gqa("several steps", 3, 8, past=5, batch=1)
    gqa("prompt, smooth", 5, 5, rotary=False, smooth_softmax=1)
    gqa("prompt, sink", 5, 5, rotary=False, extra={"pos": None, "bias": None, "sink": f32(nq)})
    gqa("prompt, added bias", 5, 5, rotary=False, extra={"pos": None, "bias": f32(1, nq, 5, 5)})

    u = ints(0, 256, b, s, d)
    base = {"x": u, "w": ints(-64, 64, d, 3 * d, dtype=np.int8), "b": f32(3 * d), "xs": scalar(0.02), "ws": scalar(0.01)}
    case("plain", "QAttention", base, num_heads=h, weights=("w",))
    case("zero points, flags", "QAttention", {**base, "m": flags, "xz": scalar(120, np.uint8), "wz": scalar(3, np.int8)}, num_heads=h, weights=("w", "wz"))
    case("causal", "QAttention", {**base, "m": None, "xz": scalar(120, np.uint8), "wz": scalar(0, np.int8)}, num_heads=h, unidirectional=1, weights=("w", "wz"))


# Quantized -----------------------------------------------------------------------------------------------------------


def quantized():
    # i8 weights are of 7 bits: without VNNI, ONNX Runtime's sums of two u8 x i8 products saturate (its reduce_range).
    for dtype in (np.uint8, np.int8):
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max + 1
        q = lambda *shape: ints(low, high, *shape, dtype=dtype)  # noqa: E731, B023
        z = lambda v: scalar(v + low + 128, dtype)  # noqa: E731, B023
        t = dtype.__name__
        for op in ("QLinearAdd", "QLinearMul"):
            case(f"{t}", op, {"a": q(2, 40), "as": scalar(0.03), "az": z(3), "b": q(2, 40), "bs": scalar(0.02), "bz": z(-7), "cs": scalar(0.05), "cz": z(5)}, off=1)
            case(f"{t}, broadcast", op, {"a": q(2, 3, 8), "as": scalar(0.03), "az": z(3), "b": q(3, 1), "bs": scalar(0.02), "bz": z(-7), "cs": scalar(0.05), "cz": z(5)}, off=1)
        one = {"x": q(2, 64), "xs": scalar(0.04), "xz": z(4)}
        case(t, "QLinearSigmoid", {**one, "ys": scalar(1 / 256), "yz": z(-128)})
        case(t, "QLinearLeakyRelu", {**one, "ys": scalar(0.05), "yz": z(0)}, alpha=0.2)
        case(t, "QLinearSoftmax", {**one, "ys": scalar(1 / 256), "yz": z(-128)}, axis=-1, opset=13, off=1, weights=("xs", "ys", "yz"))
        image = {"x": q(1, 3, 6, 7), "xs": scalar(0.04), "xz": z(4), "ys": scalar(0.03), "yz": z(-3)}
        case(t, "QLinearGlobalAveragePool", image, off=1, channels_last=0)
        case(f"{t}, channels last", "QLinearGlobalAveragePool", image, off=1, channels_last=1)
        case(t, "QLinearAveragePool", image, off=1, kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1])
        case(f"{t}, padding counts", "QLinearAveragePool", image, off=1, kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)
        case(t, "QLinearConcat", {"ys": scalar(0.05), "yz": z(2), "a": q(2, 3), "as": scalar(0.04), "az": z(1), "b": q(2, 5), "bs": scalar(0.06), "bz": z(-2)}, axis=1, weights=("ys", "yz", "as", "az", "bs", "bz"))
        case(t, "QLinearWhere", {"c": ints(0, 2, 4, 5).astype(bool), "a": q(4, 5), "as": scalar(0.03), "az": z(1), "b": q(4, 5), "bs": scalar(0.05), "bz": z(-2), "ys": scalar(0.06), "yz": z(2)}, weights=("as", "az", "bs", "bz", "ys", "yz"))
        case(t, "QGemm", {"a": q(4, 6), "as": scalar(0.02), "az": z(2), "b": ints(-64, 64, 5, 6, dtype=np.int8), "bs": scalar(0.01), "bz": scalar(0, np.int8), "c": ints(-900, 900, 5, dtype=np.int32), "ys": scalar(0.05), "yz": z(3)}, transB=1, off=1, weights=("b", "bs", "bz", "ys", "yz"))
        case(f"{t}, float result", "QGemm", {"a": q(4, 6), "as": scalar(0.02), "az": z(2), "b": ints(-64, 64, 6, 5, dtype=np.int8), "bs": np.abs(f32(5)) * 0.02, "bz": np.zeros(5, np.int8)}, weights=("b", "bs", "bz"))
        case(t, "NhwcMaxPool", {"x": q(1, 6, 7, 3)}, kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1])
        weight = {"w": ints(-64, 64, 4, 3, 3, 3, dtype=np.int8), "ws": np.abs(f32(4)) * 0.02 + 0.001, "wz": np.zeros(4, np.int8), "ys": scalar(0.2), "yz": z(2)}
        case(f"{t}, channels last", "QLinearConv", {"x": q(1, 6, 7, 3), "xs": scalar(0.03), "xz": z(4), **weight, "b": ints(-900, 900, 4, dtype=np.int32)}, channels_last=1, pads=[1, 1, 1, 1], off=1, weights=("w", "ws", "wz", "b"))
        case(t, "QuantizeLinear", {"x": f32(3, 9), "s": scalar(0.02), "z": z(5)})
        case(t, "DequantizeLinear", {"x": q(3, 9), "s": scalar(0.02), "z": z(5)})
    for t, w in (("i8", ints(-64, 64, 6, 5, dtype=np.int8)), ("u8", ints(0, 256, 6, 5))):
        zero = scalar(0, w.dtype) if t == "i8" else scalar(130, w.dtype)
        case(t, "MatMulIntegerToFloat", {"a": ints(0, 256, 3, 4, 6), "b": w, "as": scalar(0.02), "bs": scalar(0.01)})
        case(f"{t}, zero points, bias", "MatMulIntegerToFloat", {"a": ints(0, 256, 3, 4, 6), "b": w, "as": scalar(0.02), "bs": np.abs(f32(5)) * 0.02, "az": scalar(100, np.uint8), "bz": np.full(5, zero, w.dtype), "c": f32(5)})
        case(t, "DynamicQuantizeMatMul", {"a": f32(3, 4, 6), "b": w, "bs": scalar(0.01), "bz": None, "c": None})
        case(f"{t}, zero points, bias", "DynamicQuantizeMatMul", {"a": f32(3, 4, 6), "b": w, "bs": np.abs(f32(5)) * 0.02, "bz": np.full(5, zero, w.dtype), "c": f32(5)})


def others():
    case("lower", "Trilu", {"x": f32(2, 4, 5), "k": scalar(1, np.int64)}, upper=0, weights=("k",))
    case("plain", "ExpandDims", {"x": f32(2, 3), "a": scalar(-1, np.int32)}, weights=("a",))
    case("plain", "CDist", {"a": f32(3, 4), "b": f32(5, 4)}, metric="sqeuclidean")
    case("euclidean", "CDist", {"a": f32(3, 4), "b": f32(5, 4)}, metric="euclidean")
    case("bilinear", "GridSample", {"x": f32(1, 2, 4, 5), "g": f32(1, 3, 3, 2)}, mode="bilinear", padding_mode="zeros", align_corners=0)
    case("constant", "Pad", {"x": f32(2, 3), "p": np.array([0, 1, 1, 2], np.int64), "v": scalar(0.5)}, weights=("p",), mode="constant")
    case("plain", "GatherND", {"x": f32(3, 4), "i": np.array([[0, 1], [2, 3]], np.int64)})
    case("pads as an input", "ConvTransposeWithDynamicPads", {"x": f32(1, 2, 4, 4), "w": f32(2, 3, 3, 3), "p": np.array([1, 0, 1, 1], np.int64), "b": f32(3)}, weights=("p",), strides=[2, 2])


def more_attention():
    b, s, h, d = 2, 4, 2, 6
    q, k, v = f32(b, s, h, d), f32(b, 5, h, d), f32(b, 5, h, d)
    flat = lambda x: x.reshape(x.shape[0], x.shape[1], -1)  # noqa: E731
    bias, mask = f32(3 * h * d), np.array([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0]], np.int32)
    # ONNX Runtime's CPU provider has no packed form: the separate one gives what is right.
    whole = case("separate", "MultiHeadAttention", {"q": flat(q), "k": flat(k), "v": flat(v), "b": bias, "m": mask}, num_heads=h)
    case("packed keys and values", "MultiHeadAttention", {"q": flat(q), "kv": np.stack([k, v], 3), "v": None, "b": bias, "m": mask}, num_heads=h, want=whole)
    k, v = f32(b, s, h, d), f32(b, s, h, d)
    for name, extra in (("", {}), (" and a bias", {"b": bias})):
        whole = case(f"separate{name}", "MultiHeadAttention", {"q": flat(q), "k": flat(k), "v": flat(v), **extra}, num_heads=h, unidirectional=1)
        case(f"packed{name}", "MultiHeadAttention", {"qkv": np.stack([q, k, v], 3), "k": None, "v": None, **extra}, num_heads=h, unidirectional=1, want=whole)
    sizes = {"num_heads": 4, "kv_num_heads": 2}
    q, k, v = f32(b, 5, 64), f32(b, 5, 32), f32(b, 5, 32)
    base = {"q": q, "k": k, "v": v, "pk": None, "pv": None, "e": np.full(b, 4, np.int32), "t": scalar(5, np.int32)}
    for shown in (1, 2):
        case(f"scores shown: {shown}", "GroupQueryAttention", base, 4, weights=("t",), qk_output=shown, **sizes)
    # ONNX Runtime's CPU provider does not normalize in the operator: nodes before it do.
    norms, turns = {"qn": f32(16), "kn": f32(16)}, {"cos": np.cos(f32(8, 8)), "sin": np.sin(f32(8, 8))}
    for settings, epsilons in (({"do_rotary": 1}, (1e-6, 1e-6)), ({"qk_norm_epsilon": 0.3, "k_norm_epsilon": 0.7}, (0.3, 0.7))):
        before = []
        for x, heads, epsilon in (("q", 4, epsilons[0]), ("k", 2, epsilons[1])):
            before += [
                helper.make_node("Constant", [], [f"{x}s"], value_ints=[b, 5, heads, 16]),
                helper.make_node("Constant", [], [f"{x}f"], value_ints=[b, 5, heads * 16]),
                helper.make_node("Reshape", [f"{x}0", f"{x}s"], [f"{x}1"]),
                helper.make_node("SimplifiedLayerNormalization", [f"{x}1", f"{x}n"], [f"{x}2"], epsilon=epsilon, axis=-1, stash_type=1),
                helper.make_node("Reshape", [f"{x}2", f"{x}f"], [x]),
            ]
        rotary = {"do_rotary": 1} if "do_rotary" in settings else {}
        caches = turns if rotary else {"cos": None, "sin": None}
        apart = case(f"normalized before, {settings}", "GroupQueryAttention", {**base, "q": ..., "k": ..., **caches}, 3, weights=("t",), before=before, extra={"q0": q, "k0": k, **norms}, **sizes, **rotary)
        rest = {"pos": None, "bias": None, "sink": None, "ks": None, "vs": None}
        case(f"normalized, {settings}", "GroupQueryAttention", {**base, **caches, **rest, **norms}, 3, weights=("t",), want=apart, **settings, **sizes)
    case("prompt, sink and window", "GroupQueryAttention", {**base, "cos": None, "sin": None, "pos": None, "bias": None, "sink": f32(4)}, 3, weights=("t",), local_window_size=2, **sizes)
    step = {**base, "q": f32(b, 1, 64), "k": f32(b, 1, 32), "v": f32(b, 1, 32), "pk": f32(b, 2, 4, 16), "pv": f32(b, 2, 4, 16)}
    case("step, sink", "GroupQueryAttention", {**step, "cos": None, "sin": None, "pos": None, "bias": None, "sink": f32(4)}, 3, weights=("t",), **sizes)


def gelu(x):
    from scipy.special import erf

    return x / 2 * (1 + erf(x / np.sqrt(2)))


def diffusion():
    """What the tool for diffusion models makes; ONNX Runtime has kernels for GPUs alone: NumPy in f64."""
    x, bias, skip = f32(2, 5, 12), f32(12), f32(2, 5, 12)
    sums = (x + bias).astype(np.float64)
    case("NumPy", "BiasSplitGelu", {"x": x, "b": bias}, want=[(sums[..., :6] * gelu(sums[..., 6:])).astype(np.float32)])
    case("NumPy", "BiasAdd", {"x": x, "b": bias, "s": skip}, want=[x + bias + skip])

    def normalized(x, scale, bias, groups, epsilon, activation, last):
        x = np.moveaxis(x.astype(np.float64), -1, 1) if last else x.astype(np.float64)
        parts = x.reshape(x.shape[0], groups, -1)
        y = ((parts - parts.mean(2, keepdims=True)) / np.sqrt(parts.var(2, keepdims=True) + epsilon)).reshape(x.shape)
        y = y * scale[:, None, None] + bias[:, None, None]
        y = y / (1 + np.exp(-y)) if activation else y
        return (np.moveaxis(y, 1, -1) if last else y).astype(np.float32)

    scale, bias, added = f32(6), f32(6), f32(6)
    for last in (1, 0):
        for activation in (0, 1):
            x = f32(2, 4, 5, 6) if last else f32(2, 6, 4, 5)
            settings = {"channels_last": last, "activation": activation, "groups": 3, "epsilon": 1e-3}
            name = f"channels_last={last}, activation={activation}"
            case(name, "GroupNorm", {"x": x, "g": scale, "b": bias}, want=[normalized(x, scale, bias, 3, 1e-3, activation, last)], **settings)
            skips = (f32(*x.shape), f32(2, 6)) if last else (f32(*x.shape),)
            for skip in skips:
                total = x + (skip if skip.ndim == 4 else skip[:, None, None, :]) + (added if last else added[:, None, None])
                case(f"{name}, skip of {skip.ndim}", "SkipGroupNorm", {"x": x, "g": scale, "b": bias, "s": skip, "c": added}, 2, want=[normalized(total, scale, bias, 3, 1e-3, activation, last), total], **settings)


def packed(values, bits):
    """Along the last axis, lowest bits first."""
    each = 8 // bits
    parts = values.reshape(*values.shape[:-1], -1, each)
    return sum(parts[..., i] << (bits * i) for i in range(each)).astype(np.uint8)


def tables():
    at = np.array([[0, 3], [5, -1]], np.int64)
    for bits in (4, 8):
        data = ints(0, 2**bits, 6, 64)
        base = {"d": packed(data, bits), "i": at, "s": np.abs(f32(6, 2)) * 0.1}
        case(f"{bits} bits in bytes", "GatherBlockQuantized", base, weights=("d", "s"), bits=bits, block_size=32, quantize_axis=1)
        case(f"{bits} bits in bytes, zero points", "GatherBlockQuantized", {**base, "z": packed(ints(0, 2**bits, 6, 2), bits)}, weights=("d", "s", "z"), bits=bits, block_size=32, quantize_axis=1)
    q8 = lambda *shape: ints(0, 256, *shape)  # noqa: E731
    for segments in (True, False):
        three = lambda full: full if segments else None  # noqa: E731, B023
        inputs = {"i": ints(0, 10, 2, 4, dtype=np.int32), "s": three(ints(0, 2, 2, 4, dtype=np.int32)), "w": q8(10, 8), "p": q8(6, 8), "k": three(q8(2, 8)), "g": q8(8), "b": q8(8), "m": np.array([[1, 1, 1, 0], [1, 1, 0, 0]], np.int32)}
        scales = {k: scalar(0.01 * (i + 1)) for i, k in enumerate(("ws", "ps", "ks", "gs", "bs"))}
        zeros = {k: scalar(120 + i, np.uint8) for i, k in enumerate(("wz", "pz", "kz", "gz", "bz"))}
        if not segments:
            scales["ks"] = zeros["kz"] = None
        case(f"segments: {segments}", "QEmbedLayerNormalization", {**inputs, **scales, **zeros}, 2, weights=("w", "p", "k", "g", "b"))


def matrices():
    eye = np.eye(5, dtype=np.float32)
    case("plain", "Inverse", {"x": f32(5, 5) + 3 * eye})
    case("batch", "Inverse", {"x": f32(2, 3, 4, 4) + 3 * eye[:4, :4]})
    case("zeros where pivots would stand", "Inverse", {"x": np.roll(np.diag(np.array([2, 3, 4], np.float32)), 1, 0)})


def quantized_lstm():
    time, batch, inputs, hidden = 5, 3, 6, 4
    for direction, both in (("forward", 1), ("reverse", 1), ("bidirectional", 2)):
        for kind, low, dtype in (("i8", -64, np.int8), ("u8", 0, np.uint8)):
            # Weights of 7 bits: see `quantized`.
            weights = {"w": ints(low, low + 128, both, inputs, 4 * hidden, dtype=dtype), "r": ints(low, low + 128, both, hidden, 4 * hidden, dtype=dtype)}
            columns = kind == "i8"  # a scale for each column, or one
            scale = lambda: (np.abs(f32(both, 4 * hidden)) * 0.005 + 0.005) if columns else (np.abs(f32(both)) * 0.005 + 0.005)  # noqa: E731, B023
            zero = np.zeros((both, 4 * hidden) if columns else both, dtype) + (0 if kind == "i8" else 64)
            full = {"x": f32(time, batch, inputs), **weights, "b": f32(both, 8 * hidden), "l": None, "h": f32(both, batch, hidden), "c": f32(both, batch, hidden), "p": f32(both, 3 * hidden), "ws": scale(), "wz": zero.astype(dtype), "rs": scale(), "rz": zero.astype(dtype)}
            for name, left_out in (("all", ()), ("no states", ("h", "c")), ("no bias, no peepholes", ("b", "p"))):
                given = {k: None if k in left_out else v for k, v in full.items()}
                case(f"{direction}, {kind}, {name}", "DynamicQuantizeLSTM", given, 3, weights=("w", "r", "ws", "wz", "rs", "rz"), hidden_size=hidden, direction=direction)


def blocks():
    """Convolutions in blocks of 8 channels, whatever this machine's width: 24 channels are no blocks of 16. Plain ones give what is right."""
    x, first, depthwise, last = f32(1, 3, 9, 8), f32(24, 3, 3, 3), f32(24, 1, 3, 3), f32(13, 24, 1, 1)
    b1, b3 = f32(24), f32(13)
    padded = np.concatenate([last, np.zeros((3, 24, 1, 1), np.float32)])
    out = lambda w: w.reshape(w.shape[0] // 8, 8, *w.shape[1:]).transpose(0, 2, 3, 4, 1).reshape(w.shape)  # noqa: E731
    both = padded.reshape(2, 8, 3, 8, 1, 1).transpose(0, 2, 4, 5, 3, 1).reshape(padded.shape)
    settings = {"pads": [1, 1, 1, 1], "strides": [2, 2]}

    def nodes(domain, fused):
        conv = lambda i, o, **attributes: helper.make_node("Conv", i, [o], domain=domain, **attributes)  # noqa: E731
        relu = {"activation": "Relu"} if fused else {}
        yield conv(["x", "w1", "b1"], "a", **settings, **relu)
        if not fused:
            yield helper.make_node("Relu", ["a"], ["r"])
        yield conv(["a" if fused else "r", "w2"], "d", group=24, pads=[1, 1, 1, 1])
        yield helper.make_node("MaxPool", ["d"], ["m"], domain=domain, kernel_shape=[2, 2])
        yield conv(["m", "w3", "b3"], "y" if fused else "y0")
        if fused:
            yield helper.make_node("ReorderOutput", ["y"], ["y0"], domain=domain, channels=13)

    def model(domain, fused, weights):
        *before, end = nodes(domain, fused)
        attributes = {a.name: helper.get_attribute_value(a) for a in end.attribute}
        inputs = {name: weights.get(name, ...) for name in end.input}
        extra = {"x": x} | {k: v for k, v in weights.items() if k not in inputs}
        return {"op": end.op_type, "inputs": inputs, "domain": domain, "before": before, "extra": extra, "weights": tuple(weights), **attributes}

    plain = case("of one channel after the other", **model("", False, {"w1": first, "b1": b1, "w2": depthwise, "w3": last, "b3": b3}))
    case("after blocks", **model("com.microsoft.nchwc", True, {"w1": out(first), "b1": b1, "w2": out(depthwise), "w3": both, "b3": np.concatenate([b3, np.zeros(3, np.float32)])}), want=plain)


def reordered():
    """Five channels, which are filled up to a block and cut off again."""
    x = f32(1, 5, 4, 6)
    nchwc = lambda op, i, o, **attributes: helper.make_node(op, [i], [o], domain="com.microsoft.nchwc", **attributes)  # noqa: E731
    scales = helper.make_node("Constant", [], ["s"], value_floats=[1.0, 1.0, 2.0, 3.0])
    for name, inner, plain in (
        ("GlobalMaxPool", {"op": "GlobalMaxPool"}, [helper.make_node("GlobalMaxPool", ["x"], ["m"])]),
        ("GlobalAveragePool", {"op": "GlobalAveragePool"}, [helper.make_node("GlobalAveragePool", ["x"], ["m"])]),
        ("Upsample", {"op": "Upsample", "scales": [1, 1, 2, 3]}, [scales, helper.make_node("Resize", ["x", "", "s"], ["m"], mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")]),
        ("Upsample, linear", {"op": "Upsample", "scales": [1, 1, 2, 3], "mode": "linear", "coordinate_transformation_mode": "half_pixel"}, [scales, helper.make_node("Resize", ["x", "", "s"], ["m"], mode="linear", coordinate_transformation_mode="half_pixel")]),
    ):
        for last in (0, 1):
            turn = [helper.make_node("Transpose", ["x0"], ["x"], perm=[0, 3, 1, 2])] if last else [helper.make_node("Identity", ["x0"], ["x"])]
            given = {"x0": np.ascontiguousarray(np.moveaxis(x, 1, -1)) if last else x}
            perm = {"perm": [0, 2, 3, 1]} if last else {"perm": [0, 1, 2, 3]}
            # Positions in f32, as in standard_cases.
            loose = {"tolerance": 1e-5} if "linear" in name else {}
            whole = case(f"{name} of channels {'last' if last else 'first'}", "Transpose", {"m": ...}, domain="", before=[*turn, *plain], extra=given, **perm, **loose)
            settings = dict(inner)
            before = [nchwc("ReorderInput", "x0", "b", channels_last=last), nchwc(settings.pop("op"), "b", "m", **settings)]
            case(f"after {name}, channels {'last' if last else 'first'}", "ReorderOutput", {"m": ...}, domain="com.microsoft.nchwc", before=before, extra=given, want=whole, channels=5, channels_last=last, **loose)


for _group in (blocks, reordered, products, pointwise, attentions, quantized, others, more_attention, diffusion, tables, matrices, quantized_lstm):
    _group()
