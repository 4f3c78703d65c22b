#include "common/tokenizer/fast_tokenizer.h"
#include "gtest/gtest.h"

namespace foundry::tokenizer {
namespace {

using Ids = std::vector<int32_t>;

std::shared_ptr<const Tokenizer> Make() {
  const Json json = {
      {"model",
       {{"type", "WordPiece"},
        {"vocab",
         {{"[UNK]", 0}, {"un", 1}, {"##aff", 2}, {"##able", 3}, {"!", 4}, {"é", 5}, {"##é", 6}}},
        {"max_input_chars_per_word", 8}}},
      {"normalizer", nullptr},
      {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
      {"decoder", {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}}}};
  return FastTokenizer::Make(json, Json(), {}).value();
}

TEST(WordPieceTest, LongestMatchFirst) {
  EXPECT_EQ(Make()->Encode("unaffable un!"), (Ids{0, 1, 4}));  // 9 characters: too long
  EXPECT_EQ(Make()->Encode("unable unaff"), (Ids{1, 3, 1, 2}));
  EXPECT_EQ(Make()->Encode("unx"), (Ids{0}));
  EXPECT_EQ(Make()->Encode("éé"), (Ids{5, 6}));
}

Json Lowercased() {
  return {{"model",
           {{"type", "WordPiece"},
            {"vocab", {{"[UNK]", 0}, {"hello", 1}, {"[", 2}, {"new", 3}, {"]", 4}}}}},
          {"normalizer", {{"type", "BertNormalizer"}, {"lowercase", true}}},
          {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
          {"added_tokens", {{{"id", 5}, {"content", "[NEW]"}, {"normalized", true}}}}};
}

// As tokenizers 0.23 does: what the text is looked through for is normalised as the text is.
TEST(WordPieceTest, NormalizedTokensAreFoundInNormalizedText) {
  const auto tokenizer = FastTokenizer::Make(Lowercased(), Json(), {}).value();
  EXPECT_EQ(tokenizer->Encode("hello [NEW]"), (Ids{1, 5}));
  EXPECT_EQ(tokenizer->Encode("hello [new]"), (Ids{1, 5}));
  EXPECT_EQ(tokenizer->Decode({5}), "[NEW]");
}

TEST(WordPieceTest, WhatIsPutAroundTheTextIsOfTheVocabulary) {
  for (const Json& id : {Json(-1), Json(6), Json(2000000000), Json(4294967303), Json("1")}) {
    Json json = Lowercased();
    json["post_processor"] = {{"type", "TemplateProcessing"},
                              {"single", {{{"SpecialToken", {{"id", "[CLS]"}}}}}},
                              {"special_tokens", {{"[CLS]", {{"ids", {id}}}}}}};
    EXPECT_TRUE(absl::IsInvalidArgument(FastTokenizer::Make(json, Json(), {}).status())) << id;
    json["post_processor"] = {{"type", "BertProcessing"}, {"cls", {"a", id}}, {"sep", {"b", 0}}};
    EXPECT_TRUE(absl::IsInvalidArgument(FastTokenizer::Make(json, Json(), {}).status())) << id;
  }
}

TEST(WordPieceTest, MergesOfAnotherModelAreNoDanger) {
  for (const Json& merges : {Json({Json::array()}), Json({{"a"}}), Json({1}), Json(7)}) {
    Json json = Lowercased();
    json["model"]["merges"] = merges;
    EXPECT_TRUE(FastTokenizer::Make(json, Json(), {}).ok()) << merges;
  }
}

TEST(WordPieceTest, DecodeJoinsAndCleansUp) { EXPECT_EQ(Make()->Decode({1, 3, 4}), "unable!"); }

}  // namespace
}  // namespace foundry::tokenizer
