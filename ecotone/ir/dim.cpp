#include "ecotone/ir/dim.h"

#include <algorithm>
#include <cctype>

#include "ecotone/base/error.h"

namespace ecotone {
namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

int64_t add_checked(int64_t a, int64_t b) {
  int64_t r;
  if (__builtin_add_overflow(a, b, &r)) fail("size overflows 64 bits: {} + {}", a, b);
  return r;
}
int64_t mul_checked(int64_t a, int64_t b) {
  int64_t r;
  if (__builtin_mul_overflow(a, b, &r)) fail("size overflows 64 bits: {} * {}", a, b);
  return r;
}
int64_t floordiv_int(int64_t a, int64_t b) {
  if (b == 0) fail("size divides {} by zero", a);
  if (b == -1) return mul_checked(a, -1);
  const int64_t q = a / b;
  return (a % b != 0 && (a < 0) != (b < 0)) ? q - 1 : q;
}

int compare_atoms(const DimAtom& a, const DimAtom& b) {
  if (a.kind != b.kind) return a.kind < b.kind ? -1 : 1;
  if (a.kind == DimAtomKind::kSymbol) return a.symbol == b.symbol ? 0 : (a.symbol < b.symbol ? -1 : 1);
  if (int c = Dim::compare(a.lhs, b.lhs)) return c;
  return Dim::compare(a.rhs, b.rhs);
}

int compare_factors(const std::vector<DimAtom>& a, const std::vector<DimAtom>& b) {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  for (size_t i = 0; i < a.size(); ++i)
    if (int c = compare_atoms(a[i], b[i])) return c;
  return 0;
}

DimExpr as_expr(const Dim& d) {
  if (d.expr()) return *d.expr();
  return {d.constant(), {}};
}

// Expressions stay small: no model needs large ones, a damaged file could make them grow without bound, and what walks
// them recurses.
constexpr int64_t kMostAtoms = 20'000, kMostProducts = 1000;
constexpr int kMostNested = 100;

[[noreturn]] void fail_large() {
  fail_kind(ErrorKind::kUnsupported, "a size is too large an expression of symbols; give sizes with --shape");
}

void count_atoms(const DimExpr& e, int depth, int64_t& count) {
  if (depth > kMostNested) fail_large();
  for (const DimTerm& t : e.terms)
    for (const DimAtom& a : t.factors) {
      if (++count > kMostAtoms) fail_large();
      if (a.lhs.expr()) count_atoms(*a.lhs.expr(), depth + 1, count);
      if (a.rhs.expr()) count_atoms(*a.rhs.expr(), depth + 1, count);
    }
}

Dim from_expr(DimExpr e) {
  if (e.terms.empty()) return Dim(e.constant);
  int64_t count = 0;
  count_atoms(e, 0, count);
  return Dim(std::make_shared<const DimExpr>(std::move(e)));
}

DimExpr add_scaled(const DimExpr& a, const DimExpr& b, int64_t scale) {
  DimExpr r;
  r.constant = add_checked(a.constant, mul_checked(b.constant, scale));
  size_t i = 0, j = 0;
  while (i < a.terms.size() || j < b.terms.size()) {
    const int c = i == a.terms.size()   ? 1
                  : j == b.terms.size() ? -1
                                        : compare_factors(a.terms[i].factors, b.terms[j].factors);
    if (c < 0) {
      r.terms.push_back(a.terms[i++]);
    } else if (c > 0) {
      r.terms.push_back({mul_checked(b.terms[j].coefficient, scale), b.terms[j].factors});
      ++j;
    } else {
      const int64_t k = add_checked(a.terms[i].coefficient, mul_checked(b.terms[j].coefficient, scale));
      if (k != 0) r.terms.push_back({k, a.terms[i].factors});
      ++i, ++j;
    }
  }
  return r;
}

Dim atom(DimAtomKind kind, const Dim& a, const Dim& b) {
  return from_expr({0, {{1, {DimAtom{kind, 0, a, b}}}}});
}

// a / b where every coefficient of a is a multiple of the constant b.
std::optional<Dim> divide_exactly(const Dim& a, int64_t b) {
  DimExpr e = as_expr(a);
  if (e.constant % b) return std::nullopt;
  e.constant /= b;
  for (DimTerm& t : e.terms) {
    if (t.coefficient % b) return std::nullopt;
    t.coefficient /= b;
  }
  return from_expr(std::move(e));
}

// a / b where b is a single product and divides every term of a, as in (6*b*s) / (2*s).
std::optional<Dim> divide_by_product(const Dim& a, const Dim& b) {
  const DimExpr d = as_expr(b);
  if (d.constant != 0 || d.terms.size() != 1) return std::nullopt;
  const DimTerm& divisor = d.terms[0];
  DimExpr e = as_expr(a), r;
  if (e.constant != 0) return std::nullopt;
  Dim result(0);
  for (const DimTerm& t : e.terms) {
    if (t.coefficient % divisor.coefficient) return std::nullopt;
    DimTerm q{t.coefficient / divisor.coefficient, t.factors};
    for (const DimAtom& f : divisor.factors) {
      auto it =
          std::find_if(q.factors.begin(), q.factors.end(), [&](const DimAtom& x) { return compare_atoms(x, f) == 0; });
      if (it == q.factors.end()) return std::nullopt;
      q.factors.erase(it);
    }
    result = result + (q.factors.empty() ? Dim(q.coefficient) : from_expr({0, {q}}));
  }
  return result;
}

int64_t sat_add(int64_t a, int64_t b) {
  int64_t r;
  if (!__builtin_add_overflow(a, b, &r)) return r;
  return a > 0 ? kMax : kMin;
}
int64_t sat_mul(int64_t a, int64_t b) {
  int64_t r;
  if (!__builtin_mul_overflow(a, b, &r)) return r;
  return (a > 0) == (b > 0) ? kMax : kMin;
}

DimRange mul_range(DimRange a, DimRange b) {
  const int64_t v[] = {sat_mul(a.min, b.min), sat_mul(a.min, b.max), sat_mul(a.max, b.min), sat_mul(a.max, b.max)};
  return {*std::min_element(v, v + 4), *std::max_element(v, v + 4)};
}

DimRange atom_range(const DimAtom& a, std::span<const SymbolInfo> symbols) {
  if (a.kind == DimAtomKind::kSymbol)
    return a.symbol < symbols.size() ? DimRange{symbols[a.symbol].min, symbols[a.symbol].max} : DimRange{0, kMax};
  const DimRange l = range(a.lhs, symbols), r = range(a.rhs, symbols);
  switch (a.kind) {
    case DimAtomKind::kMin:
      return {std::min(l.min, r.min), std::min(l.max, r.max)};
    case DimAtomKind::kMax:
      return {std::max(l.min, r.min), std::max(l.max, r.max)};
    case DimAtomKind::kMod:
      return r.min > 0 ? DimRange{0, r.max == kMax ? kMax : r.max - 1} : DimRange{};
    case DimAtomKind::kFloordiv:
      if (r.min > 0) {
        const int64_t lo = l.min == kMin ? kMin : floordiv_int(l.min, l.min < 0 ? r.min : r.max);
        const int64_t hi = l.max == kMax ? kMax : floordiv_int(l.max, l.max < 0 ? r.max : r.min);
        return {lo, hi};
      }
      return {};
    default:
      return {};
  }
}

}  // namespace

