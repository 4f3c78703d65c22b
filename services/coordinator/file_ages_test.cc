#include "services/coordinator/file_ages.h"

#include "gtest/gtest.h"

namespace foundry::coordinator {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);

class FileAgesTest : public ::testing::Test {
 protected:
  // Both clocks go on by `passed`, and then the machine's is set.
  absl::Duration After(absl::Duration passed, absl::Duration set = absl::ZeroDuration()) {
    steady_ += passed;
    wall_ += passed + set;
    return ages_.Look(wall_, steady_);
  }
  bool Known() const { return ages_.Known(steady_); }

  absl::Time steady_ = absl::FromUnixSeconds(1'800'000'000), wall_ = steady_;
  FileAges ages_{kDay};
};

TEST_F(FileAgesTest, AreKnownWhileTheClockIsLeftAlone) {
  EXPECT_EQ(After(absl::ZeroDuration()), absl::ZeroDuration());
  EXPECT_TRUE(Known());
  EXPECT_EQ(After(absl::Hours(1000)), absl::ZeroDuration());
  EXPECT_EQ(After(absl::Hours(1), absl::Minutes(-9)), absl::ZeroDuration()) << "a small correction";
  EXPECT_TRUE(Known());
}

TEST_F(FileAgesTest, AreUnknownForADayAfterTheClockWasSet) {
  for (const absl::Duration set : {absl::Hours(30), absl::Hours(-30), absl::Minutes(11)}) {
    EXPECT_EQ(After(absl::Hours(1), set), set);
    EXPECT_FALSE(Known());
    EXPECT_EQ(After(kDay - absl::Seconds(1)), absl::ZeroDuration()) << "told once";
    EXPECT_FALSE(Known());
    After(absl::Seconds(1));
    EXPECT_TRUE(Known());
  }
}

TEST_F(FileAgesTest, ManySmallSettingsAreOneLargeOne) {
  EXPECT_EQ(After(absl::Hours(1), absl::Minutes(6)), absl::ZeroDuration());
  EXPECT_EQ(After(absl::Hours(1), absl::Minutes(6)), absl::Minutes(12));
  EXPECT_FALSE(Known());
}

TEST_F(FileAgesTest, SettingItBackBeginsTheDayAnew) {
  After(absl::Hours(1), absl::Hours(5));
  EXPECT_EQ(After(absl::Hours(20), absl::Hours(-5)), absl::Hours(-5));
  After(absl::Hours(20));
  EXPECT_FALSE(Known());
  After(absl::Hours(4));
  EXPECT_TRUE(Known());
}

}  // namespace
}  // namespace foundry::coordinator
