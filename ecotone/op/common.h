// What the definitions of families of ops share: how one is made, and type rules.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ecotone/base/error.h"
#include "ecotone/ir/op.h"

namespace ecotone::op {

using OpDefinition = const Op& (*)();

// Element types that many ops take: with numbers() also the integers.
const DTypeSet& floats_complexes();
const DTypeSet& numbers();

// A primitive with its element types, its rules, and the c of its error bound; `attributes` null: it has none.
inline Op primitive(std::string name, const AttributesInfo* attributes, const DTypeSet& dtypes,
                    decltype(Op::infer) infer, decltype(Op::evaluate) evaluate, double c = ErrorBound{}.c) {
  Op op;
  op.name = std::move(name);
  op.attributes = attributes;
  op.dtypes = dtypes;
  op.infer = infer;
  op.evaluate = evaluate;
  op.error.c = c;
  return op;
}

// Operand i's dtype must be one that the op declares.
inline void expect_declared_dtype(const InferCall& call, size_t i, const Op& op) {
  const DType d = call.operand(i).dtype;
  if (!op.dtypes.contains(d)) fail("{} does not take {} (operand {})", op.name, name(d), i);
}

// Operands i and j must have one shape; sizes that can't be decided are assumed equal. Returns that shape, constants
// preferred.
inline std::vector<Dim> expect_equal_shapes(const InferCall& call, size_t i, size_t j) {
  const TensorType &a = call.operand(i), &b = call.operand(j);
  if (a.rank() != b.rank())
    fail("operands {} and {} must have equal shapes but are {} and {}", i, j, a.str(call.dims.symbols()),
         b.str(call.dims.symbols()));
  std::vector<Dim> shape;
  for (size_t d = 0; d < a.shape.size(); ++d) {
    call.dims.require_equal(a.shape[d], b.shape[d], "sizes of elementwise operands");
    shape.push_back(b.shape[d].is_constant() ? b.shape[d] : a.shape[d]);
  }
  return shape;
}

inline void expect_equal_dtypes(const InferCall& call, size_t i, size_t j) {
  const DType a = call.operand(i).dtype, b = call.operand(j).dtype;
  if (a != b) fail("operands {} and {} must have equal element types but have {} and {}", i, j, name(a), name(b));
}

// Elementwise: N operands of one type, which the op declares; the result has it too.
template <OpDefinition Definition, size_t N>
std::vector<Type> infer_same(const InferCall& call) {
  call.expect_operands(N);
  call.expect_regions(0);
  expect_declared_dtype(call, 0, Definition());
  TensorType type = call.operand(0);
  for (size_t i = 1; i < N; ++i) {
    expect_equal_dtypes(call, 0, i);
    const std::vector<Dim> shape = expect_equal_shapes(call, 0, i);
    for (size_t d = 0; d < shape.size(); ++d)
      if (shape[d].is_constant()) type.shape[d] = shape[d];
  }
  return {Type(std::move(type))};
}

}  // namespace ecotone::op
