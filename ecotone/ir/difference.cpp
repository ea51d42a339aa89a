#include "ecotone/ir/difference.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace ecotone {
namespace {

using Found = std::optional<std::string>;

constexpr int kDeepest = 1000;  // as verify() allows

// A Program with its symbols in common terms: those of both sides are numbered alike, as they are met.
class Side {
 public:
  Side(const Program& p, std::vector<std::optional<Dim>> symbols, std::vector<SymbolInfo>& met)
      : p(p), symbols_(std::move(symbols)), met_(met) {
    symbols_.resize(p.symbols().size());
  }
  const Program& p;

  Dim common(const Dim& d) {
    if (d.is_constant()) return d;
    return d.map_symbols([&](SymbolId s) {
      std::optional<Dim>& known = symbols_.at(s);
      if (!known) {
        known = Dim::symbol(static_cast<SymbolId>(met_.size()));
        met_.push_back(p.symbols()[s]);
      }
      return *known;
    });
  }
  Type common(const Type& t) {
    if (is_token(t) || std::get<TensorType>(t).is_static()) return t;
    TensorType r = std::get<TensorType>(t);
    for (Dim& d : r.shape) d = common(d);
    return r;
  }
  Attributes common(const Attributes& a) {
    return a.map_dims([&](const Dim& d) { return common(d); });
  }
  Side inner(const Region& r) {
    std::vector<std::optional<Dim>> symbols;
    for (const Dim& d : r.dim_args) symbols.emplace_back(common(d));
    return {*r.body, std::move(symbols), met_};
  }
  // What the pair of bodies depends on besides themselves.
  bool is_plain() const { return symbols_.empty(); }

 private:
  std::vector<std::optional<Dim>> symbols_;
  std::vector<SymbolInfo>& met_;
};

bool equal_annotations(const std::shared_ptr<const DynamicAttributes>& a,
                       const std::shared_ptr<const DynamicAttributes>& b) {
  const size_t count_a = a ? a->entries.size() : 0, count_b = b ? b->entries.size() : 0;
  if (count_a != count_b) return false;
  for (size_t i = 0; i < count_a; ++i) {  // in any order
    const AttributeValue* other = b->find(a->entries[i].first);
    if (!other || !(*other == a->entries[i].second)) return false;
  }
  return true;
}

class Comparison {
 public:
  explicit Comparison(const DifferenceOptions& options) : options_(options) {}

  Found programs(const Program& a, const Program& b) {
    Side left(a, {}, met_left_), right(b, {}, met_right_);
    if (Found f = compare(left, right, true)) return f;
    for (size_t i = 0; i < std::min(met_left_.size(), met_right_.size()); ++i) {
      const SymbolInfo &x = met_left_[i], &y = met_right_[i];
      if (x.min != y.min || x.max != y.max)
        return fmt::format("the symbol {} is in [{}, {}], not [{}, {}]", x.name, x.min, x.max, y.min, y.max);
      if (options_.names && x.name != y.name) return fmt::format("a symbol is named {}, not {}", x.name, y.name);
    }
    return std::nullopt;
  }

 private:
  static Found counts(const char* what, size_t a, size_t b) {
    return a == b ? Found() : fmt::format("{} {}, not {}", a, what, b);
  }

  Found types(Side& a, Side& b, const Type& x, const Type& y) {
    const Type left = a.common(x), right = b.common(y);
    return left == right ? Found() : fmt::format("is {}, not {}", str(left, met_left_), str(right, met_right_));
  }

  Found names(bool outermost, const std::string& a, const std::string& b) {
    return !options_.names || !outermost || a == b ? Found() : fmt::format("is named '{}', not '{}'", a, b);
  }
  Found annotations(const std::shared_ptr<const DynamicAttributes>& a,
                    const std::shared_ptr<const DynamicAttributes>& b) {
    if (!options_.annotations || equal_annotations(a, b)) return std::nullopt;
    return fmt::format("is annotated {}, not {}", a ? str(*a) : "{}", b ? str(*b) : "{}");
  }

