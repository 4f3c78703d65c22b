#include "common/lm/trainer.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/lm/lora/adapter.h"
#include "common/lm/train/train_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

namespace fs = std::filesystem;
using testing::Facts;
using ::testing::HasSubstr;
using testing::TrainTest;

TEST_F(TrainTest, LearnsAndLeavesAdaptersThatLoad) {
  options_.epochs = 40;
  options_.checkpoint_every = 1000;
  std::vector<double> losses;
  hooks_.on_step = [&](const StepReport& report) { losses.push_back(report.loss); };
  TrainSummary summary = Run("run").value();
  EXPECT_EQ(summary.steps, 200);
  EXPECT_LT(summary.final_loss, 0.35 * losses[0]);
  EXPECT_GT(summary.tokens, 0);
  EXPECT_EQ(LoggedSteps("run").size(), 200u);

  Decoder& decoder = *model_->impl().decoder;
  double before = model_->Score({{{{1, 5, 6, 7, 8, 20}, {60, 61, 2}}}}).value()[0].nll;
  Adapter best = ReadAdapter(folder_->path() / "run/best_checkpoint", decoder).value();
  AttachAdapter(best, 1, decoder);
  EXPECT_LT(model_->Score({{{{1, 5, 6, 7, 8, 20}, {60, 61, 2}}}}).value()[0].nll, 0.3 * before);
  DetachAdapter(decoder);
  EXPECT_NEAR(model_->Score({{{{1, 5, 6, 7, 8, 20}, {60, 61, 2}}}}).value()[0].nll, before, 1e-6);
}

TEST_F(TrainTest, ResumesBitForBitAfterCancelling) {
  ASSERT_TRUE(Run("whole").ok());
  for (int64_t stop : {3, 16, 40}) {
    std::string name = absl::StrCat("stopped-", stop);
    CancelToken cancel;
    hooks_.on_step = [&](const StepReport& report) {
      if (report.step == stop) cancel.Cancel("test");
    };
    EXPECT_TRUE(absl::IsCancelled(Run(name, cancel).status()));
    EXPECT_FALSE(fs::exists(folder_->path() / name / "final"));
    hooks_ = {};
    std::vector<std::string> messages;
    hooks_.on_message = [&](absl::string_view text) { messages.emplace_back(text); };
    ASSERT_TRUE(Run(name).ok());
    EXPECT_THAT(messages.at(0), HasSubstr(absl::StrCat("resuming after step ", stop)));
    for (const char* file :
         {"/final/adapter_model.safetensors", "/best_checkpoint/adapter_model.safetensors"}) {
      EXPECT_TRUE(File(name + file) == File(std::string("whole") + file)) << stop << file;
    }
    EXPECT_EQ(LoggedSteps(name), LoggedSteps("whole"));
  }
}

TEST_F(TrainTest, DoraResumesBitForBitAndWithItsOwnAdapterOnly) {
  options_.lora.dora = true;
  ASSERT_TRUE(Run("whole").ok());
  CancelToken cancel;
  hooks_.on_step = [&](const StepReport& report) {
    if (report.step == 16) cancel.Cancel("test");
  };
  EXPECT_TRUE(absl::IsCancelled(Run("stopped", cancel).status()));
  hooks_ = {};
  ASSERT_TRUE(Run("stopped").ok());
  EXPECT_TRUE(File("stopped/final/adapter_model.safetensors") ==
              File("whole/final/adapter_model.safetensors"));
  options_.lora.dropout = 0.1;
  EXPECT_THAT(std::string(Run("dropout").status().message()), HasSubstr("without dropout"));
  options_.lora.dropout = 0;
  options_.lora.dora = false;
  ASSERT_TRUE(Run("plain").ok());
  EXPECT_FALSE(File("plain/final/adapter_model.safetensors") ==
               File("whole/final/adapter_model.safetensors"));
  options_.init_adapter = (folder_->path() / "plain/final").string();
  options_.lora.dora = true;
  EXPECT_THAT(std::string(Run("mixed").status().message()), HasSubstr("plain LoRA adapter"));
}

