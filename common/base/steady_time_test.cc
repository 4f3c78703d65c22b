#include "common/base/steady_time.h"

#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace foundry {
namespace {

TEST(SteadyTimeTest, CountsOnFromTheMachinesClock) {
  const absl::Time first = SteadyNow();
  EXPECT_LT(absl::AbsDuration(absl::Now() - first), absl::Minutes(1));
  EXPECT_LE(first, SteadyNow());
}

TEST(SteadyTimeTest, InstantsOfBothClocksAreAsFarAway) {
  const absl::Duration ahead = absl::Minutes(7);
  EXPECT_LT(absl::AbsDuration(SteadyFromWall(absl::Now() + ahead) - SteadyNow() - ahead),
            absl::Minutes(1));
  EXPECT_LT(absl::AbsDuration(WallFromSteady(SteadyNow() + ahead) - absl::Now() - ahead),
            absl::Minutes(1));
  EXPECT_EQ(SteadyFromWall(absl::InfiniteFuture()), absl::InfiniteFuture());
  EXPECT_EQ(WallFromSteady(absl::InfinitePast()), absl::InfinitePast());
}

TEST(SteadyTimeTest, AWaitIsNeverNegativeAndNeverEndless) {
  EXPECT_EQ(WaitTime(absl::InfinitePast()).count(), 0);
  EXPECT_EQ(WaitTime(SteadyNow() - absl::Hours(1)).count(), 0);
  EXPECT_EQ(WaitTime(absl::InfiniteFuture()), std::chrono::hours(1));
  EXPECT_GT(WaitTime(SteadyNow() + absl::Minutes(5)), std::chrono::minutes(4));
}

}  // namespace
}  // namespace foundry
