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

TEST(WordPieceTest, DecodeJoinsAndCleansUp) { EXPECT_EQ(Make()->Decode({1, 3, 4}), "unable!"); }

}  // namespace
}  // namespace foundry::tokenizer
