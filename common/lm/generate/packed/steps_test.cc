// Generation's own kernels against the decoder that training uses, and against transformers.
#include "common/lm/generate/steps.h"

#include <algorithm>
#include <cmath>

#include "common/lm/lora/adapter.h"
#include "common/lm/model/test_support.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

using testing::MaxDifference;

at::Tensor Stack(const std::vector<absl::Span<const float>>& rows) {
  at::Tensor out = at::empty(
      {static_cast<int64_t>(rows.size()), static_cast<int64_t>(rows[0].size())}, at::kFloat);
  for (size_t i = 0; i < rows.size(); ++i) {
    std::copy(rows[i].begin(), rows[i].end(), out.data_ptr<float>() + i * rows[0].size());
  }
  return out;
}

std::vector<int64_t> Count(int64_t n) {
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < n; ++i) rows.push_back(i);
  return rows;
}

at::Tensor LogitsOf(const Decoder& decoder, absl::Span<const int32_t> ids) {
  Pack pack;
  pack.Add(ids);
  return decoder.Logits(decoder.Forward(pack));
}

class PackedStepsTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    folder_ = testing::Golden(std::string("tiny/") + GetParam());
    if (folder_.empty()) GTEST_SKIP() << "no reference answers (set FOUNDRY_SHARED_DIR)";
    const auto expected = Safetensors::Open(folder_ / "expected.safetensors").value();
    ids_ = testing::Ids(*expected, "ids");
    logits_ = testing::Floats(*expected, "logits");
  }
  std::filesystem::path folder_;
  std::vector<int32_t> ids_;
  at::Tensor logits_;  // by transformers
};

TEST_P(PackedStepsTest, LogitsAreThoseOfTransformers) {
  const auto decoder = testing::LoadDecoder(folder_);
  PackedWeights weights;
  const auto steps = PackedSteps(*decoder, &weights);
  ASSERT_NE(steps, nullptr);
  const int64_t slot = steps->Add(-1, 0), length = static_cast<int64_t>(ids_.size());
  steps->Run(ids_, {{{slot, length}}});
  EXPECT_LT(MaxDifference(Stack(steps->Logits(Count(length))), logits_), 2e-4);
}

// A beginning that two sequences share, and sequences of unequal lengths in one call.
TEST_P(PackedStepsTest, SharedBeginningsAndSingleTokensChangeNothing) {
  const auto decoder = testing::LoadDecoder(folder_);
  const auto length = static_cast<int64_t>(ids_.size());  // LongRoPE turns by it
  ASSERT_GT(ids_.size(), 26u);
  const at::Tensor expected = LogitsOf(*decoder, ids_);
  PackedWeights weights;
  const auto steps = PackedSteps(*decoder, &weights);
  const int64_t prefix = steps->Add(-1, 0), first = steps->Add(prefix, 4);
  const int64_t second = steps->Add(prefix, 0), alone = steps->Add(-1, 0);
  const absl::Span<const int32_t> ids = ids_;
  steps->Run(ids.subspan(0, 20), {{{prefix, 20, length}}});
  std::vector<int32_t> fed(ids_.begin() + 20, ids_.begin() + 25);
  fed.push_back(ids_[20]);
  fed.insert(fed.end(), ids_.begin(), ids_.begin() + 7);
  steps->Run(fed, {{{first, 5, length}, {second, 1, length}, {alone, 7, length}}});
  const at::Tensor logits = Stack(steps->Logits(Count(13)));
  EXPECT_LT(MaxDifference(logits.narrow(0, 0, 5), expected.narrow(0, 20, 5)), 2e-4);
  EXPECT_LT(MaxDifference(logits.narrow(0, 5, 1), expected.narrow(0, 20, 1)), 2e-4);
  EXPECT_LT(MaxDifference(logits.narrow(0, 6, 7), expected.narrow(0, 0, 7)), 2e-4);
  // A slot that is given out again holds nothing of what was there.
  steps->Remove(alone);
  const int64_t again = steps->Add(prefix, 0);
  EXPECT_EQ(again, alone);
  fed = {ids_[25], ids_[21], ids_[20]};
  steps->Run(fed, {{{first, 1, length}, {second, 1, length}, {again, 1, length}}});
  const at::Tensor next = Stack(steps->Logits(Count(3)));
  EXPECT_LT(MaxDifference(next.narrow(0, 0, 1), expected.narrow(0, 25, 1)), 2e-4);
  EXPECT_LT(MaxDifference(next.narrow(0, 1, 1), expected.narrow(0, 21, 1)), 2e-4);
  EXPECT_LT(MaxDifference(next.narrow(0, 2, 1), expected.narrow(0, 20, 1)), 2e-4);
}

