#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include "common/base/files.h"
#include "common/dataset/io.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::dataset {
namespace {

using ::testing::HasSubstr;

class DatasetTest : public ::testing::Test {
 protected:
  std::filesystem::path Write(const std::string& name, const std::string& content) {
    const auto path = folder_.path() / name;
    EXPECT_TRUE(WriteFileAtomic(path, content).ok());
    return path;
  }
  TempFolder folder_ = *TempFolder::Make();
};

TEST_F(DatasetTest, DocumentSurvivesTheRoundTrip) {
  Document document{
      .id = "a.pdf", .url = "a.pdf", .title = "A", .text = "One. Two.", .content = "One. Two."};
  document.entities = {{"Ada Lovelace", "person", 2}};
  document.sections = {{"Start", 1, {0, 9}}};
  document.sentences = {{0, 4}, {5, 9}};
  document.metadata["pages"] = 3;
  auto back = DocumentFromJson(ToJson(document));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(ToJson(*back), ToJson(document));
}

TEST_F(DatasetTest, GuideShapeKeepsIdAndTitleInMetadata) {
  Document document{.id = "x", .url = "u", .title = "T", .text = "words"};
  auto back = DocumentFromJson(ToGuideJson(document));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->id, "x");
  EXPECT_EQ(back->title, "T");
}

TEST_F(DatasetTest, SpansBeyondTheTextAreRefused) {
  const Json json = {{"text", "abc"}, {"sentences", {{0, 4}}}};
  EXPECT_THAT(DocumentFromJson(json).status().message(), HasSubstr("beyond the text"));
}

