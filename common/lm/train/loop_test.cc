// What the training loop answers to: plateaus, memory limits, adapters to start from.
#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <map>

#include "absl/strings/str_cat.h"
#include "common/lm/lora/adapter.h"
#include "common/lm/train/train_fixture.h"
#include "gmock/gmock.h"

namespace foundry::lm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TrainTest;

class LoopTest : public TrainTest {
 protected:
  void SetUp() override {
    TrainTest::SetUp();
    hooks_.on_message = [&](absl::string_view text) { messages_.emplace_back(text); };
  }
  // As a run that is cancelled after this step.
  void RunUntil(int64_t step, const std::string& name) {
    CancelToken cancel;
    hooks_.on_step = [&](const StepReport& report) {
      if (report.step == step) cancel.Cancel("test");
    };
    ASSERT_TRUE(absl::IsCancelled(Run(name, cancel).status()));
    hooks_.on_step = nullptr;
  }
  // The validations score as listed; the last one goes on.
  void ScoreBy(std::vector<double> scores) {
    options_.score = [this, scores](const LanguageModel&) -> absl::StatusOr<double> {
      return scores[std::min(scored_++, scores.size() - 1)];
    };
  }
  // Losses are not finite after the steps that `breaks` names, until a message comes.
  void BreakAfter(std::function<bool(const StepReport&)> breaks) {
    at::Tensor norm = model_->impl().decoder->final_norm();
    hooks_.on_step = [=](const StepReport& report) mutable {
      if (breaks(report)) norm.fill_(std::nan(""));
    };
    hooks_.on_message = [this, norm, sound = norm.clone()](absl::string_view text) mutable {
      messages_.emplace_back(text);
      norm.copy_(sound);
    };
  }
  std::vector<std::string> messages_;
  size_t scored_ = 0;
};

TEST_F(LoopTest, StopsEarlyAfterSoManyValidationsWithoutABetterScore) {
  options_.early_stopping = 2;
  ScoreBy({0.1, 0.3, 0.2, 0.4, 0.4, 0.1, 0.9});
  const TrainSummary summary = Run("run").value();
  EXPECT_EQ(summary.steps, 30);  // 5 an epoch
  EXPECT_EQ(summary.best_step, 20);
  EXPECT_EQ(summary.best_score, 0.4);
  EXPECT_EQ(scored_, 6u);
  EXPECT_THAT(messages_, ElementsAre("stopping after step 30 of 50: no better score in 2 "
                                     "validations"));
  // A run that stopped stays so when it is asked for again.
  EXPECT_EQ(Run("run").value().steps, 30);
  EXPECT_EQ(scored_, 6u);
}

TEST_F(LoopTest, CountsValidationsAcrossAResume) {
  options_.early_stopping = 3;
  ScoreBy({0.5, 0.1});
  RunUntil(12, "run");
  EXPECT_EQ(Run("run").value().steps, 20);
}

TEST_F(LoopTest, AScoreThatIsNotFiniteIsNeverTheBest) {
  const double nan = std::nan("");
  options_.epochs = 4;
  ScoreBy({nan, 0.2, INFINITY, nan});
  std::vector<bool> best;
  hooks_.on_validation = [&](const ValidationReport& report) { best.push_back(report.best); };
  const TrainSummary summary = Run("run").value();
  EXPECT_EQ(summary.best_step, 10);
  EXPECT_EQ(summary.best_score, 0.2);
  EXPECT_THAT(best, ElementsAre(false, true, false, false));
  EXPECT_THAT(messages_, ElementsAre(HasSubstr("step 5: a score of nan"),
                                     HasSubstr("step 15: a score of inf"), HasSubstr("step 20")));
  // Where none is, there is no best checkpoint to go on with.
  scored_ = 0;
  ScoreBy({nan});
  const absl::Status status = Run("none").status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("none of 4 validations has a finite score"));
  EXPECT_FALSE(std::filesystem::exists(folder_->path() / "none/best_checkpoint"));
  EXPECT_TRUE(std::filesystem::exists(folder_->path() / "none/final"));
}

