// Training with DoRA: what it computes, and its gradients.
#include <algorithm>
#include <cmath>

#include "common/base/files.h"
#include "common/lm/model/test_support.h"
#include "common/lm/train/gradient.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

std::unique_ptr<Decoder> Load(const std::filesystem::path& path, WeightFormat weights) {
  auto checkpoint = Checkpoint::Open(path);
  EXPECT_TRUE(checkpoint.ok()) << checkpoint.status();
  LoadOptions options;
  options.device = "cpu";
  options.weights = weights;
  return DecoderFromCheckpoint(**checkpoint, options).value();
}

template <typename F>
void ForLinears(Decoder& decoder, F f) {
  for (Layer& layer : decoder.layers()) {
    for (Linear* linear : {&layer.qkv, &layer.o, &layer.gate_up, &layer.down}) f(*linear);
  }
}

double RelativeDifference(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

// An adapter in the midst of its training, on a small model of a family.
class DoraTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    path_ = testing::Golden(std::string("tiny/") + GetParam());
    if (path_.empty()) GTEST_SKIP() << "no such model here (set FOUNDRY_SHARED_DIR)";
  }
  void Make(WeightFormat weights = WeightFormat::kFull, std::vector<std::string> targets = {}) {
    at::manual_seed(7);
    decoder_ = Load(path_, weights);
    adapter_ = FreshAdapter(*decoder_, {.rank = 4, .alpha = 8, .dora = true, .targets = targets}, 3)
                   .value();
    for (AdapterModule& module : adapter_.modules) {
      module.b.normal_(0, 0.05);
      module.magnitude.mul_(1 + 0.3 * at::randn_like(module.magnitude));
    }
    AttachAdapter(adapter_, 1, *decoder_);
    for (int i = 0; i < 7; ++i) {
      Example& e = examples_.emplace_back();
      for (int j = 0; j < 12 + i; ++j) {
        e.ids.push_back((3 + j * j * 7 + i * 11 * (j > 4)) % 250);
        e.loss_weights.push_back(j > 5 ? 1.0f : 0.0f);
      }
    }
    for (const Example& e : examples_) all_.push_back(&e);
  }
  at::Tensor Gradient(const GradientOptions& options = {}) {
    at::Tensor flat = at::empty_like(adapter_.flat);
    EXPECT_TRUE(LossGradient(*decoder_, adapter_, all_, options, {}, flat).ok());
    return flat;
  }
  double Loss(const Decoder& decoder) { return MeanLoss(decoder, all_, {}, {}).value().loss; }
  // The greatest relative difference of an example's loss: the mean's may vanish by chance.
  double Difference(const Decoder& a, const Decoder& b) {
    double greatest = 0;
    for (const Example* example : all_) {
      const double of_b = MeanLoss(b, {example}, {}, {}).value().loss;
      const double difference = MeanLoss(a, {example}, {}, {}).value().loss - of_b;
      greatest = std::max(greatest, std::abs(difference) / of_b);
    }
    return greatest;
  }

  std::filesystem::path path_;
  std::unique_ptr<Decoder> decoder_;
  Adapter adapter_;
  std::vector<Example> examples_;
  std::vector<const Example*> all_;
};

TEST_P(DoraTest, AFreshAdapterChangesNothing) {
  Make();
  DetachAdapter(*decoder_);
  const double base = Loss(*decoder_);
  AttachAdapter(FreshAdapter(*decoder_, {.rank = 4, .dora = true}, 3).value(), 1, *decoder_);
  EXPECT_NEAR(Loss(*decoder_), base, 1e-6 * base);
}