Dim Dim::symbol(SymbolId id) {
  return from_expr({0, {{1, {DimAtom{DimAtomKind::kSymbol, id, {}, {}}}}}});
}

int64_t Dim::constant() const {
  if (expr_) fail("size {} is symbolic where a known size is needed; give it with --shape", str());
  return constant_;
}

std::optional<SymbolId> Dim::as_symbol() const {
  if (!expr_ || expr_->constant != 0 || expr_->terms.size() != 1) return std::nullopt;
  const DimTerm& t = expr_->terms[0];
  if (t.coefficient != 1 || t.factors.size() != 1 || t.factors[0].kind != DimAtomKind::kSymbol) return std::nullopt;
  return t.factors[0].symbol;
}

int Dim::compare(const Dim& a, const Dim& b) {
  if (a.expr_ == b.expr_ && (a.expr_ || a.constant_ == b.constant_)) return 0;
  if (!a.expr_ && !b.expr_) return a.constant_ < b.constant_ ? -1 : 1;
  if (!a.expr_ || !b.expr_) return a.expr_ ? 1 : -1;
  const DimExpr &x = *a.expr_, &y = *b.expr_;
  if (x.terms.size() != y.terms.size()) return x.terms.size() < y.terms.size() ? -1 : 1;
  for (size_t i = 0; i < x.terms.size(); ++i) {
    if (int c = compare_factors(x.terms[i].factors, y.terms[i].factors)) return c;
    if (x.terms[i].coefficient != y.terms[i].coefficient)
      return x.terms[i].coefficient < y.terms[i].coefficient ? -1 : 1;
  }
  return x.constant == y.constant ? 0 : (x.constant < y.constant ? -1 : 1);
}

bool operator==(const Dim& a, const Dim& b) {
  return Dim::compare(a, b) == 0;
}

