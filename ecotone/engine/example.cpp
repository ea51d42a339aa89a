#include "ecotone/engine/example.h"

#include <algorithm>
#include <optional>

#include <nlohmann/json.hpp>

#include "ecotone/base/error.h"
#include "ecotone/base/file.h"
#include "ecotone/engine/engines.h"
#include "ecotone/engine/messages.h"
#include "ecotone/engine/model.h"
#include "ecotone/format/npz/npy.h"
#include "ecotone/format/npz/npz.h"
#include "ecotone/format/onnx/edit.h"

namespace ecotone::engine {
namespace {

namespace fs = std::filesystem;

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail("the folder {} can't be made: {}", folder.string(), error.message());
}

void copy_to(const fs::path& from, const fs::path& to) {
  std::error_code ignored;
  if (fs::equivalent(from, to, ignored)) return;
  make_folder(to.parent_path());
  AtomicFile file(to);
  file.write(MappedFile::open(from)->bytes());
  file.commit();
}

// The folder that an engine's converter filled, told by its ecotone.json: that of the artifact or one not far above it.
// Nothing for an engine that loads the user's own file, whatever lies about that.
std::optional<fs::path> converted_folder(const EngineInfo& engine, const fs::path& artifact) {
  for (const std::string& format : engine.formats)
    if (format == "onnx" || format == "stablehlo") return std::nullopt;
  fs::path folder = artifact.parent_path();
  for (int i = 0; i < 3; ++i, folder = folder.parent_path())
    if (fs::exists(folder / "ecotone.json")) return folder;
  return std::nullopt;
}

// A name as it may stand between double quotes, in Python and in C++.
std::string in_quotes(const std::string& text) {
  if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }))
    fail("the name {} has control characters",
         nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace));
  std::string result;
  for (char c : text) result += c == '"' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
  return result;
}

// What stands in a pattern for {model}, {threads} and {variant:DEFAULT}, in quotes.
struct Fields {
  std::string model, threads, variant;  // no variant: the default
};

void fill(const fs::path& pattern, const Fields& fields, const fs::path& to) {
  const std::string given = read_text_file(pattern);
  std::string text;
  // Braces of the program's own stay.
  for (size_t at = 0; at < given.size();) {
    const std::string_view rest = std::string_view(given).substr(at);
    const size_t length = rest.find('}') + 1;
    constexpr std::string_view kModel = "{model}", kThreads = "{threads}", kVariant = "{variant:";
    if (rest.starts_with(kModel)) {
      text += fields.model, at += length;
    } else if (rest.starts_with(kThreads)) {
      text += fields.threads, at += length;
    } else if (rest.starts_with(kVariant)) {
      text += fields.variant.empty() ? rest.substr(kVariant.size(), length - 1 - kVariant.size()) : fields.variant;
      at += length;
    } else {
      text += given[at++];
    }
  }
  AtomicFile file(to);
  file.write(text);
  file.commit();
}

}  // namespace

void write_example(const std::string& engine, const fs::path& artifact, const NamedTensors& inputs, int threads,
                   const fs::path& folder) {
  const EngineInfo info = engine_info(engine);
  const size_t colon = std::min(engine.find(':'), engine.size());
  const std::string base = engine.substr(0, colon);  // a variant's program differs in a field alone
  const fs::path patterns = data_folder("examples"), pattern = patterns / (info.native ? base : base + ".py");
  if (!fs::exists(pattern)) fail_kind(ErrorKind::kMissing, "there is no example for engine {}", engine);
  if (!fs::is_regular_file(artifact)) fail("{} is no file", artifact.string());
  for (const auto& [name, tensor] : inputs)
    if (!npz::numpy_has(tensor.dtype()))
      fail("input '{}' is {}, which NumPy lacks: no example can read it", name, ecotone::name(tensor.dtype()));
  const fs::path from = fs::absolute(artifact);
  const std::optional<fs::path> converted = converted_folder(info, from);
  const fs::path root = converted.value_or(from.parent_path());
  std::string variant = engine.substr(std::min(colon + 1, engine.size()));
  if (variant.ends_with(".so")) variant = fs::absolute(variant).string();  // a PJRT plugin
  const Fields fields{in_quotes(from.lexically_relative(root).generic_string()), std::to_string(threads),
                      in_quotes(variant)};
  make_folder(folder);
  if (!converted) {
    copy_to(from, folder / from.filename());
    if (detect_format(from) == ModelFormat::kOnnx)
      for (const fs::path& weights : onnx::external_files(from)) copy_to(root / weights, folder / weights);
  } else {
    for (const auto& entry : fs::recursive_directory_iterator(root))
      if (entry.is_regular_file()) copy_to(entry.path(), folder / entry.path().lexically_relative(root));
  }
  npz::write_npz(folder / "inputs.npz", inputs);
  if (info.native) {
    fill(pattern / "main.cpp", fields, folder / "main.cpp");
    copy_to(pattern / "CMakeLists.txt", folder / "CMakeLists.txt");
  } else {
    // Not the engine's own name: Python would import the script instead of the engine.
    fill(pattern, fields, folder / ("run_" + base + ".py"));
    fill(patterns / "ecotone_example.py", fields, folder / "ecotone_example.py");
    // How its adapter makes the engine's model of the file, where that is more than a call.
    const std::string module = info.module.substr(info.module.rfind('.') + 1);
    const fs::path more = module.substr(0, module.rfind("_adapter")) + "_model.py";
    const fs::path shared = workers_folder() / "ecotone_workers" / more;
    if (fs::exists(shared)) copy_to(shared, folder / more);
  }
}

}  // namespace ecotone::engine
