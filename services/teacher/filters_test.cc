#include "services/teacher/filters.h"

#include "gtest/gtest.h"

namespace foundry::teacher {
namespace {

constexpr char kPassage[] =
    "Between 1402 and 1405, the expedition led by the Norman noble Jean de Bethencourt conquered "
    "the Canarian islands of Lanzarote and Fuerteventura.";

dataset::Pair Written(const std::string& question, const std::string& answer) {
  dataset::Pair pair;
  pair.input = question;
  pair.target = answer;
  pair.teacher = "model";
  pair.source.document = "normans";
  pair.source.passage = kPassage;
  return pair;
}

TEST(SupportScore, SeparatesSupportedFromInvented) {
  EXPECT_GT(SupportScore("Who led it?", "Jean de Bethencourt led the expedition.", kPassage), 0.95);
  EXPECT_GT(SupportScore("When?", "It was conquered between 1402 and 1405.", kPassage), 0.95);
  EXPECT_LT(SupportScore("Who led it?", "It was led by Christopher Columbus.", kPassage), 0.5);
  EXPECT_LT(SupportScore("When?", "The conquest happened in 1492.", kPassage), 0.5);
}

TEST(FilterSupported, CountsEveryReason) {
  std::vector<dataset::Pair> pairs = {
      Written("Who led the expedition?", "Jean de Bethencourt."),
      Written("Who paid for the expedition?", "Queen Isabella of Castile paid everything."),
      Written("Who led the expedition?", ""),
      Written("How tall was he?", "The text does not say."),
  };
  Counts counts;
  ASSERT_TRUE(FilterSupported(0.6, nullptr, pairs, counts).ok());
  ASSERT_EQ(pairs.size(), 1);
  EXPECT_EQ(pairs[0].target, "Jean de Bethencourt.");
  EXPECT_GT(pairs[0].scores["support"], 0.9);
  EXPECT_EQ(counts["unsupported"], 1);
  EXPECT_EQ(counts["malformed"], 1);
  EXPECT_EQ(counts["refused"], 1);
}

TEST(FilterDuplicates, DropsRepeatedQuestionsButKeepsOtherTeachersTargets) {
  std::vector<dataset::Pair> pairs = {
      Written("Who led the expedition that conquered the islands of Lanzarote?", "Jean."),
      Written("who led the expedition that conquered the islands of Lanzarote?", "Jean!"),
      Written("Who led the expedition that conquered the islands of Lanzarote", "Jean de B."),
      Written("When was Lanzarote conquered?", "1402."),
      Written("Who led the expedition that conquered the islands of Lanzarote?", "Bethencourt."),
  };
  pairs[4].teacher = "another model";
  Counts counts;
  ASSERT_TRUE(FilterDuplicates(nullptr, pairs, counts).ok());
  ASSERT_EQ(pairs.size(), 3);
  EXPECT_EQ(counts["duplicate"], 1);
  EXPECT_EQ(counts["near_duplicate"], 1);
  EXPECT_EQ(pairs[2].teacher, "another model");
}

TEST(FilterDuplicates, KeepsTheExtractiveTeachersWordings) {
  std::vector<dataset::Pair> pairs = {
      Written("Who led the expedition that conquered the islands of Lanzarote?", "Jean."),
      Written("Who led the expedition that conquered the islands of Lanzarote at last?", "Jean."),
  };
  for (dataset::Pair& pair : pairs) pair.teacher = "extractive";
  Counts counts;
  ASSERT_TRUE(FilterDuplicates(nullptr, pairs, counts).ok());
  EXPECT_EQ(pairs.size(), 2);
}

}  // namespace
}  // namespace foundry::teacher
