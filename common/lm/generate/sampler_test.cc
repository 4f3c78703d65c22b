#include "common/lm/generate/sampler.h"

#include <cmath>
#include <map>

#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

const std::vector<float> kLogits = {0.0f, 2.0f, 1.0f, -1.0f};

std::map<int32_t, int> Draws(GenerateRequest request, int count) {
  std::map<int32_t, int> counts;
  for (int i = 0; i < count; ++i) {
    request.seed = static_cast<uint64_t>(i);
    ++counts[SampleToken(kLogits, request, {}).id];
  }
  return counts;
}

TEST(SamplerTest, GreedyTakesTheLikeliestAndReportsItsLogprob) {
  const SampledToken token = SampleToken(kLogits, {}, {});
  EXPECT_EQ(token.id, 1);
  double sum = 0;
  for (const float x : kLogits) sum += std::exp(x);
  EXPECT_NEAR(token.logprob, 2 - std::log(sum), 1e-5);
  EXPECT_EQ(SampleToken(std::vector<float>{1, 1, 0}, {}, {}).id, 0);
}

TEST(SamplerTest, RepetitionPenaltyIsTransformers) {
  GenerateRequest request;
  request.prompt = {1};
  request.repetition_penalty = 3;  // 2 / 3 falls below 1
  EXPECT_EQ(SampleToken(kLogits, request, {}).id, 2);
  EXPECT_EQ(SampleToken(kLogits, request, std::vector<int32_t>{2, 2}).id, 1);
  // A negative logit is multiplied: it gets no likelier.
  request.prompt = {0};
  EXPECT_EQ(SampleToken(std::vector<float>{-1, -2}, request, {}).id, 1);
}

TEST(SamplerTest, DrawsFollowTheDistribution) {
  GenerateRequest request;
  request.temperature = 1;
  constexpr int kCount = 20000;
  auto counts = Draws(request, kCount);
  double sum = 0;
  for (const float x : kLogits) sum += std::exp(x);
  for (int32_t id = 0; id < 4; ++id) {
    EXPECT_NEAR(counts[id] / static_cast<double>(kCount), std::exp(kLogits[id]) / sum, 0.015);
  }
}

TEST(SamplerTest, TopKAndTopPCutTheTail) {
  GenerateRequest request;
  request.temperature = 1;
  request.top_k = 2;
  auto counts = Draws(request, 500);
  EXPECT_EQ(counts.size(), 2u);
  EXPECT_GT(counts[1], counts[2]);
  request.top_k = 0;
  request.top_p = 0.6;  // the likeliest alone holds 0.64
  EXPECT_EQ(Draws(request, 500).size(), 1u);
  request.top_p = 0.7;
  EXPECT_EQ(Draws(request, 500).size(), 2u);
}

TEST(SamplerTest, SeedAndPositionDecide) {
  GenerateRequest request;
  request.temperature = 5;
  request.seed = 42;
  const std::vector<int32_t> history = {3, 3};
  const int32_t first = SampleToken(kLogits, request, history).id;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(SampleToken(kLogits, request, history).id, first);
}

}  // namespace
}  // namespace foundry::lm
