#include "common/tokenizer/fast_tokenizer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::tokenizer {
namespace {

using Ids = std::vector<int32_t>;

// A Llama-2-like vocabulary: no words, blanks as ▁, bytes as a last resort.
Json Sentencepiece() {
  Json vocab = {{"<unk>", 0}, {"<s>", 1}, {"</s>", 2}};
  int32_t next = 3;
  for (int b = 0; b < 256; ++b) {
    char name[8];
    snprintf(name, sizeof name, "<0x%02X>", b);
    vocab[name] = next++;
  }
  for (const char* token : {"▁", "a", "b", "ab", "▁ab", "abab"}) vocab[token] = next++;
  return Json{{"model",
               {{"type", "BPE"},
                {"vocab", vocab},
                {"merges", {"a b", "▁ ab", "ab ab"}},
                {"byte_fallback", true},
                {"fuse_unk", true},
                {"unk_token", "<unk>"}}},
              {"added_tokens", {{{"id", 2}, {"content", "</s>"}, {"special", true}}}},
              {"normalizer",
               {{"type", "Sequence"},
                {"normalizers",
                 {{{"type", "Prepend"}, {"prepend", "▁"}},
                  {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "▁"}}}}}},
              {"post_processor",
               {{"type", "TemplateProcessing"},
                {"single", {{{"SpecialToken", {{"id", "<s>"}}}}, {{"Sequence", {{"id", "A"}}}}}},
                {"special_tokens", {{"<s>", {{"ids", {1}}}}}}}},
              {"decoder",
               {{"type", "Sequence"},
                {"decoders",
                 {{{"type", "Replace"}, {"pattern", {{"String", "▁"}}}, {"content", " "}},
                  {{"type", "ByteFallback"}},
                  {{"type", "Fuse"}},
                  {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}}}}}};
}

TEST(BpeTest, SentencepieceStyle) {
  const auto made = FastTokenizer::Make(Sentencepiece(), Json{{"eos_token", "</s>"}}, {});
  ASSERT_TRUE(made.ok()) << made.status();
  const Tokenizer& tokenizer = **made;
  const auto id = [&](const char* token) { return tokenizer.TokenId(token).value(); };
  EXPECT_EQ(tokenizer.Encode("ab abab"), (Ids{id("▁ab"), id("▁ab"), id("ab")}));
  EXPECT_EQ(tokenizer.Encode("é", {.add_special = true}),
            (Ids{1, id("▁"), id("<0xC3>"), id("<0xA9>")}));
  EXPECT_EQ(tokenizer.Encode("ab</s>b"), (Ids{id("▁ab"), 2, id("▁"), id("b")}));
  EXPECT_EQ(tokenizer.Decode(tokenizer.Encode("ab é ab")), "ab é ab");
  EXPECT_EQ(tokenizer.Decode({id("<0xC3>")}), "\uFFFD");
  EXPECT_EQ(tokenizer.eos_id(), 2);
}

TEST(BpeTest, LongAndShortWordsMergeAlike) {
  // Words beyond the short-word limit go through the heap.
  const auto made = FastTokenizer::Make(Sentencepiece(), Json(), {});
  ASSERT_TRUE(made.ok()) << made.status();
  std::string text;
  for (int i = 0; i < 40; ++i) text += "ab";
  const Ids ids = (*made)->Encode(text);
  EXPECT_EQ(ids.size(), 21u);  // ▁ab, 19 × abab, ab
  EXPECT_EQ((*made)->Decode(ids), text);
}

TEST(BpeTest, ErrorsNameTheEntry) {
  Json bad = Sentencepiece();
  bad["model"]["merges"].push_back("a zz");
  const auto made = FastTokenizer::Make(bad, Json(), {});
  EXPECT_TRUE(absl::IsInvalidArgument(made.status()));
  EXPECT_THAT(std::string(made.status().message()), testing::HasSubstr("a zz"));

  bad = Sentencepiece();
  bad["model"]["vocab"]["twice"] = 3;
  EXPECT_THAT(std::string(FastTokenizer::Make(bad, Json(), {}).status().message()),
              testing::HasSubstr("share the id 3"));

  const auto config = FastTokenizer::Make(Sentencepiece(), Json{{"eos_token", "<nope>"}}, {});
  EXPECT_THAT(std::string(config.status().message()), testing::HasSubstr("<nope>"));
}

TEST(AddedTokensTest, LongestWinsAndBlanksAreTaken) {
  Json json = Sentencepiece();
  json["normalizer"] = nullptr;
  json["added_tokens"] = {{{"id", 300}, {"content", "<a"}},
                          {{"id", 301}, {"content", "<ab>"}},
                          {{"id", 302}, {"content", "<mask>"}, {"lstrip", true}},
                          {{"id", 303}, {"content", "word"}, {"single_word", true}}};
  const auto made = FastTokenizer::Make(json, Json(), {});
  ASSERT_TRUE(made.ok()) << made.status();
  const auto id = [&](const char* token) { return (*made)->TokenId(token).value(); };
  EXPECT_EQ((*made)->Encode("<ab><ab"), (Ids{301, 300, id("b")}));
  EXPECT_EQ((*made)->Encode("a  <mask>"), (Ids{id("a"), 302}));
  EXPECT_EQ((*made)->Encode("word"), (Ids{303}));
  EXPECT_NE((*made)->Encode("aword")[1], 303);
}

}  // namespace
}  // namespace foundry::tokenizer
