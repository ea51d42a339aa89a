// What readers of operations ask of one: operands, attributes, types and regions.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "ecotone/format/stablehlo/import.h"

namespace ecotone::stablehlo {
namespace {

using syntax::Attribute;

// %name or %name#2 in an attribute.
syntax::Use parse_use(const Attribute& a) {
  syntax::Use use{a.text, 0, a.at};
  if (use.name.starts_with('%')) use.name.remove_prefix(1);
  if (const size_t hash = use.name.find('#'); hash != std::string_view::npos) {
    const std::string_view digits = use.name.substr(hash + 1);
    std::from_chars(digits.data(), digits.data() + digits.size(), use.index);
    use.name = use.name.substr(0, hash);
  }
  return use;
}

// Values that regions use but do not define, in order of first use.
class FreeUses {
 public:
  void region(const syntax::Region& r) {
    // Names that are defined here hide none outside (MLIR forbids it), so they can simply be taken away again.
    std::vector<std::string_view> added;
    const auto define = [&](std::string_view name) {
      if (defined_.insert(name).second) added.push_back(name);
    };
    for (const syntax::Argument& a : r.arguments) define(a.name);
    for (const syntax::Operation& op : r.operations) {
      operation(op);
      for (const syntax::Result& result : op.results) define(result.name);
    }
    for (const std::string_view name : added) defined_.erase(name);
  }
  void use(const syntax::Use& u) {
    if (!defined_.contains(u.name) && seen_.emplace(u.name, u.index).second) found.push_back(u);
  }
  std::vector<syntax::Use> found;

 private:
  void operation(const syntax::Operation& op) {
    // Lines that compute sizes use none; see marks.cpp.
    const bool is_size = syntax::find(op.attributes, "ecotone.size") || syntax::find(op.attributes, "ecotone.assume") ||
                         (syntax::find(op.attributes, "ecotone.helper") && op.name != "stablehlo.convert");
    if (!is_size)
      for (const syntax::Use& u : op.operands) use(u);
    if (const Attribute* captures = syntax::find(op.attributes, "ecotone.captures"))
      for (const Attribute& a : captures->items) use(parse_use(a));
    for (const syntax::Region& r : op.regions) region(r);
  }