// The weights that the paper's formula gives, made in full, compute the same.
TEST_P(DoraTest, ComputesWithRowsOfTheLearnedLengths) {
  for (WeightFormat format : {WeightFormat::kFull, WeightFormat::kInt8, WeightFormat::kNf4}) {
    examples_.clear();
    all_.clear();
    Make(format);
    auto merged = Load(path_, WeightFormat::kFull);
    std::vector<Linear*> targets;
    ForLinears(*merged, [&](Linear& linear) { targets.push_back(&linear); });
    size_t next = 0, module = 0;
    ForLinears(*decoder_, [&](Linear& linear) {
      at::Tensor full = linear.frozen ? linear.frozen->Full(at::kFloat)
                                      : linear.weight.narrow(1, 0, linear.in).clone();
      for (const Linear::Part& part : linear.parts) {
        const AdapterModule& m = adapter_.modules[module++];
        at::Tensor rows = full.narrow(0, part.offset, part.rows);
        rows.add_(at::mm(m.b, m.a), adapter_.scale());
        rows.mul_((m.magnitude / rows.square().sum(1).sqrt()).unsqueeze(1));
      }
      targets[next++]->weight = full;
    });
    EXPECT_LT(Difference(*decoder_, *merged), 2e-6);
    // Another product: it is not the plain update's.
    ForLinears(*decoder_, [](Linear& linear) { linear.row_scale = at::Tensor(); });
    EXPECT_GT(Difference(*decoder_, *merged), 1e-3);
  }
}

// Along random directions by central differences, the norms held as they are.
TEST_P(DoraTest, GradientIsThatOfConstantNorms) {
  for (const std::vector<std::string>& targets :
       {std::vector<std::string>{}, std::vector<std::string>{"down_proj", "o_proj"}}) {
    examples_.clear();
    all_.clear();
    Make(WeightFormat::kFull, targets);
    const at::Tensor gradient = Gradient(), start = adapter_.flat.clone();
    std::vector<at::Tensor> norms;
    ForLinears(*decoder_, [&](Linear& linear) {
      norms.push_back(linear.row_scale.defined() ? linear.magnitude / linear.row_scale
                                                 : at::Tensor());
    });
    auto loss_at = [&](const at::Tensor& values) {
      adapter_.flat.copy_(values);
      UpdateAdapter(adapter_, 1, *decoder_);
      size_t next = 0;
      ForLinears(*decoder_, [&](Linear& linear) {
        const at::Tensor norm = norms[next++];
        if (norm.defined()) linear.row_scale = linear.magnitude / norm;
      });
      return Loss(*decoder_);
    };
    at::Tensor magnitudes = at::zeros_like(start);
    for (const AdapterModule& m : adapter_.modules) {
      magnitudes.narrow(0, m.magnitude.storage_offset(), m.magnitude.numel()).fill_(1);
    }
    for (int trial = 0; trial < 4; ++trial) {
      at::Tensor direction = at::randn_like(start);
      if (trial % 2) direction.mul_(magnitudes);  // of those alone
      const double h = 1e-3;
      const double measured =
          (loss_at(start + direction * h) - loss_at(start - direction * h)) / (2 * h);
      const double expected = (gradient * direction).sum().item<double>();
      EXPECT_NEAR(measured, expected, 2e-2 * std::abs(expected) + 2e-3) << trial;
    }
  }
}

TEST_P(DoraTest, DoesNotDependOnTheCut) {
  Make();
  const at::Tensor whole = Gradient();
  for (int64_t rows : {1, 40, 77}) {
    EXPECT_LT(RelativeDifference(Gradient({.max_rows = rows}), whole), 1e-5) << rows;
  }
  EXPECT_TRUE(at::equal(Gradient({.checkpointing = true}), whole));
}

TEST_P(DoraTest, Bfloat16IsCloseAndItsFilesComeBack) {
  Make();
  const at::Tensor whole = Gradient();
  const double loss = Loss(*decoder_);
  DetachAdapter(*decoder_);
  decoder_ = decoder_->WithCompute(at::kBFloat16);
  AttachAdapter(adapter_, 1, *decoder_);
  EXPECT_NEAR(Loss(*decoder_), loss, 0.02 * loss);
  EXPECT_LT(RelativeDifference(Gradient(), whole), 0.05);

  const TempFolder folder = TempFolder::Make().value();
  ASSERT_TRUE(WriteAdapter(adapter_, folder.path(), "base").ok());
  const Adapter read = ReadAdapter(folder.path(), *decoder_).value();
  EXPECT_TRUE(read.options.dora);
  EXPECT_TRUE(at::equal(read.flat, adapter_.flat));
}

INSTANTIATE_TEST_SUITE_P(Families, DoraTest,
                         ::testing::Values("llama", "mistral", "phi3", "qwen2", "qwen3"));

}  // namespace
}  // namespace foundry::lm
