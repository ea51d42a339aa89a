// Einsum.
#include "ecotone/op/einsum.h"

#include "ecotone/format/onnx/import.h"

namespace ecotone::onnx {
namespace {

std::vector<Value> einsum(NodeContext& n) {
  std::vector<ValueId> operands;
  for (size_t i = 0; i < n.input_count(); ++i) operands.push_back(n.in(i));
  return {n.result(op::einsum(n.b, operands, n.string_attribute("equation", "")))};
}

}  // namespace

std::span<const Registration> einsum_importers() {
  static constexpr Registration list[] = {{"Einsum", einsum}};
  return list;
}

}  // namespace ecotone::onnx
