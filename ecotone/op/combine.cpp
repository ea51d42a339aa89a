#include "ecotone/op/combine.h"

#include <cmath>
#include <cstring>

#include "ecotone/op/complex_math.h"

namespace ecotone::op {
namespace {

// Whether the body's one result is its input N, the new element.
bool replaces(const Program& body) {
  return body.inputs().size() == 2 && body.outputs().size() == 1 && body.outputs()[0].value == body.input_value(1);
}

// NumPy's and XLA's order: the real parts, then the imaginary ones.
bool less(std::complex<double> a, std::complex<double> b) {
  return a.real() < b.real() || (a.real() == b.real() && a.imag() < b.imag());
}

// What is in storage that is still being filled.
Tensor view(MutableTensor& x) {
  return {x.dtype(), x.shape(), x.bytes(), nullptr};
}

}  // namespace

double combine(Reducer reducer, double x, double y) {
  switch (reducer) {
    case Reducer::kAdd:
      return x + y;
    case Reducer::kMultiply:
      return x * y;
    case Reducer::kMaximum:
      if (std::isnan(x) || std::isnan(y)) return std::isnan(x) ? x : y;
      return x == y ? (std::signbit(x) ? y : x) : (x > y ? x : y);
    case Reducer::kMinimum:
      if (std::isnan(x) || std::isnan(y)) return std::isnan(x) ? x : y;
      return x == y ? (std::signbit(x) ? x : y) : (x < y ? x : y);
    default:
      fail("a reducer of bits does not take floats");
  }
}

int64_t combine(Reducer reducer, int64_t x, int64_t y, bool is_unsigned) {
  const auto ux = static_cast<uint64_t>(x), uy = static_cast<uint64_t>(y);
  const bool is_less = is_unsigned ? ux < uy : x < y;
  switch (reducer) {
    case Reducer::kAdd:
      return static_cast<int64_t>(ux + uy);
    case Reducer::kMultiply:
      return static_cast<int64_t>(ux * uy);
    case Reducer::kMaximum:
      return is_less ? y : x;
    case Reducer::kMinimum:
      return is_less ? x : y;
    case Reducer::kAnd:
      return x & y;
    case Reducer::kOr:
      return x | y;
    case Reducer::kXor:
      return x ^ y;
    case Reducer::kRegion:
      break;
  }
  fail_kind(ErrorKind::kInternal, "a region is no reducer");
}

std::complex<double> combine(Reducer reducer, std::complex<double> x, std::complex<double> y) {
  const auto has_nan = [](std::complex<double> z) { return std::isnan(z.real()) || std::isnan(z.imag()); };
  switch (reducer) {
    case Reducer::kAdd:
      return x + y;
    case Reducer::kMultiply:
      return complex_multiply(x, y);
    case Reducer::kMaximum:
      return !has_nan(x) && (has_nan(y) || less(x, y)) ? y : x;
    case Reducer::kMinimum:
      return !has_nan(x) && (has_nan(y) || less(y, x)) ? y : x;
    default:
      fail("a reducer of bits does not take complex numbers");
  }
}

Tensor element(const Tensor& x, int64_t index) {
  MutableTensor t(x.dtype(), {}, MutableTensor::Init::kNone);
  const auto size = static_cast<size_t>(byte_size(x.dtype()));
  std::memcpy(t.bytes().data(), x.bytes().data() + static_cast<size_t>(index) * size, size);
  return std::move(t).freeze();
}
Tensor element(MutableTensor& x, int64_t index) {
  return element(view(x), index);
}

void set_element(MutableTensor& x, int64_t index, const Tensor& scalar) {
  const auto size = static_cast<size_t>(byte_size(x.dtype()));
  std::memcpy(x.bytes().data() + static_cast<size_t>(index) * size, scalar.bytes().data(), size);
}

ElementCombiner::ElementCombiner(const EvalCall& call, const Region& region) : call_(call), region_(region) {
  if (!call.captures.empty()) return;
  reducer_ = reducer_of(*region.body);
  kind_ = reducer_ != Reducer::kRegion ? Kind::kReducer : replaces(*region.body) ? Kind::kReplace : Kind::kRegion;
}

void ElementCombiner::operator()(std::vector<MutableTensor>& into, int64_t at, std::span<const Tensor> with,
                                 int64_t from) const {
  if (kind_ == Kind::kReplace) {
    const auto size = static_cast<size_t>(byte_size(into[0].dtype()));
    std::memcpy(into[0].bytes().data() + static_cast<size_t>(at) * size,
                with[0].bytes().data() + static_cast<size_t>(from) * size, size);
  } else if (kind_ == Kind::kReducer) {
    MutableTensor& x = into[0];
    const Tensor old = view(x);
    if (is_float(x.dtype()))
      x.set_double(at, combine(reducer_, old.at_double(at), with[0].at_double(from)));
    else if (is_complex(x.dtype()))
      x.set_complex(at, combine(reducer_, old.at_complex(at), with[0].at_complex(from)));
    else if (x.dtype() == DType::kBool && reducer_ == Reducer::kAdd)
      x.set_int(at, old.at_int(at) | with[0].at_int(from));
    else
      x.set_int(at, combine(reducer_, old.at_int(at), with[0].at_int(from), is_unsigned_integer(x.dtype())));
  } else {
    std::vector<Tensor> args;
    for (MutableTensor& x : into) args.push_back(element(x, at));
    for (const Tensor& x : with) args.push_back(element(x, from));
    const std::vector<Tensor> results = call_.runner.run(region_, args);
    for (size_t i = 0; i < into.size(); ++i) set_element(into[i], at, results[i]);
  }
}

}  // namespace ecotone::op
