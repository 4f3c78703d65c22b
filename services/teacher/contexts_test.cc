#include "services/teacher/contexts.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
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

// 20,000 sentences in 5,000 paragraphs: comparing each with each takes minutes, the test's limit is
// reached before.
TEST(ContextsOf, RelatesThePassagesOfALongDocument) {
  dataset::Document document;
  for (int paragraph = 0; paragraph < 5000; ++paragraph) {
    const int64_t begin = static_cast<int64_t>(document.text.size());
    for (int sentence = 0; sentence < 4; ++sentence) {
      const int64_t start = static_cast<int64_t>(document.text.size());
      absl::StrAppend(&document.text, "Every common passage mentions harbour", paragraph / 2,
                      "x and number", paragraph, "y, keeper", sentence, "z. ");
      document.sentences.push_back({start, static_cast<int64_t>(document.text.size()) - 1});
    }
    document.paragraphs.push_back({begin, static_cast<int64_t>(document.text.size()) - 1});
    document.text += "\n\n";
  }
  const std::vector<Context> contexts = ContextsOf(document, "sentence", 1000);
  ASSERT_EQ(contexts.size(), 20000u);
  // Each paragraph has one other with its harbour.
  for (const Context& context : contexts) ASSERT_EQ(context.related.size(), 1u) << context.text;
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