size_t Dim::hash() const {
  auto mix = [](size_t h, size_t v) { return h ^ (v + 0x9e3779b97f4a7c15ull + (h << 6) + (h >> 2)); };
  if (!expr_) return mix(1, static_cast<size_t>(constant_));
  size_t h = mix(2, static_cast<size_t>(expr_->constant));
  for (const DimTerm& t : expr_->terms) {
    h = mix(h, static_cast<size_t>(t.coefficient));
    for (const DimAtom& a : t.factors) {
      h = mix(mix(h, static_cast<size_t>(a.kind)), a.symbol);
      if (a.kind != DimAtomKind::kSymbol) h = mix(mix(h, a.lhs.hash()), a.rhs.hash());
    }
  }
  return h;
}

Dim operator+(const Dim& a, const Dim& b) {
  if (a.is_constant() && b.is_constant()) return Dim(add_checked(a.constant_, b.constant_));
  return from_expr(add_scaled(as_expr(a), as_expr(b), 1));
}

Dim operator-(const Dim& a, const Dim& b) {
  return from_expr(add_scaled(as_expr(a), as_expr(b), -1));
}

Dim operator*(const Dim& a, const Dim& b) {
  if (a.is_constant() && b.is_constant()) return Dim(mul_checked(a.constant_, b.constant_));
  const DimExpr x = as_expr(a), y = as_expr(b);
  if (b.is_constant()) return b.constant_ == 0 ? Dim(0) : from_expr(add_scaled({}, x, b.constant_));
  if (a.is_constant()) return a.constant_ == 0 ? Dim(0) : from_expr(add_scaled({}, y, a.constant_));
  if (static_cast<int64_t>(x.terms.size() * y.terms.size()) > kMostProducts) fail_large();
  DimExpr r = add_scaled({}, y, x.constant);
  if (x.constant == 0) r = {};
  for (const DimTerm& s : x.terms) {
    if (y.constant != 0) r = add_scaled(r, {0, {s}}, y.constant);
    for (const DimTerm& t : y.terms) {
      DimTerm p{mul_checked(s.coefficient, t.coefficient), s.factors};
      p.factors.insert(p.factors.end(), t.factors.begin(), t.factors.end());
      std::sort(p.factors.begin(), p.factors.end(),
                [](const DimAtom& l, const DimAtom& m) { return compare_atoms(l, m) < 0; });
      r = add_scaled(r, {0, {std::move(p)}}, 1);
    }
  }
  return from_expr(std::move(r));
}

Dim floordiv(const Dim& a, const Dim& b) {
  if (auto d = b.as_constant()) {
    if (auto n = a.as_constant()) return floordiv_int(*n, *d);
    if (*d == 0) fail("size {} is divided by zero", a.str());
    if (auto q = divide_exactly(a, *d)) return *q;
    // Whole multiples of the divisor leave the fraction: floordiv(4*n+1, 2) = 2*n + floordiv(1, 2).
    DimExpr whole, rest;
    const DimExpr e = as_expr(a);
    whole.constant = floordiv_int(e.constant, *d);
    rest.constant = e.constant - whole.constant * *d;
    for (const DimTerm& t : e.terms) {
      if (t.coefficient % *d == 0)
        whole.terms.push_back({t.coefficient / *d, t.factors});
      else
        rest.terms.push_back(t);
    }
    Dim r = from_expr(rest);
    Dim fraction = r.is_constant() ? Dim(floordiv_int(r.constant(), *d)) : atom(DimAtomKind::kFloordiv, r, b);
    return from_expr(std::move(whole)) + fraction;
  }
  if (a == b) return 1;
  if (auto q = divide_by_product(a, b)) return *q;
  return atom(DimAtomKind::kFloordiv, a, b);
}

Dim ceildiv(const Dim& a, const Dim& b) {
  return Dim(0) - floordiv(Dim(0) - a, b);
}

Dim mod(const Dim& a, const Dim& b) {
  if (auto d = b.as_constant()) {
    if (auto n = a.as_constant()) return *n - *d * floordiv_int(*n, *d);
    if (*d == 0) fail("size {} modulo zero", a.str());
    // Whole multiples of the divisor drop out: mod(6*a+4, 3) = 1.
    const DimExpr e = as_expr(a);
    DimExpr rest;
    rest.constant = e.constant - *d * floordiv_int(e.constant, *d);
    for (const DimTerm& t : e.terms)
      if (t.coefficient % *d != 0) rest.terms.push_back(t);
    const Dim r = from_expr(std::move(rest));
    return r.is_constant() ? r : atom(DimAtomKind::kMod, r, b);
  } else if (a == b || divide_by_product(a, b)) {
    return 0;
  }
  return atom(DimAtomKind::kMod, a, b);
}