TEST_F(TrainTest, ResumesBitForBitFromTheLastCheckpointAfterACrash) {
  ASSERT_TRUE(Run("whole").ok());
  int scored = 0;
  options_.score = [&](const LanguageModel&) -> absl::StatusOr<double> {
    if (++scored == 3) return absl::InternalError("the process dies here");
    return static_cast<double>(scored);
  };
  EXPECT_EQ(Run("crashed").status().message(), "the process dies here");
  options_.score = nullptr;
  // Half a checkpoint and half a line, as a kill leaves them.
  ASSERT_TRUE(WriteFileAtomic(folder_->path() / "crashed/checkpoints/step-14.partial/x", "x").ok());
  std::string log = File("crashed/metrics.jsonl");
  ASSERT_TRUE(
      WriteFileAtomic(folder_->path() / "crashed/metrics.jsonl", log + "{\"step\": 1").ok());
  ASSERT_TRUE(Run("crashed").ok());
  EXPECT_TRUE(File("crashed/final/adapter_model.safetensors") ==
              File("whole/final/adapter_model.safetensors"));
  EXPECT_EQ(LoggedSteps("crashed"), LoggedSteps("whole"));
}

TEST_F(TrainTest, AnotherRunsCheckpointsAreNotContinued) {
  ASSERT_TRUE(Run("run").ok());
  options_.learning_rate = 2e-2;
  int64_t first = 0;
  hooks_.on_step = [&](const StepReport& report) {
    if (!first) first = report.step;
  };
  ASSERT_TRUE(Run("run").ok());
  EXPECT_EQ(first, 1);
  EXPECT_EQ(LoggedSteps("run").size(), 50u);
}

TEST_F(TrainTest, TheBestScoreChoosesTheCheckpoint) {
  std::vector<double> scores = {0.1, 0.5, 0.3};
  std::vector<std::string> nlls;
  options_.epochs = 3;
  options_.score = [&](const LanguageModel& with_adapter) -> absl::StatusOr<double> {
    nlls.push_back(absl::StrCat(with_adapter.Score({{{{1, 5, 6}, {7}}}}).value()[0].nll));
    return scores.at(nlls.size() - 1);
  };
  TrainSummary summary = Run("run").value();
  EXPECT_EQ(summary.best_step, 10);
  EXPECT_EQ(summary.best_score, 0.5);
  EXPECT_EQ(std::set<std::string>(nlls.begin(), nlls.end()).size(), 3u);  // sees the adapter
  EXPECT_FALSE(File("run/best_checkpoint/adapter_model.safetensors") ==
               File("run/final/adapter_model.safetensors"));
}

TEST_F(TrainTest, ALossThatIsNotFiniteRewindsOnceThenFails) {
  options_.learning_rate = 1e30;
  std::vector<std::string> messages;
  hooks_.on_message = [&](absl::string_view text) { messages.emplace_back(text); };
  absl::Status status = Run("run").status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("lower learning_rate"));
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_THAT(messages[0], HasSubstr("half the learning rate"));
}

TEST_F(TrainTest, TheResultDoesNotDependOnHowAStepIsCut) {
  options_.epochs = 1;
  options_.batch_size = 8;
  ASSERT_TRUE(Run("one").ok());
  options_.batch_size = 2;
  options_.gradient_accumulation = 4;
  ASSERT_TRUE(Run("four").ok());
  const Decoder& decoder = *model_->impl().decoder;
  at::Tensor one = ReadAdapter(folder_->path() / "one/final", decoder).value().flat;
  at::Tensor four = ReadAdapter(folder_->path() / "four/final", decoder).value().flat;
  EXPECT_LT(((one - four).norm() / one.norm()).item<double>(), 1e-5);
}

TEST_F(TrainTest, BadInputIsRefusedByName) {
  train_[3].loss_weights.assign(9, 0);
  EXPECT_THAT(std::string(Run("run").status().message()),
              HasSubstr("training example 3: no position has a loss"));
  train_ = Facts(18);
  train_[2].ids[4] = 100000;
  EXPECT_THAT(std::string(Run("run").status().message()), HasSubstr("training example 2"));
  train_ = Facts(18);
  options_.schedule = "sometimes";
  EXPECT_THAT(std::string(Run("run").status().message()), HasSubstr("constant_with_decay"));
  options_.schedule = "linear";
  options_.lora.targets = {"q_proj", "wrong"};
  EXPECT_THAT(std::string(Run("run").status().message()), HasSubstr("'wrong'"));
}

}  // namespace
}  // namespace foundry::lm
