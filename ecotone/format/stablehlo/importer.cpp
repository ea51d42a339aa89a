// Functions and regions of the syntax tree, read into Programs.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ecotone/base/file.h"
#include "ecotone/format/stablehlo/import.h"
#include "ecotone/op/control.h"

namespace ecotone::stablehlo {
namespace {

// Whether a size is left open anywhere in the region, or computed.
bool mentions_dynamic(const syntax::Region& region) {
  for (const syntax::Argument& a : region.arguments)
    if (a.type && a.type->is_dynamic()) return true;
  for (const syntax::Operation& op : region.operations) {
    if (op.name != "stablehlo.custom_call" && find_dynamic_reader(op.name)) return true;
    for (const syntax::TypeRef& t : op.result_types)
      if (t->is_dynamic()) return true;
    for (const syntax::Region& r : op.regions)
      if (mentions_dynamic(r)) return true;
  }
  return false;
}

std::shared_ptr<const DynamicAttributes> annotations_of(const syntax::Attributes& attributes) {
  DynamicAttributes kept;
  for (const auto& [key, value] : attributes)
    if (key != "ecotone.name" && key != "ecotone.kind" && key != "ecotone.shape" && key != "tf.aliasing_output")
      kept.set(key, to_value(value));
  return kept.empty() ? nullptr : std::make_shared<const DynamicAttributes>(std::move(kept));
}

// "batch,min(n, 4),3" at the commas outside parentheses.
std::vector<std::string> split_sizes(std::string_view text) {
  std::vector<std::string> sizes;
  int open = 0;
  for (const char c : text) {
    if (sizes.empty() || (c == ',' && open == 0)) sizes.emplace_back();
    if (c == ',' && open == 0) continue;
    open += c == '(' ? 1 : c == ')' ? -1 : 0;
    sizes.back() += c;
  }
  return sizes;
}

std::string text_or(const syntax::Attributes& attributes, std::string_view name, std::string otherwise) {
  const syntax::Attribute* a = syntax::find(attributes, name);
  return a && !a->text.empty() ? a->text : otherwise;
}

}  // namespace

Importer::Importer(const syntax::File& file, const ReadOptions& options) : file_(file), options_(options) {
  for (const syntax::Function& f : file.functions) {
    if (!functions_.emplace(f.name, &f).second) fail_at(f.at, fmt::format("the function @{} is defined twice", f.name));
    dynamic_module_ = dynamic_module_ || is_dynamic(f);
  }
}

std::string Importer::place(syntax::Position at) const {
  return fmt::format("{}:{}:{}", file_.name, at.line, at.column);
}
void Importer::fail_at(syntax::Position at, const std::string& message) const {
  throw PlacedError(place(at) + ": " + message);
}

bool Importer::is_dynamic(const syntax::Function& f) {
  const auto [it, added] = dynamic_.emplace(&f, false);
  if (added) {
    bool open = mentions_dynamic(f.body);
    for (const syntax::TypeRef& t : f.result_types) open = open || t->is_dynamic();
    it->second = open;
  }
  return it->second;
}

const syntax::Function* Importer::find_function(std::string_view name) const {
  const auto found = functions_.find(name);
  return found == functions_.end() ? nullptr : found->second;
}

const syntax::Function& Importer::entry_function() const {
  if (!options_.function.empty()) {
    const syntax::Function* f = find_function(options_.function);
    if (!f) fail("{}: there is no function @{}", file_.name, options_.function);
    return *f;
  }
  if (const syntax::Function* main = find_function("main")) return *main;
  const syntax::Function* only = nullptr;
  int count = 0;
  for (const syntax::Function& f : file_.functions)
    if (f.is_public && f.has_body) only = &f, ++count;
  if (count == 1) return *only;
  if (file_.functions.empty()) fail("{}: the file has no function", file_.name);
  fail("{}: there is no function @main and {} public functions; name the one to read", file_.name, count);
}

ProgramRef Importer::entry() {
  ProgramRef program = function(entry_function(), true);
  finish();
  return program;
}

std::vector<Function> Importer::all() {
  std::vector<Function> functions;
  for (const syntax::Function& f : file_.functions)
    if (f.has_body) functions.push_back({f.name, f.is_public, function(f, true)});
  finish();
  return functions;
}

void Importer::finish() const {
  if (unsupported_.empty()) return;
  constexpr size_t kMostListed = 50;
  std::string list;
  for (size_t i = 0; i < std::min(unsupported_.size(), kMostListed); ++i) list += "\n  " + unsupported_[i];
  if (unsupported_.size() > kMostListed) list += fmt::format("\n  and {} more", unsupported_.size() - kMostListed);
  throw PlacedError(ErrorKind::kUnsupported,
                    fmt::format("{}: {} operations are not supported:{}", file_.name, unsupported_.size(), list));
}

ProgramRef Importer::function(const syntax::Function& f, bool is_entry) {
  if (!is_entry)
    if (const auto found = programs_.find(&f); found != programs_.end()) return found->second;
  if (std::find(in_progress_.begin(), in_progress_.end(), &f) != in_progress_.end())
    fail_at(f.at, fmt::format("the function @{} calls itself; recursion is not supported", f.name));
  constexpr size_t kMostNested = 64;
  if (in_progress_.size() >= kMostNested) fail_at(f.at, "functions call each other too deeply");
  in_progress_.push_back(&f);
  Builder builder(f.name);
  builder.set_location(file_location(file_.name, f.at.line, f.at.column));
  Frame frame{builder};
  frame.is_entry = is_entry;
  add_arguments(frame, f, is_entry);
  const std::vector<ValueId> results = body(frame, f.body);
  add_results(frame, f, results, is_entry);
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

void Importer::add_arguments(Frame& frame, const syntax::Function& f, bool is_entry) {
  Builder& b = frame.builder;
  if (is_entry)
    if (const syntax::Attribute* symbols = syntax::find(f.attributes, "ecotone.symbols"))
      for (const auto& [name, range] : symbols->entries) {
        const int64_t min = !range.items.empty() ? range.items[0].integer : 0;
        const int64_t max = range.items.size() > 1 ? range.items[1].integer : std::numeric_limits<int64_t>::max();
        b.named_symbol(name, std::max<int64_t>(min, 0), max);
      }
  std::vector<std::string> taken;
  for (size_t i = 0; i < f.body.arguments.size(); ++i) {
    const syntax::Argument& a = f.body.arguments[i];
    const std::string default_name = fmt::format("arg{}", i);
    const std::string name = is_entry ? text_or(a.attributes, "ecotone.name", default_name) : default_name;
    const auto annotations = annotations_of(a.attributes);
    // Open sizes: as the user said, as the file says, else symbols.
    std::vector<Dim> open;
    if (is_entry) {
      const auto given = options_.shapes.find(name);
      const syntax::Attribute* shape = syntax::find(a.attributes, "ecotone.shape");
      if (given != options_.shapes.end() && given->second.size() != a.type->shape.size())
        fail_at(a.at, fmt::format("the input '{}' has {} dimensions, but {} sizes are given", name,
                                  a.type->shape.size(), given->second.size()));
      const std::vector<std::string> sizes = shape ? split_sizes(shape->text) : std::vector<std::string>{};
      if (shape && sizes.size() != a.type->shape.size())
        fail_at(shape->at,
                fmt::format("ecotone.shape has {} sizes, but the argument has {}", sizes.size(), a.type->shape.size()));
      for (size_t d = 0; d < a.type->shape.size(); ++d) {
        const int64_t size = a.type->shape[d];
        if (given != options_.shapes.end() && size == syntax::kDynamic) {
          open.emplace_back(given->second[d]);
        } else if (size != syntax::kDynamic) {
          open.emplace_back(size);
        } else if (shape) {
          try {
            open.push_back(
                parse_dim(sizes[d], [&](std::string_view symbol) { return *b.named_symbol(symbol).as_symbol(); }));
          } catch (const Error& e) {
            fail_at(shape->at, e.what());
          }
        } else {
          const int64_t bound = d < a.type->bounds.size() && a.type->bounds[d] != syntax::kDynamic
                                    ? a.type->bounds[d]
                                    : std::numeric_limits<int64_t>::max();
          open.push_back(b.symbol(fmt::format("{}_{}", name, d), 0, bound));
        }
      }
    }
    const Type type = to_type(*a.type, false, is_entry ? &open : nullptr, place(a.at));
    ValueId value = 0;
    if (is_entry && text_or(a.attributes, "ecotone.kind", "") == "parameter" && !is_token(type))
      value = b.parameter(name, tensor(type), std::nullopt, annotations);
    else
      value = b.input(name, type, annotations);
    if (std::find(taken.begin(), taken.end(), name) != taken.end())
      fail_at(a.at, fmt::format("two arguments are named '{}'", name));
    taken.push_back(name);
    if (!frame.names.emplace(a.name, std::vector{value}).second)
      fail_at(a.at, fmt::format("%{} is defined twice", a.name));
    note_quantized(frame, *a.type, value);
  }
}

void Importer::add_results(Frame& frame, const syntax::Function& f, std::span<const ValueId> results, bool is_entry) {
  Builder& b = frame.builder;
  if (results.size() != f.result_types.size())
    fail_at(f.at, fmt::format("@{} declares {} results but returns {}", f.name, f.result_types.size(), results.size()));
  for (size_t i = 0; i < results.size(); ++i) {
    std::string name = fmt::format("out{}", i);
    if (is_entry && i < f.result_attributes.size())
      name = text_or(f.result_attributes[i], "ecotone.name", std::move(name));
    b.output(std::move(name), results[i]);
  }
  if (!is_entry) return;
  // Donated arguments: to a given result, or to the first of equal type.
  std::set<int64_t> donated;
  uint32_t input = 0;
  for (const syntax::Argument& a : f.body.arguments) {
    if (text_or(a.attributes, "ecotone.kind", "") == "parameter") continue;
    const uint32_t at = input++;
    const Type& type = b.type(frame.names.at(a.name)[0]);
    if (const syntax::Attribute* alias = syntax::find(a.attributes, "tf.aliasing_output")) {
      if (alias->integer < 0 || alias->integer >= static_cast<int64_t>(results.size()))
        fail_at(alias->at,
                fmt::format("tf.aliasing_output is {}, but there are {} results", alias->integer, results.size()));
      if (b.type(results[static_cast<size_t>(alias->integer)]) != type)
        fail_at(alias->at, "an argument can be donated only to a result of its own type");
      donated.insert(alias->integer);
      b.alias(at, static_cast<uint32_t>(alias->integer));
    } else if (syntax::find(a.attributes, "jax.buffer_donor")) {
      for (size_t i = 0; i < results.size(); ++i)
        if (b.type(results[i]) == type && donated.insert(static_cast<int64_t>(i)).second) {
          b.alias(at, static_cast<uint32_t>(i));
          break;
        }
    }
  }
}

std::vector<ValueId> Importer::body(Frame& frame, const syntax::Region& region) {
  for (size_t i = 0; i < region.operations.size(); ++i) {
    const syntax::Operation& op = region.operations[i];
    const bool returns = op.name == "func.return" || op.name == "stablehlo.return" || op.name == "mhlo.return" ||
                         op.name == "sdy.return";
    if (!returns) {
      operation(frame, op);
      continue;
    }
    if (i + 1 != region.operations.size()) fail_at(op.at, "a return must be the last operation of its region");
    OpCall call(*this, frame, op);
    std::vector<ValueId> results;
    for (const syntax::Use& use : op.operands) {
      const auto found = frame.names.find(use.name);
      if (found == frame.names.end() || use.index >= found->second.size())
        fail_at(use.at, fmt::format("%{} is not defined here", use.name));
      results.push_back(found->second[use.index]);
    }
    return results;
  }
  return {};
}

LocationId Importer::resolve_location(syntax::LocationIndex index, int depth) {
  constexpr int kMostNested = 100;
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
      if (children.size() == 1) id = children[0];
      if (children.size() > 1) id = fused_location(std::move(children));
      break;
    }
  }
  resolving_[index] = false;
  return locations_[index] = id;
}

