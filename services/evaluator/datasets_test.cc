#include "services/evaluator/datasets.h"

#include <algorithm>

#include "common/base/files.h"
#include "common/dataset/io.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::evaluator {
namespace {

using ::testing::HasSubstr;

class DatasetsTest : public ::testing::Test {
 protected:
  std::filesystem::path Write(const std::string& name, const std::string& content) {
    const auto path = folder_.path() / name;
    EXPECT_TRUE(WriteFileAtomic(path, content).ok());
    return path;
  }
  TempFolder folder_ = *TempFolder::Make();
};

TEST_F(DatasetsTest, QuestionsNameTheirTopic) {
  const auto path =
      Write("q.jsonl",
            "{\"id\":\"g#0/0\",\"passage\":\"g#0\",\"title\":\"Genghis Khan\","
            "\"question\":\"Which town fell?\",\"answers\":[\"Otrar\"]}\n"
            "{\"id\":7,\"question\":\"Where was Genghis Khan born?\",\"answer\":\"x\","
            "\"document\":\"genghis-khan.pdf\"}\n");
  auto set = ReadQaSet(path);
  ASSERT_TRUE(set.ok()) << set.status();
  ASSERT_EQ(set->items.size(), 2u);
  EXPECT_EQ(set->name, "q");
  EXPECT_EQ(PromptOf(set->items[0]), "Topic: Genghis Khan. Which town fell?");
  EXPECT_EQ(PromptOf(set->items[1]), "Where was Genghis Khan born?");  // named already
  EXPECT_EQ(set->items[0].type, "which");
  EXPECT_EQ(set->items[1].id, "7");
}

TEST_F(DatasetsTest, ErrorsNameTheLineAndTheMember) {
  auto message = [&](const char* line, auto read) {
    return std::string(read(Write("bad.jsonl", line)).status().message());
  };
  EXPECT_THAT(message("\n{\"question\":\"x\"}", ReadQaSet),
              HasSubstr("bad.jsonl:2: has no \"answers\""));
  EXPECT_THAT(message("{\"nl\":\"x\"}", ReadCommandSet), HasSubstr("bad.jsonl:1: has no \"cmd\""));
  EXPECT_THAT(message("{\"prompt\":\"x\"}", ReadDomainSet), HasSubstr("must_contain"));
  EXPECT_THAT(message("{\"prompt\":\"x\",\"matches\":\"(\"}", ReadDomainSet),
              HasSubstr("\"matches\": bad regular expression"));
  EXPECT_THAT(message("", ReadQaSet), HasSubstr("holds no records"));
  const char* twice =
      "{\"id\":1,\"nl\":\"a\",\"cmd\":\"ls\"}\n{\"id\":1,\"nl\":\"b\",\"cmd\":\"ls\"}";
  EXPECT_THAT(message(twice, ReadCommandSet), HasSubstr("ids must be unique"));
}

TEST_F(DatasetsTest, HeldOutPairsOfOneSplitOnly) {
  std::vector<dataset::Pair> pairs(3);
  const char* splits[] = {"train", "dev", "test"};
  for (int i = 0; i < 3; ++i) {
    pairs[i].id = splits[i];
    pairs[i].split = splits[i];
    pairs[i].input = "Which town fell?";
    pairs[i].target = "Otrar";
    pairs[i].source.document = "d1";
  }
  dataset::Document document;
  document.id = "d1";
  document.title = "Genghis Khan";
  auto set = HeldOutPairs(pairs, {document}, "test");
  ASSERT_TRUE(set.ok());
  ASSERT_EQ(set->items.size(), 1u);
  EXPECT_EQ(set->items[0].id, "test");
  EXPECT_EQ(set->items[0].topic, "Genghis Khan");
  EXPECT_FALSE(HeldOutPairs(pairs, {}, "train").ok());
}

TEST_F(DatasetsTest, PairsWithoutIdsAreQuestionsToo) {
  std::vector<dataset::Pair> pairs(3);
  for (size_t i = 0; i < 3; ++i) {
    pairs[i].split = "test";
    pairs[i].input = "Question " + std::to_string(i) + "?";
    pairs[i].target = "t";
  }
  EXPECT_EQ(HeldOutPairs(pairs, {}, "test")->items.size(), 3u);
}

TEST_F(DatasetsTest, AnswersOfSeveralTeachersMakeOneQuestion) {
  std::vector<dataset::Pair> pairs(3);
  const char* targets[] = {"Otrar", "It was Otrar.", "Otrar"};
  for (size_t i = 0; i < 3; ++i) {
    pairs[i].split = "test";
    pairs[i].input = "Which town fell?";
    pairs[i].target = targets[i];
  }
  auto set = HeldOutPairs(pairs, {}, "test");
  ASSERT_EQ(set->items.size(), 1u);
  EXPECT_THAT(set->items[0].golds, ::testing::ElementsAre("Otrar", "It was Otrar."));
}

TEST_F(DatasetsTest, RoundsAreJudgedByDevQuestionsThatNobodyPractised) {
  std::vector<dataset::Pair> pairs(100);
  for (size_t i = 0; i < pairs.size(); ++i) {
    pairs[i].split = "dev";
    pairs[i].input = "Question " + std::to_string(i) + "?";
    pairs[i].target = "t";
  }
  auto set = HeldOutPairs(pairs, {}, "dev_unprobed");
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_GT(set->items.size(), 60u);
  EXPECT_LT(set->items.size(), 90u);
  for (const Item& item : set->items) EXPECT_FALSE(dataset::MayBeProbed(item.question));
  // A single question that may be asked is better than none.
  pairs.erase(std::remove_if(pairs.begin(), pairs.end(),
                             [](const auto& pair) { return !dataset::MayBeProbed(pair.input); }),
              pairs.end());
  EXPECT_EQ(HeldOutPairs(pairs, {}, "dev_unprobed")->items.size(), pairs.size());
}

TEST_F(DatasetsTest, SampleIsTheSameForEveryModelAndKeepsOrder) {
  TestSet set;
  for (int i = 0; i < 100; ++i) {
    Item item;
    item.id = std::to_string(i);
    set.items.push_back(item);
  }
  TestSet again = set;
  Sample(10, set);
  Sample(10, again);
  ASSERT_EQ(set.items.size(), 10u);
  int previous = -1;
  for (size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(set.items[i].id, again.items[i].id);
    EXPECT_GT(std::stoi(set.items[i].id), previous);
    previous = std::stoi(set.items[i].id);
  }
  EXPECT_NE(set.items[9].id, "9");  // not simply the first ones
}

}  // namespace
}  // namespace foundry::evaluator
