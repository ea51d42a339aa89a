#include "ecotone/ir/infer.h"

#include "ecotone/ir/program.h"

namespace ecotone {

std::vector<Type> infer_types(const Op& op, const InferCall& call,
                              const std::function<Dim(const SymbolInfo&)>& fresh_symbol) {
  if (op.infer) return op.infer(call);
  if (!op.body) fail_kind(ErrorKind::kInternal, "op '{}' has no type rule", op.name);
  Region region = composite_body(op, call.attributes, call.operands, call.dims.symbols());
  const auto symbols = region.body->symbols();
  for (size_t i = region.dim_args.size(); i < symbols.size(); ++i) region.dim_args.push_back(fresh_symbol(symbols[i]));
  for (const Assumption& a : region.body->assumptions())
    call.dims.require_equal(a.left.substitute(region.dim_args), a.right.substitute(region.dim_args), "sizes");
  std::vector<Type> types = region.body->output_types();
  for (Type& t : types) t = substitute(t, region.dim_args);
  return types;
}

}  // namespace ecotone
