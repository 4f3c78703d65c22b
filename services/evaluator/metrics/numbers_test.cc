#include "services/evaluator/metrics/numbers.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "common/base/json.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::evaluator {
namespace {

using ::testing::ElementsAre;

TEST(NumbersTest, FinalNumber) {
  EXPECT_EQ(FinalNumber("9 * 2 = $<<9*2=18>>18 every day.\n#### 18"), "18");
  EXPECT_EQ(FinalNumber("so 3.0 bolts\nA: 3.0"), "3");
  EXPECT_EQ(FinalNumber("#### $1,234,567.50"), "1234567.5");
  EXPECT_EQ(FinalNumber("#### -12"), "-12");
  EXPECT_EQ(FinalNumber("16-3"), "3");
  EXPECT_EQ(FinalNumber("The answer is 7, not 8."), "7");
  EXPECT_EQ(FinalNumber("0007 and .50"), "0.5");
  EXPECT_EQ(FinalNumber("none"), std::nullopt);
  EXPECT_EQ(NumberMatch("#### 1,000", "A: 1000.00"), 1);
  EXPECT_EQ(NumberMatch("", ""), 0);
}

TEST(NumbersTest, NumbersAndDates) {
  EXPECT_THAT(NumbersAndDates("On 5 October 1,973 it may rain for twenty days"),
              ElementsAre("1973", "20", "5", "october"));
  EXPECT_THAT(NumbersAndDates("no one"), ElementsAre());
}

// GSM8K's sampled solutions carry the authors' own verdicts.
TEST(NumbersTest, AgreesWithTheVerdictsOfGsm8k) {
  const char* set = std::getenv("FOUNDRY_SHARED_DIR");
  const std::filesystem::path shared =
      set != nullptr
          ? std::filesystem::path(set)
          : std::filesystem::path(std::getenv("FOUNDRY_SOURCE_DIR")).parent_path() / "shared";
  const auto file = shared / "data/qa/gsm8k/example_model_solutions.jsonl";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "no " << file << " (set FOUNDRY_SHARED_DIR)";
  std::ifstream lines(file);
  std::string line;
  int judged = 0, differing = 0;
  while (std::getline(lines, line)) {
    auto row = ParseJson(line, file.string());
    ASSERT_TRUE(row.ok()) << row.status();
    const std::string gold = (*row)["ground_truth"];
    for (const auto& [name, value] : row->items()) {
      if (!value.is_object()) continue;
      ++judged;
      const bool right = NumberMatch(value["solution"].get<std::string>(), gold) == 1;
      if (right == value["is_correct"].get<bool>()) continue;
      ++differing;
      if (differing <= 10) ADD_FAILURE() << name << " " << gold << "\n---\n" << value["solution"];
    }
  }
  EXPECT_EQ(judged, 760 * 4);
  EXPECT_EQ(differing, 0);
}

}  // namespace
}  // namespace foundry::evaluator
