#include "common/lm/train/schedule.h"

#include <cmath>
#include <numbers>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

// 200 steps of which 20 warm up, against the formulas of the papers and of transformers.
constexpr int64_t kTotal = 200;
constexpr double kWarmup = 0.1;

double At(const std::string& schedule, int64_t step) {
  return RateShare(schedule, step, kTotal, kWarmup);
}

TEST(ScheduleTest, AllButOneCycleWarmUpLinearly) {
  for (const char* schedule : {"linear", "cosine", "constant_with_decay", "adaptive"}) {
    for (int64_t step = 0; step < 20; ++step) {
      EXPECT_DOUBLE_EQ(At(schedule, step), static_cast<double>(step + 1) / 21) << schedule << step;
    }
    EXPECT_DOUBLE_EQ(At(schedule, 20), 1) << schedule;
  }
}

TEST(ScheduleTest, FallsAsItsFormulaSays) {
  for (int64_t step = 20; step < kTotal; ++step) {
    const double after = static_cast<double>(step - 20) / 180;
    EXPECT_DOUBLE_EQ(At("linear", step), 1 - after) << step;
    EXPECT_DOUBLE_EQ(At("cosine", step), 0.5 * (1 + std::cos(std::numbers::pi * after))) << step;
    const double last_fifth = static_cast<double>(kTotal - step) / 40;
    EXPECT_DOUBLE_EQ(At("constant_with_decay", step), step <= 160 ? 1 : last_fifth) << step;
    EXPECT_EQ(At("adaptive", step), 1) << step;
  }
}

// torch.optim.lr_scheduler.OneCycleLR with pct_start 0.3 and div_factor 25, but down to zero.
TEST(ScheduleTest, OneCycleRisesFromATwentyFifthAndFalls) {
  for (int64_t step = 0; step < kTotal; ++step) {
    const double share =
        step < 60 ? static_cast<double>(step) / 60 : static_cast<double>(step - 60) / (kTotal - 60);
    const double half_wave = 0.5 * (1 - std::cos(std::numbers::pi * share));
    const double expected = step < 60 ? 0.04 + 0.96 * half_wave : 1 - half_wave;
    EXPECT_NEAR(At("one_cycle", step), expected, 1e-12) << step;
  }
}

TEST(ScheduleTest, RatesOfShortRunsArePositive) {
  for (const char* schedule :
       {"linear", "cosine", "one_cycle", "constant_with_decay", "adaptive"}) {
    for (int64_t total = 1; total < 8; ++total) {
      for (double warmup : {0.0, 0.5}) {
        for (int64_t step = 0; step < total; ++step) {
          const double share = RateShare(schedule, step, total, warmup);
          EXPECT_GT(share, 0) << schedule << " " << step << "/" << total;
          EXPECT_LE(share, 1) << schedule << " " << step << "/" << total;
        }
      }
    }
  }
}

TEST(ScheduleTest, UnknownOnesAreRefusedWithTheKnownOnes) {
  EXPECT_TRUE(CheckSchedule("cosine").ok());
  EXPECT_THAT(std::string(CheckSchedule("onecycle").message()),
              testing::AllOf(testing::HasSubstr("'onecycle'"), testing::HasSubstr("one_cycle")));
}

}  // namespace
}  // namespace foundry::lm
