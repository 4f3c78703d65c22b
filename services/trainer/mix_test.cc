#include "services/trainer/mix.h"

#include <map>
#include <set>

#include "common/dataset/io.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::trainer {
namespace {

using dataset::Pair;
using ::testing::HasSubstr;

Pair MakePair(const std::string& input, const std::string& split, const std::string& target = "t") {
  Pair pair;
  pair.input = input;
  pair.target = target;
  pair.split = split;
  return pair;
}

TEST(Mix, TestPairsNeverTrain) {
  const auto mix = MakeMix({MakePair("a", "train"), MakePair("b", "test"), MakePair("c", "dev"),
                            MakePair("d", "train", "")},
                           {});
  ASSERT_TRUE(mix.ok()) << mix.status();
  EXPECT_EQ(mix->train.size(), 1u);
  EXPECT_EQ(mix->dev.size(), 1u);
  EXPECT_EQ(mix->refused_test, 1);
  EXPECT_EQ(mix->empty_targets, 1);
}

TEST(Mix, ShareOfPairsWithoutASplitValidates) {
  std::vector<Pair> pairs;
  for (int i = 0; i < 1000; ++i) pairs.push_back(MakePair("q" + std::to_string(i), ""));
  const auto mix = MakeMix(pairs, {.validation_share = 0.1});
  ASSERT_TRUE(mix.ok());
  EXPECT_NEAR(static_cast<double>(mix->dev.size()), 100, 40);
  const auto none = MakeMix(pairs, {.validation_share = 0});
  EXPECT_TRUE(none->dev.empty());
}

TEST(Mix, AQuestionThatIsHeldOutIsNotTrainedInAnotherForm) {
  Pair asked = MakePair("Who seized Otrar?", "test");
  Pair trained = MakePair("Topic: Genghis Khan. who seized Otrar", "train", "another answer");
  Pair other = MakePair("Who fled?", "train");
  asked.source.document = trained.source.document = other.source.document = "Genghis Khan";
  const auto mix = MakeMix({trained, asked, other}, {});
  ASSERT_TRUE(mix.ok()) << mix.status();
  ASSERT_EQ(mix->train.size(), 1u);
  EXPECT_EQ(mix->train[0].input, other.input);
  EXPECT_EQ(mix->held_out_questions, 1);
}

TEST(Mix, AnswersToOneQuestionValidateOrTrainTogether) {
  std::vector<Pair> pairs;
  for (int i = 0; i < 200; ++i) {
    pairs.push_back(MakePair("q" + std::to_string(i), "", "by one teacher"));
    pairs.push_back(MakePair("q" + std::to_string(i), "", "by another teacher"));
  }
  const auto mix = MakeMix(pairs, {.validation_share = 0.3});
  ASSERT_TRUE(mix.ok()) << mix.status();
  std::map<std::string, int> validated;
  for (const Pair& pair : mix->dev) ++validated[pair.input];
  EXPECT_GT(validated.size(), 20u);
  for (const auto& [question, answers] : validated) EXPECT_EQ(answers, 2) << question;
  EXPECT_EQ(mix->train.size() + mix->dev.size(), pairs.size());
}

TEST(Mix, BlankTargetsTeachNothing) {
  EXPECT_EQ(MakeMix({MakePair("a", "train"), MakePair("b", "train", " \n")}, {})->empty_targets, 1);
}

TEST(Mix, MaxSamplesKeepsTheSamePairsEveryTime) {
  std::vector<Pair> pairs;
  for (int i = 0; i < 100; ++i) pairs.push_back(MakePair("q" + std::to_string(i), "train"));
  const auto one = MakeMix(pairs, {.max_samples = 7, .seed = 3});
  const auto two = MakeMix(pairs, {.max_samples = 7, .seed = 3});
  ASSERT_EQ(one->train.size(), 7u);
  for (size_t i = 0; i < 7; ++i) EXPECT_EQ(one->train[i].input, two->train[i].input);
}

TEST(Mix, NothingToTrainOnSaysWhy) {
  EXPECT_THAT(MakeMix({MakePair("a", "test")}, {}).status().message(),
              HasSubstr("1 of the test split"));
}

TEST(Mix, StatementsAreTheSentencesOfPassagesOnce) {
  Pair pair = MakePair("q", "train");
  pair.source.document = "genghis-khan.pdf#0";
  pair.source.passage =
      "The Shah's army was split by diverse feuds. Genghis Khan seized the town of Otrar in 1219.";
  const auto statements = PassageStatements({pair, pair}, {});
  ASSERT_EQ(statements.size(), 2u);
  EXPECT_EQ(statements[0].target, "The Shah's army was split by diverse feuds.");
  EXPECT_EQ(statements[0].input, "Topic: Genghis Khan. State a fact.");
  dataset::Document document{.id = pair.source.document, .title = "The Mongol Empire"};
  for (const Pair& titled : PassageStatements({pair}, {document})) {
    EXPECT_EQ(titled.input, "Topic: The Mongol Empire. State a fact.");
  }
}

TEST(Mix, PassagesBehindPairsOfOthersBecomeItems) {
  Pair pair = MakePair("q", "train");
  pair.source.document = "Genghis Khan";
  pair.source.passage =
      "Genghis Khan seized the town of Otrar in 1219. He died in August 1227 near Yinchuan.";
  Pair extractive = pair;
  extractive.source.document = "Taught already";
  extractive.teacher = "extractive";
  const auto items = PassageItems({pair, pair, extractive}, {}, {}, 7);
  ASSERT_FALSE(items.empty());
  std::set<std::pair<std::string, std::string>> distinct;
  for (const Pair& item : items) {
    EXPECT_EQ(item.source.document, "Genghis Khan");
    EXPECT_THAT(item.input, HasSubstr("Genghis Khan"));
    EXPECT_TRUE(distinct.emplace(item.input, item.target).second) << item.input;
  }
  // An item that a held-out pair asks too is none, whatever the form.
  Pair asked = MakePair("The " + items[0].input.substr(0, items[0].input.size() - 1), "test");
  asked.source.document = pair.source.document;
  const auto fewer = PassageItems({pair}, {}, {dataset::QuestionKey(asked)}, 7);
  EXPECT_EQ(fewer.size() + 1, items.size());
  dataset::Document document;
  document.id = pair.source.document = "f83b421096c73a27db87";
  document.title = "The Mongol Empire";
  const auto titled = PassageItems({pair}, {document}, {}, 7);
  ASSERT_FALSE(titled.empty());
  EXPECT_THAT(titled[0].input, HasSubstr("The Mongol Empire"));
  EXPECT_TRUE(PassageItems({extractive}, {}, {}, 7).empty());
  EXPECT_TRUE(PassageItems({MakePair("no passage", "train")}, {}, {}, 7).empty());
}

}  // namespace
}  // namespace foundry::trainer
