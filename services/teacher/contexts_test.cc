#include "services/teacher/contexts.h"

#include "absl/strings/match.h"
#include "common/text/structure.h"
#include "gtest/gtest.h"
#include "services/teacher/prompts.h"

namespace foundry::teacher {
namespace {

dataset::Document Towers() {
  dataset::Document document;
  document.id = "towers";
  document.title = "Towers";
  document.text =
      "# Building\n\nJohn Smeaton designed the third tower in 1756. He used blocks of granite for "
      "it.\n\n"
      "# Material\n\nGranite is a hard stone that resists waves. It was cut in quarries of "
      "Cornwall.\n\n"
      "# Keepers\n\nThree keepers lived in every lighthouse. They lit the lamp each night.";
  text::FillStructure(text::DetectHeadings(document.text), &document);
  return document;
}

TEST(ContextsOf, CutsEveryLevelAndRelatesPassages) {
  const dataset::Document document = Towers();
  EXPECT_EQ(ContextsOf(document, "document", 10000).size(), 1);
  EXPECT_EQ(ContextsOf(document, "section", 10000).size(), 3);
  const std::vector<Context> paragraphs = ContextsOf(document, "paragraph", 10000);
  ASSERT_EQ(paragraphs.size(), 3);
  EXPECT_EQ(paragraphs[0].heading, "Building");
  ASSERT_EQ(paragraphs[0].related.size(), 1);  // granite
  EXPECT_EQ(paragraphs[0].related[0], "Material");
  EXPECT_TRUE(paragraphs[2].related.empty());
  EXPECT_GE(ContextsOf(document, "sentence", 10000).size(), 3);  // short ones are left out
}

TEST(ContextsOf, KeepsTheWindow) {
  const dataset::Document document = Towers();
  const std::vector<Context> parts = ContextsOf(document, "document", 120);
  EXPECT_GT(parts.size(), 1);
  for (const Context& part : parts) EXPECT_LE(part.text.size(), 120);
}

TEST(PairsPrompt, TellsTypeTopicAndRelatedPassages) {
  const Context context = ContextsOf(Towers(), "paragraph", 10000)[0];
  const chat::ChatRequest why = PairsPrompt("Towers", context, "analysis", 3);
  const std::string& text = why.messages.back().content;
  EXPECT_TRUE(absl::StrContains(text, "Topic: Towers"));
  EXPECT_TRUE(absl::StrContains(text, "Related passage (Material)"));
  EXPECT_TRUE(absl::StrContains(text, "3 different questions"));
  EXPECT_NE(text, PairsPrompt("Towers", context, "factual", 3).messages.back().content);
  EXPECT_GT(why.max_tokens, PairsPrompt("Towers", context, "analysis", 1).max_tokens);
}

}  // namespace
}  // namespace foundry::teacher