// An early adapter that looks better by chance has not had the rate's decay.
TEST_F(LoopTest, TheLastAdapterIsTheBestUnlessAnEarlierOneIsClearlyBetter) {
  options_.epochs = 4;
  for (const double last : {0.46, 0.44}) {
    scored_ = 0;
    messages_.clear();
    options_.score = [&](const LanguageModel&) -> absl::StatusOr<Score> {
      Score score(std::vector<double>{0.3, 0.5, 0.47, last}[scored_++]);
      score.standard_error = 0.05;
      return score;
    };
    const TrainSummary summary = Run(absl::StrCat("run-", last)).value();
    EXPECT_EQ(summary.best_step, last > 0.45 ? 20 : 10);
    EXPECT_EQ(summary.best_score, last > 0.45 ? last : 0.5);
    EXPECT_EQ(messages_.size(), last > 0.45 ? 1u : 0u);
    const std::string name = absl::StrCat("run-", last);
    EXPECT_EQ(File(name + "/best_checkpoint/adapter_model.safetensors") ==
                  File(name + "/final/adapter_model.safetensors"),
              last > 0.45);
  }
}

TEST_F(LoopTest, FiguresOfTheBestValidationOutliveAResume) {
  options_.epochs = 4;
  const auto score = [](size_t n) {
    return Score(n == 2 ? 0.9 : 0.1, {{"contains", 0.25 * static_cast<double>(n)},
                                      {"f1", n == 2 ? std::nan("") : 0.5}});
  };
  options_.score = [&](const LanguageModel&) -> absl::StatusOr<Score> { return score(++scored_); };
  const TrainSummary whole = Run("whole").value();
  EXPECT_THAT(whole.best_figures, ElementsAre(::testing::Pair("contains", 0.5)));
  scored_ = 0;
  RunUntil(13, "resumed");
  // One that goes on, and one that finds all done.
  for (int attempt = 0; attempt < 2; ++attempt) {
    const TrainSummary resumed = Run("resumed").value();
    EXPECT_EQ(resumed.best_step, 10);
    EXPECT_EQ(resumed.best_score, whole.best_score);
    EXPECT_EQ(resumed.final_loss, whole.final_loss);
    EXPECT_EQ(resumed.tokens, whole.tokens);
    EXPECT_EQ(resumed.best_figures, whole.best_figures);
  }
  EXPECT_EQ(scored_, 4u);
}

// A probe is a measurement: a second one may find the other type faster, on the same machine.
TEST_F(LoopTest, ARunThatGoesOnKeepsItsProducts) {
  options_.epochs = 2;
  for (const ComputeType type : {ComputeType::kFloat32, ComputeType::kBFloat16}) {
    const std::string name = type == ComputeType::kFloat32 ? "float32" : "bfloat16";
    options_.compute = type;
    const TrainSummary whole = Run(name + "-whole").value();
    RunUntil(4, name);
    options_.compute = ComputeType::kAuto;
    const std::filesystem::path run = folder_->path() / name;
    EXPECT_EQ(ChooseCompute(ComputeType::kAuto, "cpu", nullptr, run).value(), type);
    messages_.clear();
    EXPECT_EQ(Run(name).value().final_loss, whole.final_loss);
    EXPECT_THAT(messages_, ::testing::Contains(HasSubstr("resuming after step 4")));
    EXPECT_EQ(File(name + "/final/adapter_model.safetensors"),
              File(name + "-whole/final/adapter_model.safetensors"));
  }
}

TEST_F(LoopTest, ARunOfOtherSettingsSaysThatItBeginsAnew) {
  options_.epochs = 1;
  ASSERT_TRUE(Run("run").ok());
  options_.learning_rate /= 2;
  messages_.clear();
  EXPECT_EQ(Run("run").value().steps, 5);
  EXPECT_THAT(messages_, ::testing::Contains(HasSubstr("training anew")));
}

