#include "ecotone/ir/op.h"

#include <algorithm>
#include <mutex>
#include <unordered_map>

#include "ecotone/base/hash.h"
#include "ecotone/ir/builder.h"

namespace ecotone {

const TensorType& InferCall::operand(size_t i) const {
  if (i >= operands.size()) fail("operand {} is missing", i);
  if (is_token(operands[i])) fail("operand {} is a token where a tensor is needed", i);
  return std::get<TensorType>(operands[i]);
}

void InferCall::expect_operands(size_t count) const {
  if (operands.size() != count) fail("wants {} operands, got {}", count, operands.size());
}

void InferCall::expect_operands_at_least(size_t count) const {
  if (operands.size() < count) fail("wants at least {} operands, got {}", count, operands.size());
}

void InferCall::expect_regions(size_t count) const {
  if (regions.size() != count) fail("wants {} regions, got {}", count, regions.size());
}

DType storage_dtype(DType dtype, EvalMode mode) {
  if (mode == EvalMode::kSpec) return dtype;
  if (is_float(dtype)) return DType::kF64;
  return is_complex(dtype) ? DType::kC128 : dtype;
}

namespace {

struct BodyKey {
  const Op* op;
  Attributes attributes;
  std::vector<Type> types;
  std::vector<std::pair<int64_t, int64_t>> ranges;
  friend bool operator==(const BodyKey&, const BodyKey&) = default;
};

struct BodyKeyHash {
  size_t operator()(const BodyKey& k) const {
    size_t h = hash_combine(reinterpret_cast<uintptr_t>(k.op), k.attributes.hash());
    for (const Type& t : k.types) h = hash_combine(h, hash(t));
    for (auto [lo, hi] : k.ranges) h = hash_combine(h, static_cast<size_t>(lo) ^ (static_cast<size_t>(hi) << 1));
    return h;
  }
};

// Bodies live as long as the process, up to a bound: a server that sees ever new shapes must not grow for ever.
constexpr size_t kMaxCachedBodies = 20000;

}  // namespace

Region composite_body(const Op& op, const Attributes& attributes, std::span<const Type> operands,
                      std::span<const SymbolInfo> symbols) {
  if (const TensorType* first = operands.empty() ? nullptr : std::get_if<TensorType>(&operands[0]);
      first && !op.dtypes.empty() && !op.dtypes.contains(first->dtype))
    fail("{} does not take {}", op.name, name(first->dtype));
  // Renumber the symbols that occur, so that equal uses share a body whatever Program they stand in.
  std::vector<Dim> dim_args;
  std::vector<SymbolInfo> body_symbols;
  std::unordered_map<SymbolId, Dim> renumbered;
  auto renumber = [&](SymbolId id) -> Dim {
    auto [it, is_new] = renumbered.try_emplace(id);
    if (is_new) {
      it->second = Dim::symbol(static_cast<SymbolId>(dim_args.size()));
      dim_args.push_back(Dim::symbol(id));
      body_symbols.push_back(id < symbols.size() ? symbols[id] : SymbolInfo{"s" + std::to_string(id)});
    }
    return it->second;
  };
  BodyKey key{&op, {}, {operands.begin(), operands.end()}, {}};
  for (Type& t : key.types)
    if (auto* tt = std::get_if<TensorType>(&t))
      for (Dim& d : tt->shape) d = d.map_symbols(renumber);
  key.attributes = attributes.map_dims([&](const Dim& d) { return d.map_symbols(renumber); });
  for (const SymbolInfo& s : body_symbols) key.ranges.emplace_back(s.min, s.max);

  static std::mutex mutex;
  static auto& cache = *new std::unordered_map<BodyKey, ProgramRef, BodyKeyHash>;
  {
    std::lock_guard lock(mutex);
    if (auto it = cache.find(key); it != cache.end()) return {it->second, std::move(dim_args)};
  }
  Builder b(op.name);
  b.set_location(named_location(op.name));
  for (const SymbolInfo& s : body_symbols) b.symbol(s.name, s.min, s.max);
  std::vector<ValueId> inputs;
  for (size_t i = 0; i < key.types.size(); ++i) inputs.push_back(b.input("arg" + std::to_string(i), key.types[i]));
  const std::vector<ValueId> outputs = op.body(b, key.attributes, inputs);
  for (size_t i = 0; i < outputs.size(); ++i) b.output("out" + std::to_string(i), outputs[i]);
  ProgramRef body = std::move(b).build();
  std::lock_guard lock(mutex);
  if (cache.size() >= kMaxCachedBodies) cache.clear();
  return {cache.try_emplace(std::move(key), std::move(body)).first->second, std::move(dim_args)};
}

}  // namespace ecotone
