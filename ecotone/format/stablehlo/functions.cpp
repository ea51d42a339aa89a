// Functions of the syntax tree as Programs: arguments, results, sizes and locations.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "ecotone/format/stablehlo/import.h"

namespace ecotone::stablehlo {
namespace {

std::string text_or(const syntax::Attributes& attributes, std::string_view name, const std::string& otherwise) {
  const syntax::Attribute* a = syntax::find(attributes, name);
  return a && !a->text.empty() ? a->text : otherwise;
}

bool is_parameter(const syntax::Argument& a) {
  return text_or(a.attributes, "ecotone.kind", "") == "parameter" && a.type->kind == syntax::Type::Kind::kTensor;
}

bool is_kept(std::string_view key) {
  return !key.starts_with("ecotone.") && key != "tf.aliasing_output";
}

}  // namespace

std::shared_ptr<const DynamicAttributes> Importer::module_annotations() const {
  DynamicAttributes kept;
  for (const auto& [key, value] : file_.attributes) kept.entries.emplace_back(key, to_annotation(value));
  DynamicAttributes meshes;
  for (const auto& [name, attributes] : file_.meshes) {
    DynamicAttributes mesh;
    for (const auto& [key, value] : attributes) mesh.entries.emplace_back(key, to_annotation(value));
    meshes.entries.emplace_back(name, AttributeValue{std::move(mesh)});
  }
  if (!meshes.empty()) kept.entries.emplace_back(kMeshKey, AttributeValue{std::move(meshes)});
  return kept.empty() ? nullptr : std::make_shared<const DynamicAttributes>(std::move(kept));
}

ProgramRef Importer::function(const syntax::Function& f, bool is_entry) {
  if (!is_entry)
    if (const auto found = programs_.find(&f); found != programs_.end()) return found->second;
  if (std::find(in_progress_.begin(), in_progress_.end(), &f) != in_progress_.end())
    fail_at(f.at, fmt::format("the function @{} calls itself; recursion is not supported", f.name));
  in_progress_.push_back(&f);
  // A file of one program: the module has its name.
  Builder builder(is_single_ && is_entry && f.name == "main" && !file_.module.empty() ? file_.module : f.name);
  builder.set_location(file_location(file_.name, f.at.line, f.at.column));
  Frame frame{builder};
  frame.is_entry = is_entry;
  add_arguments(frame, f, is_entry);
  const std::vector<ValueId> results = body(frame, f.body);
  add_results(frame, f, results, is_entry);
  DynamicAttributes kept;
  for (const auto& [key, value] : f.attributes)
    if (is_kept(key)) kept.entries.emplace_back(key, to_annotation(value));
  if (is_single_ && is_entry)
    if (const auto module = module_annotations()) kept.entries.emplace_back(kModuleKey, AttributeValue{*module});
  if (!kept.empty()) builder.annotate(std::make_shared<const DynamicAttributes>(std::move(kept)));
  ProgramRef program;
  try {
    program = std::move(builder).build();
  } catch (const Error& e) {
    throw PlacedError(e.kind(), fmt::format("{}: @{}: {}", place(f.at), f.name, e.what()));
  }
  in_progress_.pop_back();
  if (!is_entry) programs_.emplace(&f, program);
  return program;
}

// Sizes ---------------------------------------------------------------------------------------------------------------

std::vector<Dim> Importer::parse_sizes(Frame& frame, const syntax::Attribute& text, bool may_declare) const {
  std::vector<Dim> met;  // the text's symbols, by their place here
  try {
    std::vector<Dim> dims = parse_dims(text.text, [&](std::string_view name) {
      const auto found =
          std::find_if(frame.symbols.begin(), frame.symbols.end(), [&](const auto& s) { return s.first == name; });
      if (found != frame.symbols.end()) {
        met.push_back(found->second);
      } else if (may_declare) {
        met.push_back(frame.builder.named_symbol(name));
        frame.symbols.emplace_back(name, met.back());
      } else {
        fail("there is no size '{}' here", name);
      }
      return static_cast<SymbolId>(met.size() - 1);
    });
    for (Dim& d : dims) d = d.map_symbols([&](SymbolId s) { return met[s]; });
    return dims;
  } catch (const PlacedError&) {
    throw;
  } catch (const Error& e) {
    fail_at(text.at, e.what());
  }
}

AttributeValue Importer::with_sizes(Frame& frame, AttributeValue value, syntax::Position at) const {
  const auto parse = [&](const AttributeValue& text) {
    const auto* s = std::get_if<std::string>(&text.value);
    if (!s) fail_at(at, "a size must be written as text");
    syntax::Attribute a;
    a.at = at;
    a.text = *s;
    return parse_sizes(frame, a);
  };
  if (auto* list = std::get_if<AttributeList>(&value.value)) {
    for (AttributeValue& v : *list) v = with_sizes(frame, std::move(v), at);
  } else if (auto* d = std::get_if<DynamicAttributes>(&value.value)) {
    const AttributeValue *dim = d->find("ecotone.dim"), *shape = d->find("ecotone.shape");
    if (dim) {
      const std::vector<Dim> dims = parse(*dim);
      if (dims.size() != 1) fail_at(at, "ecotone.dim must be one size");
      return {dims[0]};
    }
    const AttributeValue* dtype = d->find("ecotone.dtype");
    if (shape && dtype && std::holds_alternative<DType>(dtype->value))
      return {TensorType{std::get<DType>(dtype->value), parse(*shape)}};
    for (auto& [key, v] : d->entries) v = with_sizes(frame, std::move(v), at);
  }
  return value;
}

// The function's symbols with their ranges; those that the user gives sizes of are these sizes.
void Importer::declare_symbols(Frame& frame, const syntax::Function& f, bool is_entry) const {
  std::map<std::string, int64_t, std::less<>> given;
  for (size_t i = 0; is_entry && i < f.body.arguments.size(); ++i) {
    const syntax::Argument& a = f.body.arguments[i];
    const syntax::Attribute* shape = syntax::find(a.attributes, "ecotone.shape");
    const auto sizes = options_.shapes.find(text_or(a.attributes, "ecotone.name", fmt::format("arg{}", i)));
    if (!shape || sizes == options_.shapes.end()) continue;
    Builder scratch;
    Frame names{scratch};
    const std::vector<Dim> dims = parse_sizes(names, *shape, true);
    for (size_t d = 0; d < std::min(dims.size(), sizes->second.size()); ++d)
      if (const auto symbol = dims[d].as_symbol()) {
        const std::string& name = scratch.symbols()[*symbol].name;
        if (const auto [it, added] = given.emplace(name, sizes->second[d]); it->second != sizes->second[d])
          fail_at(a.at, fmt::format("the size '{}' is given as {} and as {}", name, it->second, sizes->second[d]));
      }
  }
  for (const auto& [name, size] : given) frame.symbols.emplace_back(name, Dim(size));
  const syntax::Attribute* symbols = syntax::find(f.attributes, "ecotone.symbols");
  if (!symbols) return;
  for (const syntax::Attribute& s : symbols->items) {
    if (s.items.empty() || s.items[0].kind != syntax::Attribute::Kind::kString)
      fail_at(s.at, "a symbol is [name, least size, greatest size]");
    const std::string& name = s.items[0].text;
    const int64_t min = s.items.size() > 1 ? s.items[1].integer : 0;
    const int64_t max = s.items.size() > 2 ? s.items[2].integer : std::numeric_limits<int64_t>::max();
    if (min < 0 || min > max) fail_at(s.at, fmt::format("the size '{}' can't be in [{}, {}]", name, min, max));
    if (const auto found = given.find(name); found == given.end()) {
      if (std::any_of(frame.symbols.begin(), frame.symbols.end(),
                      [&](const auto& known) { return known.first == name; }))
        fail_at(s.at, fmt::format("the symbol '{}' is listed twice", name));
      frame.symbols.emplace_back(name, frame.builder.symbol(name, min, max));
    } else if (found->second < min || found->second > max) {
      fail_at(s.at,
              fmt::format("the size '{}' is given as {}, but must be in [{}, {}]", name, found->second, min, max));
    }
  }
}

// For each dimension of an argument: as the user says, as the file says, else a symbol.
std::vector<Dim> Importer::argument_sizes(Frame& frame, const syntax::Argument& a, const std::string& name,
                                          bool is_entry) const {
  const std::vector<int64_t>& declared = a.type->shape;
  const auto given = is_entry ? options_.shapes.find(name) : options_.shapes.end();
  if (given != options_.shapes.end() && given->second.size() != declared.size())
    fail_at(a.at, fmt::format("the input '{}' has {} dimensions, but {} sizes are given", name, declared.size(),
                              given->second.size()));
  std::vector<Dim> sizes;
  const syntax::Attribute* shape = syntax::find(a.attributes, "ecotone.shape");
  if (shape) {
    sizes = parse_sizes(frame, *shape, is_entry);
    if (sizes.size() != declared.size())
      fail_at(shape->at,
              fmt::format("ecotone.shape has {} sizes, but the argument has {}", sizes.size(), declared.size()));
  } else if (!is_entry && !says_sizes_) {
    return sizes;  // left open
  }
  Builder& b = frame.builder;
  for (size_t d = 0; d < declared.size(); ++d) {
    const bool open = declared[d] == syntax::kDynamic;
    Dim size = declared[d];
    if (open && given != options_.shapes.end()) {
      size = given->second[d];
      if (shape && !(sizes[d] == size)) b.assume_equal(sizes[d], size);
    } else if (open && shape) {
      size = sizes[d];
    } else if (open) {
      const bool bounded = d < a.type->bounds.size() && a.type->bounds[d] != syntax::kDynamic;
      size =
          b.symbol(fmt::format("{}_{}", name, d), 0, bounded ? a.type->bounds[d] : std::numeric_limits<int64_t>::max());
    } else if (given != options_.shapes.end() && given->second[d] != declared[d]) {
      fail_at(a.at, fmt::format("the input '{}' is {}; dimension {} can't be given as {}", name, a.type->str(), d,
                                given->second[d]));
    }
    if (d < sizes.size())
      sizes[d] = size;
    else
      sizes.push_back(size);
  }
  return sizes;
}

// Arguments and results -----------------------------------------------------------------------------------------------

// Which result each argument is donated to: a given one, or the first of equal type.
std::vector<std::optional<uint32_t>> Importer::donations(const syntax::Function& f) const {
  std::vector<std::optional<uint32_t>> to(f.body.arguments.size());
  std::set<int64_t> taken;
  const auto count = static_cast<int64_t>(f.result_types.size());
  for (size_t i = 0; i < to.size(); ++i) {
    const syntax::Argument& a = f.body.arguments[i];
    const syntax::Attribute* alias = syntax::find(a.attributes, "tf.aliasing_output");
    if (!alias || is_parameter(a)) continue;
    if (alias->integer < 0 || alias->integer >= count)
      fail_at(alias->at, fmt::format("tf.aliasing_output is {}, but there are {} results", alias->integer, count));
    if (!taken.insert(alias->integer).second)
      fail_at(alias->at, fmt::format("two arguments are donated to result {}", alias->integer));
    to[i] = static_cast<uint32_t>(alias->integer);
  }
  for (size_t i = 0; i < to.size(); ++i) {
    const syntax::Argument& a = f.body.arguments[i];
    if (to[i] || is_parameter(a) || a.type->is_dynamic() || !syntax::find(a.attributes, "jax.buffer_donor")) continue;
    for (int64_t r = 0; r < count && !to[i]; ++r)
      if (f.result_types[static_cast<size_t>(r)]->str() == a.type->str() && taken.insert(r).second)
        to[i] = static_cast<uint32_t>(r);
  }
  return to;
}

void Importer::add_arguments(Frame& frame, const syntax::Function& f, bool is_entry) {
  Builder& b = frame.builder;
  declare_symbols(frame, f, is_entry);
  const std::vector<std::optional<uint32_t>> donated = is_entry ? donations(f) : std::vector<std::optional<uint32_t>>{};
  std::set<std::string> taken;
  for (size_t i = 0; i < f.body.arguments.size(); ++i) {
    const syntax::Argument& a = f.body.arguments[i];
    const bool is_new = !frame.names.contains(a.name) && !frame.sizes.contains(a.name);
    if (!is_new) fail_at(a.at, fmt::format("%{} is defined twice", a.name));
    if (const syntax::Attribute* size = syntax::find(a.attributes, "ecotone.dim")) {
      frame.sizes.emplace(a.name, parse_sizes(frame, *size));
      continue;
    }
    std::string name = fmt::format("arg{}", i);
    if (is_entry) name = text_or(a.attributes, "ecotone.name", name);
    if (!taken.insert(name).second) fail_at(a.at, fmt::format("two arguments are named '{}'", name));
    const bool has_donation = is_entry && donated[i];
    const auto annotations = to_annotations(a.attributes, [&](std::string_view key) {
      return is_kept(key) && !(has_donation && key == "jax.buffer_donor");
    });
    const std::vector<Dim> open = argument_sizes(frame, a, name, is_entry);
    const Type type = to_type(*a.type, false, &open, place(a.at));
    const ValueId value = is_entry && is_parameter(a) ? b.parameter(name, tensor(type), std::nullopt, annotations)
                                                      : b.input(name, type, annotations);
    if (const syntax::Attribute* tap = syntax::find(a.attributes, "ecotone.tap")) b.name_value(value, tap->text);
    frame.names.emplace(a.name, std::vector{value});
    note_quantized(frame, *a.type, value);
  }
}

void Importer::check_returned(Frame& frame, const syntax::Function& f, std::span<const ValueId> results) const {
  const Builder& b = frame.builder;
  const syntax::Position at = f.body.operations.back().at;
  if (results.size() != f.result_types.size())
    fail_at(at, fmt::format("@{} declares {} results but returns {}", f.name, f.result_types.size(), results.size()));
  for (size_t i = 0; i < results.size(); ++i)
    if (!fits(frame, *f.result_types[i], b.type(results[i]), true))
      fail_at(at, fmt::format("@{} declares result {} as {}, but returns {}", f.name, i, f.result_types[i]->str(),
                              str(b.type(results[i]), b.symbols())));
}

void Importer::add_results(Frame& frame, const syntax::Function& f, std::span<const ValueId> results, bool is_entry) {
  Builder& b = frame.builder;
  check_returned(frame, f, results);
  for (size_t i = 0; i < results.size(); ++i) {
    std::string name = fmt::format("out{}", i);
    std::shared_ptr<const DynamicAttributes> annotations;
    if (is_entry && i < f.result_attributes.size()) {
      name = text_or(f.result_attributes[i], "ecotone.name", name);
      annotations = to_annotations(f.result_attributes[i], is_kept);
    }
    b.output(std::move(name), results[i], std::move(annotations));
  }
  if (!is_entry) return;
  const std::vector<std::optional<uint32_t>> donated = donations(f);
  uint32_t input = 0;
  for (size_t i = 0; i < donated.size(); ++i) {
    const syntax::Argument& a = f.body.arguments[i];
    if (is_parameter(a) || !frame.names.contains(a.name)) continue;
    if (donated[i]) {
      if (b.type(results[*donated[i]]) != b.type(frame.names.at(a.name)[0]))
        fail_at(a.at, fmt::format("%{} can be donated only to a result of its own type", a.name));
      b.alias(input, *donated[i]);
    }
    ++input;
  }
}

// Locations -----------------------------------------------------------------------------------------------------------

LocationId Importer::resolve_location(syntax::LocationIndex index, int depth) {
  constexpr int kMostNested = 1000;
  if (depth > kMostNested || index == 0 || index >= file_.locations.size()) return kNoLocation;
  locations_.resize(file_.locations.size(), kNoLocation);
  resolving_.resize(file_.locations.size(), false);
  if (locations_[index] != kNoLocation || resolving_[index]) return locations_[index];
  resolving_[index] = true;  // an alias may name itself
  const syntax::SourceLocation& l = file_.locations[index];
  LocationId id = kNoLocation;
  switch (l.kind) {
    case syntax::SourceLocation::Kind::kUnknown:
      break;
    case syntax::SourceLocation::Kind::kFile:
      id = file_location(l.text, l.line, l.column);
      break;
    case syntax::SourceLocation::Kind::kName:
      id = named_location(l.text, l.children.empty() ? kNoLocation : resolve_location(l.children[0], depth + 1));
      break;
    case syntax::SourceLocation::Kind::kAlias: {
      const auto found = file_.location_aliases.find(l.text);
      if (found != file_.location_aliases.end()) id = resolve_location(found->second, depth + 1);
      break;
    }
    case syntax::SourceLocation::Kind::kFused: {
      std::vector<LocationId> children;
      for (const syntax::LocationIndex c : l.children)
        if (const LocationId child = resolve_location(c, depth + 1); child != kNoLocation) children.push_back(child);
      if (!children.empty()) id = fused_location(std::move(children));
      break;
    }
    case syntax::SourceLocation::Kind::kCall: {
      const LocationId callee = resolve_location(l.children[0], depth + 1);
      const LocationId caller = resolve_location(l.children[1], depth + 1);
      if (callee != kNoLocation || caller != kNoLocation) id = call_location(callee, caller);
      break;
    }
    case syntax::SourceLocation::Kind::kDerived:
      id = derived_location(l.text, resolve_location(l.children[0], depth + 1));
      break;
  }
  resolving_[index] = false;
  return locations_[index] = id;
}

LocationId Importer::location(const syntax::Operation& op) {
  const LocationId given = resolve_location(op.location, 0);
  return given != kNoLocation ? given : file_location(file_.name, op.at.line, op.at.column);
}

}  // namespace ecotone::stablehlo
