#include "common/lm/export/writers.h"

#include "absl/strings/str_format.h"
#include "common/base/files.h"
#include "common/lm/export/gguf_vocabulary.h"
#include "common/lm/export/test_models.h"
#include "common/testing/tokenizer_json.h"
#include "common/tokenizer/tokenizer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class WritersTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    auto folder = TempFolder::Make();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_ = std::make_unique<TempFolder>(*std::move(folder));
    root_ = folder_->path();
    if (!testing::CopyTinyModel(GetParam(), root_ / "base")) {
      GTEST_SKIP() << "no reference data at " << testing::SharedDir();
    }
    auto base = Checkpoint::Open(root_ / "base");
    ASSERT_TRUE(base.ok()) << base.status();
    weights_ = std::make_unique<MergedWeights>(*MergedWeights::Make(*base, std::nullopt));
  }
  // The same tensors within `tolerance`, and the same sizes.
  void ExpectSame(const fs::path& path, double tolerance) {
    auto copy = Checkpoint::Open(path);
    ASSERT_TRUE(copy.ok()) << copy.status();
    EXPECT_EQ((*copy)->config().num_layers, weights_->config().num_layers);
    EXPECT_EQ((*copy)->config().head_dim, weights_->config().head_dim);
    EXPECT_EQ((*copy)->config().rope_theta, weights_->config().rope_theta);
    EXPECT_EQ((*copy)->config().rms_norm_eps, weights_->config().rms_norm_eps);
    EXPECT_EQ((*copy)->config().eos_ids, weights_->config().eos_ids);
    for (const TensorSpec& tensor : weights_->tensors()) {
      const std::vector<float> expected = *weights_->Float32(tensor);
      const std::vector<float> actual = *(*copy)->Float32(tensor.name);
      ASSERT_EQ(actual.size(), expected.size());
      for (size_t i = 0; i < actual.size(); ++i) {
        ASSERT_NEAR(actual[i], expected[i], tolerance) << tensor.name << " " << i;
      }
    }
  }
  std::unique_ptr<TempFolder> folder_;
  fs::path root_;
  std::unique_ptr<MergedWeights> weights_;
};

TEST_P(WritersTest, HuggingFaceFoldersReadBack) {
  ASSERT_EQ(HuggingFaceType(*weights_), DType::kF32);
  fs::create_directories(root_ / "out");
  const absl::Status written = WriteHuggingFace(*weights_, DType::kF32, root_ / "out", {});
  ASSERT_TRUE(written.ok()) << written;
  ExpectSame(root_ / "out", 0);
  for (const char* file : {"generation_config.json", "tokenizer.json", "tokenizer_config.json"}) {
    EXPECT_TRUE(fs::exists(root_ / "out" / file)) << file;
  }
}

TEST_P(WritersTest, GgufReadsBack) {
  for (auto [dtype, tolerance] :
       {std::pair{DType::kF32, 0.0}, {DType::kF16, 2e-4}, {DType::kQ8_0, 2e-3}}) {
    const fs::path file = root_ / "model.gguf";
    const absl::Status written = WriteGguf(*weights_, dtype, file, {});
    ASSERT_TRUE(written.ok()) << written;
    ExpectSame(file, tolerance);
    auto before = tokenizer::Tokenizer::Load(root_ / "base");
    auto after = tokenizer::Tokenizer::Load(file);
    ASSERT_TRUE(before.ok()) << before.status();
    ASSERT_TRUE(after.ok()) << after.status();
    EXPECT_EQ((*after)->Encode("Bytes: né 12</s>"), (*before)->Encode("Bytes: né 12</s>"));
  }
}

TEST_P(WritersTest, ACancelledExportLeavesNoFile) {
  CancelToken cancel;
  cancel.Cancel("stopped");
  const absl::Status written = WriteGguf(*weights_, DType::kF32, root_ / "model.gguf", cancel);
  EXPECT_EQ(written.code(), absl::StatusCode::kCancelled);
  EXPECT_FALSE(fs::exists(root_ / "model.gguf"));
}

