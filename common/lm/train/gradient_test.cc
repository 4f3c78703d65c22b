#include "common/lm/train/gradient.h"

#include <cmath>
#include <random>

#include "common/lm/model/test_support.h"
#include "common/lm/train/optimizer.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

std::vector<Example> RandomExamples(int64_t vocabulary, int count, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<int32_t> prefix(12);
  for (int32_t& id : prefix) id = static_cast<int32_t>(random() % vocabulary);
  std::vector<Example> examples(count);
  for (Example& e : examples) {
    e.ids = prefix;
    if (random() % 2) e.ids.push_back(7);
    int more = 2 + static_cast<int>(random() % 20);
    for (int i = 0; i < more; ++i) e.ids.push_back(static_cast<int32_t>(random() % vocabulary));
    e.loss_weights.assign(e.ids.size(), 0);
    for (size_t i = 10; i < e.ids.size(); ++i) {
      e.loss_weights[i] = static_cast<float>(random() % 4) / 2;
    }
    e.loss_weights.back() = 1;
  }
  return examples;
}

struct Trained {
  std::unique_ptr<Decoder> decoder;
  Adapter adapter;
  std::vector<Example> examples;
  std::vector<const Example*> all;

  explicit Trained(const char* family, int rank = 4) {
    decoder = testing::LoadDecoder(testing::Golden(std::string("tiny/") + family));
    adapter = FreshAdapter(*decoder, {.rank = rank, .alpha = 8}, 3).value();
    adapter.flat.add_(at::randn_like(adapter.flat) * 0.05);  // B is no longer zero
    AttachAdapter(adapter, 1, *decoder);
    examples = RandomExamples(decoder->config().vocab_size, 9, 5);
    for (const Example& e : examples) all.push_back(&e);
  }
  at::Tensor Gradient(const GradientOptions& options = {}) {
    at::Tensor flat = at::empty_like(adapter.flat);
    EXPECT_TRUE(LossGradient(*decoder, adapter, all, options, {}, flat).ok());
    return flat;
  }
  double Loss() { return MeanLoss(*decoder, all, {}, {}).value().loss; }
};

