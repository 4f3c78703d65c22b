#include "services/coordinator/gang.h"

#include "gtest/gtest.h"

namespace foundry::coordinator {
namespace {

const GangTimes kTimes = {.patience = absl::Seconds(10)};

TEST(PlanGang, AllRanksOrNone) {
  const RankWish wish = {.ranks = 3, .min_ranks = 3};
  const std::vector<SeatOffer> two = {{"a", 1}, {"b", 1}};
  EXPECT_TRUE(PlanGang(wish, two, absl::ZeroDuration(), kTimes).shares.empty());
  EXPECT_TRUE(PlanGang(wish, two, absl::Hours(1), kTimes).shares.empty());
  const GangPlan plan = PlanGang(wish, {{"a", 1}, {"b", 2}}, absl::ZeroDuration(), kTimes);
  EXPECT_EQ(plan.world_size, 3);
  ASSERT_EQ(plan.shares.size(), 2u);
  EXPECT_EQ(plan.shares[0].worker_id, "b") << "the larger share leads";
  EXPECT_EQ(plan.shares[0].ranks, 2);
  EXPECT_EQ(plan.shares[1].first_rank, 2);
  EXPECT_EQ(plan.shares[1].ranks, 1);
}

TEST(PlanGang, FewerAfterAWaitWhereTheTaskDoesWithThem) {
  const RankWish wish = {.ranks = 4, .min_ranks = 2};
  const std::vector<SeatOffer> two = {{"a", 1}, {"b", 1}};
  EXPECT_TRUE(PlanGang(wish, two, absl::Seconds(9), kTimes).shares.empty());
  const GangPlan plan = PlanGang(wish, two, absl::Seconds(10), kTimes);
  EXPECT_EQ(plan.world_size, 2);
  ASSERT_EQ(plan.shares.size(), 2u);
  EXPECT_TRUE(PlanGang(wish, {{"a", 1}}, absl::Seconds(10), kTimes).shares.empty());
}

TEST(PlanGang, TakesNoMoreThanItWantsAndKeepsItsLeader) {
  const RankWish wish = {.ranks = 3, .min_ranks = 1};
  const GangPlan plan =
      PlanGang(wish, {{"a", 2}, {"b", 1, true}, {"c", 2}}, absl::ZeroDuration(), kTimes);
  ASSERT_EQ(plan.shares.size(), 2u);
  EXPECT_EQ(plan.shares[0].worker_id, "b");
  EXPECT_EQ(plan.shares[1].worker_id, "a");
  EXPECT_EQ(plan.shares[1].ranks, 2);
  const GangPlan cut = PlanGang(wish, {{"a", 2}, {"b", 2}}, absl::ZeroDuration(), kTimes);
  EXPECT_EQ(cut.shares.at(1).ranks, 1);
}

TEST(RankWishOf, OnlyTrainingsWantMany) {
  v1::StageRequest request;
  request.mutable_merge();
  EXPECT_EQ(RankWishOf(request).ranks, 1);
  auto* settings = request.mutable_train()->mutable_settings();
  settings->set_devices(4);
  settings->set_min_devices(9);
  EXPECT_EQ(RankWishOf(request).ranks, 4);
  EXPECT_EQ(RankWishOf(request).min_ranks, 4);
  settings->set_min_devices(1);
  settings->set_tensor_parallel(2);
  EXPECT_EQ(RankWishOf(request).min_ranks, 4) << "no half copy of a model";
}

}  // namespace
}  // namespace foundry::coordinator
