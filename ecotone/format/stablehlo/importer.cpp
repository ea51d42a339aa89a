// Functions and regions of the syntax tree, read into Programs.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ecotone/base/file.h"
#include "ecotone/format/stablehlo/import.h"
#include "ecotone/ir/difference.h"
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

// The functions that the attributes name.
void note_uses(const syntax::Attribute& a, std::set<std::string_view>& used) {
  if (a.kind == syntax::Attribute::Kind::kSymbol) used.insert(a.text);
  for (const syntax::Attribute& i : a.items) note_uses(i, used);
  for (const auto& [key, value] : a.entries) note_uses(value, used);
}
void note_uses(const syntax::Region& region, std::set<std::string_view>& used) {
  for (const syntax::Operation& op : region.operations) {
    for (const auto& [key, value] : op.attributes) note_uses(value, used);
    for (const syntax::Region& r : op.regions) note_uses(r, used);
  }
}

}  // namespace

Importer::Importer(const syntax::File& file, const ReadOptions& options) : file_(file), options_(options) {
  for (const syntax::Function& f : file.functions) {
    if (!functions_.emplace(f.name, &f).second) fail_at(f.at, fmt::format("the function @{} is defined twice", f.name));
    says_sizes_ = says_sizes_ || syntax::find(f.attributes, "ecotone.symbols");
    dynamic_module_ = dynamic_module_ || says_sizes_ || is_dynamic(f);
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
  is_single_ = true;
  ProgramRef program = function(entry_function(), true);
  finish();
  return program;
}

// Private functions that others are made of are read where these use them.
std::vector<Function> Importer::all() {
  std::set<std::string_view> used;
  for (const syntax::Function& f : file_.functions) note_uses(f.body, used);
  std::vector<Function> functions;
  for (const syntax::Function& f : file_.functions)
    if (f.has_body && (f.is_public || !used.contains(f.name)))
      functions.push_back({f.name, f.is_public, function(f, true)});
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

std::vector<ValueId> Importer::body(Frame& frame, const syntax::Region& region) {
  // Regions within functions that call functions: each level takes stack.
  constexpr int kMostNested = 200;
  struct Depth {
    int& depth;
    explicit Depth(int& d) : depth(++d) {}
    ~Depth() { --depth; }
  } depth(depth_);
  if (depth_ > kMostNested && !region.operations.empty())
    fail_at(region.operations[0].at, fmt::format("regions and calls are nested more than {} levels deep", kMostNested));
  for (size_t i = 0; i < region.operations.size(); ++i) {
    const syntax::Operation& op = region.operations[i];
    const bool returns = op.name == "func.return" || op.name == "stablehlo.return" || op.name == "mhlo.return" ||
                         op.name == "sdy.return";
    if (!returns) {
      operation(frame, op);
      continue;
    }
    if (i + 1 != region.operations.size()) fail_at(op.at, "a return must be the last operation of its region");
    std::vector<ValueId> results;
    for (const syntax::Use& use : op.operands) {
      const auto found = frame.names.find(use.name);
      if (found == frame.names.end() && frame.sizes.contains(use.name))
        fail_at(use.at, fmt::format("%{} is marked as a size; it can't be returned", use.name));
      if (found == frame.names.end() || use.index >= found->second.size() || found->second[use.index] == kNoValue)
        fail_at(use.at, fmt::format("%{} is not defined here", use.name));
      results.push_back(found->second[use.index]);
    }
    check_operands(frame, op, results);
    return results;
  }
  fail_at(region.end, "a return is missing before this bracket");
}

void Importer::find_operands(OpCall& call) const {
  const bool takes_sizes = find_dynamic_reader(call.op.name) || call.op.name == "func.call";
  for (const syntax::Use& use : call.op.operands) {
    const auto found = call.frame.names.find(use.name);
    if (found == call.frame.names.end()) {
      if (!call.frame.sizes.contains(use.name)) fail_at(use.at, fmt::format("%{} is not defined here", use.name));
      if (!takes_sizes && !syntax::find(call.op.attributes, "ecotone.dim_value"))
        fail_at(use.at, fmt::format("%{} is marked as a size; {} can't use it as a value", use.name, call.op.name));
      call.operands.push_back(kNoValue);
      continue;
    }
    if (use.index >= found->second.size())
      fail_at(use.at, fmt::format("%{} has {} results; there is no #{}", use.name, found->second.size(), use.index));
    if (found->second[use.index] == kNoValue)
      fail_at(use.at, fmt::format("%{}#{} is not defined here", use.name, use.index));
    call.operands.push_back(found->second[use.index]);
  }
}

std::vector<ValueId> Importer::read(OpCall& call) {
  const std::string& name = call.op.name;
  const OpReader dynamic = dynamic_module_ ? find_dynamic_reader(name) : nullptr;
  const OpReader reader = dynamic ? dynamic : find_reader(name);
  const bool converts = name == "stablehlo.uniform_quantize" || name == "stablehlo.uniform_dequantize";
  const bool quantized = touches_quantized(call);
  if (quantized && (reader || converts)) return read_quantized(call, reader);
  if (reader) return reader(call);
  return unsupported(
      call, find_dynamic_reader(name) ? "needs sizes that are not known" : "is no operation that Ecotone knows");
}

std::vector<ValueId> Importer::operation(Frame& frame, const syntax::Operation& op) {
  constexpr size_t kMostEquations = 2'000'000;  // inlined calls may repeat without end
  if (++equations_ > kMostEquations) fail_at(op.at, "the program has too many operations once its calls are expanded");
  OpCall call(*this, frame, op);
  const LocationId where = location(op);
  const LocationScope scope(frame.builder, where);
  std::vector<ValueId> results;
  try {
    if (!op.attributes.empty() && read_mark(call, results)) {
      if (results.empty()) return {};  // a size or less: no equation
    } else {
      find_operands(call);
      check_operands(frame, op, call.operands);
      results = read(call);
    }
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
  if (dynamic_module_ && !says_sizes_) track(call, results);
  name_results(frame, op, results);
  return results;
}

void Importer::name_results(Frame& frame, const syntax::Operation& op, std::span<const ValueId> results) {
  size_t next = 0;
  for (const syntax::Result& r : op.results) {
    const auto values = results.subspan(next, r.count);
    next += r.count;
    if (frame.sizes.contains(r.name) || !frame.names.try_emplace(r.name, values.begin(), values.end()).second)
      fail_at(r.at, fmt::format("%{} is defined twice", r.name));
  }
  const syntax::Attribute* tap = op.attributes.empty() ? nullptr : syntax::find(op.attributes, "ecotone.tap");
  if (!tap) return;
  if (results.size() == 1 && tap->kind == syntax::Attribute::Kind::kString)
    return frame.builder.name_value(results[0], tap->text);
  if (tap->items.size() != results.size()) fail_at(tap->at, "ecotone.tap must name each result");
  for (size_t i = 0; i < results.size(); ++i)
    if (!tap->items[i].text.empty()) frame.builder.name_value(results[i], tap->items[i].text);
}

bool Importer::fits(Frame& frame, const syntax::Type& declared, const Type& type, bool assume) const {
  if (declared.kind == syntax::Type::Kind::kToken || is_token(type))
    return declared.kind == syntax::Type::Kind::kToken && is_token(type);
  const TensorType& t = tensor(type);
  const DType wanted =
      declared.quantization && !frame.strip_quantization ? declared.quantization->storage : declared.dtype;
  if (declared.kind != syntax::Type::Kind::kTensor || t.dtype != wanted || t.shape.size() != declared.shape.size())
    return false;
  for (size_t d = 0; d < t.shape.size(); ++d) {
    if (declared.shape[d] == syntax::kDynamic) continue;
    if (t.shape[d].is_constant() && t.shape[d].constant() != declared.shape[d]) return false;
    if (!t.shape[d].is_constant() && assume) frame.builder.assume_equal(t.shape[d], Dim(declared.shape[d]));
  }
  return true;
}

void Importer::check_operands(Frame& frame, const syntax::Operation& op, std::span<const ValueId> operands) const {
  const Builder& b = frame.builder;
  if (frame.strip_quantization) return;
  for (size_t i = 0; i < std::min(op.operand_types.size(), operands.size()); ++i) {
    const ValueId v = operands[i];
    if (v != kNoValue && !fits(frame, *op.operand_types[i], b.type(v), false))
      fail_at(op.operands[i].at, fmt::format("{}: %{} is {}, but is said to be {}", op.name, op.operands[i].name,
                                             str(b.type(v), b.symbols()), op.operand_types[i]->str()));
  }
}

void Importer::check_results(const OpCall& call, std::span<const ValueId> results) const {
  const syntax::Operation& op = call.op;
  Builder& b = call.frame.builder;
  if (results.size() != op.result_types.size())
    fail_at(op.at,
            fmt::format("{} gives {} results, but {} are declared", op.name, results.size(), op.result_types.size()));
  for (size_t i = 0; i < results.size(); ++i)
    if (!fits(call.frame, *op.result_types[i], b.type(results[i]), true))
      fail_at(op.at, fmt::format("{}: the declared result type is {}, but these operands and attributes give {}",
                                 op.name, op.result_types[i]->str(), str(b.type(results[i]), b.symbols())));
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
  in_progress_.push_back(&callee);
  std::vector<ValueId> results = inline_region(frame, callee.body, args);
  check_returned(frame, callee, results);
  in_progress_.pop_back();
  return results;
}

std::vector<ValueId> Importer::inline_region(Frame& frame, const syntax::Region& region,
                                             std::span<const ValueId> args) {
  Frame inner{frame.builder};
  inner.known = std::move(frame.known);
  inner.quantized = std::move(frame.quantized);
  inner.symbols = frame.symbols;
  for (size_t i = 0; i < args.size(); ++i) inner.names.emplace(region.arguments[i].name, std::vector{args[i]});
  std::vector<ValueId> results = body(inner, region);
  frame.known = std::move(inner.known);
  frame.quantized = std::move(inner.quantized);
  return results;
}

bool Importer::depends_on_caller(const OpCall& call, const syntax::Function& callee) {
  return !says_sizes_ && (is_dynamic(callee) || (dynamic_module_ && follows_sizes(call)));
}

bool Importer::is_same(const Program& ours, const Program& theirs) {
  if (same_.contains({&ours, &theirs})) return true;
  DifferenceOptions options;
  options.names = options.annotations = false;
  if (difference(ours, theirs, options)) return false;
  same_.insert({&ours, &theirs});
  return true;
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
  const ReadOptions options;
  Importer importer(file, options);
  return {file.module, importer.all(), importer.module_annotations()};
}

Module read_module(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  return parse_module(file->text(), path.string());
}

}  // namespace ecotone::stablehlo
