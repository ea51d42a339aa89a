// Sizes: integers or canonical expressions over a Program's symbols.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ecotone {

using SymbolId = uint32_t;

// A symbol that a Program lists; `min` and `max` are inclusive.
struct SymbolInfo {
  std::string name;
  int64_t min = 0;
  int64_t max = std::numeric_limits<int64_t>::max();
};

struct DimExpr;

// A size. A symbolic Dim is kept in canonical form (a sum of integer multiples of products of atoms; an atom is a
// symbol or floordiv, mod, min or max of two Dims), so that equal forms mean equal values. Unequal forms may still be
// equal.
class Dim {
 public:
  Dim() = default;
  Dim(int64_t constant) : constant_(constant) {}  // NOLINT: sizes are written as plain integers everywhere
  static Dim symbol(SymbolId id);

  bool is_constant() const { return !expr_; }
  // The integer; throws Error when symbolic.
  int64_t constant() const;
  std::optional<int64_t> as_constant() const { return expr_ ? std::nullopt : std::optional(constant_); }
  // The symbol, if the Dim is exactly one.
  std::optional<SymbolId> as_symbol() const;

  // Structural equality of the canonical forms.
  friend bool operator==(const Dim& a, const Dim& b);
  size_t hash() const;
  // A total order on forms, of no numeric meaning.
  static int compare(const Dim& a, const Dim& b);

  friend Dim operator+(const Dim& a, const Dim& b);
  friend Dim operator-(const Dim& a, const Dim& b);
  friend Dim operator*(const Dim& a, const Dim& b);

  // Replaces symbol i by args[i]; symbols at or past args.size() are an Error.
  Dim substitute(std::span<const Dim> args) const;
  // Replaces each symbol by what `map` gives.
  Dim map_symbols(const std::function<Dim(SymbolId)>& map) const;
  void for_each_symbol(const std::function<void(SymbolId)>& visit) const;
  // Text such as "2*seq+1" or "floordiv(n-1, 2)"; symbols beyond `symbols` print as "sN", names that are no identifiers
  // in quotes: 'batch size'.
  std::string str(std::span<const SymbolInfo> symbols = {}) const;

  const DimExpr* expr() const { return expr_.get(); }
  explicit Dim(std::shared_ptr<const DimExpr> expr) : expr_(std::move(expr)) {}

 private:
  int64_t constant_ = 0;
  std::shared_ptr<const DimExpr> expr_;
};

// Rounds toward minus infinity; a constant divisor of zero is an Error.
Dim floordiv(const Dim& a, const Dim& b);
Dim ceildiv(const Dim& a, const Dim& b);
// a - b * floordiv(a, b).
Dim mod(const Dim& a, const Dim& b);
Dim min(const Dim& a, const Dim& b);
Dim max(const Dim& a, const Dim& b);

enum class DimAtomKind : uint8_t { kSymbol, kFloordiv, kMod, kMin, kMax };
struct DimAtom {
  DimAtomKind kind;
  SymbolId symbol = 0;
  Dim lhs, rhs;
};
struct DimTerm {
  int64_t coefficient;
  std::vector<DimAtom> factors;  // sorted, repeated for powers
};
struct DimExpr {
  int64_t constant = 0;
  std::vector<DimTerm> terms;  // sorted by factors, no zero coefficients, not empty
};

// The interval that a Dim's value lies in, given its symbols' ranges; saturates at the ends of int64.
struct DimRange {
  int64_t min = std::numeric_limits<int64_t>::min();
  int64_t max = std::numeric_limits<int64_t>::max();
};
DimRange range(const Dim& dim, std::span<const SymbolInfo> symbols);

enum class Decision : uint8_t { kNo, kYes, kUnknown };
// Whether a == b for all values of the symbols (kYes), for none (kNo), or it can't be decided.
Decision decide_equal(const Dim& a, const Dim& b, std::span<const SymbolInfo> symbols);
// Whether a <= b, likewise.
Decision decide_less_equal(const Dim& a, const Dim& b, std::span<const SymbolInfo> symbols);

// Reads what Dim::str writes: integers, symbols, + - * ( ), floordiv/mod/min/max(a, b). `symbol` maps a name to its id.
// Throws Error on bad text.
Dim parse_dim(std::string_view text, const std::function<SymbolId(std::string_view)>& symbol);

// The same for a list with commas between, which str of a list writes: "batch,2*seq+1,3". Empty text is an empty list.
std::vector<Dim> parse_dims(std::string_view text, const std::function<SymbolId(std::string_view)>& symbol);
std::string str(std::span<const Dim> dims, std::span<const SymbolInfo> symbols);

// Values of symbols while a Program runs: dense by SymbolId, empty where not yet known.
using SymbolValues = std::vector<std::optional<int64_t>>;
// The Dim with every known symbol replaced by its value.
Dim bind_symbols(const Dim& dim, const SymbolValues& values);

}  // namespace ecotone
