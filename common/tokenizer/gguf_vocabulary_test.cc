// Vocabularies of GGUF files of other families than SmolLM2's (golden_test.cc has that).
#include "common/tokenizer/gguf_vocabulary.h"

#include "absl/strings/str_format.h"
#include "common/base/files.h"
#include "common/lm/weights/tensor_file_writer.h"
#include "common/tokenizer/tokenizer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::tokenizer {
namespace {

using Ids = std::vector<int32_t>;
using lm::GgufValue;
using testing::HasSubstr;

class GgufVocabularyTest : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = TempFolder::Make();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_ = std::make_unique<TempFolder>(*std::move(folder));
  }
  absl::StatusOr<std::shared_ptr<const Tokenizer>> Load(const lm::GgufMetadata& metadata) {
    const auto path = folder_->path() / "model.gguf";
    auto writer = lm::TensorFileWriter::Gguf(path, metadata, {});
    EXPECT_TRUE(writer.ok()) << writer.status();
    EXPECT_TRUE((*writer)->Finish().ok());
    return Tokenizer::Load(path);
  }
  std::unique_ptr<TempFolder> folder_;
};

struct Piece {
  std::string text;
  double score;
  int64_t type;
};

lm::GgufMetadata SentencePiece() {
  std::vector<Piece> pieces = {{"<unk>", 0, 2}, {"<s>", 0, 3}, {"</s>", 0, 3}};
  for (int b = 0; b < 256; ++b) pieces.push_back({absl::StrFormat("<0x%02X>", b), 0, 6});
  for (const Piece& piece : std::vector<Piece>{{"▁", -9, 1},
                                               {"a", -8, 1},
                                               {"b", -7, 1},
                                               {"ab", -2, 1},
                                               {"▁a", -1, 1},
                                               {"▁ab", -3, 1},
                                               {"<|user|>", 0, 4}}) {
    pieces.push_back(piece);
  }
  std::vector<std::string> tokens;
  std::vector<double> scores;
  std::vector<int64_t> types;
  for (const Piece& piece : pieces) {
    tokens.push_back(piece.text);
    scores.push_back(piece.score);
    types.push_back(piece.type);
  }
  return {{"general.architecture", GgufValue::String("llama")},
          {"tokenizer.ggml.model", GgufValue::String("llama")},
          {"tokenizer.ggml.tokens", GgufValue::Strings(tokens)},
          {"tokenizer.ggml.scores", GgufValue::Float32s(scores)},
          {"tokenizer.ggml.token_type", GgufValue::Int32s(types)},
          {"tokenizer.ggml.bos_token_id", GgufValue::Uint32(1)},
          {"tokenizer.ggml.eos_token_id", GgufValue::Uint32(2)},
          {"tokenizer.ggml.unknown_token_id", GgufValue::Uint32(0)}};
}

TEST_F(GgufVocabularyTest, SentencePieceJoinsByScore) {
  const auto loaded = Load(SentencePiece());
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const Tokenizer& tokenizer = **loaded;
  const auto id = [&](const char* token) { return tokenizer.TokenId(token).value(); };
  EXPECT_EQ(tokenizer.Encode("ab"), Ids{id("▁ab")});  // ▁a first, then with b
  EXPECT_EQ(tokenizer.Encode("abab"), (Ids{id("▁ab"), id("ab")}));
  EXPECT_EQ(tokenizer.Encode("b", {.add_special = true}), (Ids{1, id("▁"), id("b")}));
  EXPECT_EQ(tokenizer.Encode("é"), (Ids{id("▁"), id("<0xC3>"), id("<0xA9>")}));
  EXPECT_EQ(tokenizer.Encode("<|user|>a"), (Ids{id("<|user|>"), id("▁a")}));
  EXPECT_EQ(tokenizer.Decode(tokenizer.Encode("ab é b")), "ab é b");
  EXPECT_EQ(tokenizer.bos_id(), 1);

  const auto saved = TempFolder::Make();
  ASSERT_TRUE(tokenizer.SaveHuggingFace(saved->path()).ok());
  const auto copy = Tokenizer::Load(saved->path());
  ASSERT_TRUE(copy.ok()) << copy.status();
  EXPECT_EQ((*copy)->Encode("abab é", {.add_special = true}),
            tokenizer.Encode("abab é", {.add_special = true}));
}

lm::GgufMetadata ByteLevel(const std::string& pre) {
  return {{"general.architecture", GgufValue::String("llama")},
          {"tokenizer.ggml.model", GgufValue::String("gpt2")},
          {"tokenizer.ggml.pre", GgufValue::String(pre)},
          {"tokenizer.ggml.tokens",
           GgufValue::Strings({"1", "2", "3", "4", "12", "123", "<|b|>", "Ġ", "Ġ1234"})},
          {"tokenizer.ggml.token_type", GgufValue::Int32s({1, 1, 1, 1, 1, 1, 3, 1, 1})},
          {"tokenizer.ggml.merges", GgufValue::Strings({"1 2", "12 3"})},
          {"tokenizer.ggml.bos_token_id", GgufValue::Uint32(6)}};
}

TEST_F(GgufVocabularyTest, PreTokenizersDiffer) {
  const EncodeOptions special = {.add_special = true};
  const auto llama3 = Load(ByteLevel("llama-bpe"));
  ASSERT_TRUE(llama3.ok()) << llama3.status();
  EXPECT_EQ((*llama3)->Encode("1234", special), (Ids{6, 5, 3}));  // groups of three, BOS
  const auto qwen2 = Load(ByteLevel("qwen2"));
  ASSERT_TRUE(qwen2.ok()) << qwen2.status();
  EXPECT_EQ((*qwen2)->Encode("123", special), (Ids{0, 1, 2}));  // digit by digit
  const auto gpt2 = Load(ByteLevel("gpt-2"));
  ASSERT_TRUE(gpt2.ok()) << gpt2.status();
  EXPECT_EQ((*gpt2)->Encode("1234", special), (Ids{5, 3}));
}

TEST_F(GgufVocabularyTest, ErrorsNameFileAndKey) {
  const auto pre = Load(ByteLevel("chameleon"));
  EXPECT_TRUE(absl::IsUnimplemented(pre.status()));
  EXPECT_THAT(std::string(pre.status().message()), HasSubstr("chameleon"));
  EXPECT_THAT(std::string(pre.status().message()), HasSubstr("model.gguf"));

  lm::GgufMetadata scores = SentencePiece();
  scores[3].second = GgufValue::Float32s({1, 2});
  const auto wrong = Load(scores);
  EXPECT_TRUE(absl::IsInvalidArgument(wrong.status()));
  EXPECT_THAT(std::string(wrong.status().message()), HasSubstr("tokenizer.ggml.scores has 2"));

  const auto none = Load({{"general.architecture", GgufValue::String("llama")}});
  EXPECT_TRUE(absl::IsNotFound(none.status()));
  EXPECT_THAT(std::string(none.status().message()), HasSubstr("tokenizer.ggml.model"));
}

}  // namespace
}  // namespace foundry::tokenizer