double RelativeDifference(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

class GradientTest : public ::testing::TestWithParam<const char*> {
  void SetUp() override {
    if (testing::Golden(std::string("tiny/") + GetParam()).empty()) {
      GTEST_SKIP() << "no such model here (set FOUNDRY_SHARED_DIR)";
    }
  }
};

// The derivative along random directions, by central differences.
TEST_P(GradientTest, MatchesFiniteDifferences) {
  Trained s(GetParam());
  at::Tensor gradient = s.Gradient(), start = s.adapter.flat.clone();
  for (int trial = 0; trial < 3; ++trial) {
    at::Tensor direction = at::randn_like(start);
    const double h = 1e-3;
    double losses[2];
    for (int side = 0; side < 2; ++side) {
      s.adapter.flat.copy_(start + direction * (side ? h : -h));
      UpdateAdapter(s.adapter, 1, *s.decoder);
      losses[side] = s.Loss();
    }
    double expected = (gradient * direction).sum().item<double>();
    double measured = (losses[1] - losses[0]) / (2 * h);
    EXPECT_NEAR(measured, expected, 2e-2 * std::abs(expected) + 2e-3);
  }
}

TEST_P(GradientTest, DoesNotDependOnTheCut) {
  Trained s(GetParam());
  at::Tensor whole = s.Gradient();
  for (int64_t rows : {1, 40, 77, 150}) {
    EXPECT_LT(RelativeDifference(s.Gradient({.max_rows = rows}), whole), 1e-5) << rows;
  }
}

// Soft targets of a made-up teacher for every other example.
void AddSoftTargets(std::vector<Example>& examples, int64_t vocabulary, uint64_t seed) {
  std::mt19937_64 random(seed);
  for (size_t e = 0; e < examples.size(); e += 2) {
    auto soft = std::make_shared<SoftTargets>();
    soft->k = 4;
    for (float weight : examples[e].loss_weights) {
      const int64_t first = static_cast<int64_t>(random() % vocabulary);
      for (int j = 0; weight > 0 && j < soft->k; ++j) {
        soft->ids.push_back(static_cast<int32_t>((first + j * 17) % vocabulary));
        soft->logprobs.push_back(std::log(0.2f));
      }
    }
    examples[e].soft = soft;
  }
}

// Any partition into micro-batches, each cut into packs of any size, with every kind of loss.
TEST_P(GradientTest, DoesNotDependOnRandomSplits) {
  Trained s(GetParam());
  AddSoftTargets(s.examples, s.decoder->config().vocab_size, 8);
  std::mt19937_64 random(21);
  for (Divergence divergence :
       {Divergence::kForwardKl, Divergence::kReverseKl, Divergence::kJensenShannon}) {
    GradientOptions options{.soft_weight = 0.4, .soft_temperature = 1.5};
    options.soft_divergence = divergence;
    options.label_smoothing = 0.1;
    const at::Tensor whole = s.Gradient(options);
    const double total = TotalWeight(s.all);
    for (int trial = 0; trial < 4; ++trial) {
      std::vector<std::vector<const Example*>> parts(1 + random() % 4);
      for (const Example* e : s.all) parts[random() % parts.size()].push_back(e);
      at::Tensor sum = at::zeros_like(whole), part_gradient = at::empty_like(whole);
      for (const auto& part : parts) {
        if (part.empty()) continue;
        options.max_rows = 1 + static_cast<int64_t>(random() % 120);
        const LossSum loss =
            LossGradient(*s.decoder, s.adapter, part, options, {}, part_gradient).value();
        sum.add_(part_gradient, loss.weight / total);
      }
      EXPECT_LT(RelativeDifference(sum, whole), 1e-5) << trial;
    }
  }
}

TEST_P(GradientTest, CheckpointingComputesTheSame) {
  Trained s(GetParam());
  EXPECT_TRUE(at::equal(s.Gradient({.checkpointing = true}), s.Gradient()));
  GradientOptions dropped{.dropout = 0.2, .dropout_seed = 4};
  at::Tensor with_dropout = s.Gradient(dropped);
  EXPECT_FALSE(at::equal(with_dropout, s.Gradient()));
  dropped.checkpointing = true;
  EXPECT_TRUE(at::equal(s.Gradient(dropped), with_dropout));
}

INSTANTIATE_TEST_SUITE_P(Families, GradientTest,
                         ::testing::Values("llama", "mistral", "phi3", "qwen2", "qwen3"));

TEST(PackPlanTest, SharedBeginningsAreComputedOnce) {
  std::vector<Example> examples = RandomExamples(300, 9, 5);
  std::vector<const Example*> all;
  int64_t inputs = 0, scored = 0;
  for (const Example& e : examples) {
    all.push_back(&e);
    inputs += static_cast<int64_t>(e.ids.size()) - 1;
    for (float w : e.loss_weights) scored += w > 0;
  }
  std::vector<TrainPack> packs = PlanPacks(all, 1 << 20);
  ASSERT_EQ(packs.size(), 1u);
  EXPECT_LE(packs[0].pack.rows(), inputs - 8 * 12);
  EXPECT_EQ(static_cast<int64_t>(packs[0].rows.size()), scored);
}

TEST(SoftLossTest, SoftTargetsPullTowardsTheTeacher) {
  Trained s("llama");
  // The teacher's distribution is the student's own at temperature 2: the KL term vanishes.
  const double temperature = 2;
  const int k = 12;
  for (Example& e : s.examples) {
    Pack pack;
    pack.Add(e.ids);
    at::Tensor logits = s.decoder->Logits(s.decoder->Forward(pack));
    auto soft = std::make_shared<SoftTargets>();
    soft->k = k;
    for (size_t i = 1; i < e.ids.size(); ++i) {
      if (e.loss_weights[i] <= 0) continue;
      auto [values, ids] = (logits[i - 1] / temperature).log_softmax(-1).topk(k);
      for (int j = 0; j < k; ++j) {
        soft->ids.push_back(static_cast<int32_t>(ids[j].item<int64_t>()));
        soft->logprobs.push_back(values[j].item<float>());
      }
    }
    e.soft = soft;
  }
  GradientOptions options{.soft_weight = 1, .soft_temperature = temperature};
  EXPECT_LT(s.Gradient(options).norm().item<double>(), 1e-4 * s.Gradient().norm().item<double>());
  EXPECT_NEAR(MeanLoss(*s.decoder, s.all, options, {}).value().loss, 0, 1e-5);

  // With another teacher the gradient is that of the loss.
  for (Example& e : s.examples) {
    auto other = std::make_shared<SoftTargets>(*e.soft);
    for (size_t i = 0; i < other->logprobs.size(); ++i) other->logprobs[i] -= 0.1f * (i % 5);
    e.soft = other;
  }
  options.soft_weight = 0.5;
  at::Tensor gradient = s.Gradient(options), start = s.adapter.flat.clone();
  at::Tensor direction = gradient / gradient.norm();
  double losses[2];
  for (int side = 0; side < 2; ++side) {
    s.adapter.flat.copy_(start + direction * (side ? 0.02 : -0.02));
    UpdateAdapter(s.adapter, 1, *s.decoder);
    losses[side] = MeanLoss(*s.decoder, s.all, options, {}).value().loss;
  }
  double expected = gradient.norm().item<double>();
  EXPECT_NEAR((losses[1] - losses[0]) / 0.04, expected, 0.02 * expected);
}

TEST(SoftLossTest, AMaskedBatchIsAnError) {
  Trained s("llama");
  for (Example& e : s.examples) e.loss_weights.assign(e.ids.size(), 0);
  at::Tensor flat = at::empty_like(s.adapter.flat);
  EXPECT_EQ(LossGradient(*s.decoder, s.adapter, s.all, {}, {}, flat).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace foundry::lm