LocationId Importer::location(const syntax::Operation& op) {
  const LocationId given = resolve_location(op.location, 0);
  return given != kNoLocation ? given : file_location(file_.name, op.at.line, op.at.column);
}

std::vector<ValueId> Importer::operation(Frame& frame, const syntax::Operation& op) {
  constexpr size_t kMostEquations = 5'000'000;  // inlined calls may repeat without end
  if (++equations_ > kMostEquations) fail_at(op.at, "the program has too many operations once its calls are expanded");
  OpCall call(*this, frame, op);
  for (const syntax::Use& use : op.operands) {
    const auto found = frame.names.find(use.name);
    if (found == frame.names.end()) fail_at(use.at, fmt::format("%{} is not defined here", use.name));
    if (use.index >= found->second.size())
      fail_at(use.at, fmt::format("%{} has {} results; there is no #{}", use.name, found->second.size(), use.index));
    call.operands.push_back(found->second[use.index]);
  }
  const LocationId where = location(op);
  const LocationScope scope(frame.builder, where);
  std::vector<ValueId> results;
  try {
    const OpReader dynamic = dynamic_module_ ? find_dynamic_reader(op.name) : nullptr;
    const OpReader reader = dynamic ? dynamic : find_reader(op.name);
    const bool converts = op.name == "stablehlo.uniform_quantize" || op.name == "stablehlo.uniform_dequantize";
    if (!reader && !(converts && touches_quantized(call)))
      results = unsupported(
          call, find_dynamic_reader(op.name) ? "needs sizes that are not known" : "is no operation that Ecotone knows");
    else if (touches_quantized(call))
      results = read_quantized(call, reader);
    else
      results = reader(call);
    check_results(call, results);
  } catch (const PlacedError&) {
    throw;
  } catch (const Error& e) {
    // The Builder says where an equation comes from; the file's own line tells more.
    std::string_view message = e.what();
    const std::string prefix = location_str(where) + ": ";
    if (message.starts_with(prefix)) message.remove_prefix(prefix.size());
    const std::string own = op.name + ": ";
    if (message.starts_with(own)) message.remove_prefix(own.size());
    throw PlacedError(e.kind(), fmt::format("{}: {}: {}", place(op.at), op.name, message));
  }
  if (dynamic_module_) track(call, results);
  size_t next = 0;
  for (const syntax::Result& r : op.results) {
    std::vector<ValueId> values;
    for (uint32_t i = 0; i < r.count; ++i) values.push_back(results[next++]);
    if (!frame.names.emplace(r.name, std::move(values)).second)
      fail_at(r.at, fmt::format("%{} is defined twice", r.name));
  }
  return results;
}