Dim min(const Dim& a, const Dim& b) {
  const Dim difference = a - b;
  if (auto d = difference.as_constant()) return *d <= 0 ? a : b;
  return Dim::compare(a, b) <= 0 ? atom(DimAtomKind::kMin, a, b) : atom(DimAtomKind::kMin, b, a);
}

Dim max(const Dim& a, const Dim& b) {
  const Dim difference = a - b;
  if (auto d = difference.as_constant()) return *d >= 0 ? a : b;
  return Dim::compare(a, b) <= 0 ? atom(DimAtomKind::kMax, a, b) : atom(DimAtomKind::kMax, b, a);
}

Dim Dim::map_symbols(const std::function<Dim(SymbolId)>& map) const {
  if (!expr_) return *this;
  Dim result(expr_->constant);
  for (const DimTerm& t : expr_->terms) {
    Dim product(t.coefficient);
    for (const DimAtom& a : t.factors) {
      switch (a.kind) {
        case DimAtomKind::kSymbol:
          product = product * map(a.symbol);
          break;
        case DimAtomKind::kFloordiv:
          product = product * floordiv(a.lhs.map_symbols(map), a.rhs.map_symbols(map));
          break;
        case DimAtomKind::kMod:
          product = product * mod(a.lhs.map_symbols(map), a.rhs.map_symbols(map));
          break;
        case DimAtomKind::kMin:
          product = product * ecotone::min(a.lhs.map_symbols(map), a.rhs.map_symbols(map));
          break;
        case DimAtomKind::kMax:
          product = product * ecotone::max(a.lhs.map_symbols(map), a.rhs.map_symbols(map));
          break;
      }
    }
    result = result + product;
  }
  return result;
}

Dim Dim::substitute(std::span<const Dim> args) const {
  return map_symbols([&](SymbolId id) -> Dim {
    if (id >= args.size()) fail("size {} uses symbol {} but only {} are given", str(), id, args.size());
    return args[id];
  });
}

void Dim::for_each_symbol(const std::function<void(SymbolId)>& visit) const {
  if (!expr_) return;
  for (const DimTerm& t : expr_->terms)
    for (const DimAtom& a : t.factors) {
      if (a.kind == DimAtomKind::kSymbol) {
        visit(a.symbol);
      } else {
        a.lhs.for_each_symbol(visit);
        a.rhs.for_each_symbol(visit);
      }
    }
}

namespace {

bool is_name_start(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) || c == '_' || c == '.';
}
bool is_name_part(char c) {
  return is_name_start(c) || std::isdigit(static_cast<unsigned char>(c)) || c == ':';
}

void append_name(std::string& out, std::string_view name) {
  if (!name.empty() && is_name_start(name[0]) && std::all_of(name.begin(), name.end(), is_name_part)) {
    out += name;
    return;
  }
  out += '\'';
  for (const char c : name) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  out += '\'';
}

}  // namespace

std::string Dim::str(std::span<const SymbolInfo> symbols) const {
  if (!expr_) return std::to_string(constant_);
  std::string out;
  for (const DimTerm& t : expr_->terms) {
    const int64_t c = t.coefficient;
    if (c < 0 || !out.empty()) out += c < 0 ? "-" : "+";
    const uint64_t magnitude = c < 0 ? 0 - static_cast<uint64_t>(c) : static_cast<uint64_t>(c);
    bool first = true;
    if (magnitude != 1) out += std::to_string(magnitude), first = false;
    for (const DimAtom& a : t.factors) {
      if (!first) out += "*";
      first = false;
      static constexpr const char* kNames[] = {"", "floordiv", "mod", "min", "max"};
      if (a.kind == DimAtomKind::kSymbol)
        append_name(out, a.symbol < symbols.size() ? symbols[a.symbol].name : "s" + std::to_string(a.symbol));
      else
        out +=
            std::string(kNames[static_cast<int>(a.kind)]) + "(" + a.lhs.str(symbols) + ", " + a.rhs.str(symbols) + ")";
    }
  }
  if (expr_->constant != 0) out += (expr_->constant > 0 ? "+" : "") + std::to_string(expr_->constant);
  return out;
}

DimRange range(const Dim& dim, std::span<const SymbolInfo> symbols) {
  if (auto c = dim.as_constant()) return {*c, *c};
  DimRange total{dim.expr()->constant, dim.expr()->constant};
  for (const DimTerm& t : dim.expr()->terms) {
    DimRange product{t.coefficient, t.coefficient};
    for (const DimAtom& a : t.factors) product = mul_range(product, atom_range(a, symbols));
    total = {sat_add(total.min, product.min), sat_add(total.max, product.max)};
  }
  return total;
}

