#include "ecotone/ir/verify.h"

#include <unordered_set>

#include "ecotone/base/error.h"
#include "ecotone/ir/infer.h"

namespace ecotone {
namespace {

// Accepts what the Builder assumed, and nothing new.
class CheckingContext final : public DimContext {
 public:
  explicit CheckingContext(const Program& program) : program_(program) {}
  std::span<const SymbolInfo> symbols() const override { return program_.symbols(); }
  void require_equal(const Dim& a, const Dim& b, std::string_view what) override {
    if (equal(a, b) == Decision::kYes) return;
    for (const Assumption& x : program_.assumptions())
      if ((x.left == a && x.right == b) || (x.left == b && x.right == a)) return;
    fail("{}: {} and {} are neither equal nor assumed to be", what, a.str(symbols()), b.str(symbols()));
  }

 private:
  const Program& program_;
};

class Verifier {
 public:
  void check(const Program& p) {
    if (!seen_.insert(&p).second) return;
    if (++depth_ > 1000) fail_kind(ErrorKind::kInternal, "regions are nested more than 1000 deep");
    CheckingContext context(p);
    auto check_symbols = [&](const Type& t) {
      if (is_token(t)) return;
      for (const Dim& d : std::get<TensorType>(t).shape)
        d.for_each_symbol([&](SymbolId s) {
          if (s >= p.symbols().size()) fail_kind(ErrorKind::kInternal, "type {} uses an unlisted symbol", str(t));
        });
    };
    for (ValueId v = 0; v < p.value_count(); ++v) check_symbols(p.type(v));
    for (size_t i = 0; i < p.inputs().size(); ++i)
      if (!(p.inputs()[i].type == p.type(p.input_value(i))))
        fail_kind(ErrorKind::kInternal, "input '{}' has two types", p.inputs()[i].name);
    for (size_t i = 0; i < p.parameters().size(); ++i) check_parameter(p, p.parameters()[i], p.parameter_value(i));

    auto next = static_cast<ValueId>(p.inputs().size() + p.parameters().size());
    for (const Equation& e : p.equations()) {
      try {
        check_equation(p, e, next, context);
      } catch (const Error& error) {
        throw Error(ErrorKind::kInternal,
                    location_str(e.location) + ": " + (e.op ? e.op->name : "?") + ": " + error.what());
      }
      next += e.result_count;
    }
    if (next != p.value_count())
      fail_kind(ErrorKind::kInternal, "{} values are recorded, {} defined", p.value_count(), next);
    for (const Output& o : p.outputs())
      if (o.value >= next) fail_kind(ErrorKind::kInternal, "output '{}' names no value", o.name);
    for (const Alias& a : p.aliases()) {
      if (a.input >= p.inputs().size() || a.output >= p.outputs().size() ||
          !(p.inputs()[a.input].type == p.type(p.outputs()[a.output].value)))
        fail_kind(ErrorKind::kInternal, "input {} can't alias output {}", a.input, a.output);
    }
    --depth_;
  }

 private:
  void check_parameter(const Program& p, const Parameter& parameter, ValueId v) {
    if (!(Type(parameter.type) == p.type(v)))
      fail_kind(ErrorKind::kInternal, "parameter '{}' has two types", parameter.name);
    if (!parameter.value) return;
    bool fits = parameter.value->dtype() == parameter.type.dtype && parameter.value->rank() == parameter.type.rank();
    for (size_t i = 0; fits && i < parameter.type.shape.size(); ++i)
      fits = decide_equal(parameter.type.shape[i], parameter.value->shape()[i], p.symbols()) != Decision::kNo;
    if (!fits) fail_kind(ErrorKind::kInternal, "parameter '{}' does not fit its type", parameter.name);
  }

  void check_equation(const Program& p, const Equation& e, ValueId next, DimContext& context) {
    if (!e.op) fail("no op");
    if (e.location == kNoLocation) fail("no location: a pass must say where its equations come from");
    if (e.attributes.info != e.op->attributes) fail("attributes of another op");
    if (e.result_count && e.first_result != next) fail("results are not dense");
    if (e.capture_count > e.operands.size()) fail("more captures than operands");
    std::vector<Type> operands, captures;
    for (ValueId v : e.declared()) operands.push_back(operand_type(p, v, next));
    for (ValueId v : e.captures()) captures.push_back(operand_type(p, v, next));
    for (const Region& r : e.regions) {
      if (!r.body) fail("a region without a body");
      if (!r.body->parameters().empty()) fail("a region with parameters");
      if (r.dim_args.size() > r.body->symbols().size()) fail("more size arguments than the region has symbols");
      check(*r.body);
    }
    // A body's own fresh symbols can't be matched to the recorded ones by number: take those as they stand.
    size_t fresh = 0;
    const std::vector<Type> types =
        infer_types(*e.op, InferCall{e.attributes, operands, captures, e.regions, context}, [&](const SymbolInfo&) {
          ++fresh;
          return Dim::symbol(0);
        });
    if (types.size() != e.result_count) fail("makes {} results, {} are recorded", types.size(), e.result_count);
    for (uint32_t i = 0; i < e.result_count && fresh == 0; ++i)
      if (!(types[i] == p.type(e.first_result + i)))
        fail("result {} is recorded as {} but is {}", i, str(p.type(e.first_result + i), p.symbols()),
             str(types[i], p.symbols()));
  }

  static const Type& operand_type(const Program& p, ValueId v, ValueId next) {
    if (v >= next) fail("uses value {} before its definition", v);
    return p.type(v);
  }

  std::unordered_set<const Program*> seen_;
  int depth_ = 0;
};

}  // namespace

void verify(const Program& program) {
  Verifier().check(program);
}

}  // namespace ecotone
