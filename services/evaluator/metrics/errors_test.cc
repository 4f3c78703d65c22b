#include "services/evaluator/metrics/errors.h"

#include "gtest/gtest.h"

namespace foundry::evaluator {
namespace {

TEST(ErrorsTest, Kinds) {
  const std::string who = "Who did Genghis Khan send after the Shah?";
  const std::string when = "In what year was Otrar taken?";
  auto kind = [](absl::string_view question, absl::string_view answer, const std::string& gold) {
    return std::string(ErrorName(ClassifyError(question, answer, {gold})));
  };
  EXPECT_EQ(kind(who, "", "Subutai"), "refusal_or_empty");
  EXPECT_EQ(kind(who, "I'm sorry, but as an AI I have no access.", "Subutai"), "refusal_or_empty");
  EXPECT_EQ(kind(who, "the army of the army of the army of the army of", "Subutai"), "repetition");
  EXPECT_EQ(kind(who, "Who is the Shah?", "Subutai"), "format");
  EXPECT_EQ(kind(when, "It was taken in 1221.", "1219"), "wrong_number");
  EXPECT_EQ(kind(when, "In March 1950", "October 1219"), "wrong_number");
  EXPECT_EQ(kind(who, "He sent Muqali.", "Subutai and Jebe"), "wrong_entity");
  EXPECT_EQ(kind(who, "He sent Jebe.", "Subutai and Jebe"), "partial");
  EXPECT_EQ(kind(who, "Genghis Khan was a great man", "Subutai"), "wrong_fact");
  EXPECT_EQ(kind(who, "photosynthesis needs water", "Subutai"), "off_topic");
}

TEST(ErrorsTest, Repetition) {
  EXPECT_TRUE(IsRepetitive("no no no no"));
  EXPECT_TRUE(IsRepetitive("in the city in the city in the city"));
  EXPECT_FALSE(IsRepetitive("New York, New York is a city in the state of New York"));
  EXPECT_FALSE(IsRepetitive(""));
}

TEST(ErrorsTest, QuestionTypes) {
  EXPECT_EQ(QuestionType("Topic: How to win. Who won?"), "who");
  EXPECT_EQ(QuestionType("In what year did it end?"), "when");
  EXPECT_EQ(QuestionType("How many towns fell?"), "how many");
  EXPECT_EQ(QuestionType("Is it large?"), "yes/no");
  EXPECT_EQ(QuestionType("The capital is called"), "other");
}

}  // namespace
}  // namespace foundry::evaluator
