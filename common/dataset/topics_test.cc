#include "common/dataset/topics.h"

#include "gtest/gtest.h"

namespace foundry::dataset {
namespace {

std::string Topic(const std::string& title, const std::string& url, const std::string& id) {
  return TopicOf({.id = id, .url = url, .title = title});
}

TEST(TopicsTest, TheTitleNamesADocumentThenItsAddressThenItsId) {
  EXPECT_EQ(Topic("The Mongol Empire", "a/khan-1.pdf", "khan-1.pdf#0"), "The Mongol Empire");
  EXPECT_EQ(Topic(" ", "a/genghis-khan.pdf", "x"), "Genghis Khan");
  EXPECT_EQ(Topic("", "", "genghis-khan.pdf#0"), "Genghis Khan");
  EXPECT_EQ(Topic("f83b421096c73a27db87", "", "genghis-khan"), "Genghis Khan");
  EXPECT_EQ(Topic("", "", "f83b421096c73a27db87"), "");
}

TEST(TopicsTest, PairsAreWordedByTheirDocumentsTopic) {
  const Topics topics({{.id = "doc-12.pdf#0", .title = "The Mongol Empire"},
                       {.id = "f83b421096c73a27db87", .title = ""}});
  EXPECT_EQ(topics.Of("doc-12.pdf#0"), "The Mongol Empire");
  EXPECT_EQ(topics.Of("genghis-khan.pdf#3"), "Genghis Khan");
  std::vector<Pair> pairs(4);
  for (Pair& pair : pairs) pair.input = "Which town fell?";
  pairs[0].source.document = pairs[1].source.document = "doc-12.pdf#0";
  pairs[1].input = "What did the Mongol Empire seize?";
  pairs[2].source.document = "f83b421096c73a27db87";
  pairs[3].source.document = "genghis-khan.pdf#3";
  WordClosedBook(topics, pairs);
  EXPECT_EQ(pairs[0].input, "Topic: The Mongol Empire. Which town fell?");
  EXPECT_EQ(pairs[1].input, "What did the Mongol Empire seize?");
  EXPECT_EQ(pairs[2].input, "Which town fell?");
  EXPECT_EQ(pairs[3].input, "Topic: Genghis Khan. Which town fell?");
}

}  // namespace
}  // namespace foundry::dataset
