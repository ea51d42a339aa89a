"""Operators of ai.onnx whose sizes come from data, or that ONNX's own suite leaves untested, and of ai.onnx.ml."""

import numpy as np
from cases import case, f32, ints, scalar, seed
from onnx import TensorProto, helper

ML = "ai.onnx.ml"
seed(23)


# Sizes known only from data ------------------------------------------------------------------------------------------
# Their inputs have more entries than `eco` reads as sizes (64), or are computed.


def above(name, x="x"):
    """A node that tells where x is above 0."""
    return [helper.make_node("Constant", [], ["zero"], value=helper.make_tensor("z", TensorProto.FLOAT, [], [0.0])), helper.make_node("Greater", [x, "zero"], [name])]


def compressed():
    for axis, data, count in ((0, f32(90, 3), 90), (1, f32(4, 80), 80), (-1, f32(2, 3, 70), 70), (None, f32(5, 20), 100)):
        for kind, flags in (("some", f32(count)), ("none", -np.abs(f32(count))), ("all", np.abs(f32(count)))):
            attributes = {} if axis is None else {"axis": axis}
            case(f"{kind} along {axis}", "Compress", {"data": data, "c": ...}, before=above("c"), extra={"x": flags}, **attributes)
    case("a condition given as bools", "Compress", {"data": f32(100, 2), "c": f32(100) > 0}, axis=0)
    case("a condition shorter than the axis", "Compress", {"data": f32(100, 2), "c": f32(70) > 0}, axis=0)
    case("a condition known when read", "Compress", {"data": f32(5, 2), "c": np.array([True, False, True])}, axis=0, weights=("c",))
    for x in (f32(9, 11) * (f32(9, 11) > 0), f32(2, 5, 9) > 0.5, ints(0, 2, 90, dtype=np.int64), np.zeros((7, 10), np.float32)):
        case(f"{x.dtype} {x.shape}", "NonZero", {"x": x})
    for dtype in (np.float32, np.int64):
        x = ints(-4, 5, 6, 13, dtype=dtype)
        case(f"{dtype.__name__}, flat", "Unique", {"x": x}, 4)
        case(f"{dtype.__name__}, not sorted", "Unique", {"x": x}, 4, sorted=0)
        case(f"{dtype.__name__}, columns", "Unique", {"x": ints(0, 2, 3, 40, dtype=dtype)}, 4, axis=1)
    # What is done with such a size: gathered rows, a product with them, a softmax over them.
    picked = [*above("c"), helper.make_node("Compress", ["w", "c"], ["r"], axis=0), helper.make_node("Transpose", ["r"], ["t"]), helper.make_node("MatMul", ["a", "t"], ["s"])]
    case("over rows that data choose", "Softmax", {"s": ...}, before=picked, extra={"x": f32(80), "w": f32(80, 6), "a": f32(3, 6)}, axis=-1)


# Boxes ---------------------------------------------------------------------------------------------------------------


def overlap(a, b, centred):
    def corners(box):
        if centred:
            return box[0] - box[2] / 2, box[0] + box[2] / 2, box[1] - box[3] / 2, box[1] + box[3] / 2
        return *sorted((box[1], box[3])), *sorted((box[0], box[2]))

    (al, ah, bl, bh), (cl, ch, dl, dh) = corners(a), corners(b)
    common = max(min(ah, ch) - max(al, cl), 0) * max(min(bh, dh) - max(bl, dl), 0)
    return common / ((ah - al) * (bh - bl) + (ch - cl) * (dh - dl) - common) if common > 0 else 0.0


def suppressed(boxes, scores, most=0, limit=0.0, threshold=None, centred=False):
    """ONNX's NonMaxSuppression, in plain loops over f64."""
    chosen = []
    for batch, per_class in enumerate(scores):
        for label, row in enumerate(per_class):
            kept = []
            for i in np.argsort(-row.astype(np.float64), kind="stable"):
                if len(kept) >= most or (threshold is not None and not row[i] > threshold):
                    continue
                if all(overlap(boxes[batch][i].astype(np.float64), boxes[batch][k].astype(np.float64), centred) <= limit for k in kept):
                    kept.append(i)
            chosen += [(batch, label, i) for i in kept]
    return np.array(chosen, np.int64).reshape(-1, 3)


