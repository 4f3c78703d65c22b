#include "services/evaluator/gain.h"

#include "gtest/gtest.h"

namespace foundry::evaluator {
namespace {

Scored Answer(const std::string& id, double score) {
  Scored scored;
  scored.dataset = "dev";
  scored.item.id = id;
  scored.item.kind = TaskKind::kHeldOut;
  scored.scores["score"] = score;
  return scored;
}

TEST(Gain, ComparesTheQuestionsThatBothWereScoredOn) {
  std::vector<Scored> before, after;
  for (int i = 0; i < 40; ++i) {
    before.push_back(Answer(std::to_string(i), i % 2));
    after.insert(after.begin(), Answer(std::to_string(i), i % 4 == 0 ? 1 : i % 2));
  }
  before.push_back(Answer("only before", 1));
  after.push_back(Answer("only after", 0));
  Scored unscored = Answer("unscored", 0);
  before.push_back(unscored);
  unscored.scores.clear();
  after.push_back(unscored);
  const PairedDifference gain = GainOver(before, after, 7);
  EXPECT_EQ(gain.pairs, 40);
  EXPECT_EQ(gain.gained, 10);
  EXPECT_EQ(gain.lost, 0);
  EXPECT_DOUBLE_EQ(gain.difference.mean, 0.25);
  EXPECT_LT(gain.p_value, 0.01);
}

TEST(Gain, OneMoreRightAnswerOfAFewIsNotClear) {
  std::vector<Scored> before, after;
  for (int i = 0; i < 25; ++i) {
    before.push_back(Answer(std::to_string(i), i < 10));
    after.push_back(Answer(std::to_string(i), (i >= 2 && i < 10) || (i > 20)));
  }
  // Four gained, two lost: eight points more, and no reason to believe in them.
  EXPECT_GT(GainOver(before, after, 7).p_value, 0.3);
  EXPECT_EQ(GainOver({}, after, 7).p_value, 1);
  // Two better answers of two prove nothing.
  EXPECT_EQ(GainOver({Answer("a", 0), Answer("b", 0)}, {Answer("a", 1), Answer("b", 1)}, 7).p_value,
            0.5);
}

}  // namespace
}  // namespace foundry::evaluator
