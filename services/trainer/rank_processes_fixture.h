// Trainings of a tiny model in rank processes, twenty steps each, in a folder of their own.
#pragma once

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/files.h"
#include "common/base/json.h"
#include "common/lm/weights/safetensors.h"
#include "gtest/gtest.h"
#include "services/trainer/example_file.h"
#include "services/trainer/rank_processes.h"

namespace foundry::trainer {

// Facts to learn, of different lengths: after a question comes its answer.
inline std::vector<lm::Example> Facts(int count) {
  std::vector<lm::Example> examples(count);
  for (int i = 0; i < count; ++i) {
    examples[i].ids = {1, 5, 6, 7, 8, 20 + i};
    examples[i].loss_weights.assign(6, 0);
    for (int token = 0; token < 2 + i % 5; ++token) {
      examples[i].ids.push_back(60 + (7 * i + token) % 40);
      examples[i].loss_weights.push_back(token % 2 ? 1 : 0.5f);
    }
  }
  return examples;
}

class RankProcessesFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = TempFolder::Make().value();
    const char* source = std::getenv("FOUNDRY_SOURCE_DIR");
    ASSERT_NE(source, nullptr);
    job_.student = std::string(source) + "/tests/data/goldens/tiny/llama";
    job_.device = "cpu";
    job_.examples = (folder_->path() / "examples.bin").string();
    ASSERT_TRUE(WriteExamples(job_.examples, {Facts(18), Facts(5)}).ok());
    job_.options.lora = {.rank = 4, .alpha = 8};
    job_.options.learning_rate = 1e-2;
    job_.options.epochs = 4;  // 20 steps
    job_.options.batch_size = 4;
    job_.options.compute = lm::ComputeType::kFloat32;
    job_.options.checkpoint_every = 1;
    hooks_.train.on_message = [&](absl::string_view text) {
      // Every start says this; the tests are about the rest.
      if (!absl::StartsWith(text, "products are computed")) messages_.emplace_back(text);
    };
  }
  absl::StatusOr<lm::TrainSummary> Run(const std::string& name, RankProcessOptions options) {
    job_.output = (folder_->path() / name).string();
    return TrainInProcesses(job_, folder_->path(), options, hooks_, cancel_);
  }
  std::string File(const std::string& name) {
    return ReadFile(folder_->path() / name).value_or("missing");
  }
  // "step 3" and "validation 5" to the loss, in the order of the log.
  std::vector<std::pair<std::string, double>> Losses(const std::string& name) {
    std::vector<std::pair<std::string, double>> losses;
    const std::string text = File(name + "/metrics.jsonl");
    for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
      const Json json = ParseJson(line, name).value();
      const bool step = json.contains("loss");
      losses.emplace_back(absl::StrCat(step ? "step " : "validation ", json["step"].dump()),
                          json[step ? "loss" : "validation_loss"].get<double>());
    }
    return losses;
  }
  // |a - b| / |b| over all tensors of two adapters.
  double Difference(const std::string& a, const std::string& b) {
    double difference = 0, norm = 0;
    const auto first = lm::Safetensors::Open(folder_->path() / a / "adapter_model.safetensors");
    const auto second = lm::Safetensors::Open(folder_->path() / b / "adapter_model.safetensors");
    EXPECT_TRUE(first.ok() && second.ok()) << first.status() << second.status();
    for (const lm::TensorView& tensor : (*second)->tensors()) {
      const auto x = (*first)->Float32(tensor.name).value();
      const auto y = (*second)->Float32(tensor.name).value();
      for (size_t i = 0; i < y.size(); ++i) {
        difference += std::pow(x.at(i) - y[i], 2);
        norm += std::pow(y[i], 2);
      }
    }
    return std::sqrt(difference / norm);
  }
  static rlim_t PeakBytes(pid_t pid) {
    const std::string status = ReadFile(absl::StrCat("/proc/", pid, "/status")).value_or("");
    const size_t at = status.find("VmPeak:");
    return at == std::string::npos ? 0 : std::strtoull(&status[at + 7], nullptr, 10) << 10;
  }
  // As far as the order of sums allows.
  void ExpectSameTraining(const std::string& a, const std::string& b) {
    const auto losses = Losses(a), expected = Losses(b);
    ASSERT_EQ(losses.size(), expected.size());
    for (size_t i = 0; i < losses.size(); ++i) {
      EXPECT_EQ(losses[i].first, expected[i].first);
      EXPECT_NEAR(losses[i].second, expected[i].second, 2e-5 * expected[i].second);
    }
    EXPECT_LT(Difference(a + "/final", b + "/final"), 1e-4);
    EXPECT_LT(Difference(a + "/best_checkpoint", b + "/best_checkpoint"), 1e-4);
  }
  void ExpectSameBitForBit(const std::string& a, const std::string& b) {
    for (const char* file :
         {"/final/adapter_model.safetensors", "/best_checkpoint/adapter_model.safetensors"}) {
      EXPECT_TRUE(File(a + file) == File(b + file)) << file;
    }
    EXPECT_EQ(Losses(a), Losses(b));
  }
  // Kills random ranks at random instants: some microseconds after some steps, which reaches into
  // computing, exchanging, validating and, as every step leaves one, the writing of checkpoints.
  void KillRanks(int most, uint64_t seed) {
    auto random = std::make_shared<std::mt19937_64>(seed);
    hooks_.on_start = [&](int rank, pid_t pid) { pids_[rank] = pid; };
    hooks_.train.on_step = [this, most, random,
                            next = int64_t{2}](const lm::StepReport& report) mutable {
      if (report.step < next || killed_ == most || pids_.empty()) return;
      next = report.step + 1 + static_cast<int64_t>((*random)() % 4);
      auto victim = std::next(pids_.begin(), static_cast<long>((*random)() % pids_.size()));
      usleep(static_cast<useconds_t>((*random)() % 6000));
      kill(victim->second, SIGKILL);
      ++killed_;
      pids_.clear();  // the others end too
    };
  }

  std::optional<TempFolder> folder_;
  RankJob job_;
  RankProcessHooks hooks_;
  CancelToken cancel_;
  std::vector<std::string> messages_;
  std::map<int, pid_t> pids_;
  int killed_ = 0;
};

}  // namespace foundry::trainer
