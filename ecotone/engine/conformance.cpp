#include "ecotone/engine/conformance.h"

#include <cmath>
#include <exception>
#include <limits>

#include <fmt/format.h>

#include "ecotone/backend/session.h"
#include "ecotone/base/error.h"
#include "ecotone/base/file.h"
#include "ecotone/format/stablehlo/stablehlo.h"
#include "ecotone/ir/builder.h"
#include "ecotone/op/control.h"

namespace ecotone::engine {
namespace {

constexpr double kTolerance = 1e-3;  // of custom calls; the reader writes the dialect's own defaults out
constexpr int64_t kMaxUlps = 3;
constexpr int kDeepest = 100;

// The parts between `// -----` lines, each with as many empty lines before it as keep its line numbers.
std::vector<std::string> split_chunks(std::string_view text) {
  std::vector<std::string> chunks(1);
  size_t line = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1);
    const std::string_view current = text.substr(0, end + 1);
    text.remove_prefix(end + 1);
    ++line;
    if (current.starts_with("// -----"))
      chunks.emplace_back(line, '\n');
    else
      chunks.back() += current;
  }
  return chunks;
}

// How many values of the type lie between x and y; the largest integer where one is not finite and they differ.
uint64_t ulp_distance(DType dtype, uint64_t x, uint64_t y) {
  constexpr uint64_t kFar = std::numeric_limits<uint64_t>::max();
  const double fx = decode_float(dtype, x), fy = decode_float(dtype, y);
  if (x == y || (std::isnan(fx) && std::isnan(fy))) return 0;
  if (!std::isfinite(fx) || !std::isfinite(fy)) return kFar;
  const uint64_t sign = uint64_t{1} << (bit_width(dtype) - 1);
  const uint64_t mx = x & (sign - 1), my = y & (sign - 1);
  if (!info(dtype).format.is_signed) return x > y ? x - y : y - x;
  if ((x & sign) != (y & sign)) return mx + my;
  return mx > my ? mx - my : my - mx;
}

bool almost_equal(double x, double y, double tolerance) {
  if (x == y) return true;
  if (std::isnan(x) || std::isnan(y)) return std::isnan(x) && std::isnan(y);
  if (!std::isfinite(x) || !std::isfinite(y) || std::signbit(x) != std::signbit(y)) return false;
  return std::fabs(x - y) <= tolerance;
}

double number_or(const DynamicAttributes& config, std::string_view key, double otherwise) {
  const AttributeValue* v = config.find(key);
  if (!v) return otherwise;
  if (const auto* d = std::get_if<double>(&v->value)) return *d;
  if (const auto* i = std::get_if<int64_t>(&v->value)) return static_cast<double>(*i);
  fail("'{}' must be a number", key);
}

uint64_t count_or(const DynamicAttributes& config, std::string_view key, int64_t otherwise) {
  const AttributeValue* v = config.find(key);
  const auto* i = v ? std::get_if<int64_t>(&v->value) : &otherwise;
  if (!i || *i < 0) fail("'{}' must be a count", key);
  return static_cast<uint64_t>(*i);
}

// An element's parts as bits of the part's type: one, or two of a complex number.
std::vector<uint64_t> parts(const Tensor& t, int64_t i) {
  if (!is_complex(t.dtype())) return {t.at_bits(i)};
  const DType part = real_part(t.dtype());
  const std::complex<double> z = t.at_complex(i);
  return {encode_float(part, z.real()), encode_float(part, z.imag())};
}

std::string element_text(const Tensor& t, int64_t i) {
  if (is_complex(t.dtype())) return fmt::format("({}, {})", t.at_complex(i).real(), t.at_complex(i).imag());
  if (is_float(t.dtype())) return fmt::format("{}", t.at_double(i));
  if (t.dtype() == DType::kU64) return fmt::format("{}", static_cast<uint64_t>(t.at_int(i)));
  return fmt::format("{}", t.at_int(i));
}

