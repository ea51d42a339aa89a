// The op table: every operation that Ecotone knows.
//
// Each op has, in its family's header, `const Op& name()` (its definition) and, overloaded, `name(Builder&, ...)`,
// which adds an equation and returns its result. Names that are C++ keywords end in an underscore.
#pragma once

#include <span>
#include <string_view>

#include "ecotone/ir/op.h"

namespace ecotone::op {

// All ops, in a stable order: primitives by family, then composites.
std::span<const Op* const> all_ops();
// The op of that full name ("stablehlo.add", "ecotone.softmax"), registered ones included; null when there is none.
const Op* find(std::string_view name);
// Adds a user's op to what find() sees, for the life of the process. Throws Error when the name is taken or the op has
// neither evaluate nor body.
const Op& register_op(Op op);

// What each family contributes to the table.
std::span<const Op* const> elementwise_ops();
std::span<const Op* const> convert_ops();
std::span<const Op* const> shape_ops();
std::span<const Op* const> index_ops();
std::span<const Op* const> reduce_ops();
std::span<const Op* const> contract_ops();
std::span<const Op* const> control_ops();
std::span<const Op* const> random_ops();
std::span<const Op* const> linalg_ops();
std::span<const Op* const> batch_norm_ops();
std::span<const Op* const> collective_ops();
std::span<const Op* const> quantize_ops();
std::span<const Op* const> chlo_ops();  // CHLO's special functions
std::span<const Op* const> composite_ops();

}  // namespace ecotone::op
