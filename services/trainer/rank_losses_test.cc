#include "services/trainer/rank_losses.h"

#include "common/base/files.h"
#include "gtest/gtest.h"

namespace foundry::trainer {
namespace {

TEST(RankLossesTest, CountsThoseWithoutAStepForward) {
  RankLosses losses;
  losses.Lost(7);
  EXPECT_EQ(losses.in_a_row(), 1);
  losses.Lost(0);
  losses.Lost(7);
  EXPECT_EQ(losses.in_a_row(), 3);
  losses.Lost(8);
  EXPECT_EQ(losses.in_a_row(), 1);
}

TEST(RankLossesTest, PacksHalveToALeast) {
  RankLosses losses;
  EXPECT_EQ(losses.pack_tokens(), 0);
  ASSERT_TRUE(losses.Shrink(0));
  EXPECT_EQ(losses.pack_tokens(), 512);
  ASSERT_TRUE(losses.Shrink(30));
  EXPECT_EQ(losses.pack_tokens(), 16);
  EXPECT_FALSE(losses.Shrink(16));
}

TEST(RankLossesTest, AFileTellsTheNextGeneration) {
  const TempFolder folder = TempFolder::Make().value();
  const auto file = folder.path() / "losses.json";
  RankLosses first(file);
  first.Lost(7);
  first.Shrink(0);
  ASSERT_TRUE(first.Save().ok());
  RankLosses next(file);
  EXPECT_EQ(next.pack_tokens(), 512);
  next.Lost(7);
  EXPECT_EQ(next.in_a_row(), 2);
  ASSERT_TRUE(WriteFileAtomic(file, "[1").ok());
  EXPECT_EQ(RankLosses(file).pack_tokens(), 0);
}

}  // namespace
}  // namespace foundry::trainer
