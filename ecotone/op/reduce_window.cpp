#include <algorithm>
#include <cstring>

#include "ecotone/base/thread_pool.h"
#include "ecotone/op/combine.h"
#include "ecotone/op/common.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/fold.h"
#include "ecotone/op/move.h"
#include "ecotone/op/reduce.h"

namespace ecotone::op {
namespace {

// The attributes with what is empty filled in.
WindowAttributes filled(WindowAttributes a, size_t rank) {
  if (a.window_strides.empty()) a.window_strides.assign(rank, 1);
  if (a.base_dilations.empty()) a.base_dilations.assign(rank, 1);
  if (a.window_dilations.empty()) a.window_dilations.assign(rank, 1);
  if (a.padding_low.empty()) a.padding_low.assign(rank, 0);
  if (a.padding_high.empty()) a.padding_high.assign(rank, 0);
  return a;
}

std::vector<Type> infer_reduce_window(const InferCall& call) {
  call.expect_operands_at_least(2);
  if (call.operands.size() % 2 != 0) fail("needs as many initial values as inputs");
  const size_t n = call.operands.size() / 2;
  const TensorType& x = call.operand(0);
  const WindowAttributes a = filled(call.get<WindowAttributes>(), x.shape.size());
  call.expect_regions(a.reducer == Reducer::kRegion ? 1 : 0);
  for (const size_t length : {a.window_dimensions.size(), a.window_strides.size(), a.base_dilations.size(),
                              a.window_dilations.size(), a.padding_low.size(), a.padding_high.size()})
    if (length != x.shape.size()) fail("the window has {} dimensions, but the operand has {}", length, x.rank());
  std::vector<Dim> shape;
  for (size_t d = 0; d < x.shape.size(); ++d) {
    if (a.window_strides[d] < 1 || a.base_dilations[d] < 1 || a.window_dilations[d] < 1)
      fail("strides and dilations of dimension {} must be positive", d);
    if (call.dims.range(a.window_dimensions[d]).max < 1) fail("the window's size in dimension {} must be positive", d);
    const auto dilated = [](const Dim& size, int64_t by) {
      return by == 1 ? size : size == Dim(0) ? Dim(0) : (size - 1) * by + 1;
    };
    const Dim whole = a.padding_low[d] + dilated(x.shape[d], a.base_dilations[d]) + a.padding_high[d];
    const Dim window = dilated(a.window_dimensions[d], a.window_dilations[d]);
    const Dim places = floordiv(whole - window, a.window_strides[d]) + 1;
    shape.push_back(places.is_constant()               ? Dim(std::max<int64_t>(0, places.constant()))
                    : call.dims.range(places).min >= 0 ? places
                                                       : max(places, 0));
  }
  std::vector<Type> results;
  for (size_t i = 0; i < n; ++i) {
    if (i > 0) expect_equal_shapes(call, 0, i);
    expect_equal_dtypes(call, i, n + i);
    if (call.operand(n + i).rank() != 0) fail("initial value {} must be a scalar", i);
    results.emplace_back(TensorType{call.operand(i).dtype, shape});
  }
  return results;
}

// Where window entry `w` of output index `o` lies along dimension d of the operand; -1 in padding and in the gaps of a
// dilated base.
struct Windows {
  Shape size, strides, base, dilation, low, shape;  // shape is the operand's

