#include "common/text/sentences.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace foundry::text {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> Split(absl::string_view text) {
  std::vector<std::string> out;
  for (const Span& span : SplitSentences(text)) out.emplace_back(Slice(text, span));
  return out;
}

TEST(SentencesTest, SplitsProse) {
  EXPECT_THAT(Split("One here. Two there! Three?  Four."),
              ElementsAre("One here.", "Two there!", "Three?", "Four."));
  EXPECT_THAT(Split(""), ElementsAre());
}

TEST(SentencesTest, KeepsAbbreviationsInitialsAndNumbers) {
  EXPECT_THAT(Split("Dr. Smith met Mr. Jones. They spoke."),
              ElementsAre("Dr. Smith met Mr. Jones.", "They spoke."));
  EXPECT_THAT(Split("It was written by J. R. Tolkien. It sold well."),
              ElementsAre("It was written by J. R. Tolkien.", "It sold well."));
  EXPECT_THAT(Split("See Fig. 3 for version 2.5 of it. Then stop."),
              ElementsAre("See Fig. 3 for version 2.5 of it.", "Then stop."));
  EXPECT_THAT(Split("He lived in the U.S. The rest did not."),
              ElementsAre("He lived in the U.S.", "The rest did not."));
  EXPECT_THAT(Split("Use tools, e.g. Make or Ninja, for it."),
              ElementsAre("Use tools, e.g. Make or Ninja, for it."));
}

TEST(SentencesTest, TakesWrappedLinesForOneSentence) {
  EXPECT_THAT(Split("A sentence that\ngoes on. Another\none."),
              ElementsAre("A sentence that\ngoes on.", "Another\none."));
  EXPECT_THAT(Split("A list:\n- first\n- second"), ElementsAre("A list:", "- first", "- second"));
}

TEST(SentencesTest, SplitsCjk) { EXPECT_EQ(Split("これは文です。次の文です。").size(), 2u); }

TEST(SentencesTest, SpansStayInsideTheText) {
  const std::string text = "  Caf\xC3\xA9 is open.  \n\n Nobody came. ";
  for (const Span& span : SplitSentences(text)) {
    EXPECT_LT(span.begin, span.end);
    EXPECT_LE(span.end, static_cast<int64_t>(text.size()));
    EXPECT_NE(text[span.begin], ' ');
    EXPECT_NE(text[span.end - 1], ' ');
  }
}

TEST(ListMarkerTest, Recognises) {
  size_t bytes = 0;
  EXPECT_TRUE(StartsWithListMarker("• item", &bytes));
  EXPECT_EQ(bytes, 4u);
  EXPECT_TRUE(StartsWithListMarker("12. item"));
  EXPECT_TRUE(StartsWithListMarker("(a) item"));
  EXPECT_TRUE(StartsWithListMarker("b) item"));
  EXPECT_FALSE(StartsWithListMarker("item"));
  EXPECT_FALSE(StartsWithListMarker("1999 was"));
  EXPECT_FALSE(StartsWithListMarker("a word"));
}

}  // namespace
}  // namespace foundry::text
