// Runs one composite with an open batch size, for tests.
#pragma once

#include <cmath>
#include <functional>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "ecotone/backend/reference/reference.h"
#include "ecotone/ir/builder.h"
#include "ecotone/ir/verify.h"

namespace ecotone::composites_test {

struct In {
  Tensor value;
  int batch_axis = 0;  // where the open size stands; -1: nowhere
};
using Make = std::function<std::vector<ValueId>(Builder&, std::span<const ValueId>)>;

// The results of `make`, whose types must have kept the open size at `batch_axis` (-1: not checked), for these inputs.
inline std::vector<Tensor> run(const std::vector<In>& inputs, int batch_axis, const Make& make) {
  Builder b;
  b.set_location(named_location("test"));
  const Dim batch = b.symbol("batch", 1);
  std::vector<ValueId> ids;
  std::vector<Tensor> values;
  for (const In& in : inputs) {
    TensorType type = in.value.type();
    if (in.batch_axis >= 0) type.shape[static_cast<size_t>(in.batch_axis)] = batch;
    ids.push_back(b.input("x", type));
    values.push_back(in.value);
  }
  const std::vector<ValueId> results = make(b, ids);
  for (ValueId r : results) {
    b.output("y", r);
    if (batch_axis >= 0) {
      EXPECT_EQ(b.tensor_type(r).shape.at(static_cast<size_t>(batch_axis)), batch);
    }
  }
  const ProgramRef p = std::move(b).build();
  EXPECT_EQ(p->equations().size(), 1U) << "a composite is one equation";
  verify(*p);
  return backend::evaluate(*p, values);
}

inline Tensor random(Shape shape, unsigned seed, double low = -2, double high = 2) {
  std::mt19937 generator(seed);
  std::vector<double> v(static_cast<size_t>(element_count(shape)));
  for (double& x : v) x = low + (high - low) * static_cast<double>(generator()) / 4294967296.0;
  return Tensor::from(std::span<const double>(v), std::move(shape));
}

// f64 throughout, so what differs is the order of a few sums and the roundings of exp and its like: some 1e-15 an
// operation, a hundred operations a result.
constexpr double kTolerance = 1e-12;

inline void expect_near(const Tensor& got, const std::vector<double>& want) {
  ASSERT_EQ(got.size(), static_cast<int64_t>(want.size()));
  for (int64_t i = 0; i < got.size(); ++i) {
    const double w = want[static_cast<size_t>(i)];
    EXPECT_NEAR(got.at_double(i), w, kTolerance * (1 + std::abs(w))) << "at " << i;
  }
}

inline std::span<const double> data(const Tensor& t) {
  return t.data<double>();
}
inline double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

}  // namespace ecotone::composites_test
