#include "case.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ecotone/backend/reference/reference.h"
#include "ecotone/base/error.h"
#include "ecotone/ir/builder.h"
#include "ecotone/ir/verify.h"
#include "ecotone/op/table.h"

namespace ecotone::op_suite {
namespace {

using nlohmann::json;

DType dtype_of(const json& text) {
  const auto d = dtype_from_name(text.get<std::string>());
  if (!d) fail("the suite has an unknown dtype '{}'", text.get<std::string>());
  return *d;
}

Type type_of(const json& text) {
  if (text.is_string()) return Token{};
  return TensorType{dtype_of(text["d"]), to_dims(text["s"].get<Shape>())};
}

AttributeValue attribute(Builder& b, const Data& data, const json& v);

DynamicAttributes attributes(Builder& b, const Data& data, const json& object) {
  DynamicAttributes result;
  for (const auto& [key, value] : object.items()) result.set(key, attribute(b, data, value));
  return result;
}

// Plain JSON, or one of {"dtype": ...}, {"type": ...}, {"tensor": ...}, {"symbol": ...} (a new one),
// {"struct": ...}.
AttributeValue attribute(Builder& b, const Data& data, const json& v) {
  if (v.is_boolean()) return {v.get<bool>()};
  if (v.is_number_integer()) return {v.get<int64_t>()};
  if (v.is_number_float()) return {v.get<double>()};
  if (v.is_string()) return {v.get<std::string>()};
  if (v.is_null()) return {};
  if (v.is_array()) {
    AttributeList list;
    for (const json& e : v) list.push_back(attribute(b, data, e));
    return {std::move(list)};
  }
  if (v.contains("dtype")) return {dtype_of(v["dtype"])};
  if (v.contains("type")) return {tensor(type_of(v["type"]))};
  if (v.contains("symbol")) return {b.symbol(v["symbol"].get<std::string>(), 0, 1 << 20)};
  if (v.contains("tensor")) return {data.tensor(v["tensor"])};
  return {attributes(b, data, v.at("struct"))};
}

Region region_of(const Data& data, const json& text);

// Adds the equation that `text` describes.
std::vector<ValueId> add(Builder& b, const Data& data, const json& text, std::span<const ValueId> operands,
                         std::span<const ValueId> captures) {
  const std::string name = text["op"];
  const Op* op = op::find(name);
  if (!op) fail("the op table has no '{}'", name);
  Attributes a = attributes_from_dynamic(op->attributes, attributes(b, data, text.value("attributes", json::object())));
  std::vector<Region> regions;
  for (const json& r : text.value("regions", json::array())) regions.push_back(region_of(data, r));
  return b.add(*op, std::move(a), operands, std::move(regions), captures);
}

// {"inputs": types, "equations": [{op, attributes, operands, captures, regions}], "outputs": values}; values are
// counted as in a Program.
Region region_of(const Data& data, const json& text) {
  Builder b("region");
  b.set_location(named_location("region"));
  std::vector<ValueId> values;
  for (const json& t : text["inputs"]) values.push_back(b.input(fmt::format("arg{}", values.size()), type_of(t)));
  const auto pick = [&](const json& list) {
    std::vector<ValueId> ids;
    for (const json& i : list) ids.push_back(values.at(i.get<size_t>()));
    return ids;
  };
  for (const json& e : text["equations"]) {
    const auto operands = pick(e["operands"]), captures = pick(e.value("captures", json::array()));
    for (ValueId v : add(b, data, e, operands, captures)) values.push_back(v);
  }
  int count = 0;
  for (ValueId v : pick(text["outputs"])) b.output(fmt::format("out{}", count++), v);
  return {std::move(b).build(), {}};
}

struct Tolerance {
  double ulp = 0;                 // spacings of the result's type (of complex numbers: of the modulus)
  const Tensor* bound = nullptr;  // or absolute, element by element, in f64
  bool any_infinity = false;      // complex results: infinite parts may differ where both are infinite numbers
};

std::string text_of(const Tensor& t, int64_t i) {
  if (is_complex(t.dtype())) return fmt::format("({}, {})", t.at_complex(i).real(), t.at_complex(i).imag());
  if (is_float(t.dtype())) return fmt::format("{}", t.at_double(i));
  return is_unsigned_integer(t.dtype()) ? fmt::format("{}", static_cast<uint64_t>(t.at_int(i)))
                                        : fmt::format("{}", t.at_int(i));
}

// How many representable values lie between; both finite or infinite.
double distance(DType dtype, double a, double b) {
  const auto ordinal = [&](double x) -> int64_t {
    const uint64_t code = encode_float(dtype, x);
    if (!info(dtype).format.is_signed) return static_cast<int64_t>(code);
    const uint64_t sign = uint64_t{1} << (bit_width(dtype) - 1);
    return code & sign ? -static_cast<int64_t>(code & (sign - 1)) : static_cast<int64_t>(code);
  };
  const int64_t x = ordinal(a), y = ordinal(b);  // subtracted as integers: a double would drop the last digits
  const uint64_t gap = static_cast<uint64_t>(std::max(x, y)) - static_cast<uint64_t>(std::min(x, y));
  return static_cast<double>(gap);
}

// Infinities, NaNs and zeros' signs must agree; nullopt leaves finite numbers to be measured.
std::optional<bool> special_equal(double got, double want) {
  if (std::isnan(want) || std::isnan(got)) return std::isnan(want) && std::isnan(got);
  if (got == 0 && want == 0) return std::signbit(got) == std::signbit(want);
  return std::nullopt;
}

bool real_equal(DType dtype, double got, double want, const Tolerance& t, int64_t i) {
  if (t.bound) {
    if (!std::isfinite(want) || !std::isfinite(got)) return got == want || (std::isnan(got) && std::isnan(want));
    return std::abs(got - want) <= t.bound->at_double(i);
  }
  if (const auto decided = special_equal(got, want)) return *decided;
  return got == want || distance(dtype, got, want) <= t.ulp;
}

bool complex_equal(DType part, std::complex<double> got, std::complex<double> want, const Tolerance& t, int64_t i) {
  if (t.any_infinity && std::isinf(std::abs(want))) return std::isinf(std::abs(got));
  const double size = std::abs(want);
  const double spacing = std::max(size * epsilon(part), std::ldexp(epsilon(part), 1 - info(part).format.bias));
  const double slack = t.bound ? t.bound->at_double(i) : std::isfinite(size) ? t.ulp * spacing : 0;
  const auto part_equal = [&](double g, double w) {
    if (std::isnan(w) || std::isnan(g)) return std::isnan(w) && std::isnan(g);
    if (g == w) return t.bound || slack > 0 || g != 0 || std::signbit(g) == std::signbit(w);
    return std::abs(g - w) <= slack;
  };
  return part_equal(got.real(), want.real()) && part_equal(got.imag(), want.imag());
}

std::string difference(const Tensor& got, const Tensor& want, const Tolerance& tolerance) {
  if (got.dtype() != want.dtype() || got.shape() != want.shape())
    return fmt::format("is {}, wants {}", got.type().str(), want.type().str());
  int64_t count = 0, first = -1;
  for (int64_t i = 0; i < want.size(); ++i) {
    bool equal;
    if (is_float(want.dtype()))
      equal = real_equal(want.dtype(), got.at_double(i), want.at_double(i), tolerance, i);
    else if (is_complex(want.dtype()))
      equal = complex_equal(real_part(want.dtype()), got.at_complex(i), want.at_complex(i), tolerance, i);
    else
      equal = got.at_int(i) == want.at_int(i) && (want.dtype() != DType::kBool || got.at_bits(i) <= 1);
    if (!equal && count++ == 0) first = i;
  }
  if (count == 0) return {};
  return fmt::format("{} of {} elements, first at {}: {}, wants {}", count, want.size(), first, text_of(got, first),
                     text_of(want, first));
}

// The operands at a flat index of the result, for messages about elementwise ops.
std::string operands_at(const std::vector<Tensor>& operands, const Tensor& want, const std::string& message) {
  const size_t at = message.find("first at ");
  if (at == std::string::npos) return {};
  const int64_t i = std::stoll(message.substr(at + 9));
  std::string text;
  for (const Tensor& x : operands)
    if (!x.is_null() && x.shape() == want.shape()) text += fmt::format(" {}", text_of(x, i));
  return text.empty() ? text : "; operands" + text;
}

// What the Error of a refused case does not do; empty: it is right.
template <class F>
std::string not_refused(const F& body, ErrorKind kind, const std::string& message) {
  try {
    body();
  } catch (const Error& e) {
    const bool fits = e.kind() == kind && std::string(e.what()).find(message) != std::string::npos;
    return fits ? std::string() : fmt::format("is refused with '{}'", e.what());
  }
  return "is not refused";
}

bool mentions(const json& entry, const std::string& dtype) {
  const auto in = [&](const char* list) {
    for (const json& t : entry[list])
      if (t.is_object() ? t["d"] == dtype : dtype == "none") return true;
    return false;
  };
  return in("operands") || in("expected");
}

}  // namespace

Tensor Data::tensor(const json& text) const {
  if (text.is_string()) return {};
  const DType dtype = dtype_of(text["d"]);
  const Shape shape = text["s"].get<Shape>();
  const auto size = static_cast<size_t>(element_count(shape)) * static_cast<size_t>(byte_size(dtype));
  const size_t offset = text["o"];
  if (offset > file_->bytes().size() || size > file_->bytes().size() - offset)
    fail("the suite's data end before {}", text.dump());
  return Tensor(dtype, shape, file_->bytes().subspan(offset, size), file_);
}

std::string run_case(const Data& data, const json& entry) {
  if (!mentions(entry, entry["dtype"])) return "the case has no operand or result of the dtype that it stands for";
  Builder b;
  b.set_location(named_location("case"));
  std::vector<Tensor> inputs;
  std::vector<ValueId> operands, captures;
  for (const char* kind : {"operands", "captures"})
    for (const json& t : entry.value(kind, json::array())) {
      const ValueId v = b.input(fmt::format("x{}", inputs.size()), type_of(t));
      (kind[0] == 'o' ? operands : captures).push_back(v);
      inputs.push_back(data.tensor(t));
    }
  const std::string refuses = entry.value("refuses", ""), message = entry.value("message", "");
  if (refuses == "types")
    return not_refused([&] { add(b, data, entry, operands, captures); }, ErrorKind::kInvalidInput, message);
  const std::vector<ValueId> results = add(b, data, entry, operands, captures);
  const json& expected = entry["expected"];
  if (results.size() != expected.size()) return fmt::format("{} results, wants {}", results.size(), expected.size());
  for (size_t i = 0; i < results.size(); ++i) {
    if (!refuses.empty() && b.type(results[i]) != type_of(expected[i]))
      return fmt::format("result {} is {}, wants {}", i, str(b.type(results[i])), str(type_of(expected[i])));
    b.output(fmt::format("r{}", i), results[i]);
  }
  const ProgramRef program = std::move(b).build();
  verify(*program);

  for (const EvalMode mode : {EvalMode::kSpec, EvalMode::kReal}) {
    const bool real = mode == EvalMode::kReal;
    if (real && entry["real"].is_null()) continue;  // the generator says why
    const json& wanted = real ? entry["real"] : expected;
    if (refuses == "evaluation") {
      const auto run = [&] { backend::evaluate(*program, inputs, mode); };
      if (const std::string error = not_refused(run, ErrorKind::kUnsupported, message); !error.empty()) return error;
      continue;
    }
    const auto got = backend::evaluate(*program, inputs, mode);
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (wanted[i].is_string()) continue;  // a token
      const Tensor want = data.tensor(wanted[i]);
      Tolerance tolerance;
      tolerance.ulp = entry.value(real ? "real_ulp" : "ulp", 0.0);
      tolerance.any_infinity = entry.value("any_infinity", false);
      Tensor bound;
      const char* bounds = real ? "real_bound" : "bound";
      if (entry.contains(bounds) && entry[bounds][i].is_object()) {
        bound = data.tensor(entry[bounds][i]);
        tolerance.bound = &bound;
      }
      if (const std::string error = difference(got[i], want, tolerance); !error.empty())
        return fmt::format("{}: result {}: {}{}", real ? "real" : "spec", i, error, operands_at(inputs, want, error));
    }
  }
  return {};
}

}  // namespace ecotone::op_suite
