// What derives from an attribute struct's field list.
#include "ecotone/ir/attributes.h"

#include <gtest/gtest.h>

#include "ecotone/base/error.h"
#include "ecotone/op/contract.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/shape.h"
#include "ecotone/op/table.h"

namespace ecotone {
namespace {

TEST(Attributes, DynamicFormIsReadBack) {
  op::ConvolutionAttributes c = op::nchw_convolution(2);
  c.padding_low = {Dim::symbol(0), Dim(1)};
  c.result_dtype = DType::kF32;
  const Attributes a = make_attributes(c);
  const Attributes b = attributes_from_dynamic(a.info, a.to_dynamic());
  EXPECT_EQ(a, b);
  EXPECT_EQ(a.hash(), b.hash());
  c.padding_low[1] = 2;
  EXPECT_FALSE(a == make_attributes(c));
}

TEST(Attributes, EveryOpReadsItsOwnDefaults) {
  for (const Op* op : op::all_ops())
    if (op->attributes) {
      const Attributes a = attributes_from_dynamic(op->attributes, {});
      EXPECT_EQ(a, attributes_from_dynamic(op->attributes, a.to_dynamic())) << op->name;
    }
}

TEST(Attributes, WrongEntriesAreErrors) {
  const AttributesInfo* info = &attributes_info<op::CompareAttributes>();
  DynamicAttributes d;
  d.set("comparison_direction", {std::string("SIDEWAYS")});
  EXPECT_THROW(attributes_from_dynamic(info, d), Error);
  d.set("comparison_direction", {int64_t{1}});
  EXPECT_THROW(attributes_from_dynamic(info, d), Error);
  DynamicAttributes unknown;
  unknown.set("axis", {int64_t{0}});
  EXPECT_THROW(attributes_from_dynamic(info, unknown), Error);
  EXPECT_THROW(attributes_from_dynamic(nullptr, unknown), Error);
  EXPECT_THROW((void)make_attributes(op::IotaAttributes{}).get<op::CompareAttributes>(), Error);
}

TEST(Attributes, SizesAreMapped) {
  const Attributes a = make_attributes(op::ShapeAttributes{{Dim::symbol(0), 2 * Dim::symbol(1)}});
  const Attributes b = a.map_dims([](const Dim& d) { return d.substitute(std::vector<Dim>{3, 5}); });
  EXPECT_EQ(b, make_attributes(op::ShapeAttributes{{3, 10}}));
}

}  // namespace
}  // namespace ecotone
