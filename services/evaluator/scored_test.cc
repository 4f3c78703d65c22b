#include "services/evaluator/scored.h"

#include "gtest/gtest.h"

namespace foundry::evaluator {
namespace {

Scored Answer(TaskKind kind, std::string question, std::string gold, std::string prediction) {
  Scored scored;
  scored.item.kind = kind;
  scored.item.question = std::move(question);
  if (!gold.empty()) scored.item.golds = {std::move(gold)};
  scored.prediction = std::move(prediction);
  EXPECT_TRUE(ScoreByRules(scored).ok());
  return scored;
}

TEST(ScoredTest, QuestionsAreRightWhenTheAnswerIsContained) {
  const Scored right = Answer(TaskKind::kQa, "Which town?", "Otrar", "The town of Otrar fell.");
  EXPECT_TRUE(right.correct);
  EXPECT_EQ(right.scores.at("score"), 1);
  EXPECT_TRUE(right.error.empty());
  const Scored wrong = Answer(TaskKind::kQa, "Which town?", "Otrar", "Samarkand.");
  EXPECT_FALSE(wrong.correct);
  EXPECT_EQ(wrong.error, "wrong_entity");
}

TEST(ScoredTest, LongAnswersAreRightByMostOfTheirWords) {
  const std::string gold = "Plants store energy as starch in the roots and use it in winter";
  EXPECT_TRUE(Answer(TaskKind::kHeldOut, "How?", gold,
                     "In winter plants use the starch in roots, to store energy")
                  .correct);
  EXPECT_FALSE(Answer(TaskKind::kHeldOut, "How?", gold, "Plants store energy").correct);
  const Scored year =
      Answer(TaskKind::kHeldOut, "When?", "The light was damaged by a storm in the year 1921",
             "The light was damaged by a storm in the year 1832");
  EXPECT_FALSE(year.correct);
  EXPECT_EQ(year.error, "wrong_number");
}

TEST(ScoredTest, WorkedSolutionsAreJudgedByTheirNumber) {
  const Scored scored = Answer(TaskKind::kQa, "How many?", "9*2=18\n#### 18", "It is $18.00");
  EXPECT_EQ(scored.scores.at("number"), 1);
  EXPECT_TRUE(scored.correct);
}

TEST(ScoredTest, CommandMistakesHaveKinds) {
  EXPECT_TRUE(Answer(TaskKind::kCommand, "list", "ls -l", "```\nls  -l\n```").correct);
  EXPECT_EQ(Answer(TaskKind::kCommand, "list", "ls -l", "ls -a").error, "partial");
  EXPECT_EQ(Answer(TaskKind::kCommand, "list", "ls -l", "find . -type f").error, "wrong_program");
  EXPECT_EQ(Answer(TaskKind::kCommand, "list", "ls -l", "You should look there").error, "format");
}

TEST(ScoredTest, DomainConditionsMustAllHold) {
  Scored scored;
  scored.item.kind = TaskKind::kDomain;
  scored.item.question = "Where do host-specific files go?";
  scored.item.must_contain = {"/etc", "host"};
  scored.item.matches = "/etc\\b";
  scored.prediction = "Host-specific files go to /etc.";
  ASSERT_TRUE(ScoreByRules(scored).ok());
  EXPECT_TRUE(scored.correct);
  scored.prediction = "Files go to /etc.";
  ASSERT_TRUE(ScoreByRules(scored).ok());
  EXPECT_FALSE(scored.correct);
}

TEST(ScoredTest, SurvivesTheFile) {
  Scored scored = Answer(TaskKind::kCommand, "list", "ls -l", "ls -a");
  scored.dataset = "nl2bash";
  scored.item.id = "7";
  scored.failures["llm"] = "no";
  auto back = ScoredFromJson(ToJson(scored));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(ToJson(*back), ToJson(scored));
}

}  // namespace
}  // namespace foundry::evaluator
