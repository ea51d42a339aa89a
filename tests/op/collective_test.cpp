// Collectives of a single process: types for any group, values for a group of one, refusals for more.
#include "ecotone/op/collective.h"

#include <gtest/gtest.h>

#include "ecotone/backend/reference/reference.h"
#include "ecotone/op/reduce.h"

namespace ecotone {
namespace {

const Tensor kX = Tensor::from<float>({1, 2, 3, 4, 5, 6, 7, 8}, {4, 2});

struct Run {
  std::vector<Type> types;
  ProgramRef program;
  std::vector<Tensor> values() const {
    const std::vector<Tensor> inputs = {kX};
    return backend::evaluate(*program, inputs);
  }
};
template <class A>
Run make(const Op& op, A attributes, bool reduces = false) {
  Builder b;
  const ValueId x = b.input("x", kX.type());
  std::vector<Region> regions;
  if (reduces) regions.push_back({op::reducer_body(op::Reducer::kAdd, DType::kF32), {}});
  const ValueId y = b.add(op, make_attributes(std::move(attributes)), {&x, 1}, std::move(regions))[0];
  b.output("y", y);
  const Type type = b.type(y);
  return {{type}, std::move(b).build()};
}
Type f32(Shape shape) {
  return TensorType{DType::kF32, to_dims(shape)};
}
template <class F>
void expect_unsupported(const F& body) {
  try {
    body();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kUnsupported) << e.what();
  }
}

TEST(Collective, TypesFollowTheGroups) {
  op::CollectiveAttributes two;
  two.replica_groups = {{0, 1}, {3, 2}};
  EXPECT_EQ(make(op::all_gather(), two).types[0], f32({8, 2}));
  EXPECT_EQ(make(op::all_reduce(), two, true).types[0], f32({4, 2}));
  EXPECT_EQ(make(op::reduce_scatter(), two, true).types[0], f32({2, 2}));
  EXPECT_EQ(make(op::collective_broadcast(), two).types[0], f32({4, 2}));
  two.concat_dimension = 1;
  EXPECT_EQ(make(op::all_to_all(), two).types[0], f32({2, 4}));
  two.group_size = 4;
  EXPECT_EQ(make(op::all_to_all(), two).types[0], f32({1, 8}));
  two.group_size = 3;
  EXPECT_THROW(make(op::all_to_all(), two), Error);
}

TEST(Collective, OneProcessIsItsOwnGroup) {
  op::CollectiveAttributes alone;
  alone.replica_groups = {{0}};
  for (const Op* op : {&op::all_gather(), &op::all_to_all(), &op::collective_broadcast()})
    EXPECT_EQ(make(*op, alone).values()[0], kX) << op->name;
  for (const Op* op : {&op::all_reduce(), &op::reduce_scatter()})
    EXPECT_EQ(make(*op, alone, true).values()[0], kX) << op->name;
  EXPECT_EQ(make(op::all_reduce(), op::CollectiveAttributes{}, true).values()[0], kX);
  op::CollectiveAttributes nobody;
  nobody.replica_groups = {{-1}};
  const Tensor zeros = Tensor::zeros(DType::kF32, {4, 2});
  EXPECT_EQ(make(op::collective_broadcast(), nobody).values()[0], zeros);
  EXPECT_EQ(make(op::collective_permute(), op::CollectivePermuteAttributes{{{0, 0}}, 0}).values()[0], kX);
  EXPECT_EQ(make(op::collective_permute(), op::CollectivePermuteAttributes{}).values()[0], zeros);
}

TEST(Collective, MoreProcessesAreRefused) {
  op::CollectiveAttributes two;
  two.replica_groups = {{0, 1}};
  expect_unsupported([&] { make(op::all_gather(), two).values(); });
  expect_unsupported([&] { make(op::all_reduce(), two, true).values(); });
  expect_unsupported([&] { make(op::collective_broadcast(), two).values(); });
  expect_unsupported([&] { make(op::collective_permute(), op::CollectivePermuteAttributes{{{0, 1}}, 0}).values(); });
}

TEST(Collective, BadGroupsAreErrors) {
  op::CollectiveAttributes a;
  EXPECT_THROW(make(op::all_gather(), a), Error);  // no size to multiply by
  a.replica_groups = {{0, 0}};
  EXPECT_THROW(make(op::all_gather(), a), Error);
  a.replica_groups = {{0}, {1, 2}};
  EXPECT_THROW(make(op::all_gather(), a), Error);
  a.replica_groups = {{0}};
  a.dimension = 2;
  EXPECT_THROW(make(op::all_gather(), a), Error);
  EXPECT_THROW(make(op::all_reduce(), a), Error);  // no region
  EXPECT_THROW(make(op::collective_permute(), op::CollectivePermuteAttributes{{{0, 1}, {0, 2}}, 0}), Error);
  EXPECT_THROW(make(op::collective_permute(), op::CollectivePermuteAttributes{{{0}}, 0}), Error);
}

TEST(Collective, IdsAreZero) {
  Builder b;
  b.output("p", op::partition_id(b));
  b.output("r", op::replica_id(b));
  for (const Tensor& t : backend::evaluate(*std::move(b).build(), {})) EXPECT_EQ(t, Tensor::scalar(uint32_t{0}));
}

TEST(Collective, TransfersAreRefused) {
  Builder b;
  const ValueId token = b.input("token", Token{});
  op::TransferAttributes attributes;
  attributes.results = {TensorType{DType::kF32, {2}}};
  const std::vector<ValueId> got = b.add(op::infeed(), make_attributes(attributes), {&token, 1});
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(b.type(got[0]), f32({2}));
  EXPECT_TRUE(is_token(b.type(got[1])));
  EXPECT_TRUE(is_token(b.type(b.add(op::send(), make_attributes(op::TransferAttributes{}), got)[0])));
  EXPECT_THROW(b.add(op::outfeed(), make_attributes(op::TransferAttributes{}), {&got[0], 1}), Error);
  b.output("x", got[0]);
  const ProgramRef program = std::move(b).build();
  const std::vector<Tensor> inputs = {Tensor()};
  expect_unsupported([&] { backend::evaluate(*program, inputs); });
}

}  // namespace
}  // namespace ecotone
