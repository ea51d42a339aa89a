#include "ecotone/op/contract.h"

#include <algorithm>
#include <numeric>

#include "ecotone/base/thread_pool.h"
#include "ecotone/ir/attributes_info.h"
#include "ecotone/op/common.h"
#include "ecotone/op/fold.h"
#include "ecotone/op/gemm.h"
#include "ecotone/op/move.h"
#include "ecotone/op/table.h"

namespace ecotone::op {
namespace {

// All of x as T, with dimension i of the result being x's permutation[i], reversed where asked.
template <class T>
std::vector<T> arranged(const Tensor& x, std::span<const int64_t> permutation, std::span<const bool> reversed = {}) {
  std::vector<T> buffer;
  const T* source = load_fold<T>(x, 0, x.size(), buffer);
  const Shape strides = row_major_strides(x.shape());
  Shape shape, from;
  int64_t first = 0;
  for (size_t i = 0; i < permutation.size(); ++i) {
    const auto d = static_cast<size_t>(permutation[i]);
    const bool back = i < reversed.size() && reversed[i] && x.shape()[d] > 0;
    shape.push_back(x.shape()[d]);
    from.push_back(back ? -strides[d] : strides[d]);
    if (back) first += (x.shape()[d] - 1) * strides[d];
  }
  std::vector<T> out(static_cast<size_t>(x.size()));
  if (x.size() > 0)
    copy_strided(shape, sizeof(T), reinterpret_cast<std::byte*>(out.data()), row_major_strides(shape),
                 reinterpret_cast<const std::byte*>(source + first), from);
  return out;
}

// dot_general ---------------------------------------------------------------------------------------------------------

std::vector<int64_t> rest_of(int64_t rank, std::span<const int64_t> a, std::span<const int64_t> b) {
  std::vector<int64_t> r;
  for (int64_t d = 0; d < rank; ++d)
    if (std::ranges::find(a, d) == a.end() && std::ranges::find(b, d) == b.end()) r.push_back(d);
  return r;
}

void expect_dot_dimensions(std::span<const int64_t> batching, std::span<const int64_t> contracting, int64_t rank,
                           const char* side) {
  std::vector<bool> seen(static_cast<size_t>(rank));
  for (std::span<const int64_t> list : {batching, contracting})
    for (int64_t d : list) {
      if (d < 0 || d >= rank) fail("{} has no dimension {}", side, d);
      if (seen[static_cast<size_t>(d)]) fail("{}'s dimension {} is named twice", side, d);
      seen[static_cast<size_t>(d)] = true;
    }
}

std::vector<Type> infer_dot_general(const InferCall& call) {
  call.expect_operands(2);
  const auto& a = call.get<DotAttributes>();
  const TensorType &lhs = call.operand(0), &rhs = call.operand(1);
  expect_dot_dimensions(a.lhs_batching_dimensions, a.lhs_contracting_dimensions, lhs.rank(), "lhs");
  expect_dot_dimensions(a.rhs_batching_dimensions, a.rhs_contracting_dimensions, rhs.rank(), "rhs");
  if (a.lhs_batching_dimensions.size() != a.rhs_batching_dimensions.size())
    fail("lhs and rhs have different numbers of batching dimensions");
  if (a.lhs_contracting_dimensions.size() != a.rhs_contracting_dimensions.size())
    fail("lhs and rhs have different numbers of contracting dimensions");
  TensorType result{a.result_dtype.value_or(lhs.dtype), {}};
  if (!a.result_dtype) expect_equal_dtypes(call, 0, 1);
  for (size_t i = 0; i < a.lhs_batching_dimensions.size(); ++i) {
    const Dim &l = lhs.shape[static_cast<size_t>(a.lhs_batching_dimensions[i])],
              &r = rhs.shape[static_cast<size_t>(a.rhs_batching_dimensions[i])];
    call.dims.require_equal(l, r, "batching sizes of lhs and rhs");
    result.shape.push_back(r.is_constant() ? r : l);
  }
  for (size_t i = 0; i < a.lhs_contracting_dimensions.size(); ++i)
    call.dims.require_equal(lhs.shape[static_cast<size_t>(a.lhs_contracting_dimensions[i])],
                            rhs.shape[static_cast<size_t>(a.rhs_contracting_dimensions[i])],
                            "contracted sizes of lhs and rhs");
  for (int64_t d : rest_of(lhs.rank(), a.lhs_batching_dimensions, a.lhs_contracting_dimensions))
    result.shape.push_back(lhs.shape[static_cast<size_t>(d)]);
  for (int64_t d : rest_of(rhs.rank(), a.rhs_batching_dimensions, a.rhs_contracting_dimensions))
    result.shape.push_back(rhs.shape[static_cast<size_t>(d)]);
  return {Type(std::move(result))};
}

int64_t product_of(const Shape& shape, std::span<const int64_t> dimensions) {
  int64_t p = 1;
  for (int64_t d : dimensions) p *= shape[static_cast<size_t>(d)];
  return p;
}

std::vector<Tensor> evaluate_dot_general(const EvalCall& call) {
  const auto& a = call.get<DotAttributes>();
  const Tensor &lhs = call.operands[0], &rhs = call.operands[1];
  const std::vector<int64_t> rows = rest_of(lhs.rank(), a.lhs_batching_dimensions, a.lhs_contracting_dimensions);
  const std::vector<int64_t> columns = rest_of(rhs.rank(), a.rhs_batching_dimensions, a.rhs_contracting_dimensions);
  const int64_t batch = product_of(lhs.shape(), a.lhs_batching_dimensions), m = product_of(lhs.shape(), rows);
  const int64_t k = product_of(lhs.shape(), a.lhs_contracting_dimensions), n = product_of(rhs.shape(), columns);
  std::vector<int64_t> lhs_order = a.lhs_batching_dimensions, rhs_order = a.rhs_batching_dimensions;
  lhs_order.insert(lhs_order.end(), rows.begin(), rows.end());
  lhs_order.insert(lhs_order.end(), a.lhs_contracting_dimensions.begin(), a.lhs_contracting_dimensions.end());
  rhs_order.insert(rhs_order.end(), a.rhs_contracting_dimensions.begin(), a.rhs_contracting_dimensions.end());
  rhs_order.insert(rhs_order.end(), columns.begin(), columns.end());
  MutableTensor out(call.result_storage(), call.result().static_shape(), MutableTensor::Init::kNone);
  with_fold_type(out.dtype(), [&](auto type) {
    using T = decltype(type);
    const std::vector<T> l = arranged<T>(lhs, lhs_order), r = arranged<T>(rhs, rhs_order);
    std::vector<T> c(static_cast<size_t>(out.size()));
    ThreadPool::global().parallel_for(0, batch, 1, [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b)
        gemm<T>(l.data() + b * m * k, r.data() + b * k * n, c.data() + b * m * n, m, k, n);
    });
    store_fold<T>(out, 0, out.size(), c.data());
  });
  return {std::move(out).freeze()};
}

// convolution ---------------------------------------------------------------------------------------------------------

ConvolutionAttributes filled(ConvolutionAttributes a) {
  const size_t rank = a.input_spatial_dimensions.size();
  if (a.window_strides.empty()) a.window_strides.assign(rank, 1);
  if (a.lhs_dilation.empty()) a.lhs_dilation.assign(rank, 1);
  if (a.rhs_dilation.empty()) a.rhs_dilation.assign(rank, 1);
  if (a.padding_low.empty()) a.padding_low.assign(rank, 0);
  if (a.padding_high.empty()) a.padding_high.assign(rank, 0);
  if (a.window_reversal.empty()) a.window_reversal.assign(rank, false);
  return a;
}

void expect_layout(int64_t rank, int64_t first, int64_t second, std::span<const int64_t> spatial, const char* what) {
  if (rank != static_cast<int64_t>(spatial.size()) + 2)
    fail("{} has {} dimensions, but {} are named", what, rank, spatial.size() + 2);
  std::vector<int64_t> all{first, second};
  all.insert(all.end(), spatial.begin(), spatial.end());
  std::ranges::sort(all);
  for (int64_t d = 0; d < rank; ++d)
    if (all[static_cast<size_t>(d)] != d) fail("the dimension numbers of {} are no permutation", what);
}

std::vector<Type> infer_convolution(const InferCall& call) {
  call.expect_operands(2);
  const ConvolutionAttributes a = filled(call.get<ConvolutionAttributes>());
  const TensorType &lhs = call.operand(0), &rhs = call.operand(1);
  if (!a.result_dtype) expect_equal_dtypes(call, 0, 1);
  expect_layout(lhs.rank(), a.input_batch_dimension, a.input_feature_dimension, a.input_spatial_dimensions, "lhs");
  expect_layout(rhs.rank(), a.kernel_input_feature_dimension, a.kernel_output_feature_dimension,
                a.kernel_spatial_dimensions, "rhs");
  expect_layout(lhs.rank(), a.output_batch_dimension, a.output_feature_dimension, a.output_spatial_dimensions,
                "the result");
  const size_t rank = a.input_spatial_dimensions.size();
  for (const size_t length :
       {a.kernel_spatial_dimensions.size(), a.window_strides.size(), a.lhs_dilation.size(), a.rhs_dilation.size(),
        a.padding_low.size(), a.padding_high.size(), a.window_reversal.size()})
    if (length != rank) fail("window attributes have {} entries for {} spatial dimensions", length, rank);
  if (a.feature_group_count < 1 || a.batch_group_count < 1) fail("group counts must be positive");
  if (a.feature_group_count > 1 && a.batch_group_count > 1)
    fail("feature_group_count and batch_group_count can't both be above 1");
  const auto size = [](const TensorType& t, int64_t d) { return t.shape[static_cast<size_t>(d)]; };
  const Dim batch = size(lhs, a.input_batch_dimension), features = size(lhs, a.input_feature_dimension);
  const Dim out_features = size(rhs, a.kernel_output_feature_dimension);
  call.dims.require_equal(features, size(rhs, a.kernel_input_feature_dimension) * a.feature_group_count,
                          "the input's features and the kernel's times feature_group_count");
  const auto expect_multiple = [&](const Dim& d, int64_t of, const char* what) {
    if (d.is_constant() && d.constant() % of != 0)
      fail("{} is {}, no multiple of the group count {}", what, d.constant(), of);
  };
  expect_multiple(out_features, a.feature_group_count, "the number of output features");
  expect_multiple(out_features, a.batch_group_count, "the number of output features");
  expect_multiple(batch, a.batch_group_count, "the batch size");
  TensorType result{a.result_dtype.value_or(lhs.dtype), std::vector<Dim>(lhs.shape.size())};
  result.shape[static_cast<size_t>(a.output_batch_dimension)] = floordiv(batch, a.batch_group_count);
  result.shape[static_cast<size_t>(a.output_feature_dimension)] = out_features;
  for (size_t i = 0; i < rank; ++i) {
    if (a.window_strides[i] < 1 || a.lhs_dilation[i] < 1 || a.rhs_dilation[i] < 1)
      fail("strides and dilations must be positive");
    const auto dilated = [](const Dim& d, int64_t by) { return by == 1 || d == Dim(0) ? d : (d - 1) * by + 1; };
    const Dim whole =
        a.padding_low[i] + dilated(size(lhs, a.input_spatial_dimensions[i]), a.lhs_dilation[i]) + a.padding_high[i];
    const Dim window = dilated(size(rhs, a.kernel_spatial_dimensions[i]), a.rhs_dilation[i]);
    const Dim places = floordiv(whole - window, a.window_strides[i]) + 1;
    result.shape[static_cast<size_t>(a.output_spatial_dimensions[i])] =
        places.is_constant()               ? Dim(std::max<int64_t>(0, places.constant()))
        : call.dims.range(places).min >= 0 ? places
                                           : max(places, 0);
  }
  return {Type(std::move(result))};
}

// A convolution of [batch, features, spatial] by [out features, in features, spatial], sizes flattened.
struct Plan {
  int64_t batch, features, input_size;                 // of the input
  int64_t out_batch, out_features, positions;          // of the result
  int64_t groups, batch_groups, group_features, taps;  // features each kernel sees; its spatial size
  Shape input, kernel, output;                         // spatial
  Shape strides, lhs_dilation, rhs_dilation, low;
};

// For each kernel tap and each output position in [first, first + count), the input element it meets, or -1. Layout
// [tap, kPanel].
void find_sources(const Plan& p, int64_t first, int64_t count, std::vector<int64_t>& sources) {
  const size_t rank = p.input.size();
  std::vector<Shape> at(static_cast<size_t>(count), Shape(rank));
  for (int64_t j = 0; j < count; ++j)
    for (int64_t rest = first + j, d = static_cast<int64_t>(rank) - 1; d >= 0; --d) {
      at[static_cast<size_t>(j)][static_cast<size_t>(d)] = rest % p.output[static_cast<size_t>(d)];
      rest /= p.output[static_cast<size_t>(d)];
    }
  Shape tap(rank);
  for (int64_t t = 0; t < p.taps; ++t, next_index(tap, p.kernel))
    for (int64_t j = 0; j < count; ++j) {
      int64_t source = 0;
      for (size_t d = 0; d < rank && source >= 0; ++d) {
        const int64_t q = at[static_cast<size_t>(j)][d] * p.strides[d] + tap[d] * p.rhs_dilation[d] - p.low[d];
        const bool inside = q >= 0 && q % p.lhs_dilation[d] == 0 && q / p.lhs_dilation[d] < p.input[d];
        source = inside ? source * p.input[d] + q / p.lhs_dilation[d] : -1;
      }
      sources[static_cast<size_t>(t * kPanel + j)] = source;
    }
}

template <class T>
void convolve(const Plan& p, const T* input, const T* kernel, T* output) {
  const int64_t panels = (p.positions + kPanel - 1) / kPanel, k_count = p.group_features * p.taps;
  const int64_t group_outputs = p.out_features / (p.groups * p.batch_groups);
  ThreadPool::global().parallel_for(0, p.out_batch * panels, 1, [&](int64_t begin, int64_t end) {
    std::vector<T> panel(static_cast<size_t>(k_count * kPanel));
    std::vector<int64_t> sources(static_cast<size_t>(p.taps * kPanel));
    for (int64_t task = begin; task < end; ++task) {
      const int64_t n = task / panels, first = task % panels * kPanel, count = std::min(kPanel, p.positions - first);
      find_sources(p, first, count, sources);
      for (int64_t g = 0; g < p.groups * p.batch_groups; ++g) {
        // One of the two group counts is 1.
        const int64_t image = p.batch_groups > 1 ? g * p.out_batch + n : n;
        const int64_t feature = p.batch_groups > 1 ? 0 : g * p.group_features;
        const T* from = input + (image * p.features + feature) * p.input_size;
        for (int64_t f = 0; f < p.group_features; ++f, from += p.input_size)
          for (int64_t t = 0; t < p.taps; ++t) {
            T* to = panel.data() + (f * p.taps + t) * kPanel;
            const int64_t* source = sources.data() + t * kPanel;
            for (int64_t j = 0; j < count; ++j) to[j] = source[j] < 0 ? T{} : from[source[j]];
          }
        multiply_panel<T>(kernel + g * group_outputs * k_count, group_outputs, k_count, panel.data(),
                          output + (n * p.out_features + g * group_outputs) * p.positions + first, p.positions, count);
      }
    }
  });
}

Plan make_plan(const ConvolutionAttributes& a, const Tensor& lhs, const Tensor& rhs, const Shape& result) {
  const auto size = [](const Shape& s, int64_t d) { return s[static_cast<size_t>(d)]; };
  const auto sizes = [](const Shape& s, std::span<const int64_t> dimensions) {
    Shape r;
    for (int64_t d : dimensions) r.push_back(s[static_cast<size_t>(d)]);
    return r;
  };
  Plan p;
  p.batch = size(lhs.shape(), a.input_batch_dimension);
  p.features = size(lhs.shape(), a.input_feature_dimension);
  p.out_batch = size(result, a.output_batch_dimension);
  p.out_features = size(result, a.output_feature_dimension);
  p.group_features = size(rhs.shape(), a.kernel_input_feature_dimension);
  p.groups = a.feature_group_count;
  p.batch_groups = a.batch_group_count;
  p.input = sizes(lhs.shape(), a.input_spatial_dimensions);
  p.kernel = sizes(rhs.shape(), a.kernel_spatial_dimensions);
  p.output = sizes(result, a.output_spatial_dimensions);
  p.input_size = element_count(p.input);
  p.taps = element_count(p.kernel);
  p.positions = element_count(p.output);
  p.strides = a.window_strides;
  p.lhs_dilation = a.lhs_dilation;
  p.rhs_dilation = a.rhs_dilation;
  for (const Dim& d : a.padding_low) p.low.push_back(d.constant());
  return p;
}

std::vector<int64_t> layout(int64_t first, int64_t second, std::span<const int64_t> spatial) {
  std::vector<int64_t> r{first, second};
  r.insert(r.end(), spatial.begin(), spatial.end());
  return r;
}

std::vector<Tensor> evaluate_convolution(const EvalCall& call) {
  const ConvolutionAttributes a = filled(call.get<ConvolutionAttributes>());
  const Tensor &lhs = call.operands[0], &rhs = call.operands[1];
  const Shape result = call.result().static_shape();
  const Plan p = make_plan(a, lhs, rhs, result);
  MutableTensor out(call.result_storage(), result, MutableTensor::Init::kNone);
  if (out.size() == 0) return {std::move(out).freeze()};
  bool reversed[66] = {};
  if (a.window_reversal.size() > 64) fail("more than 64 spatial dimensions");
  std::copy(a.window_reversal.begin(), a.window_reversal.end(), reversed + 2);
  const std::vector<int64_t> out_layout =
      layout(a.output_batch_dimension, a.output_feature_dimension, a.output_spatial_dimensions);
  const bool in_order = std::ranges::is_sorted(out_layout);
  with_fold_type(out.dtype(), [&](auto type) {
    using T = decltype(type);
    const std::vector<T> input =
        arranged<T>(lhs, layout(a.input_batch_dimension, a.input_feature_dimension, a.input_spatial_dimensions));
    const std::vector<T> kernel = arranged<T>(
        rhs, layout(a.kernel_output_feature_dimension, a.kernel_input_feature_dimension, a.kernel_spatial_dimensions),
        {reversed, a.window_reversal.size() + 2});
    std::vector<T> c(static_cast<size_t>(out.size()));
    convolve<T>(p, input.data(), kernel.data(), c.data());
    if (!in_order) {  // from [batch, features, spatial] to the result's layout
      const Shape strides = row_major_strides(result);
      Shape shape, to;
      for (int64_t d : out_layout) {
        shape.push_back(result[static_cast<size_t>(d)]);
        to.push_back(strides[static_cast<size_t>(d)]);
      }
      std::vector<T> moved(c.size());
      copy_strided(shape, sizeof(T), reinterpret_cast<std::byte*>(moved.data()), to,
                   reinterpret_cast<const std::byte*>(c.data()), row_major_strides(shape));
      c = std::move(moved);
    }
    store_fold<T>(out, 0, out.size(), c.data());
  });
  return {std::move(out).freeze()};
}

}  // namespace

