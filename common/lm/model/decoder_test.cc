#include "common/lm/model/decoder.h"

#include "common/lm/model/test_support.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

using testing::MaxDifference;

at::Tensor LogitsOf(const Decoder& decoder, const std::vector<int32_t>& ids) {
  Pack pack;
  pack.Add(ids);
  return decoder.Logits(decoder.Forward(pack));
}

class FamilyTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    folder_ = testing::Golden(std::string("tiny/") + GetParam());
    if (folder_.empty()) GTEST_SKIP() << "no reference answers (set FOUNDRY_SHARED_DIR)";
    expected_ = Safetensors::Open(folder_ / "expected.safetensors").value();
    ids_ = testing::Ids(*expected_, "ids");
  }
  std::filesystem::path folder_;
  std::shared_ptr<const Safetensors> expected_;
  std::vector<int32_t> ids_;
};

TEST_P(FamilyTest, LogitsAreThoseOfTransformers) {
  auto decoder = testing::LoadDecoder(folder_);
  EXPECT_LT(MaxDifference(LogitsOf(*decoder, ids_), testing::Floats(*expected_, "logits")), 2e-4);
}

TEST_P(FamilyTest, CachedStepsGiveThePackedResult) {
  auto decoder = testing::LoadDecoder(folder_);
  // LongRoPE turns by the length that a sequence will have.
  const auto length = static_cast<int64_t>(ids_.size());
  at::Tensor expected = LogitsOf(*decoder, ids_);
  KvCache cache(decoder->config(), at::kCPU);
  int64_t prefix = cache.Add(), first = cache.Add(prefix), second = cache.Add(prefix);
  absl::Span<const int32_t> ids = ids_;
  decoder->Forward(ids.subspan(0, 20), {{{prefix, 20, length}}}, cache);
  // Two sequences of the same tokens, fed in different cuts in one call.
  std::vector<int32_t> both(ids_.begin() + 20, ids_.begin() + 25);
  both.push_back(ids_[20]);
  at::Tensor hidden = decoder->Forward(both, {{{first, 5, length}, {second, 1, length}}}, cache);
  EXPECT_LT(MaxDifference(decoder->Logits(hidden.narrow(0, 0, 5)), expected.narrow(0, 20, 5)),
            2e-4);
  EXPECT_LT(MaxDifference(decoder->Logits(hidden.narrow(0, 5, 1)), expected.narrow(0, 20, 1)),
            2e-4);
  both = {ids_[25], ids_[21]};
  hidden = decoder->Forward(both, {{{first, 1, length}, {second, 1, length}}}, cache);
  EXPECT_LT(MaxDifference(decoder->Logits(hidden.narrow(0, 0, 1)), expected.narrow(0, 25, 1)),
            2e-4);
  EXPECT_LT(MaxDifference(decoder->Logits(hidden.narrow(0, 1, 1)), expected.narrow(0, 21, 1)),
            2e-4);
  EXPECT_EQ(cache.position(first), 26);
  EXPECT_EQ(cache.position(second), 22);
}

INSTANTIATE_TEST_SUITE_P(All, FamilyTest,
                         ::testing::Values("llama", "llama3-rope", "mistral", "phi3",
                                           "phi3-longrope", "qwen2", "qwen3"));

TEST(DecoderTest, SequencesOfAPackDoNotSeeEachOther) {
  auto decoder = testing::LoadDecoder(testing::Golden("tiny/llama"));
  std::vector<int32_t> a = {5, 6, 7, 8, 9}, b = {5, 6, 30, 31}, shared = {5, 6};
  at::Tensor alone_a = LogitsOf(*decoder, a), alone_b = LogitsOf(*decoder, b);
  Pack pack;
  pack.Add(a);
  pack.Add(b);
  at::Tensor packed = decoder->Logits(decoder->Forward(pack));
  EXPECT_LT(MaxDifference(packed.narrow(0, 0, 5), alone_a), 1e-5);
  EXPECT_LT(MaxDifference(packed.narrow(0, 5, 4), alone_b), 1e-5);

  Pack prefixed;
  int64_t prefix = prefixed.Add(shared);
  prefixed.Add(absl::MakeSpan(a).subspan(2), prefix);
  prefixed.Add(absl::MakeSpan(b).subspan(2), prefix);
  at::Tensor rest = decoder->Logits(decoder->Forward(prefixed));
  EXPECT_LT(MaxDifference(rest.narrow(0, 2, 3), alone_a.narrow(0, 2, 3)), 1e-5);
  EXPECT_LT(MaxDifference(rest.narrow(0, 5, 2), alone_b.narrow(0, 2, 2)), 1e-5);
}

TEST(DecoderTest, SmolLm2LogitsAreThoseOfTransformers) {
  auto model = testing::Model("smollm2-135m-instruct");
  auto file = testing::Golden("smollm2/logits.safetensors");
  if (model.empty() || file.empty()) GTEST_SKIP() << "needs models/ and FOUNDRY_SHARED_DIR";
  auto decoder = testing::LoadDecoder(model);
  auto expected = Safetensors::Open(file).value();
  Pack pack;
  for (int i = 0; i < 3; ++i) pack.Add(testing::Ids(*expected, "ids." + std::to_string(i)));
  at::Tensor hidden = decoder->Forward(pack);
  for (int i = 0; i < 3; ++i) {
    int64_t last = pack.segments[i].begin + pack.segments[i].length - 1;
    at::Tensor logits = decoder->Logits(hidden.narrow(0, last, 1)).squeeze(0);
    EXPECT_LT(MaxDifference(logits, testing::Floats(*expected, "last_logits." + std::to_string(i))),
              1e-3);
  }
}

TEST(DecoderTest, AMissingTensorIsNamed) {
  ModelConfig config;
  config.vocab_size = config.hidden_size = 4;
  config.num_heads = config.num_kv_heads = 1;
  config.head_dim = 4;
  TensorSource none = [](const std::string& name) -> absl::StatusOr<at::Tensor> {
    return absl::NotFoundError(name);
  };
  auto decoder = Decoder::Build(config, none, {});
  EXPECT_EQ(decoder.status().message(), "model.embed_tokens.weight");
}

}  // namespace
}  // namespace foundry::lm
