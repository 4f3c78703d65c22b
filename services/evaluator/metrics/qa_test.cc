#include "services/evaluator/metrics/qa.h"

#include <cstdlib>
#include <filesystem>
#include <map>

#include "common/base/json.h"
#include "gtest/gtest.h"
#include "services/evaluator/metrics/normalize.h"

namespace foundry::evaluator {
namespace {

std::filesystem::path Repository() { return std::getenv("FOUNDRY_SOURCE_DIR"); }

std::filesystem::path Shared() {
  if (const char* folder = std::getenv("FOUNDRY_SHARED_DIR")) return folder;
  return Repository().parent_path() / "shared";
}

TEST(QaTest, EqualsTheOfficialRuleOnUnicodeAndPunctuation) {
  auto cases = ReadJsonFile(Repository() / "tests/data/metrics/squad_cases.json");
  ASSERT_TRUE(cases.ok()) << cases.status();
  ASSERT_GT(cases->size(), 30u);
  for (const Json& c : *cases) {
    const std::string prediction = c["prediction"], gold = c["gold"];
    EXPECT_EQ(NormalizeAnswer(prediction), c["normalized"]) << prediction;
    EXPECT_DOUBLE_EQ(ExactMatch(prediction, gold), c["exact"].get<double>()) << prediction;
    EXPECT_DOUBLE_EQ(TokenF1(prediction, gold), c["f1"].get<double>()) << prediction;
  }
}

struct Totals {
  int questions = 0;
  double exact = 0, f1 = 0;
};

// Predictions made by rule from SQuAD's own text; the totals in the tests below were computed by
// data/qa/squad/squad_eval.py with the same rule.
Totals ScoreRuleMadePredictions(const std::filesystem::path& file) {
  Totals totals;
  auto data = ReadJsonFile(file);
  EXPECT_TRUE(data.ok()) << data.status();
  if (!data.ok()) return totals;
  std::string previous;
  for (const Json& article : (*data)["data"]) {
    for (const Json& paragraph : article["paragraphs"]) {
      std::vector<std::string> words = {""};
      for (char c : paragraph["context"].get<std::string>()) {
        if (c == ' ')
          words.emplace_back();
        else
          words.back() += c;
      }
      for (const Json& question : paragraph["qas"]) {
        std::vector<std::string> golds;
        for (const Json& answer : question["answers"]) golds.push_back(answer["text"]);
        if (golds.empty()) continue;
        const int n = ++totals.questions;
        std::string prediction = previous;
        if (n % 3 == 1) {
          prediction = "THE " + golds.back() + "!";
        } else if (n % 3 == 2) {
          prediction.clear();
          for (size_t i = n % 40; i < words.size() && i < n % 40 + 6u; ++i) {
            prediction += (prediction.empty() ? "" : " ") + words[i];
          }
        }
        previous = golds.back();
        const QaScores scores = ScoreAnswer(prediction, golds);
        totals.exact += scores.exact;
        totals.f1 += scores.f1;
      }
    }
  }
  return totals;
}

TEST(QaTest, EqualsTheOfficialRuleOnSquad11) {
  const auto file = Shared() / "data/qa/squad/dev-v1.1.share.json";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "no " << file << " (set FOUNDRY_SHARED_DIR)";
  const Totals totals = ScoreRuleMadePredictions(file);
  EXPECT_EQ(totals.questions, 6904);
  EXPECT_EQ(totals.exact, 2339);
  EXPECT_NEAR(totals.f1, 2578.3382007483715, 1e-6);
}

TEST(QaTest, EqualsTheOfficialRuleOnSquad20) {
  const auto file = Shared() / "data/qa/squad/dev-v2.0.share.json";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "no " << file << " (set FOUNDRY_SHARED_DIR)";
  const Totals totals = ScoreRuleMadePredictions(file);
  EXPECT_EQ(totals.questions, 3114);
  EXPECT_EQ(totals.exact, 1056);
  EXPECT_NEAR(totals.f1, 1173.8031066290046, 1e-6);
}

TEST(QaTest, ContainsLooksForTheNormalisedAnswer) {
  EXPECT_EQ(Contains("He was born in the town of Otrar, in 1162.", "otrar"), 1);
  EXPECT_EQ(Contains("molten silver into his ears", "The molten silver!"), 1);
  EXPECT_EQ(Contains("It happened in 1973.", "1973"), 1);
  EXPECT_EQ(Contains("It happened in 1973.", "19"), 0);  // a number is whole or it is another
  EXPECT_EQ(Contains("About 1,200 people", "1200"), 1);
  EXPECT_EQ(Contains("the 5th army", "5"), 1);
  EXPECT_EQ(Contains("I do not know", "No."), 0);  // a short answer is a word of its own
  EXPECT_EQ(Contains("No, never.", "no"), 1);
  EXPECT_EQ(Contains("cattle", "C"), 0);
  EXPECT_EQ(Contains("the Mongols", "Mongol"), 1);
  EXPECT_EQ(Contains("中国人", "中"), 1);
  EXPECT_EQ(Contains("anything", "the"), 0);
  EXPECT_EQ(Contains("", "x"), 0);
}

TEST(QaTest, BestGoldAnswerCounts) {
  const QaScores scores = ScoreAnswer("in Otrar", {"Samarkand", "Otrar"});
  EXPECT_EQ(scores.exact, 0);
  EXPECT_EQ(scores.contains, 1);
  EXPECT_NEAR(scores.f1, 2.0 / 3, 1e-12);
  EXPECT_EQ(ScoreAnswer("x", {}).f1, 0);
}

}  // namespace
}  // namespace foundry::evaluator
