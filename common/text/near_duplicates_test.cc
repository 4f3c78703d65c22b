#include "common/text/near_duplicates.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace foundry::text {
namespace {

std::string Text(int seed, int words) {
  std::string out;
  uint32_t state = seed;
  for (int i = 0; i < words; ++i) {
    state = state * 1664525u + 1013904223u;
    absl::StrAppend(&out, "w", (state >> 16) % 500, " ");
  }
  return out;
}

TEST(NearDuplicatesTest, FindsSmallChangesOnly) {
  NearDuplicates seen;
  const std::string base = Text(1, 400);
  EXPECT_FALSE(seen.FindOrAdd(base));
  EXPECT_FALSE(seen.FindOrAdd(Text(2, 400)));
  const auto match = seen.FindOrAdd(base + "and one more remark");
  ASSERT_TRUE(match);
  EXPECT_EQ(match->index, 0);
  EXPECT_GT(match->similarity, 0.95);
  EXPECT_FALSE(seen.FindOrAdd(base.substr(0, base.size() / 2)));
}

TEST(NearDuplicatesTest, RecallAtNinetyPercentSimilarity) {
  NearDuplicates seen;
  int found = 0;
  for (int i = 0; i < 50; ++i) {
    const std::string base = Text(100 + i, 300);
    ASSERT_FALSE(seen.FindOrAdd(base)) << i;
    found += seen.FindOrAdd(absl::StrCat(base, Text(7000 + i, 20))).has_value();
  }
  EXPECT_GE(found, 49);
}

TEST(NearDuplicatesTest, IgnoresCaseAndPunctuation) {
  EXPECT_EQ(Jaccard(Shingles("Hello, big World!", 2), Shingles("hello big world", 2)), 1.0);
  EXPECT_EQ(Jaccard(Shingles("a b c", 2), Shingles("x y z", 2)), 0.0);
}

}  // namespace
}  // namespace foundry::text
