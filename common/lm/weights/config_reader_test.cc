#include "common/lm/weights/config_reader.h"

#include <cstdlib>
#include <memory>
#include <string>

#include "common/base/files.h"
#include "common/base/json.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const char kLlama[] = R"({"model_type":"llama","vocab_size":384,"hidden_size":64,
  "intermediate_size":112,"num_hidden_layers":3,"num_attention_heads":4,"num_key_value_heads":2,
  "max_position_embeddings":512,"rms_norm_eps":1e-6,"eos_token_id":2})";

class ConfigReaderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TempFolder::Make();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_ = std::make_unique<TempFolder>(*std::move(folder));
  }
  // kLlama with some members replaced.
  absl::StatusOr<ModelConfig> Read(const std::string& changes) {
    Json json = Json::parse(kLlama);
    json.update(Json::parse(changes));
    EXPECT_TRUE(WriteJsonFile(folder_->path() / "config.json", json).ok());
    return ReadHuggingFaceConfig(folder_->path());
  }
  std::string Error(const std::string& changes) {
    return std::string(Read(changes).status().message());
  }
  std::unique_ptr<TempFolder> folder_;
};

TEST_F(ConfigReaderTest, ReadsBothSpellingsOfRope) {
  auto old = Read(R"({"rope_theta":500000.0,"rope_scaling":{"type":"llama3","factor":8.0,
      "low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":64}})");
  ASSERT_TRUE(old.ok()) << old.status();
  auto now = Read(R"({"rope_parameters":{"rope_theta":500000.0,"rope_type":"llama3","factor":8.0,
      "low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":64}})");
  ASSERT_TRUE(now.ok()) << now.status();
  for (const ModelConfig& config : {*old, *now}) {
    EXPECT_EQ(config.rope_scaling.kind, RopeScaling::Kind::kLlama3);
    EXPECT_EQ(config.rope_theta, 500000);
    EXPECT_EQ(config.rope_scaling.factor, 8);
    EXPECT_EQ(config.rope_scaling.original_max_positions, 64);
  }
  EXPECT_EQ(old->head_dim, 16);
  EXPECT_EQ(old->num_kv_heads, 2);
}

TEST_F(ConfigReaderTest, GenerationConfigGivesTheEndTokens) {
  ASSERT_TRUE(WriteFileAtomic(folder_->path() / "generation_config.json",
                              R"({"eos_token_id":[5,7],"pad_token_id":0})")
                  .ok());
  auto config = Read("{}");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->eos_ids, ElementsAre(5, 7));
  EXPECT_EQ(config->pad_id, 0);
}

TEST_F(ConfigReaderTest, FamiliesDiffer) {
  auto qwen2 = Read(R"({"model_type":"qwen2","sliding_window":16,"use_sliding_window":false})");
  ASSERT_TRUE(qwen2.ok()) << qwen2.status();
  EXPECT_TRUE(qwen2->qkv_bias);
  EXPECT_FALSE(qwen2->attention_out_bias);
  EXPECT_FALSE(qwen2->sliding_window.has_value());
  auto qwen3 = Read(R"({"model_type":"qwen3","head_dim":32})");
  ASSERT_TRUE(qwen3.ok()) << qwen3.status();
  EXPECT_TRUE(qwen3->qk_norm);
  EXPECT_EQ(qwen3->head_dim, 32);
  auto mistral = Read(R"({"model_type":"mistral","sliding_window":16})");
  ASSERT_TRUE(mistral.ok()) << mistral.status();
  EXPECT_EQ(mistral->sliding_window, 16);
  auto phi3 = Read(R"({"model_type":"phi3","original_max_position_embeddings":64,
      "rope_scaling":{"type":"longrope","short_factor":[1,1,1,1,1,1,1,1],
                      "long_factor":[2,2,2,2,2,2,2,2]}})");
  ASSERT_TRUE(phi3.ok()) << phi3.status();
  EXPECT_EQ(phi3->rope_scaling.kind, RopeScaling::Kind::kLongRope);
  EXPECT_EQ(phi3->rope_scaling.factor, 8);
}

TEST_F(ConfigReaderTest, ErrorsNameFileAndKey) {
  EXPECT_THAT(Error(R"({"model_type":"gpt2"})"), HasSubstr("config.json: \"model_type\": 'gpt2'"));
  EXPECT_THAT(Error(R"({"hidden_size":"64"})"), HasSubstr("\"hidden_size\" must be an integer"));
  EXPECT_THAT(Error(R"({"num_hidden_layers":0})"), HasSubstr("\"num_hidden_layers\""));
  EXPECT_THAT(Error(R"({"num_key_value_heads":3})"), HasSubstr("do not divide"));
  EXPECT_THAT(Error(R"({"vocab_size":9223372036854775807})"), HasSubstr("vocabulary size"));
  EXPECT_THAT(Error(R"({"rope_scaling":{"type":"yarn","factor":4}})"), HasSubstr("yarn"));
  EXPECT_THAT(Error(R"({"rope_scaling":{"type":"longrope","short_factor":[1],"long_factor":[1]}})"),
              HasSubstr("LongRoPE has 1 factors, not 8"));
  EXPECT_THAT(Error(R"({"eos_token_id":"</s>"})"), HasSubstr("\"eos_token_id\" must be token ids"));
  EXPECT_THAT(Error(R"({"original_max_position_embeddings":"x","rope_scaling":{"type":"linear"}})"),
              HasSubstr("must be an integer"));
  EXPECT_THAT(Error(R"({"quantization_config":{}})"), HasSubstr("quantised"));
}

}  // namespace
}  // namespace foundry::lm