TEST_P(PackedStepsTest, GreedyIsTheLargestLogit) {
  const auto decoder = testing::LoadDecoder(folder_);
  PackedWeights weights;
  const auto steps = PackedSteps(*decoder, &weights);
  const int64_t slot = steps->Add(-1, 0), length = static_cast<int64_t>(ids_.size());
  steps->Run(ids_, {{{slot, length}}});
  const std::vector<int64_t> rows = {0, length / 2, length - 1};
  const std::vector<SampledToken> tokens = steps->Greedy(rows);
  const auto logits = steps->Logits(rows);
  for (size_t i = 0; i < rows.size(); ++i) {
    const SampledToken expected = SampleToken(logits[i], {}, {});
    EXPECT_EQ(tokens[i].id, expected.id);
    EXPECT_NEAR(tokens[i].logprob, expected.logprob, 1e-4);
  }
}

TEST_P(PackedStepsTest, AnAdapterIsFollowed) {
  const auto decoder = testing::LoadDecoder(folder_);
  PackedWeights weights;
  const auto logits = [&] {
    const auto steps = PackedSteps(*decoder, &weights);
    const int64_t slot = steps->Add(-1, 0);
    steps->Run(absl::MakeSpan(ids_).subspan(0, 12), {{{slot, 12}}});
    return Stack(steps->Logits(Count(12)));
  };
  const at::Tensor base = logits();
  Adapter adapter = FreshAdapter(*decoder, {.rank = 3, .alpha = 6}, 5).value();
  AttachAdapter(adapter, 1, *decoder);
  for (AdapterModule& module : adapter.modules) module.b.fill_(0.02);
  UpdateAdapter(adapter, 1, *decoder);
  const at::Tensor expected = LogitsOf(*decoder, absl::MakeSpan(ids_).subspan(0, 12));
  EXPECT_GT(MaxDifference(base, expected), 1e-2) << "the adapter changes nothing";
  EXPECT_LT(MaxDifference(logits(), expected), 2e-4);
  DetachAdapter(*decoder);
  EXPECT_LT(MaxDifference(logits(), base), 1e-6);
}

TEST_P(PackedStepsTest, ADoraAdapterIsFollowedThroughItsUpdates) {
  const auto decoder = testing::LoadDecoder(folder_);
  const absl::Span<const int32_t> ids = absl::MakeSpan(ids_).subspan(0, 12);
  PackedWeights weights;
  const auto logits = [&] {
    const auto steps = PackedSteps(*decoder, &weights);
    const int64_t slot = steps->Add(-1, 0);
    steps->Run(ids, {{{slot, 12}}});
    return Stack(steps->Logits(Count(12)));
  };
  const at::Tensor base = logits();
  Adapter adapter = FreshAdapter(*decoder, {.rank = 3, .alpha = 6, .dora = true}, 5).value();
  AttachAdapter(adapter, 1, *decoder);
  for (double length : {1.1, 0.9}) {
    for (AdapterModule& module : adapter.modules) {
      module.b.fill_(0.02);
      module.magnitude.narrow(0, 0, module.magnitude.size(0) / 2).mul_(length);
    }
    UpdateAdapter(adapter, 1, *decoder);
    const at::Tensor expected = LogitsOf(*decoder, ids);
    EXPECT_GT(MaxDifference(base, expected), 1e-2) << "the adapter changes nothing";
    EXPECT_LT(MaxDifference(logits(), expected), 2e-4);
  }
  DetachAdapter(*decoder);
  EXPECT_LT(MaxDifference(logits(), base), 1e-6);
}

// Bfloat16 has 8 bits: the logits move by some hundredths, by either path.
TEST_P(PackedStepsTest, Bfloat16IsAsCloseAsTheDecoder) {
  const auto decoder = testing::LoadDecoder(folder_)->WithCompute(at::kBFloat16);
  PackedWeights weights;
  const auto steps = PackedSteps(*decoder, &weights);
  if (steps == nullptr) GTEST_SKIP() << "this processor has no bfloat16 products";
  const int64_t slot = steps->Add(-1, 0), length = static_cast<int64_t>(ids_.size());
  steps->Run(ids_, {{{slot, length}}});
  const double reference = MaxDifference(LogitsOf(*decoder, ids_), logits_);
  EXPECT_LT(MaxDifference(Stack(steps->Logits(Count(length))), logits_), 2 * reference + 1e-3);
}

INSTANTIATE_TEST_SUITE_P(All, PackedStepsTest,
                         ::testing::Values("llama", "llama3-rope", "mistral", "phi3",
                                           "phi3-longrope", "qwen2", "qwen3"));

}  // namespace
}  // namespace foundry::lm
