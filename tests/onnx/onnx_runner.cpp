// Runs ONNX's backend suite, as generate.py has written it, on the reference backend. Each case has a process of its
// own for the time that it takes: a crash is a failed case. So is one whose values are not tensors of numbers.
// Usage: onnx_suite FOLDER --exceptions FILE [--write FILE] [--only NAME] [--operators DOC] [--write-operators DOC]
// --write lists what fails anew; --operators holds the table of operators against DOC, --write-operators writes it.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "ecotone/backend/reference/reference.h"
#include "ecotone/backend/session.h"
#include "ecotone/base/error.h"
#include "ecotone/base/file.h"
#include "ecotone/format/onnx/onnx.h"
#include "ecotone/format/onnx/proto.h"
#include "ecotone/ir/verify.h"

#include "tests/support/suite.h"

namespace {

using namespace ecotone;
namespace fs = std::filesystem;

std::string read_text(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// Why generate.py could not store the case's values as tensors; empty where it could.
std::string why_not_numeric(const fs::path& folder) {
  return read_text(folder / "not-numeric");
}

// The tensors of each file; several (or none) where the value is a sequence or optional.
std::vector<std::vector<Tensor>> read_values(const fs::path& data, const char* prefix) {
  std::vector<std::vector<Tensor>> values;
  for (int i = 0; fs::exists(data / (prefix + std::to_string(i) + ".pb")); ++i) {
    values.emplace_back();
    for (Tensor& t : onnx::read_value_file(data / (prefix + std::to_string(i) + ".pb")))
      values.back().push_back(t.plain());
  }
  return values;
}
std::vector<Tensor> flat(const std::vector<std::vector<Tensor>>& values) {
  std::vector<Tensor> all;
  for (const std::vector<Tensor>& v : values) all.insert(all.end(), v.begin(), v.end());
  return all;
}

// numpy.testing.assert_allclose with equal_nan, and equal shapes and types, as ONNX's runner judges: bf16 to two of its
// units in the last place.
std::string difference(const Tensor& actual, const Tensor& expected, double rtol, double atol, bool is_random) {
  if (actual.dtype() != expected.dtype())
    return "dtype " + std::string(name(actual.dtype())) + ", not " + std::string(name(expected.dtype()));
  if (actual.shape() != expected.shape())
    return "shape " + shape_str(actual.shape()) + ", not " + shape_str(expected.shape());
  if (is_random) return "";
  const bool exact = !is_float(actual.dtype()) && !is_complex(actual.dtype());
  if (actual.dtype() == DType::kBF16) rtol = std::max(rtol, 0x1p-6);
  for (int64_t i = 0; i < actual.size(); ++i) {
    if (exact) {
      if (actual.at_bits(i) != expected.at_bits(i))
        return "element " + std::to_string(i) + ": " + std::to_string(actual.at_int(i)) + ", not " +
               std::to_string(expected.at_int(i));
      continue;
    }
    const std::complex<double> a = actual.at_complex(i), e = expected.at_complex(i);
    const bool both_nan = std::isnan(a.real()) && std::isnan(e.real());
    if (!both_nan && a != e && !(std::abs(a - e) <= atol + rtol * std::abs(e)))
      return "element " + std::to_string(i) + ": " + std::to_string(a.real()) + ", not " + std::to_string(e.real());
  }
  return "";
}

// Why the case fails; empty when it passes. Of random values only types and shapes are compared.
std::string run_case(const fs::path& folder, bool is_random) try {
  if (std::string why = why_not_numeric(folder); !why.empty()) return "not stored: " + why;
  double rtol = 0, atol = 0;
  std::ifstream(folder / "tolerance") >> rtol >> atol;
  for (int n = 0; fs::exists(folder / ("data_" + std::to_string(n))); ++n) {
    const fs::path data = folder / ("data_" + std::to_string(n));
    const std::vector<std::vector<Tensor>> given = read_values(data, "input_");
    std::vector<Tensor> inputs = flat(given);
    const std::vector<Tensor> expected = flat(read_values(data, "output_"));
    const fs::path file = folder / "model.onnx";
    const std::vector<onnx::DeclaredInput> declared = onnx::read_declared_inputs(file);
    if (declared.size() != given.size())
      return "takes " + std::to_string(declared.size()) + " inputs, is given " + std::to_string(given.size());
    onnx::ReadOptions options;
    for (size_t i = 0; i < given.size(); ++i) {
      if (declared[i].is_sequence || declared[i].is_optional)
        options.lengths[declared[i].name] = static_cast<int64_t>(given[i].size());
      else if (given[i].size() != 1)
        return "input " + std::to_string(i) + " holds " + std::to_string(given[i].size()) + " tensors, not one";
      for (size_t k = 0; k < given[i].size(); ++k) {
        const std::string name = declared[i].name + (declared[i].is_sequence ? "[" + std::to_string(k) + "]" : "");
        const Tensor& t = given[i][k];
        options.shapes[name] = t.shape();
        if (t.rank() <= 1 && t.size() <= (is_float(t.dtype()) ? 8 : 64)) options.known_inputs[name] = t;
      }
    }
    const ProgramRef program = onnx::read_program(file, options);
    verify(*program);
    if (program->inputs().size() == inputs.size() + 1 && program->inputs().back().name == "rng_key")
      inputs.push_back(Tensor::from<uint64_t>({1, 2}, {2}));
    const std::vector<Tensor> actual = backend::Session(backend::reference(), program).run(inputs);
    if (actual.size() != expected.size())
      return "gives " + std::to_string(actual.size()) + " outputs, not " + std::to_string(expected.size());
    for (size_t i = 0; i < actual.size(); ++i)
      if (const std::string why = difference(actual[i], expected[i], rtol, atol, is_random); !why.empty())
        return "output " + std::to_string(i) + ": " + why;
  }
  return "";
} catch (const std::exception& e) {
  return e.what();
}

std::string run_apart(const fs::path& folder, bool is_random) {
  int ends[2];
  if (pipe(ends) != 0) return "no pipe";
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    std::string why = run_case(folder, is_random);
    std::replace(why.begin(), why.end(), '\n', ' ');
    why.resize(std::min<size_t>(why.size(), 4000));
    const bool written = write(ends[1], why.data(), why.size()) == static_cast<ssize_t>(why.size());
    _exit(written ? 0 : 1);
  }
  close(ends[1]);
  std::string why(4096, '\0');
  const ssize_t length = read(ends[0], why.data(), why.size());
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return "crashed or ran out of time";
  why.resize(static_cast<size_t>(std::max<ssize_t>(0, length)));
  return why;
}

// What the suite says of an operator: "domain:Name", ai.onnx without domain.
struct Tally {
  int passed = 0, all = 0, random = 0;  // random: of those that pass, by type and shape alone
  int64_t oldest = 0, newest = 0;       // opsets of the cases that pass
};

void count_operators(const fs::path& folder, bool passes, bool is_random, std::map<std::string, Tally>& tallies) {
  const auto file = MappedFile::open(folder / "model.onnx");
  const onnx::ModelProto model = onnx::decode_model(file->text());
  std::map<std::string, int64_t> met;  // with the opset of the operator's domain
  for (const onnx::NodeProto& n : model.graph->nodes) {
    const auto it = model.opsets.find(n.domain == "ai.onnx" ? "" : n.domain);
    met[n.domain.empty() ? n.op_type : n.domain + ":" + n.op_type] = it == model.opsets.end() ? 1 : it->second;
  }
  for (const auto& [name, opset] : met) {
    Tally& t = tallies[name];
    ++t.all;
    if (!passes) continue;
    t.oldest = t.passed == 0 ? opset : std::min(t.oldest, opset);
    t.newest = std::max(t.newest, opset);
    ++t.passed;
    t.random += is_random;
  }
}

// docs/onnx-operators.md.
std::string operator_table(const std::map<std::string, Tally>& tallies) {
  std::map<std::string, std::map<std::string, Tally>> domains;
  std::set<std::string> supported;
  const auto place = [&](const std::string& name) -> Tally& {
    const size_t colon = name.find(':');
    return colon == std::string::npos ? domains["ai.onnx"][name]
                                      : domains[name.substr(0, colon)][name.substr(colon + 1)];
  };
  for (const std::string_view name : onnx::supported_operators()) {
    supported.emplace(name);
    place(std::string(name)) = {};
  }
  std::string missing;
  for (const auto& [name, tally] : tallies)
    if (supported.contains(name))
      place(name) = tally;
    else
      missing += (missing.empty() ? "" : ", ") + name;
  std::ostringstream out;
  out << "# ONNX operators\n\nWritten by `onnx_suite build/onnx --write-operators docs/onnx-operators.md`; the test "
         "`onnx_suite` "
         "fails when it is out of date.\n\n"
         "Models of opsets 1 to 28 of ai.onnx are read. *Ran here* counts the cases of ONNX's own backend suite that "
         "hold the "
         "operator and give its\nresults; *opsets* are those of the cases that pass. *Read* means that an importer "
         "exists, but "
         "ONNX's suite has no case for it.\nThe values of *random* cases are one draw of NumPy's generator: their "
         "types "
         "and shapes are compared, and `tests/onnx/random_test.py` tests the\ndistributions. Cases of strings, and "
         "some "
         "of optionals and sequences, are counted but not run: [exceptions](../tests/onnx/exceptions.txt).\n";
  for (const auto& [domain, operators] : domains) {
    out << "\n## " << domain << " (" << operators.size() << ")\n\n| operator | state | opsets |\n| --- | --- | --- |\n";
    for (const auto& [name, t] : operators) {
      out << "| " << name << " | ";
      if (t.all == 0)
        out << "read | |\n";
      else
        out << (t.passed == 0 ? "read; ran here: " : "ran here: ") << t.passed << " of " << t.all << " cases"
            << (t.random ? ", " + std::to_string(t.random) + " random" : "") << " | "
            << (t.passed == 0          ? std::string()
                : t.oldest == t.newest ? std::to_string(t.oldest)
                                       : std::to_string(t.oldest) + "-" + std::to_string(t.newest))
            << " |\n";
    }
  }
  out << "\n## In ONNX's suite, but not read\n\n" << missing << "\n";
  return out.str();
}

int run_suite(const support::Options& options) {
  const fs::path root = options.folder().empty() ? "build/onnx" : options.folder();
  std::vector<fs::path> cases;
  for (const auto& kind : fs::directory_iterator(root))
    if (kind.is_directory())
      for (const auto& c : fs::directory_iterator(kind)) cases.push_back(c.path());
  std::sort(cases.begin(), cases.end());
  support::Exceptions exceptions(options.get("exceptions"));
  std::ofstream list;
  if (options.has("write")) list.open(options.get("write"));
  std::map<std::string, std::pair<int, int>> kinds;  // passed, all
  std::map<std::string, Tally> tallies;
  int as_expected = 0, unexpected = 0, not_numeric = 0;
  for (const fs::path& folder : cases) {
    const std::string kind = folder.parent_path().filename(), key = kind + "/" + folder.filename().string();
    if (options.has("only") && key != options.get("only")) continue;
    const bool is_random = exceptions.reason(key).starts_with("random");
    const std::string why = run_apart(folder, is_random);
    const bool passes = why.empty();
    count_operators(folder, passes, is_random, tallies);
    const bool numeric = why_not_numeric(folder).empty();
    not_numeric += !numeric;
    kinds[kind].second += numeric;
    kinds[kind].first += passes && !is_random;
    if (list.is_open() && !passes) list << key << ": " << why << '\n';
    if (is_random ? passes && exceptions.excuse(key) : passes || exceptions.excuse(key)) {
      ++as_expected;
      continue;
    }
    ++unexpected;
    if (!list.is_open()) std::printf("%s: %s\n", key.c_str(), why.c_str());
  }
  if (!options.has("only")) unexpected += exceptions.report_stale();
  if (options.has("write-operators")) std::ofstream(options.get("write-operators")) << operator_table(tallies);
  if (options.has("operators") && read_text(options.get("operators")) != operator_table(tallies)) {
    std::printf("%s is out of date: write it anew with --write-operators\n", options.get("operators").c_str());
    ++unexpected;
  }
  for (const auto& [kind, count] : kinds)
    std::printf("%s: %d of %d numeric cases pass (%.2f%%)\n", kind.c_str(), count.first, count.second,
                100.0 * count.first / count.second);
  std::printf("%d cases are not numeric, and were not run\n", not_numeric);
  std::printf("%d passed, %d failed\n", as_expected, unexpected);
  return unexpected || cases.empty() ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  return support::run_main("onnx_suite", [&] {
    return run_suite(support::Options(argc, argv, {"exceptions", "write", "only", "operators", "write-operators"}, {},
                                      "onnx_suite FOLDER [--exceptions FILE] [--write FILE] [--only NAME] [--operators "
                                      "DOC] [--write-operators DOC]"));
  });
}
