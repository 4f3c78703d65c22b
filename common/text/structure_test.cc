#include "common/text/structure.h"

#include <gtest/gtest.h>

#include "common/text/words.h"

namespace foundry::text {
namespace {

constexpr char kText[] =
    "An opening line.\n\n# First part\n\nOne sentence. Another one.\n\nA second paragraph.\n\n"
    "2.1 Scope of it\n\nIt covers files.\n\nSOME CAPITALS\n\nThe end.";

TEST(StructureTest, FindsHeadingsSectionsParagraphsSentences) {
  const std::vector<Heading> headings = DetectHeadings(kText);
  ASSERT_EQ(headings.size(), 3u);
  const Structure structure = AnalyzeStructure(kText, headings);
  ASSERT_EQ(structure.sections.size(), 4u);
  EXPECT_EQ(structure.sections[0].heading, "");
  EXPECT_EQ(structure.sections[1].heading, "First part");
  EXPECT_EQ(structure.sections[2].heading, "2.1 Scope of it");
  EXPECT_EQ(structure.sections[2].level, 2);
  EXPECT_EQ(structure.sections[3].heading, "SOME CAPITALS");
  EXPECT_EQ(structure.paragraphs.size(), 5u);
  EXPECT_EQ(structure.sentences.size(), 6u);
}

TEST(StructureTest, SectionsPartitionTheText) {
  const Structure structure = AnalyzeStructure(kText, DetectHeadings(kText));
  int64_t at = 0;
  for (const dataset::Section& section : structure.sections) {
    EXPECT_EQ(section.span.begin, at);
    at = section.span.end;
  }
  EXPECT_EQ(at, static_cast<int64_t>(sizeof(kText) - 1));
}

TEST(StructureTest, ProseIsNoHeading) {
  EXPECT_TRUE(DetectHeadings("1. This is an item that ends as a sentence.\n\nAnd so on.").empty());
  EXPECT_TRUE(DetectHeadings("3 apples were eaten\n\nthen more").empty());
}

TEST(StructureTest, ContentLeavesHeadingsOut) {
  dataset::Document document;
  document.text = kText;
  FillStructure(DetectHeadings(kText), &document);
  EXPECT_EQ(document.content,
            "An opening line.\n\nOne sentence. Another one.\n\nA second paragraph.\n\nIt covers "
            "files.\n\nThe end.");
  EXPECT_EQ(Slice(document.text, document.sentences[1]), "One sentence.");
}

}  // namespace
}  // namespace foundry::text
