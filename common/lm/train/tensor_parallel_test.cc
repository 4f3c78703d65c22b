// Two ranks that hold one model together, beside one process that has all of it.
#include <cmath>
#include <new>
#include <optional>

#include <ATen/Parallel.h>

#include "common/base/files.h"
#include "common/lm/distributed/test_ranks.h"
#include "common/lm/language_model.h"
#include "common/lm/model/test_support.h"
#include "common/lm/train/gradient.h"
#include "common/lm/trainer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

using ::testing::HasSubstr;
using testing::RunRanks;

absl::StatusOr<std::unique_ptr<Decoder>> Load(const std::filesystem::path& path, RankGroup* ranks,
                                              WeightFormat weights = WeightFormat::kFull) {
  auto checkpoint = Checkpoint::Open(path);
  if (!checkpoint.ok()) return checkpoint.status();
  LoadOptions options;
  options.device = "cpu";
  options.weights = weights;
  options.tensor_ranks = ranks;
  return DecoderFromCheckpoint(**checkpoint, options);
}

int64_t LinearBytes(const Decoder& decoder) {
  int64_t bytes = 0;
  for (const Layer& layer : decoder.layers()) {
    for (const Linear* linear : {&layer.qkv, &layer.o, &layer.gate_up, &layer.down}) {
      // What the storage holds, not what the tensor shows of it.
      bytes += linear->frozen ? linear->frozen->bytes()
                              : static_cast<int64_t>(linear->weight.storage().nbytes());
    }
  }
  return bytes;
}

struct Result {
  double loss = 0, validation = 0;
  int64_t bytes = 0;
  at::Tensor gradient;  // summed over the ranks
};

class TensorParallelTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    at::set_num_threads(1);
    path_ = testing::Golden(std::string("tiny/") + GetParam());
    if (path_.empty()) GTEST_SKIP() << "no such model here (set FOUNDRY_SHARED_DIR)";
    for (int i = 0; i < 7; ++i) {
      Example& e = examples_.emplace_back();
      for (int j = 0; j < 12 + i; ++j) {
        e.ids.push_back((3 + j * j * 7 + i * 11 * (j > 4)) % 250);
        e.loss_weights.push_back(j > 5 ? 1.0f : 0.0f);
      }
    }
    for (const Example& e : examples_) all_.push_back(&e);
  }
  // The same adapter for any share of the model.
  Adapter MakeAdapter(const Decoder& decoder, const LoraOptions& options) {
    Adapter adapter = FreshAdapter(decoder, options, 3).value();
    for (AdapterModule& module : adapter.modules) {
      module.b.copy_(at::sin(at::arange(module.b.numel(), at::kFloat)).view_as(module.b) * 0.05);
      if (options.dora) {
        module.magnitude.mul_(1 + 0.3 * at::cos(at::arange(module.magnitude.numel(), at::kFloat)));
      }
    }
    return adapter;
  }
  Result Compute(Decoder& decoder, const LoraOptions& lora, const GradientOptions& options) {
    at::set_num_threads(1);
    Result result;
    result.bytes = LinearBytes(decoder);
    const Adapter adapter = MakeAdapter(decoder, lora);
    AttachAdapter(adapter, 1, decoder);
    result.gradient = at::empty_like(adapter.flat);
    result.loss = LossGradient(decoder, adapter, all_, options, {}, result.gradient).value().loss;
    result.validation = MeanLoss(decoder, all_, {}, {}).value().loss;
    return result;
  }
  void Compare(const LoraOptions& lora, const GradientOptions& options,
               WeightFormat weights = WeightFormat::kFull) {
    auto whole = Load(path_, nullptr, weights).value();
    const Result expected = Compute(*whole, lora, options);
    std::vector<Result> results(2);
    for (const absl::Status& status : RunRanks(2, [&](RankGroup& group) -> absl::Status {
           auto share = Load(path_, &group, weights);
           if (!share.ok()) return share.status();
           Result& result = results[group.rank()];
           result = Compute(**share, lora, options);
           return group.Sum(absl::MakeSpan(result.gradient.data_ptr<float>(),
                                           static_cast<size_t>(result.gradient.numel())));
         })) {
      ASSERT_TRUE(status.ok()) << status;
    }
    for (const Result& result : results) {
      EXPECT_NEAR(result.loss, expected.loss, 1e-5 * expected.loss);
      EXPECT_NEAR(result.validation, expected.validation, 1e-5 * expected.validation);
      const at::Tensor difference = result.gradient - expected.gradient;
      EXPECT_LT((difference.norm() / expected.gradient.norm()).item<double>(), 1e-5);
      EXPECT_EQ(2 * result.bytes, expected.bytes);
    }
    EXPECT_EQ(results[0].loss, results[1].loss);
  }

  // A training of nine steps by a rank of `group`, or alone.
  TrainOptions NineSteps(RankGroup* group) {
    TrainOptions options;
    options.lora = {.rank = 4, .alpha = 8};
    options.epochs = 3;
    options.batch_size = 3;
    options.compute = ComputeType::kFloat32;
    options.ranks = group;
    return options;
  }
  // Of the share of the model that a rank of `group` holds.
  absl::StatusOr<TrainSummary> TrainShare(RankGroup* group, const TrainOptions& options,
                                          const std::filesystem::path& output,
                                          const TrainHooks& hooks) {
    at::set_num_threads(1);
    LoadOptions load;
    load.device = "cpu";
    load.tensor_ranks = group;
    auto base = LanguageModel::Load(path_, load);
    if (!base.ok()) return base.status();
    return Train(**base, examples_, {}, options, output, hooks, {});
  }
  void ExpectClose(const std::filesystem::path& adapter, const std::filesystem::path& expected) {
    auto decoder = Load(path_, nullptr).value();
    const at::Tensor one = ReadAdapter(expected, *decoder).value().flat;
    const at::Tensor two = ReadAdapter(adapter, *decoder).value().flat;
    EXPECT_LT(((two - one).norm() / one.norm()).item<double>(), 1e-4) << adapter;
  }

  std::filesystem::path path_;
  std::vector<Example> examples_;
  std::vector<const Example*> all_;
};

