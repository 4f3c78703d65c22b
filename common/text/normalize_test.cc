#include "common/text/normalize.h"

#include <gtest/gtest.h>

#include "common/text/lines.h"
#include "common/text/utf8.h"

namespace foundry::text {
namespace {

TEST(Utf8Test, KeepsWellFormedTextAndNamesTheFirstBadByte) {
  const std::string good = "a\xC3\xA9\xE3\x81\x82\xF0\x9F\x98\x80";
  EXPECT_TRUE(IsValidUtf8(good));
  EXPECT_EQ(CountCodePoints(good), 4);
  EXPECT_EQ(RepairUtf8(good), good);
  EXPECT_EQ(FirstInvalidUtf8("ab\xFFz"), 2u);
}

TEST(Utf8Test, ReplacesMaximalIllFormedParts) {
  int64_t repaired = 0;
  // An overlong form, a surrogate, a cut sequence: as Unicode 15's table 3-8 has them.
  EXPECT_EQ(RepairUtf8("\xC0\xAF", &repaired), "\uFFFD\uFFFD");
  EXPECT_EQ(RepairUtf8("\xED\xA0\x80", &repaired), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(RepairUtf8("\xE2\x82"
                       "A",
                       &repaired),
            "\uFFFDA");
  EXPECT_EQ(repaired, 6);
}

TEST(Utf8Test, PrefixNeverCutsACharacter) {
  EXPECT_EQ(Utf8Prefix("a\xC3\xA9", 2), "a");
  EXPECT_EQ(Utf8Prefix("a\xC3\xA9", 3), "a\xC3\xA9");
}

TEST(NormalizeTest, GivesOneForm) {
  EXPECT_EQ(Normalize("e\u0301"), "\u00E9");                        // NFC
  EXPECT_EQ(Normalize("a\r\nb\rc"), "a\nb\nc");                     // line ends
  EXPECT_EQ(Normalize("e\uFB03cient \uFB01le"), "efficient file");  // ligatures
  EXPECT_EQ(Normalize("a\x01\x02"
                      "b\u200B\uFEFF"
                      "c\u00AD"),
            "abc");
  EXPECT_EQ(Normalize("a\u00A0b"), "a b");
  EXPECT_EQ(Normalize("a  \n\n\n\nb\n\n"), "a\n\nb");
  EXPECT_EQ(Normalize("  indented\n    code"), "  indented\n    code");
}

TEST(NormalizeTest, IsIdempotentAndCounts) {
  NormalizeStats stats;
  const std::string once = Normalize(
      "\xFF"
      "A\u030A \x07 b\t\n\n\n c",
      {}, &stats);
  EXPECT_EQ(Normalize(once), once);
  EXPECT_EQ(stats.invalid_utf8, 1);
  EXPECT_EQ(stats.controls, 1);
}

TEST(NormalizeTest, CollapsesSpacesOnlyWhenAsked) {
  NormalizeOptions prose;
  prose.collapse_spaces = true;
  EXPECT_EQ(Normalize("a   b\n   c", prose), "a b\nc");
  EXPECT_EQ(OneLine(" a \n\n b\tc "), "a b c");
}

TEST(LinesTest, JoinsBrokenWordsAndKeepsRealHyphens) {
  EXPECT_EQ(JoinLines({"the inter-", "national stage"}), "the international stage");
  EXPECT_EQ(JoinLines({"an e-", "mail"}), "an e-mail");
  EXPECT_EQ(JoinLines({"the Franco-", "German border"}), "the Franco-German border");
  EXPECT_EQ(JoinLines({"a line -", "and another"}), "a line - and another");
  Vocabulary vocabulary;
  AddToVocabulary("a well-known fact", &vocabulary);
  EXPECT_EQ(JoinLines({"the well-", "known fact"}, vocabulary), "the well-known fact");
}

TEST(LinesTest, PutsNoSpaceBetweenCjkLines) {
  EXPECT_EQ(JoinLines({"\u65E5\u672C", "\u8A9E"}), "\u65E5\u672C\u8A9E");
  EXPECT_EQ(JoinLines({"one", "two"}), "one two");
}

}  // namespace
}  // namespace foundry::text
