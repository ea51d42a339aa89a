#include "ecotone/op/batch_norm.h"

#include "ecotone/base/error.h"
#include "ecotone/ir/attributes_info.h"
#include "ecotone/op/build.h"
#include "ecotone/op/composite.h"
#include "ecotone/op/convert.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/reduce.h"
#include "ecotone/op/shape.h"
#include "ecotone/op/table.h"

namespace ecotone::op {
namespace {

// What the three share: the shape, and how features are spread over it and summed up.
class Features {
 public:
  // Checks the types: x and, where `like_x` says so, other operands have one shape, the rest one entry per feature.
  Features(Builder& b, const BatchNormAttributes& attributes, Operands inputs, size_t like_x = 0)
      : b_(b), index_(attributes.feature_index), type_(b.tensor_type(inputs[0])) {
    if (index_ < 0 || index_ >= type_.rank()) fail("feature_index {} is not in [0, {})", index_, type_.rank());
    for (size_t i = 1; i < inputs.size(); ++i) {
      const TensorType& t = b.tensor_type(inputs[i]);
      const bool whole = like_x != 0 && i == like_x;
      if (t.dtype != type_.dtype) fail("operand {} is {}, but x is {}", i, name(t.dtype), name(type_.dtype));
      if (t.rank() != (whole ? type_.rank() : 1)) fail("operand {} has {} dimensions", i, t.rank());
      for (size_t d = 0; d < t.shape.size(); ++d)
        b.dims().require_equal(t.shape[d], type_.shape[whole ? d : static_cast<size_t>(index_)],
                               "sizes of a batch normalization's operands and x");
    }
    for (int64_t d = 0; d < type_.rank(); ++d)
      if (d != index_) {
        others_.push_back(d);
        count_ = count_ * type_.shape[static_cast<size_t>(d)];
      }
  }

  ValueId spread(ValueId per_feature) { return broadcast_in_dim(b_, per_feature, type_.shape, {index_}); }
  ValueId sum(ValueId x) { return reduce(b_, x, others_, Reducer::kAdd); }
  ValueId mean(ValueId x) {
    const ValueId total = sum(x);
    return divide(b_, total, count_like(total));
  }
  // The number of elements per feature, in the shape of `like`.
  ValueId count_like(ValueId like) {
    const ValueId n = convert(b_, dim_value(b_, count_, DType::kI64), type_.dtype);
    return broadcast_in_dim(b_, n, b_.tensor_type(like).shape, {});
  }
  ValueId plus(ValueId x, double value) { return add(b_, x, full_like(b_, x, value)); }

 private:
  Builder& b_;
  int64_t index_;
  TensorType type_;
  std::vector<int64_t> others_;
  Dim count_ = 1;
};

ValueId normalize(Builder& b, Features& f, double epsilon, ValueId x, ValueId scale, ValueId offset, ValueId mean,
                  ValueId variance) {
  const ValueId centred = subtract(b, x, f.spread(mean));
  const ValueId normalized = divide(b, centred, f.spread(sqrt(b, f.plus(variance, epsilon))));
  const ValueId scaled = multiply(b, f.spread(scale), normalized);
  return add(b, scaled, f.spread(offset));
}

Results inference_body(Builder& b, const BatchNormAttributes& a, Operands in) {
  Features f(b, a, in);
  return {normalize(b, f, a.epsilon, in[0], in[1], in[2], in[3], in[4])};
}

Results training_body(Builder& b, const BatchNormAttributes& a, Operands in) {
  Features f(b, a, in);
  const ValueId x = in[0], mean = f.mean(x);
  const ValueId centred = subtract(b, x, f.spread(mean)), variance = f.mean(multiply(b, centred, centred));
  return {normalize(b, f, a.epsilon, x, in[1], in[2], mean, variance), mean, variance};
}

Results grad_body(Builder& b, const BatchNormAttributes& a, Operands in) {
  Features f(b, a, in, 4);
  const ValueId x = in[0], scale = in[1], mean = in[2], variance = in[3], dy = in[4];
  const ValueId centred = subtract(b, x, f.spread(mean)), spread_variance = f.plus(variance, a.epsilon);
  const ValueId deviation = sqrt(b, spread_variance);
  const ValueId d_scale = f.sum(multiply(b, dy, divide(b, centred, f.spread(deviation)))), d_offset = f.sum(dy);
  // dx = scale / deviation / n (n dy - sum dy - centred sum(dy centred) / (variance + epsilon)), as in the
  // specification.
  const ValueId slope = divide(b, f.sum(multiply(b, dy, centred)), spread_variance);
  const ValueId total = multiply(b, dy, f.count_like(dy));
  const ValueId less_mean = subtract(b, total, f.spread(d_offset));
  const ValueId rest = subtract(b, less_mean, multiply(b, centred, f.spread(slope)));
  const ValueId factor = divide(b, divide(b, scale, deviation), f.count_like(scale));
  return {multiply(b, f.spread(factor), rest), d_scale, d_offset};
}

template <auto F, size_t kCount>
Op batch_norm_op(const char* name) {
  Op op = composite<BatchNormAttributes, F, kCount, kCount, Precision::kAtLeastF32>(name, DTypeSet::floats());
  op.error.c = 4;  // backends sum in other orders, and may fold scale and deviation into one factor
  return op;
}

}  // namespace

const Op& batch_norm_inference() {
  static const Op op = batch_norm_op<inference_body, 5>("stablehlo.batch_norm_inference");
  return op;
}
const Op& batch_norm_training() {
  static const Op op = batch_norm_op<training_body, 3>("stablehlo.batch_norm_training");
  return op;
}
const Op& batch_norm_grad() {
  static const Op op = batch_norm_op<grad_body, 5>("stablehlo.batch_norm_grad");
  return op;
}

std::span<const Op* const> batch_norm_ops() {
  static const Op* const ops[] = {&batch_norm_inference(), &batch_norm_training(), &batch_norm_grad()};
  return ops;
}

}  // namespace ecotone::op

namespace ecotone {
template const AttributesInfo& attributes_info<op::BatchNormAttributes>();
}  // namespace ecotone