// Why the check does not hold; empty when it does.
std::string evaluate_check(const std::string& target, const DynamicAttributes& config, const Tensor& got,
                           const Tensor& want) {
  if (got.dtype() != want.dtype() || got.shape() != want.shape())
    return fmt::format("is {}, wants {}", got.type().str(), want.type().str());
  const DType part = real_part(got.dtype());
  const bool exact = target == "check.expect_eq" || target == "check.expect_eq_const" || target == "check.eq";
  const bool almost =
      target == "check.expect_almost_eq" || target == "check.expect_almost_eq_const" || target == "check.almost_eq";
  if (!exact && !almost && target != "check.expect_close") return fmt::format("'{}' is no check that is known", target);
  if (!exact && !is_float(part)) return fmt::format("{} compares floats, not {}", target, name(part));
  const double tolerance = number_or(config, "tolerance", kTolerance);
  const uint64_t most = count_or(config, "max_ulp_difference", kMaxUlps);
  const uint64_t least = count_or(config, "min_ulp_difference", 0);
  int64_t bad = 0, first = 0;
  std::string how;
  for (int64_t i = 0; i < got.size(); ++i) {
    const auto x = parts(got, i), y = parts(want, i);
    uint64_t distance = 0;
    bool holds = true;
    for (size_t k = 0; k < x.size(); ++k) {
      if (!is_float(part)) {
        holds = holds && x[k] == y[k];
      } else if (target == "check.expect_close") {
        distance = std::max(distance, ulp_distance(part, x[k], y[k]));
      } else {
        const double fx = decode_float(part, x[k]), fy = decode_float(part, y[k]);
        holds = holds && (exact ? fx == fy : almost_equal(fx, fy, tolerance));
      }
    }
    holds = holds && distance >= least && distance <= most;
    if (holds || bad++ > 0) continue;
    first = i;
    if (target == "check.expect_close")
      how = distance == std::numeric_limits<uint64_t>::max() ? std::string(", infinitely far")
                                                             : fmt::format(", {} ULP", distance);
  }
  if (bad == 0) return "";
  return fmt::format("{} of {} elements, first at flat index {}: {}, wants {}{}", bad, got.size(), first,
                     element_text(got, first), element_text(want, first), how);
}

struct Check {
  const op::CustomCallAttributes* attributes;
  LocationId location;
  std::vector<ValueId> operands;
};

bool is_check(const Equation& e) {
  return e.op == &op::custom_call() && e.attributes.get<op::CustomCallAttributes>().target.starts_with("check.");
}

// A check in a loop or a branch; null where there is none. It would hold never, once or often: not one report.
const Equation* check_inside(const Equation& e) {
  for (const Region& r : e.regions)
    for (const Equation& inner : r.body->equations()) {
      if (is_check(inner)) return &inner;
      if (const Equation* deeper = check_inside(inner)) return deeper;
    }
  return nullptr;
}

// The equations of a function with its calls inlined, and the checks that stand among them.
class Expansion {
 public:
  explicit Expansion(const Program& p) { add(p, {}, 0); }
  const std::vector<Check>& checks() const { return checks_; }
  // The values that checks compare, in order.
  std::vector<Tensor> evaluate(const backend::Backend& backend) && {
    for (const Check& c : checks_)
      for (ValueId v : c.operands) b_.output(fmt::format("out{}", count_++), v);
    return backend::Session(backend, std::move(b_).build()).run({});
  }

 private:
  std::vector<ValueId> add(const Program& p, std::span<const ValueId> args, int depth) {
    if (depth > kDeepest) fail_kind(ErrorKind::kUnsupported, "calls are nested more than {} deep", kDeepest);
    if (!p.symbols().empty())
      fail_kind(ErrorKind::kUnsupported, "the function '{}' has sizes that are not known", p.name());
    std::vector<ValueId> values(args.begin(), args.end());
    values.resize(p.value_count());
    for (const Equation& e : p.equations()) {
      std::vector<ValueId> operands;
      for (ValueId v : e.operands) operands.push_back(values[v]);
      b_.set_location(e.location);
      if (is_check(e)) {
        checks_.push_back({&e.attributes.get<op::CustomCallAttributes>(), e.location, std::move(operands)});
        continue;
      }
      if (const Equation* check = e.op == &op::call() ? nullptr : check_inside(e))
        fail_kind(ErrorKind::kUnsupported,
                  "{}: '{}' stands in a region of {}: checks in regions are not supported; check its results",
                  location_str(check->location), check->attributes.get<op::CustomCallAttributes>().target, e.op->name);
      const auto declared = std::span<const ValueId>(operands).first(e.operands.size() - e.capture_count);
      const auto captures = std::span<const ValueId>(operands).last(e.capture_count);
      const std::vector<ValueId> results = e.op == &op::call()
                                               ? add(*e.regions[0].body, operands, depth + 1)
                                               : b_.add(*e.op, e.attributes, declared, e.regions, captures);
      std::copy(results.begin(), results.end(), values.begin() + e.first_result);
    }
    std::vector<ValueId> outputs;
    for (const Output& o : p.outputs()) outputs.push_back(values[o.value]);
    return outputs;
  }

