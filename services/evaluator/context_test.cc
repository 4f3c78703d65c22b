#include "services/evaluator/context.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::evaluator {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::vector<dataset::Document> TwoDocuments() {
  std::vector<dataset::Document> documents(2);
  documents[0].id = "khan";
  documents[0].title = "Genghis Khan";
  documents[0].text =
      "The army was split. It moved slowly.\n\nThe town of Otrar fell in 1219. Many fled.";
  documents[1].id = "plants";
  documents[1].title = "Plants";
  documents[1].text = "A town garden grows plants. Leaves make sugar from light.";
  return documents;
}

TEST(ContextTest, ChoosesTheParagraphOfTheRightDocument) {
  const ContextIndex index(TwoDocuments());
  Item item;
  item.question = "Which town fell?";
  item.topic = "Genghis Khan";
  EXPECT_THAT(index.ContextFor(item, 60), HasSubstr("Otrar"));
  EXPECT_THAT(index.ContextFor(item, 1000), Not(HasSubstr("garden")));
  item.topic = "";
  item.question = "What do leaves make?";
  EXPECT_THAT(index.ContextFor(item, 1000), HasSubstr("sugar"));
  EXPECT_EQ(index.BestSentence(item), "Leaves make sugar from light.");
}

TEST(ContextTest, ThePassageOfTheQuestionComesFirst) {
  const ContextIndex index(TwoDocuments());
  Item item;
  item.question = "Which town fell?";
  item.passage = "This text was handed in together with the question.";
  EXPECT_EQ(index.ContextFor(item, 9), "This text");
  item.passage = "plants";  // a document's id
  EXPECT_THAT(index.ContextFor(item, 1000), HasSubstr("garden"));
  EXPECT_EQ(ContextIndex({}).ContextFor({}, 100), "");
}

}  // namespace
}  // namespace foundry::evaluator
