// Composites at open sizes, and what holds for all of them; tests/op/generate.py tests their values.
#include <functional>
#include <map>
#include <random>

#include <gtest/gtest.h>

#include "ecotone/backend/reference/error_rule.h"
#include "ecotone/backend/reference/reference.h"
#include "ecotone/ir/builder.h"
#include "ecotone/ir/verify.h"
#include "ecotone/op/activation.h"
#include "ecotone/op/attention.h"
#include "ecotone/op/chlo.h"
#include "ecotone/op/composite.h"
#include "ecotone/op/conv.h"
#include "ecotone/op/cost.h"
#include "ecotone/op/cumulative.h"
#include "ecotone/op/einsum.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/norm.h"
#include "ecotone/op/pool.h"
#include "ecotone/op/resize.h"
#include "ecotone/op/rnn.h"
#include "ecotone/op/select.h"
#include "ecotone/op/softmax.h"
#include "ecotone/op/table.h"

namespace ecotone {
namespace {

using Ids = std::span<const ValueId>;
using Names = std::vector<std::string>;

struct In {
  Tensor value;
  Names open = {};  // the symbol of each dimension, "" where the size is fixed; empty: all are
};
struct Case {
  std::string name;
  std::vector<In> inputs;
  Names types;  // of the results
  std::function<std::vector<ValueId>(Builder&, Ids)> make;
};

Tensor random(Shape shape, double low = -2, double high = 2) {
  std::mt19937 generator(static_cast<unsigned>(shape.size()));
  std::vector<double> v(static_cast<size_t>(element_count(shape)));
  for (double& x : v) x = low + (high - low) * static_cast<double>(generator()) / 4294967296.0;
  return Tensor::from(std::span<const double>(v), std::move(shape));
}
Tensor counts(std::initializer_list<int32_t> v) {
  return Tensor::from<int32_t>(v, {static_cast<int64_t>(v.size())});
}

// The results, and their types when sizes are open.
std::pair<std::vector<Tensor>, Names> run(const Case& c, bool open) {
  Builder b;
  b.set_location(named_location("test"));
  std::map<std::string, Dim> symbols;
  std::vector<ValueId> ids;
  std::vector<Tensor> values;
  for (const In& in : c.inputs) {
    TensorType type = in.value.type();
    for (size_t d = 0; open && d < in.open.size(); ++d) {
      if (in.open[d].empty()) continue;
      if (!symbols.contains(in.open[d])) symbols[in.open[d]] = b.symbol(in.open[d], 1);
      type.shape[d] = symbols[in.open[d]];
    }
    ids.push_back(b.input("x", type));
    values.push_back(in.value);
  }
  Names types;
  for (ValueId r : c.make(b, ids)) {
    b.output("y", r);
    types.push_back(b.tensor_type(r).str(b.symbols()));
  }
  const ProgramRef p = std::move(b).build();
  EXPECT_EQ(p->equations().size(), 1U) << "a composite is one equation";
  verify(*p);
  return {backend::evaluate(*p, values), types};
}

// A case of a function of one value.
template <class F>
Case one(std::string name, In in, std::string type, F make) {
  return {std::move(name), {std::move(in)}, {std::move(type)}, [make](Builder& b, Ids x) -> std::vector<ValueId> {
            return {make(b, x[0])};
          }};
}

std::vector<Case> cases() {
  const In x{random({3, 4, 5}), {"b", "", "s"}};
  const In image{random({2, 4, 5, 6}), {"b", "", "h", "w"}};
  const op::PoolWindow window{{2, 3}, {2, 1}, {1, 2}, {1, 1}, {0, 2}};
  const In scale{random({4})}, spread{random({4}, 0.5, 2)};
  op::ResizeAttributes doubled;
  doubled.axes = {2};
  doubled.scales = {2};
  op::AttentionAttributes attends;
  attends.scale = 0.25;
  attends.causal = attends.has_lengths = true;
  op::RecurrentAttributes both;
  both.direction = op::RecurrentDirection::kBidirectional;
  both.has_lengths = true;
  const In sequence{random({4, 2, 3}), {"s", "b", ""}}, lengths{counts({4, 2}), {"b"}};
  const auto recurrent = [&](std::string name, int64_t gates, Names types, auto make) -> Case {
    return {std::move(name),
            {sequence, {random({2, gates * 2, 3})}, {random({2, gates * 2, 2})}, lengths},
            std::move(types),
            [make, both](Builder& b, Ids v) { return make(b, v, both); }};
  };
  return {
      one("softmax over an open size", x, "bx4xsxf64", [](Builder& b, ValueId v) { return op::softmax(b, v, {2}); }),
      one("log_softmax", x, "bx4xsxf64", [](Builder& b, ValueId v) { return op::log_softmax(b, v, {1, 2}); }),
      one("log_sum_exp", x, "bx4xf64", [](Builder& b, ValueId v) { return op::log_sum_exp(b, v, {2}); }),
      one("mean over an open size", x, "bx4x1xf64", [](Builder& b, ValueId v) { return op::mean(b, v, {2}, true); }),
      one("gelu", x, "bx4xsxf64", [](Builder& b, ValueId v) { return op::gelu(b, v); }),
      one("lp_norm", x, "bx4xsxf64", [](Builder& b, ValueId v) { return op::lp_norm(b, v, {2, 2}); }),
      one("local_response_norm", x, "bx4xsxf64",
          [](Builder& b, ValueId v) { return op::local_response_norm(b, v, {3, 0.5, 0.5, 1}); }),
      one("cumsum along an open size", x, "bx4xsxf64",
          [](Builder& b, ValueId v) { return op::cumsum(b, v, {-1, true, true}); }),
      one("arg_max along an open size", x, "bx4xi64",
          [](Builder& b, ValueId v) { return op::arg_max(b, v, {2, true}); }),
      one("pad_from_itself", x, "bx4xs+3xf64",
          [](Builder& b, ValueId v) { return op::pad_from_itself(b, v, {{2}, {1}, {2}, op::PadMode::kReflect}); }),
      one("max_pool", image, "bx4xfloordiv(h+1, 2)xw-1xf64",
          [=](Builder& b, ValueId v) { return op::max_pool(b, v, {window}); }),
      one("average_pool that counts padding", image, "bx4xfloordiv(h+1, 2)xw-1xf64",
          [=](Builder& b, ValueId v) {
            return op::average_pool(b, v, {window, window.padding_low, window.padding_high});
          }),
      one("resize by an integer", image, "bx4x2*hxwxf64",
          [=](Builder& b, ValueId v) {
            op::ResizeAttributes a = doubled;
            a.sizes = {b.tensor_type(v).shape[2] * Dim(2)};
            return op::resize(b, v, a);
          }),
      {"top_k along an open size",
       {x},
       {"bx4x2xf64", "bx4x2xi64"},
       [](Builder& b, Ids v) -> std::vector<ValueId> {
         const auto [values, indices] = op::top_k(b, v[0], {-1, 2, false});
         return {values, indices};
       }},
      {"one_hot of an open depth",
       {{counts({1, -1, 0}), {"n"}}, {Tensor::scalar(-1.0)}, {Tensor::scalar(5.0)}, {random({4}), {"d"}}},
       {"nxdxf64"},
       [](Builder& b, Ids v) -> std::vector<ValueId> {
         return {op::one_hot(b, v[0], v[1], v[2], {b.tensor_type(v[3]).shape[0], -1})};
       }},
      {"layer_norm over an open size",
       {x, {random({5}), {"s"}}, {random({4, 1})}},
       {"bx4xsxf64", "bx1x1xf64", "bx1x1xf64"},
       [](Builder& b, Ids v) { return op::layer_norm(b, v, {-2, 1e-3}); }},
      {"rms_norm",
       {x, {random({4, 1})}},
       {"bx4xsxf64"},
       [](Builder& b, Ids v) -> std::vector<ValueId> { return {op::rms_norm(b, v[0], v[1], {2, 1e-3})}; }},
      {"batch_norm",
       {x, scale, scale, scale, spread},
       {"bx4xsxf64"},
       [](Builder& b, Ids v) -> std::vector<ValueId> {
         return {op::batch_norm(b, v[0], v[1], v[2], v[3], v[4], 1e-3)};
       }},
      {"instance_norm",
       {image, scale, scale},
       {"bx4xhxwxf64"},
       [](Builder& b, Ids v) -> std::vector<ValueId> { return {op::instance_norm(b, v[0], v[1], v[2], 1e-3)}; }},
      {"group_norm",
       {image, scale, scale},
       {"bx4xhxwxf64"},
       [](Builder& b, Ids v) -> std::vector<ValueId> { return {op::group_norm(b, v[0], v[1], v[2], {2, 1e-3})}; }},
      {"prelu",
       {x, {random({4, 1})}},
       {"bx4xsxf64"},
       [](Builder& b, Ids v) -> std::vector<ValueId> { return {op::prelu(b, v[0], v[1])}; }},
      {"conv_transpose",
       {x, {random({4, 3, 3})}},
       {"bx6x2*s+2xf64"},
       [](Builder& b, Ids v) -> std::vector<ValueId> {
         return {op::conv_transpose(b, v[0], v[1], {{2}, {2}, {1}, {0}, 2})};
       }},
      {"attention over open queries and keys",
       {{random({2, 4, 3, 6}), {"b", "", "q", ""}},
        {random({2, 2, 5, 6}), {"b", "", "k", ""}},
        {random({2, 2, 5, 4}), {"b", "", "k", ""}},
        {counts({0, 4}), {"b"}}},
       {"bx4xqx4xf64", "bx4xqxkxf64"},
       [attends](Builder& b, Ids v) { return op::attention(b, v, attends); }},
      recurrent("rnn", 1, {"sx2xbx2xf64", "2xbx2xf64"}, [](auto&... v) { return op::rnn(v...); }),
      recurrent("gru", 3, {"sx2xbx2xf64", "2xbx2xf64"}, [](auto&... v) { return op::gru(v...); }),
      recurrent("lstm", 4, {"sx2xbx2xf64", "2xbx2xf64", "2xbx2xf64"}, [](auto&... v) { return op::lstm(v...); }),
      {"einsum",
       {{random({2, 3, 4}), {"b", "i", "j"}}, {random({2, 4, 5}), {"b", "j", "k"}}, {random({5}), {"k"}}},
       {"ixbxf64"},
       [](Builder& b, Ids v) -> std::vector<ValueId> { return {op::einsum(b, v, "bij,bjk,k->ib")}; }},
  };
}

TEST(Composites, OpenSizesGiveWhatFixedOnesGive) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    const auto fixed = run(c, false).first;
    const auto [values, types] = run(c, true);
    EXPECT_EQ(types, c.types);
    ASSERT_EQ(values.size(), fixed.size());
    for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(values[i], fixed[i]) << "result " << i;
  }
}

