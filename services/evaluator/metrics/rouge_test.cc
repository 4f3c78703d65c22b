#include "services/evaluator/metrics/rouge.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "common/base/json.h"
#include "gtest/gtest.h"

namespace foundry::evaluator {
namespace {

TEST(RougeTest, LongestCommonSubsequence) {
  const RougeScore score = RougeL("The cat, on a mat", "the cat sat on the mat");
  EXPECT_DOUBLE_EQ(score.precision, 4.0 / 5);
  EXPECT_DOUBLE_EQ(score.recall, 4.0 / 6);
  EXPECT_EQ(RougeL("", "x").f1, 0);
  EXPECT_EQ(RougeL("x", "y").f1, 0);
}

TEST(RougeTest, EqualsRougeScore) {
  const char* set = std::getenv("FOUNDRY_SHARED_DIR");
  const std::filesystem::path shared =
      set != nullptr
          ? std::filesystem::path(set)
          : std::filesystem::path(std::getenv("FOUNDRY_SOURCE_DIR")).parent_path() / "shared";
  const auto file = shared / "data/qa/metrics/pairs200.jsonl";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "no " << file << " (set FOUNDRY_SHARED_DIR)";
  std::ifstream lines(file);
  std::string line;
  int rows = 0;
  while (std::getline(lines, line)) {
    auto row = ParseJson(line, file.string());
    ASSERT_TRUE(row.ok()) << row.status();
    const RougeScore score =
        RougeL((*row)["prediction"].get<std::string>(), (*row)["target"].get<std::string>());
    EXPECT_NEAR(score.precision, (*row)["rougeL"][0].get<double>(), 1e-7);
    EXPECT_NEAR(score.recall, (*row)["rougeL"][1].get<double>(), 1e-7);
    EXPECT_NEAR(score.f1, (*row)["rougeL"][2].get<double>(), 1e-7);
    ++rows;
  }
  EXPECT_EQ(rows, 200);
}

}  // namespace
}  // namespace foundry::evaluator