  std::set<std::string_view> defined_;
  std::set<std::pair<std::string_view, uint32_t>> seen_;
};

}  // namespace

Type to_type(const syntax::Type& type, bool strip_quantization, const std::vector<Dim>* open,
             const std::string& where) {
  if (type.kind == syntax::Type::Kind::kToken) return Token{};
  if (type.kind != syntax::Type::Kind::kTensor)
    fail_kind(ErrorKind::kUnsupported, "{}: values of type {} are not supported; tensors and tokens are", where,
              type.str());
  TensorType t{type.quantization && !strip_quantization ? type.quantization->storage : type.dtype, {}};
  for (size_t d = 0; d < type.shape.size(); ++d) {
    if (type.shape[d] != syntax::kDynamic)
      t.shape.emplace_back(type.shape[d]);
    else if (open && d < open->size())
      t.shape.push_back((*open)[d]);
    else
      fail_kind(ErrorKind::kUnsupported, "{}: the size of dimension {} of {} is not known", where, d, type.str());
  }
  return t;
}

void OpCall::fail_here(const std::string& message) const {
  importer.fail_at(op.at, op.name + ": " + message);
}

ValueId OpCall::value(size_t i) const {
  if (i >= operands.size()) fail_here(fmt::format("operand {} is missing", i));
  if (operands[i] == kNoValue)
    importer.fail_at(op.operands[i].at, fmt::format("{}: %{} is marked as a size; it can't be used as a value", op.name,
                                                    op.operands[i].name));
  return operands[i];
}

const std::vector<Dim>* OpCall::sizes(size_t i) const {
  if (i >= op.operands.size() || i >= operands.size() || operands[i] != kNoValue) return nullptr;
  const auto found = frame.sizes.find(op.operands[i].name);
  return found == frame.sizes.end() ? nullptr : &found->second;
}

void OpCall::expect_operands(size_t count) const {
  if (operands.size() != count) fail_here(fmt::format("takes {} operands, not {}", count, operands.size()));
}

const Attribute* OpCall::find(std::string_view name) {
  const Attribute* a = syntax::find(op.attributes, name);
  if (a) used_.insert(name);
  return a;
}

const Attribute& OpCall::get(std::string_view name) {
  const Attribute* a = find(name);
  if (!a) fail_here(fmt::format("the attribute '{}' is missing", name));
  return *a;
}

int64_t OpCall::integer(std::string_view name) {
  const Attribute& a = get(name);
  if (a.kind != Attribute::Kind::kInteger)
    importer.fail_at(a.at, fmt::format("{}: '{}' must be an integer", op.name, name));
  return a.integer;
}
int64_t OpCall::integer(std::string_view name, int64_t otherwise) {
  return find(name) ? integer(name) : otherwise;
}

bool OpCall::flag(std::string_view name, bool otherwise) {
  const Attribute* a = find(name);
  if (!a) return otherwise;
  if (a->kind == Attribute::Kind::kUnit) return true;
  if (a->kind != Attribute::Kind::kBool)
    importer.fail_at(a->at, fmt::format("{}: '{}' must be true or false", op.name, name));
  return a->boolean;
}

std::string OpCall::text(std::string_view name, std::string_view otherwise) {
  const Attribute* a = find(name);
  if (!a) return std::string(otherwise);
  if (a->text.empty() && a->kind != Attribute::Kind::kString)
    importer.fail_at(a->at, fmt::format("{}: '{}' must be a name", op.name, name));
  return a->text;
}

std::vector<int64_t> OpCall::integers(std::string_view name) {
  const Attribute* a = find(name);
  if (!a) return {};
  if (a->kind == Attribute::Kind::kTensor) {
    const Tensor t = dense_tensor(*a);
    if (!is_float(t.dtype()) && !is_complex(t.dtype())) return t.to_ints();
  } else if (a->kind == Attribute::Kind::kArray) {
    std::vector<int64_t> values;
    for (const Attribute& i : a->items) {
      if (i.kind != Attribute::Kind::kInteger && i.kind != Attribute::Kind::kBool)
        importer.fail_at(i.at, fmt::format("{}: '{}' must be a list of integers", op.name, name));
      values.push_back(i.integer);
    }
    return values;
  }
  importer.fail_at(a->at, fmt::format("{}: '{}' must be a list of integers", op.name, name));
}

std::vector<std::string> OpCall::texts(std::string_view name) {
  const Attribute* a = find(name);
  std::vector<std::string> texts;
  if (a)
    for (const Attribute& i : a->items) texts.push_back(i.text);
  return texts;
}

void OpCall::padding(std::string_view name, std::vector<int64_t>& low, std::vector<int64_t>& high) {
  const Attribute* a = find(name);
  if (!a) return;
  std::vector<int64_t> flat;
  if (a->kind == Attribute::Kind::kTensor) {
    flat = dense_tensor(*a).to_ints();
  } else {
    for (const Attribute& pair : a->items)
      for (const Attribute& i : pair.items) flat.push_back(i.integer);
    if (flat.size() != 2 * a->items.size())
      importer.fail_at(a->at, fmt::format("{}: '{}' must be a list of pairs", op.name, name));
  }
  if (flat.size() % 2) importer.fail_at(a->at, fmt::format("{}: '{}' must be a list of pairs", op.name, name));
  for (size_t i = 0; i < flat.size(); i += 2) {
    low.push_back(flat[i]);
    high.push_back(flat[i + 1]);
  }
}

TensorType OpCall::declared(size_t i, const std::vector<Dim>* open) const {
  if (i >= op.result_types.size()) fail_here("a result type is missing");
  const Type type = to_type(*op.result_types[i], frame.strip_quantization, open, importer.place(op.at));
  if (is_token(type)) fail_here("the result must be a tensor");
  return tensor(type);
}

DType OpCall::declared_dtype(size_t i) const {
  if (i >= op.result_types.size() || op.result_types[i]->kind != syntax::Type::Kind::kTensor)
    fail_here("the result must be a tensor");
  return op.result_types[i]->dtype;
}

std::shared_ptr<const DynamicAttributes> OpCall::annotations() const {
  for (const auto& [key, value] : op.attributes)
    if (key.starts_with("ecotone.") && key != "ecotone.tap" && !used_.contains(key))
      importer.fail_at(value.at, fmt::format("{}: the attribute '{}' means nothing here", op.name, key));
  return to_annotations(op.attributes, [&](std::string_view key) {
    return !used_.contains(key) && key != "ecotone.tap" && key != "operandSegmentSizes" &&
           key != "operand_segment_sizes";  // these two follow from the form
  });
}

std::vector<ValueId> OpCall::add(const Op& definition, Attributes attributes, std::vector<Region> regions) {
  return add(definition, std::move(attributes), operands, std::move(regions));
}

std::vector<ValueId> OpCall::add(const Op& definition, Attributes attributes, std::span<const ValueId> values,
                                 std::vector<Region> regions) {
  return add_capturing(definition, std::move(attributes), values, std::move(regions), captures_);
}

std::vector<ValueId> OpCall::add_capturing(const Op& definition, Attributes attributes, std::span<const ValueId> values,
                                           std::vector<Region> regions, std::span<const ValueId> captures) {
  if (std::find(values.begin(), values.end(), kNoValue) != values.end())
    fail_here("an operand is marked as a size; it can't be used as a value");
  return b().add(definition, std::move(attributes), values, std::move(regions), captures,
                 op.attributes.empty() ? nullptr : annotations());
}

void OpCall::find_captures() {
  if (captures_found_) return;
  captures_found_ = true;
  FreeUses free;
  // What our own text lists may be more than is used, in another order.
  if (const Attribute* listed = find("ecotone.captures"))
    for (const Attribute& a : listed->items) free.use(parse_use(a));
  for (const syntax::Region& r : op.regions) free.region(r);
  for (const syntax::Use& use : free.found) {
    if (frame.sizes.contains(use.name)) {
      size_names_.push_back(use.name);
      continue;
    }
    const auto found = frame.names.find(use.name);
    if (found == frame.names.end() || use.index >= found->second.size() || found->second[use.index] == kNoValue)
      importer.fail_at(use.at, fmt::format("%{} is not defined here", use.name));
    capture_uses_.push_back(use);
    captures_.push_back(found->second[use.index]);
  }
}

Region OpCall::region(size_t i, std::span<const Type> inputs) {
  if (i >= op.regions.size()) fail_here("a region is missing");
  find_captures();
  const syntax::Region& syntax = op.regions[i];
  if (syntax.arguments.size() != inputs.size())
    fail_here(fmt::format("region {} has {} arguments, but {} values are passed to it", i, syntax.arguments.size(),
                          inputs.size()));
  Builder builder("region");
  builder.set_location(b().location());
  Region region;
  for (SymbolId s = 0; s < b().symbols().size(); ++s) {
    const SymbolInfo& symbol = b().symbols()[s];
    builder.symbol(symbol.name, symbol.min, symbol.max);
    region.dim_args.push_back(Dim::symbol(s));
  }
  Frame inner{builder};
  inner.strip_quantization = frame.strip_quantization;
  inner.symbols = frame.symbols;
  for (const std::string_view name : size_names_) inner.sizes.emplace(name, frame.sizes.at(name));
  for (size_t a = 0; a < inputs.size(); ++a) {
    const syntax::Argument& argument = syntax.arguments[a];
    const syntax::Type& declared = *argument.type;
    if (!importer.fits(frame, declared, inputs[a], false))
      importer.fail_at(argument.at, fmt::format("{}: the argument %{} of a region is {}, but {} is passed to it",
                                                op.name, argument.name, declared.str(), str(inputs[a], b().symbols())));
    const ValueId value = builder.input(fmt::format("arg{}", a), inputs[a]);
    inner.names.emplace(argument.name, std::vector{value});
    if (!frame.strip_quantization) note_quantized(inner, declared, value);
  }
  for (size_t n = 0; n < captures_.size(); ++n) {
    const auto& [name, index, at] = capture_uses_[n];
    const ValueId outer = captures_[n], value = builder.input(std::string(name), b().type(outer));
    // Other results of the same operation are not seen inside.
    auto& values = inner.names.try_emplace(name, frame.names.at(name).size(), kNoValue).first->second;
    if (index >= values.size() || values[index] != kNoValue)
      importer.fail_at(at, fmt::format("%{} is defined twice", name));
    values[index] = value;
    // The same symbols stand for the same sizes inside.
    if (const auto k = frame.known.find(outer); k != frame.known.end() && is_size(k->second))
      inner.known.emplace(value, k->second);
    if (const auto q = frame.quantized.find(outer); q != frame.quantized.end()) inner.quantized.emplace(value, q->second);
  }
  const std::vector<ValueId> results = importer.body(inner, syntax);
  for (size_t r = 0; r < results.size(); ++r) builder.output(fmt::format("out{}", r), results[r]);
  region.body = std::move(builder).build();
  return region;
}

}  // namespace ecotone::stablehlo
