#include "ecotone/ir/program.h"

#include <algorithm>

namespace ecotone {

const Equation* Program::definition(ValueId v) const {
  auto it = std::upper_bound(equations_.begin(), equations_.end(), v,
                             [](ValueId id, const Equation& e) { return id < e.first_result; });
  if (it == equations_.begin()) return nullptr;
  --it;
  return v < it->first_result + it->result_count ? &*it : nullptr;
}

std::string_view Program::value_name(ValueId v) const {
  auto it = value_names_.find(v);
  return it == value_names_.end() ? std::string_view() : it->second;
}

std::vector<Type> Program::input_types() const {
  std::vector<Type> r;
  for (const Input& i : inputs_) r.push_back(i.type);
  return r;
}

std::vector<Type> Program::output_types() const {
  std::vector<Type> r;
  for (const Output& o : outputs_) r.push_back(types_[o.value]);
  return r;
}

}  // namespace ecotone