void Importer::check_results(const OpCall& call, std::span<const ValueId> results) const {
  const syntax::Operation& op = call.op;
  Builder& b = call.frame.builder;
  if (results.size() != op.result_types.size())
    fail_at(op.at,
            fmt::format("{} gives {} results, but {} are declared", op.name, results.size(), op.result_types.size()));
  for (size_t i = 0; i < results.size(); ++i) {
    const syntax::Type& declared = *op.result_types[i];
    const Type& type = b.type(results[i]);
    bool fits = (declared.kind == syntax::Type::Kind::kToken) == is_token(type);
    if (fits && !is_token(type)) {
      const TensorType& t = tensor(type);
      const DType wanted =
          declared.quantization && !call.frame.strip_quantization ? declared.quantization->storage : declared.dtype;
      fits =
          declared.kind == syntax::Type::Kind::kTensor && t.dtype == wanted && t.shape.size() == declared.shape.size();
      for (size_t d = 0; fits && d < t.shape.size(); ++d) {
        if (declared.shape[d] == syntax::kDynamic) continue;
        if (t.shape[d].is_constant())
          fits = t.shape[d].constant() == declared.shape[d];
        else
          b.assume_equal(t.shape[d], Dim(declared.shape[d]));
      }
    }
    if (!fits)
      fail_at(op.at, fmt::format("{}: the declared result type is {}, but these operands and attributes give {}",
                                 op.name, declared.str(), str(type, b.symbols())));
  }
}