def boxes():
    def random_boxes(batch, count, centred):
        places, sizes = np.abs(f32(batch, count, 2, scale=2)), np.abs(f32(batch, count, 2)) + np.float32(0.1)
        if centred:
            return np.concatenate([places, sizes], -1)
        both = np.concatenate([places, places + sizes], -1)
        flipped = ints(0, 2, batch, count, dtype=bool)[..., None]  # corners in any order
        return np.where(flipped, both[..., [2, 3, 0, 1]], both)

    for centred in (False, True):
        for name, batch, classes, count, settings in (
            ("some", 1, 1, 30, (10, 0.5, None)),
            ("batches and classes", 2, 3, 25, (8, 0.4, 0.2)),
            ("threshold", 1, 2, 40, (40, 0.3, 0.5)),
            ("all at most one", 2, 2, 20, (1, 0.5, 0.0)),
            ("more than there are", 1, 2, 12, (1000, 0.6, None)),
            ("none pass", 1, 2, 12, (5, 0.5, 100.0)),
            ("none wanted", 1, 2, 12, (0, 0.5, None)),
            ("any overlap", 1, 2, 30, (30, 0.0, None)),
        ):
            given, scores = random_boxes(batch, count, centred), f32(batch, classes, count)
            scores[..., ::3] = np.round(scores[..., ::3] * 2) / 2  # ties
            most, limit, threshold = settings
            inputs = {"b": given, "s": scores, "m": scalar(most, np.int64), "i": scalar(limit), "t": None if threshold is None else scalar(threshold)}
            want = [suppressed(given, scores, most, limit, threshold, centred)]
            for weights in ((), ("m", "i", "t")):
                kind = f"{name}, {'centres' if centred else 'corners'}, settings {'known' if weights else 'given'}"
                case(kind, "NonMaxSuppression", inputs, weights=weights, center_point_box=int(centred))
                case(f"{kind}, NumPy", "NonMaxSuppression", inputs, weights=weights, want=want, center_point_box=int(centred))
    case("no settings", "NonMaxSuppression", {"b": random_boxes(1, 5, False), "s": f32(1, 1, 5)})
    case("the limit computed", "NonMaxSuppression", {"b": random_boxes(1, 50, False), "s": f32(1, 2, 50), "m": ..., "i": scalar(0.5)}, before=[helper.make_node("ReduceSum", ["n"], ["m"], keepdims=0)], extra={"n": np.ones(70, np.int64)})


def regions():
    x, batch = f32(2, 3, 9, 11), np.array([0, 1, 1, 0], np.int64)
    # Small, large, partly outside, of no extent.
    rois = np.array([[1, 1, 4, 3], [0, 0, 19, 17], [-6, 8, 30, 12], [5, 5, 5, 5]], np.float32)
    for mode in ("avg", "max"):
        for transform in ("half_pixel", "output_half_pixel"):
            for ratio, scale, size in ((0, 1.0, (3, 4)), (0, 0.5, (2, 2)), (0, 3.0, (2, 1)), (2, 0.5, (3, 4)), (1, 1.0, (2, 2))):
                attributes = {"output_height": size[0], "output_width": size[1], "spatial_scale": scale, "sampling_ratio": ratio}
                # f32: the number of samples is the ceiling of a quotient, so both sides must divide in the same type.
                case(f"{mode}, {transform}, {ratio} samples, scale {scale}", "RoiAlign", {"x": x, "r": rois, "b": batch}, mode=mode, coordinate_transformation_mode=transform, **attributes)
    pooled = np.array([[0, 1, 1, 4, 3], [1, 0, 0, 18, 16], [1, -6, 8, 30, 12], [0, 5, 5, 5, 5], [1, 40, 40, 50, 50], [0, 2.5, 3.5, 6.5, 7.5]], np.float32)
    for scale, size in ((1.0, (3, 4)), (0.5, (2, 2)), (0.25, (5, 1))):
        case(f"scale {scale}", "MaxRoiPool", {"x": x, "r": pooled}, pooled_shape=size, spatial_scale=scale)
    for p in (1, 2, 3):
        case(f"p = {p}", "GlobalLpPool", {"x": f32(2, 3, 5, 6)}, p=p)