TEST_F(DatasetTest, PairsFromArrayAndLinesAndPlainSource) {
  const auto array = Write("a.json", R"([{"input":"q","target":"t","source":"doc#1","reply":0}])");
  const auto lines =
      Write("b.jsonl", "{\"input\":\"q\",\"target\":\"t\"}\n\n{\"input\":\"r\",\"target\":\"\"}");
  EXPECT_EQ(ReadPairs(array)->at(0).source.document, "doc#1");
  EXPECT_EQ(ReadPairs(lines)->size(), 2u);
}

TEST_F(DatasetTest, ErrorsNameFileAndPlace) {
  const auto lines = Write("bad.jsonl", "{\"input\":\"q\",\"target\":\"t\"}\n{\"input\":7}\n");
  EXPECT_THAT(ReadPairs(lines).status().message(),
              HasSubstr("bad.jsonl:2: \"input\" must be a string"));
  const auto array = Write("bad.json", R"([{"input":"q"},{"target":"t"}])");
  EXPECT_THAT(ReadPairs(array).status().message(), HasSubstr("bad.json: item 2: has no \"input\""));
  EXPECT_THAT(ReadPairs(folder_.path()).status().message(), HasSubstr("teacher_pairs.json"));
}

TEST_F(DatasetTest, SplitsKeepTrainedWordingsOfEveryFact) {
  std::vector<Pair> pairs;
  for (int fact = 0; fact < 40; ++fact) {
    for (int wording = 0; wording < 10; ++wording) {
      Pair pair{.input = "q" + std::to_string(fact) + "/" + std::to_string(wording), .target = "t"};
      pair.fact = std::to_string(fact);
      pairs.push_back(pair);
    }
  }
  AssignIds(pairs);
  AssignSplits(pairs);
  std::map<std::string, int> splits;
  std::map<std::string, int> trained;
  for (const Pair& pair : pairs) {
    ++splits[pair.split];
    if (pair.split == "train") ++trained[pair.fact];
  }
  EXPECT_GT(splits["dev"], 10);
  EXPECT_GT(splits["test"], 10);
  EXPECT_EQ(trained.size(), 40u);
  for (const auto& [fact, count] : trained) EXPECT_GE(count, 2) << fact;
  std::vector<Pair> again = pairs;
  AssignSplits(again);
  for (size_t i = 0; i < pairs.size(); ++i) EXPECT_EQ(again[i].split, pairs[i].split);
}

TEST_F(DatasetTest, SetsWithoutRepeatedFactsStillHoldSomethingOut) {
  std::vector<Pair> pairs;
  for (int fact = 0; fact < 100; ++fact) {
    Pair pair{.input = "q" + std::to_string(fact), .target = "t"};
    pair.fact = std::to_string(fact);
    pairs.push_back(pair);
  }
  AssignSplits(pairs);
  std::map<std::string, int> splits;
  for (const Pair& pair : pairs) ++splits[pair.split];
  EXPECT_GT(splits["dev"], 0);
  EXPECT_GT(splits["test"], 0);
  EXPECT_GT(splits["train"], 60);
}

TEST_F(DatasetTest, SmallSetsHoldOutEnoughDevQuestionsToDecide) {
  std::vector<Pair> pairs;
  for (int fact = 0; fact < 60; ++fact) {
    for (int wording = 0; wording < 8; ++wording) {
      Pair pair{.input = "q" + std::to_string(fact) + "/" + std::to_string(wording), .target = "t"};
      pair.fact = std::to_string(fact);
      pairs.push_back(pair);
    }
  }
  AssignSplits(pairs);
  const auto count = [&](const std::string& split) {
    return std::count_if(pairs.begin(), pairs.end(),
                         [&](const Pair& pair) { return pair.split == split; });
  };
  EXPECT_GE(count("dev"), 50);
  EXPECT_LT(count("test"), 45);
  EXPECT_GT(count("train"), 330);
  for (const Pair& pair : pairs) {
    if (pair.split != "train") EXPECT_TRUE(MayBeHeldOut(pair.input));
  }
}

TEST_F(DatasetTest, OneQuestionHasOneSplitWhateverItsFactAnswerAndForm) {
  std::vector<Pair> pairs;
  for (int question = 0; question < 200; ++question) {
    for (int form = 0; form < 4; ++form) {
      const std::string name = "q" + std::to_string(question);
      Pair pair{.target = "t" + std::to_string(form)};
      pair.input = form == 0   ? "Who took " + name + "?"
                   : form == 1 ? "who took the " + name
                   : form == 2 ? "Topic: Genghis Khan. Who took " + name + "?"
                               : "Who took " + name + "?";
      pair.source.document = "docs/genghis-khan.pdf#0";
      pair.fact = name + (form == 3 ? "elsewhere" : "");
      pairs.push_back(pair);
    }
  }
  AssignSplits(pairs);
  std::map<std::string, std::set<std::string>> splits;
  for (size_t i = 0; i < pairs.size(); ++i) splits[std::to_string(i / 4)].insert(pairs[i].split);
  size_t held_out = 0;
  for (const auto& [question, of] : splits) {
    EXPECT_EQ(of.size(), 1u) << question;
    held_out += of.count("train") == 0;
  }
  EXPECT_GT(held_out, 10u);
}

TEST_F(DatasetTest, QuestionsAreOneByTheirWordsAndDocument) {
  const auto key = [](const std::string& document, const std::string& input) {
    Pair pair{.input = input};
    pair.source.document = document;
    return QuestionKey(pair);
  };
  EXPECT_EQ(key("St. Louis", "Topic: St. Louis. Where is it?"), key("St. Louis", "where is it"));
  EXPECT_EQ(key("a.pdf", "Topic: The Title. Where?"), key("a.pdf", "Where?"));
  EXPECT_NE(key("a", "Where?"), key("b", "Where?"));
  EXPECT_NE(key("a", "What is C?"), key("a", "What is C++?"));
  EXPECT_NE(key("a", "Fill: ____ b"), key("a", "Fill: b ____"));
}

TEST_F(DatasetTest, WritersAreReadBack) {
  const Pair pair{.id = "1", .input = "q", .target = "t\n\"x\""};
  const auto array = folder_.path() / "teacher_pairs.json";
  ASSERT_TRUE(WriteJsonArray(array, {ToJson(pair), ToJson(pair)}).ok());
  EXPECT_EQ(ReadPairs(folder_.path())->size(), 2u);
  ASSERT_TRUE(WriteJsonArray(array, {}).ok());
  EXPECT_EQ(ReadPairs(array)->size(), 0u);
}

}  // namespace
}  // namespace foundry::dataset