Decision decide_equal(const Dim& a, const Dim& b, std::span<const SymbolInfo> symbols) {
  if (a == b) return Decision::kYes;
  const DimRange r = range(a - b, symbols);
  if (r.min == 0 && r.max == 0) return Decision::kYes;
  return r.min > 0 || r.max < 0 ? Decision::kNo : Decision::kUnknown;
}

Decision decide_less_equal(const Dim& a, const Dim& b, std::span<const SymbolInfo> symbols) {
  const DimRange r = range(a - b, symbols);
  if (r.max <= 0) return Decision::kYes;
  return r.min > 0 ? Decision::kNo : Decision::kUnknown;
}

Dim bind_symbols(const Dim& dim, const SymbolValues& values) {
  if (dim.is_constant()) return dim;
  return dim.map_symbols(
      [&](SymbolId id) { return id < values.size() && values[id] ? Dim(*values[id]) : Dim::symbol(id); });
}

namespace {

class DimParser {
 public:
  DimParser(std::string_view text, const std::function<SymbolId(std::string_view)>& symbol)
      : text_(text), symbol_(symbol) {}

  Dim parse() {
    Dim d = sum();
    finish();
    return d;
  }
  std::vector<Dim> parse_list() {
    std::vector<Dim> dims;
    skip();
    if (at_ == text_.size()) return dims;
    do {
      dims.push_back(sum());
      skip();
    } while (take(','));
    finish();
    return dims;
  }

 private:
  Dim sum() {
    Dim d = product();
    for (;;) {
      skip();
      if (take('+'))
        d = d + product();
      else if (take('-'))
        d = d - product();
      else
        return d;
    }
  }
  Dim product() {
    Dim d = factor();
    for (;;) {
      skip();
      if (!take('*')) return d;
      d = d * factor();
    }
  }
  Dim factor() {
    if (++depth_ > 200) error("nested too deeply");
    Dim d = factor_inner();
    --depth_;
    return d;
  }
  Dim factor_inner() {
    skip();
    if (take('-')) return Dim(0) - factor();
    if (take('(')) {
      Dim d = sum();
      expect(')');
      return d;
    }
    if (take('\'')) {
      std::string name;
      for (;; ++at_) {
        if (at_ >= text_.size()) error("a name has no closing quote");
        if (text_[at_] == '\'') break;
        if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
        name += text_[at_];
      }
      ++at_;
      return Dim::symbol(symbol_(name));
    }
    const size_t start = at_;
    while (at_ < text_.size() && is_name_part(text_[at_]) && (at_ > start || text_[at_] != ':')) ++at_;
    const std::string_view word = text_.substr(start, at_ - start);
    if (word.empty()) error("expected a size");
    if (std::isdigit(static_cast<unsigned char>(word[0]))) {
      int64_t v = 0;
      for (char c : word) {
        if (!std::isdigit(static_cast<unsigned char>(c))) error("bad integer");
        v = add_checked(mul_checked(v, 10), c - '0');
      }
      return v;
    }
    skip();
    const bool is_function = word == "floordiv" || word == "mod" || word == "min" || word == "max";
    if (is_function && take('(')) {
      Dim a = sum();
      expect(',');
      Dim b = sum();
      expect(')');
      if (word == "floordiv") return floordiv(a, b);
      if (word == "mod") return mod(a, b);
      return word == "min" ? ecotone::min(a, b) : ecotone::max(a, b);
    }
    return Dim::symbol(symbol_(word));
  }
  void finish() {
    skip();
    if (at_ != text_.size()) error("unexpected text");
  }
  void skip() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    skip();
    if (!take(c)) error(std::string("expected '") + c + "'");
  }
  [[noreturn]] void error(const std::string& what) {
    fail("bad size expression '{}': {} at character {}", text_, what, at_ + 1);
  }

  std::string_view text_;
  const std::function<SymbolId(std::string_view)>& symbol_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Dim parse_dim(std::string_view text, const std::function<SymbolId(std::string_view)>& symbol) {
  return DimParser(text, symbol).parse();
}

std::vector<Dim> parse_dims(std::string_view text, const std::function<SymbolId(std::string_view)>& symbol) {
  return DimParser(text, symbol).parse_list();
}

std::string str(std::span<const Dim> dims, std::span<const SymbolInfo> symbols) {
  std::string out;
  for (const Dim& d : dims) {
    if (!out.empty()) out += ',';
    out += d.str(symbols);
  }
  return out;
}

}  // namespace ecotone