const Op& dot_general() {
  static const Op op = primitive("stablehlo.dot_general", &attributes_info<DotAttributes>(), DTypeSet::all(),
                                 infer_dot_general, evaluate_dot_general);
  return op;
}
ValueId dot_general(Builder& b, ValueId lhs, ValueId rhs, DotAttributes attributes) {
  return b.add1(dot_general(), make_attributes(std::move(attributes)), {lhs, rhs});
}
ValueId batch_matmul(Builder& b, ValueId lhs, ValueId rhs) {
  const int64_t rank = b.rank(lhs);
  if (rank < 2 || b.rank(rhs) != rank) fail("batch_matmul of {} and {} dimensions", rank, b.rank(rhs));
  DotAttributes a;
  for (int64_t d = 0; d < rank - 2; ++d) a.lhs_batching_dimensions.push_back(d);
  a.rhs_batching_dimensions = a.lhs_batching_dimensions;
  a.lhs_contracting_dimensions = {rank - 1};
  a.rhs_contracting_dimensions = {rank - 2};
  return dot_general(b, lhs, rhs, std::move(a));
}

const Op& convolution() {
  static const Op op = primitive("stablehlo.convolution", &attributes_info<ConvolutionAttributes>(), DTypeSet::all(),
                                 infer_convolution, evaluate_convolution);
  return op;
}
ValueId convolution(Builder& b, ValueId lhs, ValueId rhs, ConvolutionAttributes attributes) {
  return b.add1(convolution(), make_attributes(filled(std::move(attributes))), {lhs, rhs});
}

ConvolutionAttributes nchw_convolution(int64_t spatial_rank) {
  ConvolutionAttributes a;
  for (int64_t d = 2; d < spatial_rank + 2; ++d) a.input_spatial_dimensions.push_back(d);
  a.kernel_spatial_dimensions = a.output_spatial_dimensions = a.input_spatial_dimensions;
  return filled(std::move(a));
}

std::span<const Op* const> contract_ops() {
  static const Op* const ops[] = {&dot_general(), &convolution()};
  return ops;
}

}  // namespace ecotone::op

namespace ecotone {
template const AttributesInfo& attributes_info<op::DotAttributes>();
template const AttributesInfo& attributes_info<op::ConvolutionAttributes>();
}  // namespace ecotone