  Builder b_{"conformance"};
  std::vector<Check> checks_;
  int count_ = 0;
};

void run_function(const stablehlo::Function& f, int chunk, const backend::Backend& backend,
                  std::vector<CheckReport>& reports) {
  const Program& p = *f.program;
  if (!p.inputs().empty() || !p.parameters().empty()) return;
  std::vector<Check> checks;
  try {
    Expansion expansion(p);
    checks = expansion.checks();
    if (checks.empty()) return;
    const std::vector<Tensor> values = std::move(expansion).evaluate(backend);
    size_t next = 0;
    for (const Check& c : checks) {
      CheckReport r{chunk, f.name, c.attributes->target, location_str(c.location), false, ""};
      if (c.operands.size() == 2)
        r.reason = evaluate_check(r.check, c.attributes->config, values[next], values[next + 1]);
      else
        r.reason = fmt::format("compares 2 values, not {}", c.operands.size());
      next += c.operands.size();
      r.passed = r.reason.empty();
      reports.push_back(std::move(r));
    }
  } catch (const Error& e) {
    // None of the function's checks has run.
    if (checks.empty()) reports.push_back({chunk, f.name, "", "", false, e.what()});
    for (const Check& c : checks)
      reports.push_back({chunk, f.name, c.attributes->target, location_str(c.location), false,
                         std::string("the function could not be run: ") + e.what()});
  }
}

// A chunk that was not run as a whole. The reader's messages begin with the place, "FILE:LINE:COLUMN: ".
CheckReport failed_chunk(int chunk, const std::string& file, const std::string& message) {
  CheckReport r{chunk, "", "", "", false, message};
  const size_t end = message.starts_with(file + ":") ? message.find(": ", file.size()) : std::string::npos;
  if (end != std::string::npos) r.location = message.substr(0, end), r.reason = message.substr(end + 2);
  return r;
}

}  // namespace

bool is_conformance_file(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  const std::string_view text = file->text();
  for (std::string_view check : {"check.expect_", "check.eq", "check.almost_eq"})
    if (text.find(check) != std::string_view::npos) return true;
  return false;
}

std::vector<CheckReport> run_conformance(const std::filesystem::path& path, const backend::Backend& backend) {
  const auto file = MappedFile::open(path);
  std::vector<CheckReport> reports;
  std::exception_ptr unreadable;
  bool any_read = false;
  int chunk = 0;
  for (const std::string& text : split_chunks(file->text())) {
    if (text.find_first_not_of(" \t\r\n") != std::string::npos) {
      try {
        const stablehlo::Module module = stablehlo::parse_module(text, path.string());
        any_read = true;
        for (const stablehlo::Function& f : module.functions) run_function(f, chunk, backend, reports);
      } catch (const Error& e) {
        if (e.kind() != ErrorKind::kUnsupported && e.kind() != ErrorKind::kInvalidInput) throw;
        if (e.kind() == ErrorKind::kInvalidInput && !unreadable) unreadable = std::current_exception();
        reports.push_back(failed_chunk(chunk, path.string(), e.what()));
        any_read = any_read || e.kind() == ErrorKind::kUnsupported;
      }
    }
    ++chunk;
  }
  if (!any_read && unreadable) std::rethrow_exception(unreadable);  // not one chunk is StableHLO
  return reports;
}

}  // namespace ecotone::engine