TEST_F(LoopTest, AdaptiveHalvesTheRateWithEachValidationThatIsNoBetter) {
  options_.schedule = "adaptive";
  options_.warmup_ratio = 0;
  options_.epochs = 5;
  ScoreBy({0.1, 0.3, 0.2, 0.4, 0.4});
  std::vector<double> rates;
  hooks_.on_step = [&](const StepReport& report) {
    if (report.step % 5 == 1) rates.push_back(report.learning_rate / options_.learning_rate);
  };
  ASSERT_TRUE(Run("run").ok());
  EXPECT_THAT(rates, ElementsAre(1, 1, 1, 0.5, 0.5));
}

TEST_F(LoopTest, RatesFollowTheSchedule) {
  options_.schedule = "linear";
  options_.warmup_ratio = 0;
  options_.epochs = 1;
  std::vector<double> rates;
  hooks_.on_step = [&](const StepReport& report) { rates.push_back(report.learning_rate); };
  ASSERT_TRUE(Run("run").ok());
  ASSERT_EQ(rates.size(), 5u);
  for (int i = 0; i < 5; ++i) EXPECT_DOUBLE_EQ(rates[i], 1e-2 * (5 - i) / 5);
}

TEST_F(LoopTest, ALossThatIsNotFiniteGoesBackToTheLastGoodStepWithHalfTheRate) {
  options_.epochs = 2;
  options_.checkpoint_every = 2;
  std::vector<double> rates;
  std::vector<int64_t> steps;
  BreakAfter([&](const StepReport& report) {
    steps.push_back(report.step);
    rates.push_back(report.learning_rate);
    return report.step == 4 && messages_.empty();
  });
  ASSERT_TRUE(Run("run").ok());
  EXPECT_THAT(messages_,
              ElementsAre(::testing::AllOf(HasSubstr("step 5"), HasSubstr("back to step 4"),
                                           HasSubstr("half the learning rate"))));
  EXPECT_THAT(steps, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
  EXPECT_DOUBLE_EQ(rates[4], rates[3] / 2);
  EXPECT_EQ(LoggedSteps("run"), steps);
}

TEST_F(LoopTest, LossesThatAreNotFiniteGoBackAgainAsLongAsItHelps) {
  options_.epochs = 2;
  options_.checkpoint_every = 2;
  std::map<int64_t, double> rates;
  BreakAfter([&](const StepReport& report) {
    rates[report.step] = report.learning_rate;
    const bool first = report.step == 2 && messages_.empty();
    const bool second = report.step == 6 && messages_.size() == 1;
    return first || second;
  });
  ASSERT_TRUE(Run("run").ok());
  EXPECT_THAT(messages_, ElementsAre(HasSubstr("back to step 2"), HasSubstr("back to step 6")));
  EXPECT_DOUBLE_EQ(rates[3], rates[2] / 2);
  EXPECT_DOUBLE_EQ(rates[7], rates[3] / 2);
}

TEST_F(LoopTest, AStepThatIsNeverFiniteEndsTheRun) {
  options_.checkpoint_every = 2;
  BreakAfter([&](const StepReport& report) { return report.step == 3; });
  const absl::Status status = Run("run").status();
  EXPECT_TRUE(absl::IsInternal(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("step 4: loss nan"));
  EXPECT_THAT(messages_, ElementsAre(HasSubstr("back to step 2")));
}

TEST_F(LoopTest, ACheckpointThatCannotBeReadIsNotTheEnd) {
  options_.checkpoint_every = 2;
  RunUntil(4, "run");
  ASSERT_TRUE(
      WriteFileAtomic(folder_->path() / "run/checkpoints/step-4/optimizer.bin", "cut").ok());
  std::vector<int64_t> steps;
  hooks_.on_step = [&](const StepReport& report) { steps.push_back(report.step); };
  ASSERT_TRUE(Run("run").ok());
  EXPECT_EQ(steps.front(), 3);
  EXPECT_THAT(messages_, ::testing::Contains(HasSubstr("going on from the one of step 2")));
}

// As when a model was merged anew into the folder that it had.
TEST_F(LoopTest, ARunOfAnotherBaseUnderTheSameNameIsNotGoneOnWith) {
  options_.checkpoint_every = 2;
  RunUntil(4, "run");
  at::Tensor weight = model_->impl().decoder->layers()[0].down.weight;
  weight.mul_(1.01);
  ASSERT_TRUE(Run("run").ok());
  EXPECT_THAT(messages_, ElementsAre(HasSubstr("training anew")));
}

TEST_F(LoopTest, TrainsOnFromAnAdapter) {
  ASSERT_TRUE(Run("first").ok());
  options_.init_adapter = (folder_->path() / "first/final").string();
  options_.lora = {.rank = 2, .alpha = 2};  // what the file says counts
  std::vector<double> losses;
  hooks_.on_step = [&](const StepReport& report) { losses.push_back(report.loss); };
  ASSERT_TRUE(Run("second").ok());
  Decoder& decoder = *model_->impl().decoder;
  const Adapter first = ReadAdapter(folder_->path() / "first/final", decoder).value();
  const Adapter second = ReadAdapter(folder_->path() / "second/final", decoder).value();
  EXPECT_EQ(second.options.rank, 8);
  EXPECT_EQ(second.scale(), first.scale());
  // It begins where the first ended.
  options_.init_adapter.clear();
  options_.lora = {.rank = 8, .alpha = 16};
  const std::vector<double> on = losses;
  losses.clear();
  ASSERT_TRUE(Run("fresh").ok());
  EXPECT_LT(on[0], 0.5 * losses[0]);
}

TEST_F(LoopTest, ABaseThatIsUsedUpTrainsAlikeAndIsTheTrainedModel) {
  ASSERT_TRUE(Run("kept").ok());
  EXPECT_FALSE(model_->impl().decoder->layers()[0].qkv.lora_a.defined());
  options_.use_up_base = true;
  ASSERT_TRUE(Run("used").ok());
  EXPECT_TRUE(model_->impl().decoder->layers()[0].qkv.lora_a.defined());
  EXPECT_TRUE(File("used/final/adapter_model.safetensors") ==
              File("kept/final/adapter_model.safetensors"));
}

// VmSize or another line of /proc/self/status, in bytes.
rlim_t StatusBytes(const std::string& wanted) {
  std::ifstream status("/proc/self/status");
  for (std::string key; status >> key;) {
    if (rlim_t kib = 0; key == wanted && status >> kib) return kib << 10;
  }
  return 0;
}

// In a process of its own, with so little address space that a step's pack does not fit.
TEST_F(LoopTest, AMemoryLimitHalvesThePacksAndTheResultStays) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  train_.clear();
  for (int i = 0; i < 150; ++i) {  // 200 tokens each, which begin differently
    Example& e = train_.emplace_back();
    e.ids = {1, 3 + i};
    while (e.ids.size() < 200) e.ids.push_back(5 + static_cast<int>(e.ids.size() * 7 + i) % 300);
    e.loss_weights.assign(200, 0);
    e.loss_weights[199] = 1;
  }
  validation_.clear();
  options_.batch_size = 150;
  options_.epochs = 1;
  auto train_twice = [&] {
    options_.max_pack_tokens = 1024;
    if (!Run("small").ok() || !messages_.empty()) return false;
    options_.max_pack_tokens = 30000;
    const rlim_t limit = StatusBytes("VmSize:") + (rlim_t{200} << 20);
    const rlimit bounds = {limit, limit};
    if (setrlimit(RLIMIT_AS, &bounds) != 0) return false;
    const absl::Status status = Run("limited").status();
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
    for (const std::string& message : messages_) std::fprintf(stderr, "%s\n", message.c_str());
    if (!status.ok() || messages_.empty()) return false;
    const Decoder& decoder = *model_->impl().decoder;
    const at::Tensor small = ReadAdapter(folder_->path() / "small/final", decoder).value().flat;
    const at::Tensor limited = ReadAdapter(folder_->path() / "limited/final", decoder).value().flat;
    return ((limited - small).norm() / small.norm()).item<double>() < 1e-5;
  };
  EXPECT_EXIT(_exit(train_twice() ? 0 : 1), ::testing::ExitedWithCode(0),
              "out of memory: going on with packs of 15000 tokens");
}

}  // namespace
}  // namespace foundry::lm
