#include "tools/foundry/run/outcome.h"

#include "common/base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Outcome, TableHasOneColumnAModelAndNamesTheReport) {
  const TempFolder folder = *TempFolder::Make();
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "evaluation_results.json", R"({
    "models": ["base", "distilled"],
    "table": [
      {"dataset": "qa", "metric": "contains", "model": "base", "mean": 0.02, "low": 0, "high": 0.1, "n": 50},
      {"dataset": "qa", "metric": "contains", "model": "distilled", "mean": 0.41, "low": 0.3, "high": 0.55, "n": 50}]})")
                  .ok());
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "report.html", "x").ok());
  const std::string text = OutcomeText(folder.path());
  EXPECT_THAT(text, HasSubstr("2.0 % (0.0–10.0)"));
  EXPECT_THAT(text, HasSubstr("41.0 % (30.0–55.0)"));
  EXPECT_THAT(text, HasSubstr("report.html"));
  EXPECT_THAT(text, Not(HasSubstr("teacher_pairs.json")));
}

// The file belongs to the user, and a metric of no questions has no mean.
TEST(Outcome, TakesAnyJson) {
  const TempFolder folder = *TempFolder::Make();
  for (const char* text :
       {R"({"models": ["base"], "table": [{"dataset": "qa", "metric": "f1", "model": "base",
            "mean": null, "low": null, "high": null, "n": 0}]})",
        R"({"models": [1], "table": [2, {"dataset": 3, "n": "x", "model": {}}]})",
        R"({"models": 1, "table": "x"})", R"([])", R"({)", R"("models")"}) {
    ASSERT_TRUE(WriteFileAtomic(folder.path() / "evaluation_results.json", text).ok());
    EXPECT_THAT(OutcomeText(folder.path()), HasSubstr("evaluation_results.json")) << text;
  }
}

}  // namespace
}  // namespace foundry::cli
