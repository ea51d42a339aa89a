// Non-maximum suppression of boxes.
#pragma once

#include "ecotone/ir/builder.h"

namespace ecotone::op {

struct NonMaxSuppressionAttributes {
  Dim most;                    // so many boxes of a class at most find room in the result; positive
  bool centred = false;        // a box is its centre x, y, width and height; else two opposite corners y, x, y, x
  bool has_threshold = false;  // the last operand is there
  static constexpr const char* kName = "non_max_suppression";
  static constexpr auto kFields = std::tuple{Field{"most", &NonMaxSuppressionAttributes::most},
                                             Field{"centred", &NonMaxSuppressionAttributes::centred},
                                             Field{"has_threshold", &NonMaxSuppressionAttributes::has_threshold}};
};
// For each class of each batch entry: the box of the highest score that is left (of equals the first) is chosen, it and
// all that overlap it by more than `overlap` (the area of the intersection over that of the union) go, and so on until
// `limit` (or `most`) are chosen or none is left. As ONNX's NonMaxSuppression. Operands: boxes [batch, boxes, 4],
// scores [batch, classes, boxes] of the same float type, limit (i64 scalar), overlap (scalar of that type) and, by
// has_threshold, a score that a box must exceed. NaN scores are out. Results: indices (batch entry, class, box),
// i64 [batch * classes * most, 3], those of a class in the order in which they are chosen, and after all of them zeros;
// and how many there are, an i64 scalar.
const Op& non_max_suppression();
std::pair<ValueId, ValueId> non_max_suppression(Builder& b, std::span<const ValueId> operands,
                                                NonMaxSuppressionAttributes attributes);

}  // namespace ecotone::op
