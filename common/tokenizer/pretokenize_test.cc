#include "common/tokenizer/pretokenize.h"

#include "common/tokenizer/normalize.h"
#include "common/tokenizer/regex_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::tokenizer {
namespace {

using testing::ElementsAre;

std::vector<std::string> Split(const std::string& json, absl::string_view text) {
  const auto made = MakePreTokenizer(Json::parse(json));
  EXPECT_TRUE(made.ok()) << made.status();
  Words words;
  made->Split(text, true, &words);
  return {words.views.begin(), words.views.end()};
}

TEST(RegexSplitTest, HandWrittenScannersAgreeWithIcu) {
  // The alternatives in another order of writing, so that ICU runs them.
  const std::string texts[] = {
      "Hello  world\n\n  x\t\ty  ",
      "it's I'LL DON'T 'tis we've",
      "a1234567b ١٢٣ Ⅷ ½",
      "x=1;y+=2 // c\r\n\tz",
      "  \n \n a",
      "naïve — “q”…€100 日本語のテ 👩‍👩 \u00a0nbsp\u3000z",
      "\n",
      " ",
      "a\u0085b",
      "!!\n\n?? \r\n",
      "e\u0301a"};
  for (const char* known : {kGpt2Pattern, kLlama3Pattern, kQwen2Pattern}) {
    const auto fast = MakeRegexSplitter(known);
    const auto icu = MakeRegexSplitter(std::string("(?:") + known + ")");
    ASSERT_TRUE(fast.ok() && icu.ok());
    for (const std::string& text : texts) {
      std::vector<Span> a, b;
      (*fast)(text, &a);
      (*icu)(text, &b);
      ASSERT_EQ(a.size(), b.size()) << known << " on " << text;
      for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i].text, b[i].text) << text;
    }
  }
}

TEST(RegexSplitTest, BadPatternIsNamed) {
  const auto bad = MakeRegexSplitter("(unclosed");
  EXPECT_TRUE(absl::IsInvalidArgument(bad.status()));
  EXPECT_THAT(std::string(bad.status().message()), testing::HasSubstr("(unclosed"));
}

TEST(PreTokenizeTest, DigitsOneByOne) {
  EXPECT_THAT(Split(R"({"type":"Digits","individual_digits":true})", "ab12c"),
              ElementsAre("ab", "1", "2", "c"));
  EXPECT_THAT(Split(R"({"type":"Digits"})", "ab12c"), ElementsAre("ab", "12", "c"));
}

TEST(PreTokenizeTest, MetaspacePrependsAndSplits) {
  EXPECT_THAT(Split(R"({"type":"Metaspace"})", "a  b"), ElementsAre("▁a", "▁", "▁b"));
  EXPECT_THAT(Split(R"({"type":"Metaspace","prepend_scheme":"never","split":false})", "a b"),
              ElementsAre("a▁b"));
}

TEST(PreTokenizeTest, SplitBehaviors) {
  const auto with = [](const char* behavior) {
    return std::string(R"({"type":"Split","pattern":{"String":"-"},"behavior":")") + behavior +
           R"("})";
  };
  EXPECT_THAT(Split(with("Isolated"), "a-b--c"), ElementsAre("a", "-", "b", "-", "-", "c"));
  EXPECT_THAT(Split(with("Removed"), "a-b--c"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(Split(with("MergedWithPrevious"), "a-b--c"), ElementsAre("a-", "b-", "-", "c"));
  EXPECT_THAT(Split(with("MergedWithNext"), "a-b--c"), ElementsAre("a", "-b", "-", "-c"));
  EXPECT_THAT(Split(with("Contiguous"), "a-b--c"), ElementsAre("a", "-", "b", "--", "c"));
}

TEST(PreTokenizeTest, UnknownTypeIsNamed) {
  const auto made = MakePreTokenizer(Json::parse(R"({"type":"UnicodeScripts"})"));
  EXPECT_TRUE(absl::IsUnimplemented(made.status()));
  EXPECT_THAT(std::string(made.status().message()), testing::HasSubstr("UnicodeScripts"));
}

TEST(NormalizeTest, BertCleansAndFolds) {
  const auto bert = MakeNormalizer(Json::parse(R"({"type":"BertNormalizer"})"));
  ASSERT_TRUE(bert.ok());
  EXPECT_EQ((*bert)("Ünïcode\tİ\u200b日本"), "unicode i 日  本 ");
}

}  // namespace
}  // namespace foundry::tokenizer