TEST(Composites, StandInTheTableWithTheirRules) {
  EXPECT_EQ(op::find("ecotone.softmax"), &op::softmax());
  EXPECT_GE(op::composite_ops().size(), 30U);
  for (const Op* op : op::composite_ops()) {
    EXPECT_TRUE(op->is_composite()) << op->name;
    EXPECT_EQ(op->evaluate, nullptr) << op->name;
    EXPECT_EQ(op->batch.state, op->batch.kFromBody) << op->name;
  }
}

TEST(Body, IsMadeOnceWhateverTheSymbolsNumber) {
  const SymbolInfo symbols[] = {{"a", 1, 9}, {"b", 1, 9}};
  const Attributes attributes = make_attributes(op::SoftmaxAttributes{{1}});
  const Type x = TensorType{DType::kF32, {Dim::symbol(0), 4}}, y = TensorType{DType::kF32, {Dim::symbol(1), 4}};
  const Region first = composite_body(op::softmax(), attributes, {&x, 1}, symbols);
  const Region second = composite_body(op::softmax(), attributes, {&y, 1}, symbols);
  EXPECT_EQ(first.body, second.body);
  EXPECT_EQ(second.dim_args.at(0), Dim::symbol(1));
  const Attributes other = make_attributes(op::SoftmaxAttributes{{0}});
  EXPECT_NE(composite_body(op::softmax(), other, {&x, 1}, symbols).body, first.body);
}