TEST_P(TensorParallelTest, LossAndGradientAreOneProcesss) { Compare({.rank = 4, .alpha = 8}, {}); }

TEST_P(TensorParallelTest, WithCheckpointingAndOverSeveralPacks) {
  GradientOptions options{.checkpointing = true, .max_rows = 40};
  options.label_smoothing = 0.1;
  Compare({.rank = 3, .alpha = 8, .targets = {"o_proj", "down_proj"}}, options);
}

// No rank has whole rows of o_proj and down_proj.
TEST_P(TensorParallelTest, DoraToo) {
  Compare({.rank = 4, .alpha = 8, .dora = true}, {});
  Compare({.rank = 3, .alpha = 8, .dora = true, .targets = {"o_proj", "down_proj"}},
          {.checkpointing = true, .max_rows = 40});
}

TEST_P(TensorParallelTest, AnswersAreOneProcesss) {
  const std::vector<int32_t> prompt = {1, 17, 30, 4, 99, 23};
  GenerateRequest request;
  request.prompt = prompt;
  request.max_new_tokens = 12;
  const auto whole = LanguageModel::Load(path_, {.device = "cpu"}).value();
  const auto expected = whole->Generate({{request}}).value()[0].ids;
  for (const absl::Status& status : RunRanks(2, [&](RankGroup& group) -> absl::Status {
         at::set_num_threads(1);
         LoadOptions options;
         options.device = "cpu";
         options.tensor_ranks = &group;
         auto share = LanguageModel::Load(path_, options);
         if (!share.ok()) return share.status();
         auto answers = (*share)->Generate({{request}});
         if (!answers.ok()) return answers.status();
         EXPECT_EQ((*answers)[0].ids, expected);
         return absl::OkStatus();
       })) {
    EXPECT_TRUE(status.ok()) << status;
  }
}

// The whole loop, with answers that are scored by both ranks together after every epoch.
TEST_P(TensorParallelTest, TrainsWithScoredAnswersAsOneProcessDoes) {
  const TempFolder folder = TempFolder::Make().value();
  const auto train = [&](RankGroup* group, const std::string& name) -> absl::Status {
    TrainOptions options = NineSteps(group);
    options.score = [&](const LanguageModel& model) -> absl::StatusOr<double> {
      GenerateRequest request;
      request.prompt = {3, 10, 31};
      request.max_new_tokens = 6;
      auto answers = model.Generate({{request}});
      if (!answers.ok()) return answers.status();
      double sum = 0;
      for (int32_t id : (*answers)[0].ids) sum = 0.5 * sum + id;
      return sum;
    };
    const auto summary = TrainShare(group, options, folder.path() / name, {});
    if (!summary.ok()) return summary.status();
    EXPECT_EQ(summary->steps, 9);
    return absl::OkStatus();
  };
  ASSERT_TRUE(train(nullptr, "whole").ok());
  for (const absl::Status& status :
       RunRanks(2, [&](RankGroup& group) { return train(&group, "shared"); })) {
    ASSERT_TRUE(status.ok()) << status;
  }
  ExpectClose(folder.path() / "shared/final", folder.path() / "whole/final");
  ExpectClose(folder.path() / "shared/best_checkpoint", folder.path() / "whole/best_checkpoint");
}

