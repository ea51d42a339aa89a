#include "ecotone/op/cost.h"

#include <unordered_map>

#include "ecotone/op/contract.h"
#include "ecotone/op/control.h"
#include "ecotone/op/index.h"
#include "ecotone/op/reduce.h"
#include "ecotone/op/shape.h"

namespace ecotone::op {
namespace {

// Ops that only move elements, or make them of nothing.
bool moves_only(const Op* op) {
  for (const Op* o :
       {&constant(), &iota(), &reshape(), &broadcast_in_dim(), &transpose(), &concatenate(), &slice(), &pad(),
        &reverse(), &gather(), &dynamic_slice(), &dynamic_update_slice(), &take_prefix(), &dim_value()})
    if (op == o) return true;
  return false;
}

class Counter {
 public:
  const Dim& program(const Program& p) {
    if (const auto it = known_.find(&p); it != known_.end()) return it->second.flops;
    Dim sum = 0;
    for (const Equation& e : p.equations()) sum = sum + equation(p, e);
    return known_.emplace(&p, Known{sum, nullptr}).first->second.flops;
  }

  Dim equation(const Program& p, const Equation& e) {
    std::vector<Type> operands, results;
    for (ValueId v : e.operands) operands.push_back(p.type(v));
    for (uint32_t i = 0; i < e.result_count; ++i) results.push_back(p.type(e.first_result + i));
    if (e.op->cost) return e.op->cost({e.attributes, operands, results, e.regions}).flops;
    if (e.op->is_composite()) {
      const Region body = composite_body(*e.op, e.attributes, operands, p.symbols());
      const Dim work = region(body);
      known_.at(body.body.get()).keep = body.body;  // its address stays its own
      return work;
    }
    if (e.op == &scan() || e.op == &call() || e.op == &while_() || e.op == &if_() || e.op == &case_()) {
      Dim work = 0;
      const bool branches = e.op == &if_() || e.op == &case_();
      for (const Region& r : e.regions) work = branches ? max(work, region(r)) : work + region(r);
      return e.op == &scan() ? work * e.attributes.get<ScanAttributes>().length : work;
    }
    if (e.result_count == 0 || is_token(results[0]) || moves_only(e.op)) return 0;
    if (e.op == &reduce()) return tensor(operands[0]).size();
    const Dim size = tensor(results[0]).size();
    if (e.op == &reduce_window()) {
      Dim window = 1;
      for (const Dim& d : e.attributes.get<WindowAttributes>().window_dimensions) window = window * d;
      return size * window;
    }
    if (e.op == &dot_general()) {
      Dim k = 1;
      for (int64_t d : e.attributes.get<DotAttributes>().lhs_contracting_dimensions)
        k = k * tensor(operands[0]).shape[static_cast<size_t>(d)];
      return size * k * Dim(2);
    }
    if (e.op == &convolution()) {
      const auto& a = e.attributes.get<ConvolutionAttributes>();
      const auto& kernel = tensor(operands[1]).shape;
      Dim k = kernel[static_cast<size_t>(a.kernel_input_feature_dimension)];
      for (int64_t d : a.kernel_spatial_dimensions) k = k * kernel[static_cast<size_t>(d)];
      return size * k * Dim(2);
    }
    return size;
  }

 private:
  struct Known {
    Dim flops;
    ProgramRef keep;
  };

  // In the symbols of where it stands; a symbol that the region draws from data counts as its bound, or as one.
  Dim region(const Region& r) {
    std::vector<Dim> args = r.dim_args;
    const auto symbols = r.body->symbols();
    for (size_t i = args.size(); i < symbols.size(); ++i)
      args.emplace_back(symbols[i].max == std::numeric_limits<int64_t>::max() ? 1 : symbols[i].max);
    return program(*r.body).substitute(args);
  }

  std::unordered_map<const Program*, Known> known_;
};

}  // namespace

Dim flops(const Program& program) {
  return Counter().program(program);
}

Dim flops(const Program& program, const Equation& equation) {
  return Counter().equation(program, equation);
}

}  // namespace ecotone::op