TEST(Body, GivesWorkAndErrorConstant) {
  Builder b;
  b.set_location(named_location("test"));
  const Dim n = b.symbol("n", 1);
  const ValueId x = b.input("x", TensorType{DType::kF32, {n, 8}});
  b.output("y", op::gelu(b, x));
  const ProgramRef p = std::move(b).build();
  const Type type = p->type(0);
  const Region body = composite_body(op::gelu(), p->equations()[0].attributes, {&type, 1}, p->symbols());
  EXPECT_EQ(op::flops(*p), op::flops(*body.body).substitute(body.dim_args));
  // x / 2, x / sqrt 2, erf, 1 + it, their product: at least five an element.
  EXPECT_NE(decide_less_equal(n * Dim(8) * Dim(5), op::flops(*p), p->symbols()), Decision::kNo);
  EXPECT_EQ(backend::error_constant(*p), backend::error_constant(*body.body));
  EXPECT_GE(backend::error_constant(*p), op::erf().error.c);
}

TEST(Body, OfNarrowTypesComputesInF32) {
  Builder b;
  b.set_location(named_location("test"));
  const ValueId x = b.input("x", TensorType{DType::kF16, {8}}), y = b.input("y", TensorType{DType::kF32, {8}});
  EXPECT_EQ(b.dtype(op::softmax(b, x, {0})), DType::kF16);
  const Type type = b.type(x);
  const auto body =
      composite_body(op::softmax(), make_attributes(op::SoftmaxAttributes{{0}}), {&type, 1}, b.symbols()).body;
  for (const Equation& e : body->equations())
    if (e.op == &op::exponential()) {
      EXPECT_EQ(tensor(body->type(e.first_result)).dtype, DType::kF32);
    }
  EXPECT_THROW(op::rms_norm(b, x, y, {0, 1e-5}), Error);  // types don't mix
}

TEST(Body, ErrorsSayWhatIsWrong) {
  Builder b;
  b.set_location(named_location("test"));
  const ValueId x = b.input("x", TensorType{DType::kF64, {2, 3}});
  EXPECT_THROW(op::group_norm(b, x, x, x, {0, 1e-5}), Error);
  EXPECT_THROW(op::softmax(b, x, {2}), Error);
  EXPECT_THROW(b.add(op::prelu(), {}, {&x, 1}), Error);
}

}  // namespace
}  // namespace ecotone