INSTANTIATE_TEST_SUITE_P(Families, WritersTest,
                         ::testing::Values("llama", "llama3-rope", "mistral", "qwen2", "qwen3",
                                           "phi3", "phi3-longrope"),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

TEST(GgufVocabularyTest, UnknownPreTokenizersAreNamed) {
  auto folder = TempFolder::Make();
  testing::WriteByteTokenizer(folder->path());
  Json json = *ReadJsonFile(folder->path() / "tokenizer.json");
  json["pre_tokenizer"] = {{"type", "WhitespaceSplit"}};
  json["post_processor"] = nullptr;
  json["decoder"] = nullptr;
  ASSERT_TRUE(WriteJsonFile(folder->path() / "tokenizer.json", json).ok());
  ModelConfig config;
  config.vocab_size = 384;
  config.eos_ids = {2};
  EXPECT_FALSE(VocabularyMetadata(folder->path(), config).ok());
}

TEST(GgufVocabularyTest, CarriesEndTokensAndChatTemplate) {
  auto folder = TempFolder::Make();
  testing::WriteByteTokenizer(folder->path());
  Json json = *ReadJsonFile(folder->path() / "tokenizer_config.json");
  json["chat_template"] = "{{ messages }}";
  ASSERT_TRUE(WriteJsonFile(folder->path() / "tokenizer_config.json", json).ok());
  ModelConfig config;
  config.vocab_size = 300;
  config.eos_ids = {1, 2};
  auto metadata = VocabularyMetadata(folder->path(), config);
  ASSERT_TRUE(metadata.ok()) << metadata.status();
  const auto find = [&](const std::string& key) -> const GgufValue& {
    for (const auto& [name, value] : *metadata) {
      if (name == key) return value;
    }
    ADD_FAILURE() << key;
    static const GgufValue none;
    return none;
  };
  // The tokenizer's own end token comes first.
  EXPECT_EQ(std::get<int64_t>(find("tokenizer.ggml.eos_token_id").value), 2);
  EXPECT_EQ(std::get<int64_t>(find("tokenizer.ggml.eot_token_id").value), 1);
  EXPECT_EQ(std::get<std::string>(find("tokenizer.chat_template").value), "{{ messages }}");
  EXPECT_EQ(std::get<std::string>(find("tokenizer.ggml.pre").value), "qwen2");
  const auto& tokens = std::get<std::vector<std::string>>(find("tokenizer.ggml.tokens").value);
  EXPECT_EQ(tokens.size(), 300u);
  EXPECT_EQ(tokens[299], "[PAD299]");
  config.vocab_size = 100;
  EXPECT_THAT(VocabularyMetadata(folder->path(), config).status().message(),
              HasSubstr("the model embeds 100"));
}

// A SentencePiece vocabulary, as tokenizer.json of Llama 2 and Phi-3 has it.
void WriteSentencePiece(const fs::path& folder) {
  Json vocab = {{"<unk>", 0}, {"<s>", 1}, {"</s>", 2}}, added = Json::array();
  for (const char* token : {"<unk>", "<s>", "</s>"}) {
    added.push_back(foundry::testing::SpecialToken(vocab[token], token));
  }
  for (int byte = 0; byte < 256; ++byte) vocab[absl::StrFormat("<0x%02X>", byte)] = 3 + byte;
  for (const char* piece : {"▁", "h", "e", "l", "o", "w", "r", "d", "he", "ll", "▁h", "▁w", "or",
                            "ello", "llo", "▁he", "▁hello", "▁wor"}) {
    vocab[piece] = vocab.size();
  }
  const Json merges = {"h e", "l l", "▁ h", "▁ w", "o r", "ll o", "▁ he", "▁he llo", "▁w or"};
  const Json normalizers = {
      {{"type", "Prepend"}, {"prepend", "▁"}},
      {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "▁"}}};
  Json tokenizer = {{"version", "1.0"}, {"added_tokens", added}, {"pre_tokenizer", nullptr}};
  tokenizer["normalizer"] = {{"type", "Sequence"}, {"normalizers", normalizers}};
  tokenizer["decoder"] = {{"type", "ByteFallback"}};
  tokenizer["post_processor"] = nullptr;
  tokenizer["model"] = {{"type", "BPE"},         {"unk_token", "<unk>"}, {"fuse_unk", true},
                        {"byte_fallback", true}, {"vocab", vocab},       {"merges", merges}};
  ASSERT_TRUE(WriteJsonFile(folder / "tokenizer.json", tokenizer).ok());
  ASSERT_TRUE(WriteJsonFile(folder / "tokenizer_config.json",
                            {{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"unk_token", "<unk>"}})
                  .ok());
}

TEST(GgufVocabularyTest, SentencePieceGivesTheSameIds) {
  auto folder = TempFolder::Make();
  WriteSentencePiece(folder->path());
  ModelConfig config;
  config.vocab_size = 280;
  config.eos_ids = {2};
  auto metadata = VocabularyMetadata(folder->path(), config);
  ASSERT_TRUE(metadata.ok()) << metadata.status();
  metadata->emplace_back("general.architecture", GgufValue::String("llama"));
  const fs::path file = folder->path() / "vocabulary.gguf";
  auto writer = TensorFileWriter::Gguf(file, *metadata, {});
  ASSERT_TRUE(writer.ok() && (*writer)->Finish().ok());
  auto before = tokenizer::Tokenizer::Load(folder->path());
  auto after = tokenizer::Tokenizer::Load(file);
  ASSERT_TRUE(before.ok()) << before.status();
  ASSERT_TRUE(after.ok()) << after.status();
  for (const char* text : {"hello world", "hell", "wold é", " ohe", "hellohello</s>he"}) {
    EXPECT_EQ((*after)->Encode(text), (*before)->Encode(text)) << text;
  }
  EXPECT_EQ((*before)->Encode("hello"), std::vector<int32_t>{275});
}

}  // namespace
}  // namespace foundry::lm
