// StableHLO text (MLIR) <-> Program.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ecotone/ir/program.h"

namespace ecotone::stablehlo {

struct ReadOptions {
  std::string function;                                // the entry; empty: "main", else the only public function
  std::map<std::string, std::vector<int64_t>> shapes;  // sizes of inputs by name: what the file leaves open (`?`)
};

// One function of a module. Functions that it calls are in its Program, as shared bodies of `ecotone.call`.
struct Function {
  std::string name;
  bool is_public = true;
  ProgramRef program;
};
struct Module {
  std::string name;                 // empty when the file gives none
  std::vector<Function> functions;  // in the order of the file
  std::shared_ptr<const DynamicAttributes> annotations{};  // of the module: attributes and meshes; may be null

  // The function of that name; null when there is none.
  const Function* find(std::string_view name) const;
};

// The Program of a text file's entry function: pretty or generic form, with StableHLO, CHLO and func operations.
// Arguments become inputs named by their attribute `ecotone.name`, else "arg0", "arg1", ...; those with
// `ecotone.kind = "parameter"` become parameters. Results are named by `ecotone.name`, else "out0", "out1", ...
// Shardings and unknown attributes are kept as annotations. Throws Error as "file:line:column: what is wrong", of kind
// kUnsupported with a list of all that is unsupported.
ProgramRef read_program(const std::filesystem::path& path, const ReadOptions& options = {});
// The same from text; messages and locations name `file_name`.
ProgramRef parse_program(std::string_view text, const std::string& file_name, const ReadOptions& options = {});

// Every function of a file, as conformance files have several. Operations of the dialect `check`
// (check.expect_eq and its like) are read as custom calls of that name; a constant that one compares with becomes its
// second operand.
Module read_module(const std::filesystem::path& path);
Module parse_module(std::string_view text, const std::string& file_name);

// Among a Program's annotations, those of the module that it stands in; and among these, device meshes by name.
inline constexpr std::string_view kModuleKey = "module", kMeshKey = "sdy.mesh";

struct PrintOptions {
  bool locations = false;  // where each equation comes from, as loc(...)
};

// The Program as StableHLO text. MLIR's tools parse it; read_program gives an equal Program back (see
// ir/difference.h; values of parameters and, unless asked for, locations are not in the text). Throws Error
// (kUnsupported) for what the text form cannot say.
std::string print_program(const Program& program, const PrintOptions& options = {});
// The same with several functions: each of `module`'s under its own name.
std::string print_module(const Module& module, const PrintOptions& options = {});

}  // namespace ecotone::stablehlo
