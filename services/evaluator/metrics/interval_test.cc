#include "services/evaluator/metrics/interval.h"

#include <vector>

#include "gtest/gtest.h"

namespace foundry::evaluator {
namespace {

// Reference values: the roots of (p - x)^2 = z^2 x (1 - x) / n, solved numerically.
TEST(IntervalTest, Wilson) {
  Interval interval = WilsonInterval(18, 49);
  EXPECT_NEAR(interval.mean, 0.367347, 1e-6);
  EXPECT_NEAR(interval.low, 0.246652, 1e-6);
  EXPECT_NEAR(interval.high, 0.507329, 1e-6);
  interval = WilsonInterval(0, 10);
  EXPECT_NEAR(interval.low, 0, 1e-12);
  EXPECT_NEAR(interval.high, 0.277533, 1e-6);
  EXPECT_EQ(WilsonInterval(0, 0).high, 1);
}

TEST(IntervalTest, BootstrapIsSeededAndCoversTheMean) {
  std::vector<double> values;
  for (int i = 0; i < 100; ++i) values.push_back(i % 10 / 10.0);
  const Interval first = BootstrapMean(values, 7), again = BootstrapMean(values, 7);
  EXPECT_DOUBLE_EQ(first.mean, 0.45);
  EXPECT_EQ(first.low, again.low);
  EXPECT_EQ(first.high, again.high);
  EXPECT_NE(first.low, BootstrapMean(values, 8).low);
  // The normal approximation gives 0.45 ± 0.0563.
  EXPECT_NEAR(first.low, 0.45 - 0.0563, 0.01);
  EXPECT_NEAR(first.high, 0.45 + 0.0563, 0.01);
  EXPECT_EQ(BootstrapMean({}, 1).mean, 0);
  EXPECT_EQ(BootstrapMean({0.5}, 1).high, 0.5);
}

TEST(IntervalTest, PairedDifference) {
  std::vector<double> before(50, 0.0), after(50, 0.0);
  for (int i = 0; i < 20; ++i) after[i] = 1;
  before[49] = 1;
  const PairedDifference gain = PairedBootstrap(before, after, 7);
  EXPECT_DOUBLE_EQ(gain.difference.mean, 0.38);
  EXPECT_GT(gain.difference.low, 0.2);
  EXPECT_LT(gain.difference.high, 0.55);
  EXPECT_LT(gain.p_value, 0.01);
  EXPECT_EQ(gain.gained, 20);
  EXPECT_EQ(gain.lost, 1);
  EXPECT_EQ(PairedBootstrap(before, before, 7).p_value, 1);
}

}  // namespace
}  // namespace foundry::evaluator
