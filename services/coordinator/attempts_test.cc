#include "services/coordinator/attempts.h"

#include "gtest/gtest.h"

namespace foundry::coordinator {
namespace {

constexpr AttemptLimits kLimits = {.max_retries = 2, .max_crashes = 3, .max_lost = 4};

TEST(Attempts, FailuresUseTheBudgetUnlessTheTaskWentOn) {
  AttemptEnd end = AfterFailure({.failures = 1}, true, false, kLimits, "broken");
  EXPECT_EQ(end.next, v1::STATE_READY);
  EXPECT_EQ(end.attempts.failures, 2);
  EXPECT_EQ(end.reason, "broken");
  end = AfterFailure(end.attempts, true, false, kLimits, "broken");
  EXPECT_EQ(end.next, v1::STATE_FAILED);
  EXPECT_EQ(end.reason, "broken (out of retries)");
  EXPECT_EQ(AfterFailure({.failures = 2}, true, true, kLimits, "").attempts.failures, 1);
  EXPECT_EQ(AfterFailure({}, false, true, kLimits, "").next, v1::STATE_FAILED);
}

TEST(Attempts, SilenceCountsByWhetherTheWorkerWasHeard) {
  AttemptEnd end = AfterSilence({.crashes = 1, .lost = 2}, true, false, kLimits, "worker w");
  EXPECT_EQ(end.next, v1::STATE_READY);
  EXPECT_EQ(end.reason, "worker w fell silent (2 of 3 times)");
  EXPECT_EQ(end.attempts.lost, 2);
  EXPECT_EQ(AfterSilence(end.attempts, true, false, kLimits, "").next, v1::STATE_QUARANTINED);
  EXPECT_EQ(AfterSilence(end.attempts, true, true, kLimits, "").attempts.crashes, 1);
  end = AfterSilence({.lost = 3}, false, true, kLimits, "");
  EXPECT_EQ(end.next, v1::STATE_QUARANTINED) << "answers that get lost are not made good";
}

}  // namespace
}  // namespace foundry::coordinator