  Found compare(Side& a, Side& b, bool outermost) {
    const Program &p = a.p, &q = b.p;
    if (&p == &q && a.is_plain()) return std::nullopt;
    if (a.is_plain() && b.is_plain() && !equal_.insert({&p, &q}).second) return std::nullopt;
    if (Found f = counts("inputs", p.inputs().size(), q.inputs().size())) return f;
    if (Found f = counts("parameters", p.parameters().size(), q.parameters().size())) return f;
    if (Found f = counts("equations", p.equations().size(), q.equations().size())) return f;
    if (Found f = counts("outputs", p.outputs().size(), q.outputs().size())) return f;
    if (Found f = counts("values", p.value_count(), q.value_count())) return f;
    for (size_t i = 0; i < p.inputs().size(); ++i) {
      const Input &x = p.inputs()[i], &y = q.inputs()[i];
      Found f = types(a, b, x.type, y.type);
      if (!f) f = names(outermost, x.name, y.name);
      if (!f && outermost) f = annotations(x.annotations, y.annotations);
      if (f) return fmt::format("input {} {}", i, *f);
    }
    for (size_t i = 0; i < p.parameters().size(); ++i) {
      const Parameter &x = p.parameters()[i], &y = q.parameters()[i];
      Found f = types(a, b, x.type, y.type);
      if (!f) f = names(outermost, x.name, y.name);
      if (!f) f = annotations(x.annotations, y.annotations);
      if (!f && x.value && y.value && !(*x.value == *y.value)) f = "has another value";
      if (f) return fmt::format("parameter {} {}", i, *f);
    }
    for (size_t i = 0; i < p.equations().size(); ++i)
      if (Found f = equations(a, b, p.equations()[i], q.equations()[i]))
        return fmt::format("equation {} ({}): {}", i, p.equations()[i].op->name, *f);
    for (size_t i = 0; i < p.outputs().size(); ++i) {
      const Output &x = p.outputs()[i], &y = q.outputs()[i];
      Found f = names(outermost, x.name, y.name);
      if (!f && outermost) f = annotations(x.annotations, y.annotations);
      if (!f && x.value != y.value) f = fmt::format("is value {}, not {}", x.value, y.value);
      if (f) return fmt::format("output {} {}", i, *f);
    }
    if (assumed(a) != assumed(b)) return "other sizes are assumed to be equal";
    if (outermost) {
      if (options_.names && p.name() != q.name()) return fmt::format("is named '{}', not '{}'", p.name(), q.name());
      if (Found f = annotations(p.annotations(), q.annotations())) return f;
      if (aliases(p) != aliases(q)) return "other inputs are donated";
      if (options_.names)
        for (ValueId v = 0; v < p.value_count(); ++v)
          if (p.value_name(v) != q.value_name(v))
            return fmt::format("value {} was named '{}', not '{}'", v, p.value_name(v), q.value_name(v));
    }
    return std::nullopt;
  }

  Found equations(Side& a, Side& b, const Equation& x, const Equation& y) {
    if (x.op != y.op) return fmt::format("the other is {}", y.op->name);
    if (Found f = counts("operands", x.operands.size(), y.operands.size())) return f;
    if (Found f = counts("captures", x.capture_count, y.capture_count)) return f;
    if (Found f = counts("results", x.result_count, y.result_count)) return f;
    if (Found f = counts("regions", x.regions.size(), y.regions.size())) return f;
    for (size_t i = 0; i < x.operands.size(); ++i)
      if (x.operands[i] != y.operands[i])
        return fmt::format("operand {} is value {}, not {}", i, x.operands[i], y.operands[i]);
    const Attributes left = a.common(x.attributes), right = b.common(y.attributes);
    // What a call calls its callee is a name of a nested Program.
    const bool named_only = x.op->name == "ecotone.call";
    if (!named_only && !(left == right))
      return fmt::format("has {}, not {}", str(left.to_dynamic()), str(right.to_dynamic()));
    for (uint32_t i = 0; i < x.result_count; ++i)
      if (Found f = types(a, b, a.p.type(x.first_result + i), b.p.type(y.first_result + i)))
        return fmt::format("result {} {}", i, *f);
    if (Found f = annotations(x.annotations, y.annotations)) return f;
    if (options_.locations && x.location != y.location)
      return fmt::format("comes from {}, not {}", location_str(x.location), location_str(y.location));
    for (size_t i = 0; i < x.regions.size(); ++i) {
      if (++depth_ > kDeepest) return "nested too deeply to compare";
      Side l = a.inner(x.regions[i]), r = b.inner(y.regions[i]);
      Found f = compare(l, r, false);
      --depth_;
      if (f) return fmt::format("region {}: {}", i, *f);
    }
    return std::nullopt;
  }

  // As a set: what holds anyway left out, either side first.
  std::vector<std::pair<Dim, Dim>> assumed(Side& s) {
    const auto before = [](const Dim& x, const Dim& y) { return Dim::compare(x, y) < 0; };
    std::vector<std::pair<Dim, Dim>> pairs;
    for (const Assumption& x : s.p.assumptions()) {
      const Dim l = s.common(x.left), r = s.common(x.right);
      if (!(l == r)) pairs.emplace_back(before(l, r) ? l : r, before(l, r) ? r : l);
    }
    std::sort(pairs.begin(), pairs.end(), [&](const auto& x, const auto& y) {
      const int first = Dim::compare(x.first, y.first);
      return first ? first < 0 : before(x.second, y.second);
    });
    pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
    return pairs;
  }

  static std::set<std::pair<uint32_t, uint32_t>> aliases(const Program& p) {
    std::set<std::pair<uint32_t, uint32_t>> set;
    for (const Alias& x : p.aliases()) set.emplace(x.input, x.output);
    return set;
  }

  const DifferenceOptions& options_;
  std::vector<SymbolInfo> met_left_, met_right_;
  std::set<std::pair<const Program*, const Program*>> equal_;  // or being compared; their difference is found once
  int depth_ = 0;
};

}  // namespace

std::optional<std::string> difference(const Program& a, const Program& b, const DifferenceOptions& options) {
  return Comparison(options).programs(a, b);
}

}  // namespace ecotone
