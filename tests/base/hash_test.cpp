#include "ecotone/base/hash.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace ecotone {
namespace {

TEST(Hash, OrderMatters) {
  EXPECT_NE(hash_combine(hash_combine(0, 1), 2), hash_combine(hash_combine(0, 2), 1));
}

TEST(Hash, EveryByteAndTheLengthMatter) {
  std::set<uint64_t> seen;
  for (size_t length = 0; length < 40; ++length) {
    std::string text(length, '\0');
    EXPECT_TRUE(seen.insert(hash_string(text)).second) << length;
    for (size_t i = 0; i < length; ++i) {
      text[i] = 1;
      EXPECT_TRUE(seen.insert(hash_string(text)).second) << length << " " << i;
      text[i] = 0;
    }
  }
}

TEST(Hash, SeedsGiveOtherHashes) {
  EXPECT_NE(hash_string("weights", 1), hash_string("weights", 2));
}

TEST(Hash, MixMatchesTheReferenceGenerator) {
  // The first output of SplitMix64 seeded with 0 (as printed by java.util.SplittableRandom and by Vigna's
  // splitmix64.c).
  EXPECT_EQ(hash_mix(0x9e3779b97f4a7c15u), 0xe220a8397b1dcdafu);
}

}  // namespace
}  // namespace ecotone
