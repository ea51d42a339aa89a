// Modules: functions and what they ask for, locations, and the entry points.
#include <limits>
#include <set>

#include <fmt/format.h>

#include "ecotone/base/error.h"
#include "ecotone/format/stablehlo/literal.h"
#include "ecotone/format/stablehlo/printer.h"

namespace ecotone::stablehlo {

std::string ModulePrinter::unique_name(std::string_view hint) {
  const std::string base = hint.empty() ? "function" : std::string(hint);
  std::string name = base;
  for (size_t i = names_.size(); !names_.insert(name).second; ++i) name = base + "_" + std::to_string(i);
  return name;
}

void ModulePrinter::print_callee(Callee& callee, std::span<const Dim> dim_args, bool is_lowering) {
  constexpr int kDeepest = 200;
  if (++depth_ > kDeepest) fail_kind(ErrorKind::kUnsupported, "calls are nested more than {} deep", kDeepest);
  std::string& text = texts_.emplace_back();
  FunctionPrinter printer(*this, is_lowering);
  printer.print(*callee.body, callee.name, false, false, dim_args);
  callee.appended = printer.appended();
  text = std::move(printer).take_text();
  --depth_;
}

const Callee& ModulePrinter::function_of(const Region& region, std::string_view hint) {
  std::vector<int64_t> key;
  for (const Dim& d : region.dim_args)
    key.push_back(d.is_constant() ? d.constant() : std::numeric_limits<int64_t>::min());
  Callee& callee = functions_[{region.body.get(), std::move(key)}];
  if (callee.body) return callee;
  callee.name = unique_name(hint.empty() ? region.body->name() : hint);
  callee.body = region.body;
  print_callee(callee, region.dim_args, false);
  return callee;
}

const Callee& ModulePrinter::function_of(const std::string& key, std::string_view hint,
                                         const std::function<ProgramRef()>& make) {
  Callee& callee = made_[key];
  if (callee.body) return callee;
  callee.name = unique_name(hint);
  callee.body = make();
  std::vector<Dim> dim_args;
  for (SymbolId s = 0; s < callee.body->symbols().size(); ++s) dim_args.push_back(Dim::symbol(s));
  print_callee(callee, dim_args, true);
  return callee;
}

void ModulePrinter::add(const Program& program, std::string_view name, bool is_public) {
  std::string& text = texts_.emplace_back();
  FunctionPrinter printer(*this, false);
  printer.print(program, name, is_public, true, {});
  text = std::move(printer).take_text();
}

std::string ModulePrinter::location_text(LocationId id) {
  if (!options_.locations || id == kNoLocation) return {};
  return fmt::format(" loc(#loc{})", locations_.try_emplace(id, locations_.size()).first->second);
}

// Children before parents: a location's children have smaller ids.
std::string ModulePrinter::location_definitions() {
  std::set<LocationId> open;
  for (const auto& [id, number] : locations_) open.insert(id);
  while (!open.empty()) {
    const LocationId id = *open.rbegin();
    open.erase(id);
    locations_.try_emplace(id, locations_.size());
    for (const LocationId c : location(id).children)
      if (c != kNoLocation) open.insert(c);
  }
  std::string out;
  for (const auto& [id, number] : locations_) {
    const Location& l = location(id);
    std::vector<std::string> children;
    for (const LocationId c : l.children)
      children.push_back(c == kNoLocation ? "unknown" : fmt::format("#loc{}", locations_.at(c)));
    out += fmt::format("#loc{} = loc(", number);
    switch (l.kind) {
      case LocationKind::kFile:
        out += fmt::format("{}:{}:{}", string_text(l.text), l.line, l.column);
        break;
      case LocationKind::kNamed:
        out += string_text(l.text) + (children.empty() ? "" : "(" + children[0] + ")");
        break;
      case LocationKind::kFused:
        out += fmt::format("fused[{}]", fmt::join(children, ", "));
        break;
      case LocationKind::kCall:
        out += fmt::format("callsite({} at {})", children[0], children[1]);
        break;
      case LocationKind::kDerived:
        out += fmt::format("fused<{{ecotone.derived = {}}}>[{}]", string_text(l.text), children[0]);
        break;
    }
    out += ")\n";
  }
  return out;
}

std::string ModulePrinter::finish(std::string_view module_name, const DynamicAttributes* annotations) && {
  std::string out = "module";
  if (!module_name.empty()) out += " " + symbol_text(module_name);
  std::string meshes;
  if (annotations) {
    DynamicAttributes rest;
    for (const auto& [key, value] : annotations->entries) {
      const auto* named = key == kMeshKey ? std::get_if<DynamicAttributes>(&value.value) : nullptr;
      if (!named) {
        rest.entries.emplace_back(key, value);
        continue;
      }
      for (const auto& [mesh, entries] : named->entries) {
        DynamicAttributes others = std::get<DynamicAttributes>(entries.value);
        const AttributeValue* axes = others.find("mesh");
        const std::string* text = axes ? mlir_text(*axes) : nullptr;
        constexpr std::string_view kPrefix = "#sdy.mesh";
        if (!text || !text->starts_with(kPrefix)) fail("the mesh '{}' has no axes", mesh);
        meshes += fmt::format("  sdy.mesh {} = {}", symbol_text(mesh), text->substr(kPrefix.size()));
        std::erase_if(others.entries, [](const auto& entry) { return entry.first == "mesh"; });
        if (!others.empty()) meshes += " " + dictionary_text(others, {});
        meshes += '\n';
      }
    }
    if (!rest.empty()) out += " attributes " + dictionary_text(rest, {});
  }
  out += " {\n" + meshes;
  for (const std::string& text : texts_) out += text;
  return out + "}\n" + location_definitions();
}

// Entry points --------------------------------------------------------------------------------------------------------

std::string print_program(const Program& program, const PrintOptions& options) {
  ModulePrinter printer(options);
  printer.reserve_name("main");
  printer.add(program, "main", true);
  const AttributeValue* annotations = program.annotations() ? program.annotations()->find(kModuleKey) : nullptr;
  return std::move(printer).finish(program.name() == "main" ? "" : program.name(),
                                   annotations ? std::get_if<DynamicAttributes>(&annotations->value) : nullptr);
}

std::string print_module(const Module& module, const PrintOptions& options) {
  ModulePrinter printer(options);
  for (const Function& f : module.functions) printer.reserve_name(f.name);
  for (const Function& f : module.functions) printer.add(*f.program, f.name, f.is_public);
  return std::move(printer).finish(module.name, module.annotations.get());
}

}  // namespace ecotone::stablehlo