std::vector<ValueId> Importer::unsupported(OpCall& call, const std::string& why) {
  unsupported_.push_back(fmt::format("{}: {} {}", place(call.op.at), call.op.name, why));
  op::CustomCallAttributes attributes;
  attributes.target = "unsupported";
  std::vector<ValueId> results;
  for (const syntax::TypeRef& t : call.op.result_types) {
    if (t->kind == syntax::Type::Kind::kToken) {
      results.push_back(call.b().add(op::after_all(), {}, {})[0]);
      continue;
    }
    // Without sizes there is no going on.
    if (t->kind != syntax::Type::Kind::kTensor || t->is_dynamic()) finish();
    attributes.results = {tensor(to_type(*t, call.frame.strip_quantization, nullptr, place(call.op.at)))};
    results.push_back(call.b().add1(op::custom_call(), make_attributes(attributes), {}));
  }
  return results;
}

std::vector<ValueId> Importer::inline_call(Frame& frame, const syntax::Function& callee, std::span<const ValueId> args,
                                           syntax::Position at) {
  if (std::find(in_progress_.begin(), in_progress_.end(), &callee) != in_progress_.end())
    fail_at(at, fmt::format("the function @{} calls itself; recursion is not supported", callee.name));
  constexpr size_t kMostNested = 64;
  if (in_progress_.size() >= kMostNested) fail_at(at, "functions call each other too deeply");
  in_progress_.push_back(&callee);
  Frame inner{frame.builder};
  inner.known = frame.known;
  inner.quantized = frame.quantized;
  for (size_t i = 0; i < args.size(); ++i) inner.names.emplace(callee.body.arguments[i].name, std::vector{args[i]});
  std::vector<ValueId> results = body(inner, callee.body);
  in_progress_.pop_back();
  frame.known = std::move(inner.known);
  frame.quantized = std::move(inner.quantized);
  return results;
}

// Entry points
// ---------------------------------------------------------------------------------------------------------

const Function* Module::find(std::string_view wanted) const {
  for (const Function& f : functions)
    if (f.name == wanted) return &f;
  return nullptr;
}

ProgramRef parse_program(std::string_view text, const std::string& file_name, const ReadOptions& options) {
  const syntax::File file = syntax::parse(text, file_name);
  return Importer(file, options).entry();
}

ProgramRef read_program(const std::filesystem::path& path, const ReadOptions& options) {
  const auto file = MappedFile::open(path);
  return parse_program(file->text(), path.string(), options);
}

Module parse_module(std::string_view text, const std::string& file_name) {
  const syntax::File file = syntax::parse(text, file_name);
  return {file.module, Importer(file, {}).all()};
}

Module read_module(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  return parse_module(file->text(), path.string());
}

}  // namespace ecotone::stablehlo