def resized():
    x = f32(1, 2, 10, 14)
    for mode, coordinates in (("nearest", "asymmetric"), ("linear", "half_pixel"), ("linear", "align_corners"), ("cubic", "half_pixel"), ("cubic", "pytorch_half_pixel")):
        # With align_corners ONNX Runtime takes the size it rounded, ONNX the product: they agree where that is whole.
        for scales in ([1, 1, 0.5, 2], [1, 1, 1.5, 1.5]) if coordinates == "align_corners" else ([1, 1, 0.7, 0.7], [1, 1, 1.3, 2], [1, 1, 0.1, 3]):
            extra = {"nearest_mode": "floor"} if mode == "nearest" else {}
            # ONNX Runtime's positions are f32: of up to 42 they are off by up to 2.5e-6, at slopes of up to 4.
            case(f"{mode}, {coordinates}, {scales}", "Resize", {"x": x, "r": None, "s": np.array(scales, np.float32)}, weights=("s",), tolerance=1e-5, mode=mode, coordinate_transformation_mode=coordinates, **extra)
    # What was interpolated is cut off; where it is whole but for f32's last bit (at irregular scales, seldom), the two sides may be 1 apart.
    case("i32, linear", "Resize", {"x": ints(-1000, 1000, 1, 2, 10, 14, dtype=np.int32), "r": None, "s": np.array([1, 1, 1.37, 1.37], np.float32)}, weights=("s",), mode="linear", coordinate_transformation_mode="half_pixel", off=1)


# Classical machine learning ------------------------------------------------------------------------------------------


def ml(name, op, inputs, outputs=1, **keywords):
    case(name, op, inputs, outputs, domain=ML, **keywords)


def vectors():
    x = f32(6, 4)
    ml("scale and offset", "Scaler", {"x": x}, scale=[0.5, 2.0, 1.0, 3.0], offset=[0.1, -1.0, 0.0, 2.0])
    ml("one for all, integers", "Scaler", {"x": ints(-9, 9, 6, 4, dtype=np.int64)}, scale=[0.5], offset=[1.5])
    flat = np.concatenate([np.abs(x), np.zeros((1, 4), np.float32)])
    for norm in ("MAX", "L1", "L2"):
        ml(norm, "Normalizer", {"x": flat if norm == "MAX" else np.concatenate([x, flat])}, norm=norm)
    holes = np.where(f32(6, 4) > 0.5, np.float32("nan"), x)
    ml("NaN", "Imputer", {"x": holes}, replaced_value_float=float("nan"), imputed_value_floats=[1.0, 2.0, 3.0, 4.0])
    ml("a value", "Imputer", {"x": ints(0, 3, 6, 4, dtype=np.int64)}, replaced_value_int64=1, imputed_value_int64s=[-7])
    ml("categories", "OneHotEncoder", {"x": ints(0, 6, 5, 3, dtype=np.int64)}, cats_int64s=[1, 4, 2], zeros=1)
    ml("integers to floats", "LabelEncoder", {"x": ints(0, 6, 3, 5, dtype=np.int64)}, keys_int64s=[1, 4, 2], values_floats=[0.5, -1.0, 2.0], default_float=9.0)
    ml("floats to integers", "LabelEncoder", {"x": np.array([1, 2, 3, 1], np.float32)}, keys_floats=[1.0, 3.0], values_int64s=[7, 8])
    ml("three parts", "FeatureVectorizer", {"a": f32(5, 2), "b": f32(5, 1), "c": f32(5, 3)}, inputdimensions=[2, 1, 3])