  Windows(const WindowAttributes& a, const Shape& operand)
      : strides(a.window_strides), base(a.base_dilations), dilation(a.window_dilations), shape(operand) {
    for (size_t d = 0; d < operand.size(); ++d) {
      size.push_back(a.window_dimensions[d].constant());
      low.push_back(a.padding_low[d].constant());
    }
  }
  int64_t at(size_t d, int64_t o, int64_t w) const {
    const int64_t p = o * strides[d] + w * dilation[d] - low[d];
    if (p < 0 || p % base[d] != 0 || p / base[d] >= shape[d]) return -1;
    return p / base[d];
  }
};

// One row of outputs along the last dimension: each window entry in turn is combined into all of them, so that each
// output sees its window in row-major order.
template <class T>
void window_row(Reducer reducer, const T* x, const Windows& w, const Shape& strides, const Shape& output,
                int64_t length, T init, bool is_unsigned, T* sums) {
  const size_t last = w.shape.size() - 1;
  std::fill_n(sums, length, init);
  const std::vector<T> inits(static_cast<size_t>(length), init);
  Shape entry(w.size.size());
  do {
    int64_t offset = 0;
    bool inside = true;
    for (size_t d = 0; d < last && inside; ++d) {
      const int64_t p = w.at(d, output[d], entry[d]);
      inside = p >= 0;
      offset += p * strides[d];
    }
    if (!inside) {
      combine_into<T>(reducer, sums, inits.data(), 1, length, is_unsigned);
    } else if (w.base[last] == 1) {
      // Outputs [begin, end) see the operand, those around them padding.
      const int64_t shift = entry[last] * w.dilation[last] - w.low[last], step = w.strides[last];
      const int64_t begin = std::clamp<int64_t>(shift >= 0 ? 0 : (-shift + step - 1) / step, 0, length);
      const int64_t room = w.shape[last] - 1 - shift;
      const int64_t end = std::clamp<int64_t>(room < 0 ? 0 : room / step + 1, begin, length);
      combine_into<T>(reducer, sums, inits.data(), 1, begin, is_unsigned);
      combine_into<T>(reducer, sums + begin, x + offset + begin * step + shift, step, end - begin, is_unsigned);
      combine_into<T>(reducer, sums + end, inits.data(), 1, length - end, is_unsigned);
    } else {
      for (int64_t o = 0; o < length; ++o) {
        const int64_t p = w.at(last, o, entry[last]);
        combine_into<T>(reducer, sums + o, p < 0 ? &init : x + offset + p, 1, 1, is_unsigned);
      }
    }
  } while (next_index(entry, w.size));
}

Tensor reduce_windows(Reducer reducer, const Tensor& x, const Tensor& init, const Windows& w, const Shape& shape) {
  MutableTensor out(x.dtype(), shape, MutableTensor::Init::kNone);
  if (out.size() == 0) return std::move(out).freeze();
  const bool is_unsigned = !is_signed_integer(x.dtype());
  const int64_t length = shape.back(), rows = out.size() / length;
  const Shape strides = row_major_strides(x.shape());
  const Shape outer(shape.begin(), shape.end() - 1);
  with_fold_type(x.dtype(), [&](auto type) {
    using T = decltype(type);
    std::vector<T> buffer, init_buffer;
    const T* values = load_fold<T>(x, 0, x.size(), buffer);
    const T start = *load_fold<T>(init, 0, 1, init_buffer);
    const int64_t work = length * element_count(w.size);
    ThreadPool::global().parallel_for(0, rows, std::max<int64_t>(1, (1 << 15) / work), [&](int64_t begin, int64_t end) {
      std::vector<T> sums(static_cast<size_t>(length));
      Shape output(outer.size());
      for (int64_t rest = begin, d = static_cast<int64_t>(outer.size()) - 1; d >= 0; --d) {
        output[static_cast<size_t>(d)] = rest % outer[static_cast<size_t>(d)];
        rest /= outer[static_cast<size_t>(d)];
      }
      for (int64_t row = begin; row < end; ++row, next_index(output, outer)) {
        window_row<T>(reducer, values, w, strides, output, length, start, is_unsigned, sums.data());
        store_fold<T>(out, row * length, length, sums.data());
      }
    });
  });
  return std::move(out).freeze();
}

std::vector<Tensor> evaluate_reduce_window(const EvalCall& call) {
  const size_t n = call.operands.size() / 2;
  const Tensor& x = call.operands[0];
  const WindowAttributes a = filled(call.get<WindowAttributes>(), x.shape().size());
  const Windows w(a, x.shape());
  const Shape shape = call.result().static_shape();
  Reducer reducer = a.reducer;
  if (reducer == Reducer::kRegion && n == 1 && call.captures.empty()) reducer = reducer_of(*call.regions[0].body);
  if (reducer != Reducer::kRegion && !shape.empty()) return {reduce_windows(reducer, x, call.operands[1], w, shape)};

  Region region;
  if (reducer == Reducer::kRegion)
    region = call.regions[0];
  else
    region.body = reducer_body(reducer, call.declared(0));
  const ElementCombiner combine(call, region);
  std::vector<MutableTensor> outs;
  for (size_t i = 0; i < n; ++i) {
    outs.emplace_back(call.operands[i].dtype(), shape, MutableTensor::Init::kNone);
    fill_elements(outs[i], call.operands[n + i].bytes().data());
  }
  const Shape strides = row_major_strides(x.shape());
  Shape output(shape.size()), entry(shape.size());
  for (int64_t o = 0, size = element_count(shape); o < size; ++o, next_index(output, shape)) {
    do {
      int64_t offset = 0;
      bool inside = true;
      for (size_t d = 0; d < shape.size() && inside; ++d) {
        const int64_t p = w.at(d, output[d], entry[d]);
        inside = p >= 0;
        offset += p * strides[d];
      }
      combine(outs, o, inside ? call.operands.first(n) : call.operands.last(n), inside ? offset : 0);
    } while (next_index(entry, w.size));
  }
  std::vector<Tensor> results;
  for (MutableTensor& out : outs) results.push_back(std::move(out).freeze());
  return results;
}

// select_and_scatter --------------------------------------------------------------------------------------------------

Shape or_else(const Shape& list, size_t rank, int64_t value) {
  return list.empty() ? Shape(rank, value) : list;
}

std::vector<Type> infer_select_and_scatter(const InferCall& call) {
  call.expect_operands(3);
  call.expect_regions(2);
  const auto& a = call.get<SelectAndScatterAttributes>();
  const TensorType &x = call.operand(0), &source = call.operand(1);
  expect_equal_dtypes(call, 0, 1);
  expect_equal_dtypes(call, 0, 2);
  if (call.operand(2).rank() != 0) fail("the initial value must be a scalar");
  if (source.rank() != x.rank()) fail("the source has {} dimensions, the operand {}", source.rank(), x.rank());
  const size_t rank = x.shape.size();
  const Shape window = or_else(a.window_dimensions, rank, 1), strides = or_else(a.window_strides, rank, 1);
  const Shape low = or_else(a.padding_low, rank, 0), high = or_else(a.padding_high, rank, 0);
  for (const Shape* list : {&window, &strides, &low, &high})
    if (list->size() != rank) fail("the window has {} dimensions, but the operand has {}", list->size(), rank);
  for (size_t d = 0; d < rank; ++d) {
    if (strides[d] < 1 || window[d] < 1) fail("window and stride of dimension {} must be positive", d);
    const Dim places = floordiv(x.shape[d] + low[d] + high[d] - window[d], strides[d]) + 1;
    call.dims.require_equal(source.shape[d], places, "the source's size and the number of windows");
  }
  return {Type(x)};
}

std::vector<Tensor> evaluate_select_and_scatter(const EvalCall& call) {
  const auto& a = call.get<SelectAndScatterAttributes>();
  const Tensor &x = call.operands[0], &source = call.operands[1];
  const size_t rank = x.shape().size();
  WindowAttributes attributes;
  for (int64_t d : or_else(a.window_dimensions, rank, 1)) attributes.window_dimensions.emplace_back(d);
  attributes.window_strides = or_else(a.window_strides, rank, 1);
  for (int64_t d : or_else(a.padding_low, rank, 0)) attributes.padding_low.emplace_back(d);
  const Windows w(filled(std::move(attributes), rank), x.shape());
  std::vector<MutableTensor> outs;
  outs.emplace_back(x.dtype(), x.shape(), MutableTensor::Init::kNone);
  fill_elements(outs[0], call.operands[2].bytes().data());
  const ElementCombiner scatter(call, call.regions[1]);
  const Shape strides = row_major_strides(x.shape());
  Shape output(rank), entry(rank);
  for (int64_t o = 0; o < source.size(); ++o, next_index(output, source.shape())) {
    int64_t selected = -1;
    do {
      int64_t offset = 0;
      bool inside = true;
      for (size_t d = 0; d < rank && inside; ++d) {
        const int64_t p = w.at(d, output[d], entry[d]);
        inside = p >= 0;
        offset += p * strides[d];
      }
      if (!inside) continue;
      const auto keeps = [&] {
        const Tensor args[] = {element(x, selected), element(x, offset)};
        return call.runner.run(call.regions[0], args)[0].at_int(0) != 0;
      };
      if (selected < 0 || !keeps()) selected = offset;
    } while (next_index(entry, w.size));
    if (selected >= 0) scatter(outs, selected, call.operands.subspan(1, 1), o);
  }
  return {std::move(outs[0]).freeze()};
}

}  // namespace

const Op& reduce_window() {
  static const Op op = primitive("stablehlo.reduce_window", &attributes_info<WindowAttributes>(), DTypeSet::all(),
                                 infer_reduce_window, evaluate_reduce_window);
  return op;
}
ValueId reduce_window(Builder& b, ValueId x, ValueId init, WindowAttributes attributes) {
  return b.add1(reduce_window(), make_attributes(filled(std::move(attributes), b.tensor_type(x).shape.size())),
                {x, init});
}
std::vector<ValueId> reduce_window(Builder& b, std::span<const ValueId> inputs, std::span<const ValueId> inits,
                                   WindowAttributes attributes, Region region, std::span<const ValueId> captures) {
  std::vector<ValueId> operands(inputs.begin(), inputs.end());
  operands.insert(operands.end(), inits.begin(), inits.end());
  attributes = filled(std::move(attributes), b.tensor_type(inputs[0]).shape.size());
  return b.add(reduce_window(), make_attributes(std::move(attributes)), operands, {std::move(region)}, captures);
}

const Op& select_and_scatter() {
  static const Op op = primitive("stablehlo.select_and_scatter", &attributes_info<SelectAndScatterAttributes>(),
                                 DTypeSet::all(), infer_select_and_scatter, evaluate_select_and_scatter);
  return op;
}

}  // namespace ecotone::op
