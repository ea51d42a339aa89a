// What regressors and classifiers of ai.onnx.ml share.
#pragma once

#include "ecotone/format/onnx/expr.h"

namespace ecotone::onnx {

enum class PostTransform : uint8_t { kNone, kSoftmax, kLogistic, kSoftmaxZero, kProbit };
// The attribute `post_transform`, a name.
PostTransform post_transform(NodeContext& n);
// Of scores [rows, classes], as ONNX Runtime computes it: SOFTMAX_ZERO leaves entries that are 0.
Expr post_transformed(const Expr& scores, PostTransform t);
// x as [rows, features] in f32, or f64 where it is that; one dimension is one row.
Expr feature_rows(NodeContext& n);
// Labels of the given places in the attribute's list, integers; Error (kUnsupported) when the labels are strings.
Value labels_at(NodeContext& n, const Expr& places, const char* integers, const char* strings);
Expr largest_place(const Expr& scores);  // of each row

// Numbers of an attribute that is a list of floats or a tensor.
std::vector<double> float_list(NodeContext& n, const char* name);
std::vector<int64_t> int_list(NodeContext& n, const char* name);

}  // namespace ecotone::onnx