def linear():
    x, w = f32(7, 4), [float(v) for v in f32(12)]
    ml("three targets", "LinearRegressor", {"x": x}, coefficients=w, intercepts=[0.5, -1.0, 2.0], targets=3)
    ml("one target", "LinearRegressor", {"x": x}, coefficients=w[:4], targets=1)
    for transform in ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO"):
        ml(f"three classes, {transform}", "LinearClassifier", {"x": x}, 2, coefficients=w, intercepts=[0.5, -1.0, 2.0], classlabels_ints=[5, 7, 9], post_transform=transform)
    for transform in ("NONE", "LOGISTIC"):
        ml(f"two classes, {transform}", "LinearClassifier", {"x": x}, 2, coefficients=w[:8], intercepts=[0.5, -0.5], classlabels_ints=[0, 1], post_transform=transform)
        ml(f"one score, {transform}", "LinearClassifier", {"x": x}, 2, coefficients=w[:4], intercepts=[0.1], classlabels_ints=[0, 1], post_transform=transform)


def trees():
    modes = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT")

    def forest(prefix, classes, count, depth, positive=False, only=None):
        """`count` full trees with random splits over 4 features."""
        a = {k: [] for k in ("nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_modes", "nodes_values", "nodes_truenodeids", "nodes_falsenodeids", "nodes_missing_value_tracks_true", f"{prefix}_treeids", f"{prefix}_nodeids", f"{prefix}_ids", f"{prefix}_weights")}
        for tree in range(count):
            for node in range(2 ** (depth + 1) - 1):
                is_leaf = node >= 2**depth - 1
                entry = (tree, node, 0 if is_leaf else int(ints(0, 4)), "LEAF" if is_leaf else modes[tree % 4], 0.0 if is_leaf else float(f32()), 0 if is_leaf else 2 * node + 1, 0 if is_leaf else 2 * node + 2, int(ints(0, 2)))
                for key, value in zip(list(a)[:8], entry):
                    a[key].append(value)
                for target in ((range(classes) if only is None else [only]) if is_leaf else ()):
                    weight = float(f32()) / count
                    for key, value in zip(list(a)[8:], (tree, node, target, abs(weight) if positive else weight)):
                        a[key].append(value)
        return a

    x = f32(20, 4)
    x[3, 1] = x[5, 0] = np.nan
    for how in ("SUM", "AVERAGE", "MIN", "MAX"):
        ml(f"{how}", "TreeEnsembleRegressor", {"x": x}, n_targets=2, aggregate_function=how, **forest("target", 2, 5, 3))
    ml("base values", "TreeEnsembleRegressor", {"x": x}, n_targets=1, base_values=[1.5], **forest("target", 1, 4, 2))
    for transform in ("NONE", "SOFTMAX", "LOGISTIC"):
        ml(f"three classes, {transform}", "TreeEnsembleClassifier", {"x": x}, 2, classlabels_int64s=[3, 5, 8], post_transform=transform, **forest("class", 3, 6, 3))
    # ONNX Runtime answers 0 and 1 instead of labels here, by the second score alone: only scores are compared.
    ml("two classes, both with weights", "TreeEnsembleClassifier", {"x": x}, ["l", "p"], compared=["p"], classlabels_int64s=[4, 6], **forest("class", 2, 4, 3))
    for only in (0, 1):
        for positive in (False, True):
            for transform in ("NONE", "LOGISTIC", "SOFTMAX"):
                for base in ({}, {"base_values": [0.25]}) if only == 0 else ({},):
                    ml(f"two classes, weights of {only}, {'positive' if positive else 'any'}, {transform}, {base}", "TreeEnsembleClassifier", {"x": x}, 2, classlabels_int64s=[0, 1], post_transform=transform, **base, **forest("class", 2, 4, 3, positive, only))


for _group in (compressed, boxes, regions, resized, vectors, linear, trees):
    _group()