// Ranks that exchange by another group, until memory runs out at one of its exchanges.
class ExhaustedGroup : public RankGroup {
 public:
  ExhaustedGroup(RankGroup& group, int exchanges) : group_(group), left_(exchanges) {}
  int rank() const override { return group_.rank(); }
  int size() const override { return group_.size(); }
  absl::StatusOr<std::unique_ptr<RankGroup>> Split(const std::string& name, int rank,
                                                   int size) override {
    return group_.Split(name, rank, size);
  }
  absl::Status Sum(absl::Span<float> values) override {
    if (left_-- == 0) throw std::bad_alloc();
    return group_.Sum(values);
  }
  absl::Status Sum(absl::Span<double> values) override { return group_.Sum(values); }
  absl::Status Broadcast(absl::Span<float> values) override { return group_.Broadcast(values); }
  absl::Status Broadcast(absl::Span<double> values) override { return group_.Broadcast(values); }

 private:
  RankGroup& group_;
  int left_;
};

TEST_P(TensorParallelTest, ARankWithoutMemoryEndsAllAndTheyGoOnWithRankZerosPacks) {
  const TempFolder folder = TempFolder::Make().value();
  std::string said;
  const auto train = [&](RankGroup* group, const std::string& name, int exchanges) {
    std::optional<ExhaustedGroup> copy;
    if (group) copy.emplace(*group, exchanges);
    TrainOptions options = NineSteps(group);
    // The others' choice is not asked for.
    if (exchanges < 0 && group != nullptr) options.max_pack_tokens = group->rank() == 0 ? 20 : 400;
    TrainHooks hooks;
    hooks.on_message = [&](absl::string_view text) { said = std::string(text); };
    return TrainShare(group ? &*copy : nullptr, options, folder.path() / name, hooks).status();
  };
  ASSERT_TRUE(train(nullptr, "whole", -1).ok());
  // In the midst of a later step.
  const std::vector<absl::Status> lost = RunRanks(2, [&](RankGroup& group) {
    return train(&group, "shared", group.rank() == 1 ? 45 : 1 << 20);
  });
  EXPECT_TRUE(absl::IsUnavailable(lost[0])) << lost[0];
  EXPECT_TRUE(absl::IsResourceExhausted(lost[1])) << lost[1];
  for (const absl::Status& status :
       RunRanks(2, [&](RankGroup& group) { return train(&group, "shared", -1); })) {
    ASSERT_TRUE(status.ok()) << status;
  }
  EXPECT_THAT(said, HasSubstr("resuming after step"));
  ExpectClose(folder.path() / "shared/final", folder.path() / "whole/final");
}

TEST_P(TensorParallelTest, WhatDoesNotDivideIsRefused) {
  // Ranks stay until all have their answer: one that leaves early is another error.
  const auto together = [](RankGroup& group, const absl::Status& status) {
    float none = 0;
    EXPECT_TRUE(group.Sum(absl::MakeSpan(&none, 1)).ok());
    return status;
  };
  for (const absl::Status& status : RunRanks(3, [&](RankGroup& group) -> absl::Status {
         return together(group, Load(path_, &group).status());
       })) {
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("2 key-value heads"));
  }
}

// Where the other rank is gone, a computation ends with an error.
TEST_P(TensorParallelTest, ALostRankEndsTheOthersComputation) {
  const std::vector<absl::Status> results = RunRanks(2, [&](RankGroup& group) -> absl::Status {
    LoadOptions options;
    options.device = "cpu";
    options.tensor_ranks = &group;
    auto share = LanguageModel::Load(path_, options);
    if (!share.ok() || group.rank() == 1) return share.status();
    return (*share)->Logits({1, 2, 3}).status();
  });
  EXPECT_TRUE(absl::IsUnavailable(results[0])) << results[0];
}

INSTANTIATE_TEST_SUITE_P(Families, TensorParallelTest,
                         ::testing::Values("llama", "mistral", "phi3", "qwen2", "qwen3"));

}  // namespace
}  // namespace foundry::lm
