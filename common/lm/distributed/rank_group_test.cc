#include "common/lm/distributed/rank_group.h"

#include <signal.h>

#include <random>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/lm/distributed/test_ranks.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

using ::testing::HasSubstr;
using testing::RunRanks;

TEST(RankGroupTest, SumsAreTheSameBitForBitOnEveryRankAndInEveryRun) {
  constexpr int kSize = 3, kCount = 10007;
  std::vector<std::vector<float>> sums(2 * kSize);
  for (int run = 0; run < 2; ++run) {
    for (const absl::Status& status : RunRanks(kSize, [&](RankGroup& group) -> absl::Status {
           std::mt19937_64 random(group.rank());
           std::normal_distribution<float> normal;
           std::vector<float> values(kCount);
           for (float& v : values) v = normal(random);
           absl::Status status = group.Sum(absl::MakeSpan(values));
           sums[run * kSize + group.rank()] = values;
           return status;
         })) {
      ASSERT_TRUE(status.ok()) << status;
    }
  }
  for (const auto& other : sums) EXPECT_TRUE(other == sums[0]);
  double expected = 0;
  for (int rank = 0; rank < kSize; ++rank) {
    std::mt19937_64 random(rank);
    expected += std::normal_distribution<float>()(random);
  }
  EXPECT_NEAR(sums[0][0], expected, 1e-6);
}

TEST(RankGroupTest, BroadcastGivesRankZerosValues) {
  for (const absl::Status& status : RunRanks(2, [](RankGroup& group) -> absl::Status {
         std::vector<double> values = {group.rank() + 0.5, 7.0 * group.rank()};
         absl::Status status = group.Broadcast(absl::MakeSpan(values));
         EXPECT_EQ(values, (std::vector<double>{0.5, 0}));
         std::vector<float> floats = {static_cast<float>(group.rank())};
         if (status.ok()) status = group.Broadcast(absl::MakeSpan(floats));
         EXPECT_EQ(floats[0], 0);
         return status;
       })) {
    EXPECT_TRUE(status.ok()) << status;
  }
}

// Who writes to a rank that has just gone gets an error, and its process stays.
TEST(RankGroupTest, MembersIgnoreBrokenPipes) {
  signal(SIGPIPE, SIG_DFL);
  for (const absl::Status& status : RunRanks(1, [](RankGroup&) { return absl::OkStatus(); })) {
    EXPECT_TRUE(status.ok()) << status;
  }
  struct sigaction action;
  ASSERT_EQ(sigaction(SIGPIPE, nullptr, &action), 0);
  EXPECT_TRUE(action.sa_handler == SIG_IGN);
}

TEST(RankGroupTest, PartsOfAGroupExchangeAmongThemselves) {
  for (const absl::Status& status : RunRanks(4, [](RankGroup& group) -> absl::Status {
         auto pair = group.Split(absl::StrCat("pair-", group.rank() / 2), group.rank() % 2, 2);
         if (!pair.ok()) return pair.status();
         EXPECT_EQ((*pair)->rank(), group.rank() % 2);
         EXPECT_EQ((*pair)->size(), 2);
         std::vector<float> values = {static_cast<float>(group.rank())};
         absl::Status status = (*pair)->Sum(absl::MakeSpan(values));
         EXPECT_EQ(values[0], group.rank() < 2 ? 1 : 5);
         if (status.ok()) status = group.Sum(absl::MakeSpan(values));
         EXPECT_EQ(values[0], 12);
         return status;
       })) {
    EXPECT_TRUE(status.ok()) << status;
  }
}

TEST(RankGroupTest, ARankThatLeavesIsNoticedByTheOthers) {
  std::vector<absl::Status> results = RunRanks(2, [](RankGroup& group) -> absl::Status {
    std::vector<double> values = {1};
    if (group.rank() == 1) return absl::OkStatus();
    return group.Sum(absl::MakeSpan(values));
  });
  EXPECT_TRUE(absl::IsUnavailable(results[0])) << results[0];
  EXPECT_THAT(std::string(results[0].message()), HasSubstr("rank 0 of 2"));
}

TEST(RankGroupTest, ARankThatNeverComesEndsInATimeout) {
  auto alone = RankGroup::Join({.rank = 0, .size = 2, .timeout = absl::Milliseconds(200)});
  EXPECT_TRUE(absl::IsUnavailable(alone.status())) << alone.status();
}

TEST(RankGroupTest, BadAddressesAreRefusedByName) {
  EXPECT_THAT(
      std::string(
          RankGroup::Join({.rank = 1, .size = 2, .rendezvous = "nowhere"}).status().message()),
      HasSubstr("'nowhere'"));
  EXPECT_TRUE(absl::IsInvalidArgument(RankGroup::Join({.rank = 2, .size = 2}).status()));
  EXPECT_FALSE(RankGroup::Join({.host = "192.0.2.1"}).ok());  // not an address of this machine
}

}  // namespace
}  // namespace foundry::lm
