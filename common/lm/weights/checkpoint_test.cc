#include "common/lm/weights/checkpoint.h"

#include <cstdlib>
#include <memory>
#include <numeric>
#include <string>

#include "common/base/files.h"
#include "common/lm/weights/container_builders.h"
#include "common/lm/weights/gguf_names.h"
#include "common/lm/weights/layout.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

namespace fs = std::filesystem;
using testing::Floats;
using testing::GgufBuilder;
using ::testing::HasSubstr;

fs::path SharedDir() {
  if (const char* folder = std::getenv("FOUNDRY_SHARED_DIR")) return folder;
  const char* source = std::getenv("FOUNDRY_SOURCE_DIR");
  return fs::path(source == nullptr ? "." : source) / "../shared";
}

ModelConfig Tiny() {
  ModelConfig c;
  c.family = "llama";
  c.vocab_size = 6, c.hidden_size = 8, c.intermediate_size = 10, c.num_layers = 1;
  c.num_heads = 2, c.num_kv_heads = 1, c.head_dim = 4, c.tie_word_embeddings = true;
  return c;
}

GgufBuilder TinyMetadata() {
  GgufBuilder builder;
  builder.Text("general.architecture", "llama").Uint("llama.block_count", 1);
  builder.Uint("llama.context_length", 32).Uint("llama.embedding_length", 8);
  builder.Uint("llama.feed_forward_length", 10).Uint("llama.attention.head_count", 2);
  builder.Uint("llama.attention.head_count_kv", 1);
  builder.Float("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  return builder.Uint("tokenizer.ggml.eos_token_id", 2);
}

void AddTensors(GgufBuilder& builder, absl::string_view skip = "") {
  for (const TensorSpec& spec : DecoderTensors(Tiny())) {
    if (spec.name == skip) continue;
    std::vector<float> values(*ElementCount(spec.shape));
    std::iota(values.begin(), values.end(), 0.0f);
    builder.Tensor(*GgufName(spec.name, "llama"),
                   std::vector<uint64_t>(spec.shape.begin(), spec.shape.end()), 0, Floats(values));
  }
}

absl::StatusOr<std::shared_ptr<const Checkpoint>> OpenBytes(const TempFolder& folder,
                                                            const GgufBuilder& builder) {
  EXPECT_TRUE(WriteFileAtomic(folder.path() / "model.gguf", builder.Bytes()).ok());
  return Checkpoint::Open(folder.path());
}

TEST(CheckpointTest, ReadsGgufByHuggingFaceNames) {
  auto folder = TempFolder::Make();
  GgufBuilder builder = TinyMetadata();
  AddTensors(builder);
  auto checkpoint = OpenBytes(*folder, builder);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  const Checkpoint& model = **checkpoint;
  EXPECT_EQ(model.config().vocab_size, 6);
  EXPECT_TRUE(model.config().tie_word_embeddings);
  EXPECT_EQ(model.config().rms_norm_eps, 1e-5);
  EXPECT_EQ(*model.Float32("lm_head.weight"), *model.Float32("model.embed_tokens.weight"));
  // Head 0 of transformers' Q: its rows 0, 1 | 2, 3 are the stored rows 0, 2 | 1, 3.
  const std::vector<float> q = *model.Float32("model.layers.0.self_attn.q_proj.weight");
  const float first[] = {q[0], q[8], q[16], q[24], q[32], q[40]};
  EXPECT_THAT(first, ::testing::ElementsAre(0, 16, 8, 24, 32, 48));
  const std::vector<float> v = *model.Float32("model.layers.0.self_attn.v_proj.weight");
  EXPECT_EQ(v[8], 8);
  EXPECT_FALSE(model.Find("model.layers.1.self_attn.v_proj.weight").ok());
}

TEST(CheckpointTest, MissingWrongAndUnknownTensorsAreNamed) {
  auto folder = TempFolder::Make();
  GgufBuilder missing = TinyMetadata();
  AddTensors(missing, "model.norm.weight");
  EXPECT_THAT(OpenBytes(*folder, missing).status().message(),
              HasSubstr("model.gguf: tensor 'model.norm.weight' is missing"));
  GgufBuilder wrong = TinyMetadata();
  AddTensors(wrong, "model.norm.weight");
  wrong.Tensor("output_norm.weight", {4}, 0, Floats({1, 2, 3, 4}));
  EXPECT_THAT(OpenBytes(*folder, wrong).status().message(),
              HasSubstr("has the shape [4], but the configuration says [8]"));
  GgufBuilder unknown = TinyMetadata();
  AddTensors(unknown);
  unknown.Tensor("blk.0.ffn_gate_exps.weight", {4}, 0, Floats({1, 2, 3, 4}));
  EXPECT_THAT(OpenBytes(*folder, unknown).status().message(), HasSubstr("ffn_gate_exps"));
}

TEST(CheckpointTest, SaysWhatIsNoModel) {
  auto folder = TempFolder::Make();
  EXPECT_THAT(Checkpoint::Open(folder->path()).status().message(),
              HasSubstr("neither config.json nor model.gguf"));
  EXPECT_THAT(Checkpoint::Open(folder->path() / "x").status().message(),
              HasSubstr("no such model"));
}

TEST(CheckpointTest, OpensEveryFamilyOfTheGoldens) {
  const fs::path goldens = SharedDir() / "data/goldens/tiny";
  if (!fs::exists(goldens)) GTEST_SKIP() << "no reference data at " << goldens;
  for (const char* family :
       {"llama", "llama3-rope", "mistral", "phi3", "phi3-longrope", "qwen2", "qwen3"}) {
    auto checkpoint = Checkpoint::Open(goldens / family);
    EXPECT_TRUE(checkpoint.ok()) << checkpoint.status();
  }
}

TEST(CheckpointTest, OpensSmolLm2) {
  const char* source = std::getenv("FOUNDRY_SOURCE_DIR");
  const fs::path path = fs::path(source == nullptr ? "." : source) / "models/smollm2-135m-instruct";
  if (!fs::exists(path)) GTEST_SKIP() << "no model at " << path << "; run tools/setup.sh";
  auto checkpoint = Checkpoint::Open(path);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  const ModelConfig& config = (*checkpoint)->config();
  EXPECT_EQ(config.vocab_size, 49152);
  EXPECT_EQ(config.num_layers, 30);
  EXPECT_EQ(config.head_dim, 64);
  EXPECT_EQ(config.rope_theta, 100000);
  EXPECT_THAT(config.eos_ids, ::testing::ElementsAre(2));
  // Values that transformers 5.23 gives when it de-quantises this file.
  auto q = (*checkpoint)->Float32("model.layers.3.self_attn.q_proj.weight");
  ASSERT_TRUE(q.ok()) << q.status();
  double sum = 0;
  for (int i = 0; i < 576; ++i) sum += (*q)[33 * 576 + i] * (i + 1);
  EXPECT_NEAR(sum, -978.777954, 1e-3);
}

}  // namespace
}  // namespace foundry::lm
