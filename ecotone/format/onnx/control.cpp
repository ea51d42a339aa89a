// If. A known condition reads one branch in place.
#include "ecotone/op/control.h"

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/import.h"
#include "ecotone/op/build.h"
#include "ecotone/op/shape.h"

namespace ecotone::onnx {
namespace {

std::vector<Value> conditional(NodeContext& n) {
  const GraphProto &on_true = n.graph_attribute("then_branch"), &on_false = n.graph_attribute("else_branch");
  if (const auto* known = n.dims(0); known && known->size() == 1 && (*known)[0].is_constant())
    return n.graph.inlined((*known)[0].constant() ? on_true : on_false, {});
  const GraphProto* const graphs[] = {&on_true, &on_false};
  const std::vector<std::string> names = n.graph.captures_of(graphs);
  std::vector<ValueId> captures;
  for (const std::string& name : names) captures.push_back(n.graph.materialize(*n.graph.find(name)));
  const ValueId pred = op::reshape(n.b, n.in(0), {});
  Region then_region = n.graph.region(on_true, {}, names, "then"),
         else_region = n.graph.region(on_false, {}, names, "else");
  std::vector<Value> results;
  for (ValueId id : op::if_(n.b, pred, std::move(then_region), std::move(else_region), captures))
    results.push_back(n.result(id));
  return results;
}

}  // namespace

std::span<const Registration> control_importers() {
  static constexpr Registration list[] = {{"If", conditional}};
  return list;
}

}  // namespace ecotone::onnx
