// Runs ONNX's backend suite, as generate.py has written it, on the reference backend. Each case has a process of its
// own for the time that it takes: a crash is a failed case. Usage: onnx_suite FOLDER --exceptions FILE [--write FILE]
// [--only NAME]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "ecotone/backend/reference/reference.h"
#include "ecotone/base/error.h"
#include "ecotone/base/file.h"
#include "ecotone/format/onnx/onnx.h"
#include "ecotone/ir/verify.h"

namespace {

using namespace ecotone;
namespace fs = std::filesystem;

std::vector<Tensor> read_values(const fs::path& data, const char* prefix) {
  std::vector<Tensor> values;
  for (int i = 0; fs::exists(data / (prefix + std::to_string(i) + ".pb")); ++i)
    for (Tensor& t : onnx::read_value_file(data / (prefix + std::to_string(i) + ".pb"))) values.push_back(t.plain());
  return values;
}

// numpy.testing.assert_allclose with equal_nan, and equal shapes and types, as ONNX's runner judges.
std::string difference(const Tensor& actual, const Tensor& expected, double rtol, double atol) {
  if (actual.dtype() != expected.dtype())
    return "dtype " + std::string(name(actual.dtype())) + ", not " + std::string(name(expected.dtype()));
  if (actual.shape() != expected.shape())
    return "shape " + shape_str(actual.shape()) + ", not " + shape_str(expected.shape());
  const bool exact = !is_float(actual.dtype()) && !is_complex(actual.dtype());
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

// Why the case fails; empty when it passes.
std::string run_case(const fs::path& folder) try {
  double rtol = 0, atol = 0;
  std::ifstream(folder / "tolerance") >> rtol >> atol;
  for (int n = 0; fs::exists(folder / ("data_" + std::to_string(n))); ++n) {
    const fs::path data = folder / ("data_" + std::to_string(n));
    const std::vector<Tensor> inputs = read_values(data, "input_"), expected = read_values(data, "output_");
    const fs::path file = folder / "model.onnx";
    const ProgramRef signature = onnx::read_signature(file);
    if (signature->inputs().size() != inputs.size())
      return "takes " + std::to_string(signature->inputs().size()) + " tensors, is given " +
             std::to_string(inputs.size());
    onnx::ReadOptions options;
    for (size_t i = 0; i < inputs.size(); ++i) {
      const std::string& name = signature->inputs()[i].name;
      options.shapes[name] = inputs[i].shape();
      if (inputs[i].rank() <= 1 && inputs[i].size() <= (is_float(inputs[i].dtype()) ? 8 : 64))
        options.known_inputs[name] = inputs[i];
    }
    const ProgramRef program = onnx::read_program(file, options);
    verify(*program);
    const std::vector<Tensor> actual = backend::evaluate(*program, inputs);
    if (actual.size() != expected.size())
      return "gives " + std::to_string(actual.size()) + " outputs, not " + std::to_string(expected.size());
    for (size_t i = 0; i < actual.size(); ++i)
      if (const std::string why = difference(actual[i], expected[i], rtol, atol); !why.empty())
        return "output " + std::to_string(i) + ": " + why;
  }
  return "";
} catch (const std::exception& e) {
  return e.what();
}

std::string run_apart(const fs::path& folder) {
  int ends[2];
  if (pipe(ends) != 0) return "no pipe";
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    std::string why = run_case(folder);
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

// "kind/name  # reason" a line.
std::map<std::string, std::string> read_exceptions(const std::string& file) {
  std::map<std::string, std::string> exceptions;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    const size_t hash = line.find('#');
    std::string name = line.substr(0, hash);
    name.erase(name.find_last_not_of(' ') + 1);
    exceptions[name] = hash == std::string::npos ? "" : line.substr(hash + 2);
  }
  return exceptions;
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> options;
  for (int i = 2; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
  const fs::path root = argc > 1 ? argv[1] : "build/onnx";
  std::vector<fs::path> cases;
  for (const auto& kind : fs::directory_iterator(root))
    if (kind.is_directory())
      for (const auto& c : fs::directory_iterator(kind)) cases.push_back(c.path());
  std::sort(cases.begin(), cases.end());
  const auto exceptions = read_exceptions(options["--exceptions"]);
  std::ofstream list;
  if (options.contains("--write")) list.open(options["--write"]);
  std::map<std::string, std::pair<int, int>> kinds;  // passed, all
  int as_expected = 0, unexpected = 0;
  for (const fs::path& folder : cases) {
    const std::string kind = folder.parent_path().filename(), key = kind + "/" + folder.filename().string();
    if (options.contains("--only") && key != options["--only"]) continue;
    const std::string why = run_apart(folder);
    kinds[kind].second += 1;
    kinds[kind].first += why.empty();
    if (list.is_open() && !why.empty()) list << key << "  # " << why << '\n';
    if (why.empty() == !exceptions.contains(key)) {
      ++as_expected;
      continue;
    }
    ++unexpected;
    if (!list.is_open())
      std::printf("%s: %s\n", key.c_str(),
                  why.empty() ? "passes, but is listed as an exception: remove it from the list" : why.c_str());
  }
  for (const auto& [key, reason] : exceptions)
    if (!fs::exists(root / key)) {
      std::printf("%s: is listed as an exception, but there is no such case\n", key.c_str());
      ++unexpected;
    }
  for (const auto& [kind, count] : kinds)
    std::printf("%s: %d of %d cases pass\n", kind.c_str(), count.first, count.second);
  std::printf("%d passed, %d failed\n", as_expected, unexpected);
  return unexpected || cases.empty() ? 1 : 0;
}
