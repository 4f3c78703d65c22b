#include "common/chat/rate_limiter.h"

#include "gtest/gtest.h"

namespace foundry::chat {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1000);

TEST(RateLimiter, SpacesEventsEvenly) {
  RateLimiter limiter(120);
  EXPECT_EQ(limiter.Reserve(kNow), absl::ZeroDuration());
  EXPECT_EQ(limiter.Reserve(kNow), absl::Milliseconds(500));
  EXPECT_EQ(limiter.Reserve(kNow), absl::Seconds(1));
  EXPECT_EQ(limiter.Reserve(kNow + absl::Seconds(10)), absl::ZeroDuration());
}

TEST(RateLimiter, NoLimitButPauses) {
  RateLimiter limiter(0);
  EXPECT_EQ(limiter.Reserve(kNow), absl::ZeroDuration());
  EXPECT_EQ(limiter.Reserve(kNow), absl::ZeroDuration());
  limiter.PauseUntil(kNow + absl::Seconds(3));
  EXPECT_EQ(limiter.Reserve(kNow), absl::Seconds(3));
  EXPECT_EQ(limiter.Reserve(kNow + absl::Seconds(2)), absl::Seconds(1));
  EXPECT_EQ(limiter.Reserve(kNow + absl::Seconds(4)), absl::ZeroDuration());
}

}  // namespace
}  // namespace foundry::chat
