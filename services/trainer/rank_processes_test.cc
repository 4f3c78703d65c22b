// Real rank processes that train a tiny model, and are killed while they do.
#include "services/trainer/rank_processes.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <future>
#include <map>
#include <random>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/files.h"
#include "common/base/json.h"
#include "common/lm/weights/safetensors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/trainer/example_file.h"
#include "services/trainer/rank_losses.h"

namespace foundry::trainer {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Facts to learn, of different lengths: after a question comes its answer.
std::vector<lm::Example> Facts(int count) {
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

class RankProcessesTest : public ::testing::Test {
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

TEST_F(RankProcessesTest, SeveralRanksTrainAsOneDoes) {
  const lm::TrainSummary one = Run("one", {.ranks = 1}).value();
  EXPECT_EQ(one.steps, 20);
  // With three, ranks have no example in some steps.
  for (int ranks : {2, 3}) {
    const std::string name = absl::StrCat(ranks, "-ranks");
    const lm::TrainSummary summary = Run(name, {.ranks = ranks}).value();
    EXPECT_EQ(summary.steps, 20);
    EXPECT_GT(summary.peak_memory_mib, 1.5 * one.peak_memory_mib);
    const auto expected = Losses("one"), losses = Losses(name);
    ASSERT_EQ(losses.size(), expected.size());
    for (size_t i = 0; i < losses.size(); ++i) {
      EXPECT_EQ(losses[i].first, expected[i].first);
      EXPECT_NEAR(losses[i].second, expected[i].second, 2e-5 * expected[i].second);
    }
    EXPECT_LT(Difference(name + "/final", "one/final"), 1e-4);
    EXPECT_LT(Difference(name + "/best_checkpoint", "one/best_checkpoint"), 1e-4);
  }
  EXPECT_THAT(messages_, ElementsAre());
}

TEST_F(RankProcessesTest, OneRankKilledAtRandomInstantsEndsWithTheSameBits) {
  ASSERT_TRUE(Run("whole", {.ranks = 1}).ok());
  KillRanks(6, std::random_device()());
  ASSERT_TRUE(Run("killed", {.ranks = 1}).ok());
  EXPECT_GE(killed_, 3);
  ExpectSameBitForBit("killed", "whole");
}

TEST_F(RankProcessesTest, RanksKilledAtRandomInstantsEndWithTheSameBits) {
  ASSERT_TRUE(Run("whole", {.ranks = 2}).ok());
  KillRanks(4, std::random_device()());
  ASSERT_TRUE(Run("killed", {.ranks = 2, .min_ranks = 2}).ok());
  EXPECT_GE(killed_, 2);
  ASSERT_FALSE(messages_.empty());
  EXPECT_THAT(messages_[0], HasSubstr("going on from the last checkpoint"));
  ExpectSameBitForBit("killed", "whole");
}

// Two ranks that hold the model together, and four that hold two copies of it.
TEST_F(RankProcessesTest, RanksThatShareAModelTrainAsOneDoes) {
  ASSERT_TRUE(Run("one", {.ranks = 1}).ok());
  job_.tensor_parallel = 2;
  for (int ranks : {2, 4}) {
    const std::string name = absl::StrCat(ranks, "-ranks");
    const auto summary = Run(name, {.ranks = ranks});
    ASSERT_TRUE(summary.ok()) << summary.status();
    const auto expected = Losses("one"), losses = Losses(name);
    ASSERT_EQ(losses.size(), expected.size());
    for (size_t i = 0; i < losses.size(); ++i) {
      EXPECT_EQ(losses[i].first, expected[i].first);
      EXPECT_NEAR(losses[i].second, expected[i].second, 2e-5 * expected[i].second);
    }
    EXPECT_LT(Difference(name + "/final", "one/final"), 1e-4);
    EXPECT_LT(Difference(name + "/best_checkpoint", "one/best_checkpoint"), 1e-4);
  }
  EXPECT_THAT(messages_, ElementsAre());
  KillRanks(2, std::random_device()());
  ASSERT_TRUE(Run("killed", {.ranks = 2, .min_ranks = 1}).ok());
  EXPECT_GE(killed_, 1);
  ExpectSameBitForBit("killed", "2-ranks");
  EXPECT_TRUE(absl::IsInvalidArgument(Run("alone", {.ranks = 1}).status()));
}

// Forced: a limit on the size of files ends rank 0 within a write, first of the checkpoint's
// adapter, then of its optimizer state, which is twice as large.
TEST_F(RankProcessesTest, KilledWithinTheWriteOfACheckpointEndsWithTheSameBits) {
  for (int ranks : {1, 2}) {
    const std::string whole = absl::StrCat("whole-", ranks), cut = absl::StrCat("cut-", ranks);
    hooks_.on_start = nullptr;
    hooks_.train.on_step = nullptr;
    ASSERT_TRUE(Run(whole, {.ranks = ranks}).ok());
    const auto size = File(whole + "/final/adapter_model.safetensors").size();
    std::vector<rlim_t> limits = {3 * size / 2, size / 2};  // from the back
    ASSERT_GT(limits[1], 4 * File(whole + "/metrics.jsonl").size()) << "another file would be cut";
    int starts = 0, found = 0;
    hooks_.on_start = [&](int rank, pid_t pid) {
      if (rank != 0) return;
      pids_[0] = pid;
      if (++starts == 1) return;
      for (const auto& entry : fs::directory_iterator(folder_->path() / cut / "checkpoints")) {
        found += entry.path().extension() == ".partial";
      }
    };
    hooks_.train.on_step = [&](const lm::StepReport& report) {
      if (report.step % 5 != 3 || limits.empty()) return;
      const rlimit limit = {limits.back(), limits.back()}, none = {0, 0};
      ASSERT_EQ(prlimit(pids_[0], RLIMIT_CORE, &none, nullptr), 0);
      ASSERT_EQ(prlimit(pids_[0], RLIMIT_FSIZE, &limit, nullptr), 0);
      limits.pop_back();
    };
    messages_.clear();
    ASSERT_TRUE(Run(cut, {.ranks = ranks, .min_ranks = ranks}).ok());
    EXPECT_EQ(starts, 3);
    EXPECT_EQ(found, 2) << "unfinished checkpoints that the next process saw";
    ASSERT_GE(messages_.size(), 2u);
    EXPECT_THAT(messages_[0], HasSubstr("killed by signal 25"));
    ExpectSameBitForBit(cut, whole);
  }
}

TEST_F(RankProcessesTest, GoesOnWithFewerRanksWhenOneNeverLives) {
  ASSERT_TRUE(Run("whole", {.ranks = 1}).ok());
  hooks_.on_start = [](int rank, pid_t pid) {
    if (rank == 1) kill(pid, SIGKILL);
  };
  ASSERT_TRUE(Run("fewer", {.ranks = 2, .min_ranks = 1}).ok());
  ASSERT_GE(messages_.size(), 2u);
  EXPECT_THAT(messages_[0], HasSubstr("rank 1 of 2 killed by signal 9"));
  EXPECT_THAT(messages_[1], HasSubstr("with 1 rank"));
  EXPECT_LT(Difference("fewer/final", "whole/final"), 1e-4);

  const absl::Status status = Run("none", {.ranks = 2, .min_ranks = 2}).status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("3 times without a step forward"));
}

// Rank 1 has too little address space for its part of a step, and rank 0 has enough: ranks that
// have the whole model each shrink their packs and agree, those that share it start again.
TEST_F(RankProcessesTest, AMemoryLimitOfOneRankShrinksThePacksOfAllAndTheResultStays) {
  std::vector<lm::Example> long_ones(150);  // of 200 tokens, which begin differently
  for (int i = 0; i < 150; ++i) {
    lm::Example& e = long_ones[i];
    e.ids = {1, 3 + i};
    while (e.ids.size() < 200) e.ids.push_back(5 + (static_cast<int>(e.ids.size()) * 7 + i) % 200);
    e.loss_weights.assign(200, 0);
    e.loss_weights[199] = 1;
  }
  ASSERT_TRUE(WriteExamples(job_.examples, {long_ones, {}}).ok());
  job_.options.batch_size = 150;
  job_.options.epochs = 1;
  setenv("OMP_NUM_THREADS", "1", 1);
  for (int tensor_parallel : {1, 2}) {
    job_.tensor_parallel = tensor_parallel;
    job_.options.max_pack_tokens = 1024;
    rlim_t limit = 0;
    hooks_.on_start = [&](int rank, pid_t pid) { pids_[rank] = pid; };
    hooks_.train.on_step = [&](const lm::StepReport&) { limit = PeakBytes(pids_[1]); };
    const std::string small = absl::StrCat("small-", tensor_parallel);
    ASSERT_TRUE(Run(small, {.ranks = 2}).ok());
    ASSERT_GT(limit, 0u);
    limit += rlim_t{100} << 20;
    hooks_.train.on_step = nullptr;
    hooks_.on_start = [&](int rank, pid_t pid) {
      const rlimit bounds = {limit, limit};
      if (rank == 1) {
        ASSERT_EQ(prlimit(pid, RLIMIT_AS, &bounds, nullptr), 0);
      }
    };
    job_.options.max_pack_tokens = 30000;
    messages_.clear();
    const std::string limited = absl::StrCat("limited-", tensor_parallel);
    const auto summary = Run(limited, {.ranks = 2, .min_ranks = 2});
    ASSERT_TRUE(summary.ok()) << summary.status();
    EXPECT_LT(Difference(limited + "/final", small + "/final"), 1e-4);
    EXPECT_THAT(messages_, ::testing::Contains(HasSubstr(
                               tensor_parallel == 1 ? "all ranks go on with packs of"
                                                    : "checkpoint with packs of at most 15000")));
  }
  unsetenv("OMP_NUM_THREADS");
}

// Two callers, as two workers of a gang are, each with a rank.
class SpreadRanksTest : public RankProcessesTest {
 protected:
  // As many threads for each rank wherever it runs: sums are the same then, bit for bit.
  void SetUp() override {
    RankProcessesTest::SetUp();
    setenv("OMP_NUM_THREADS", "1", 1);
  }
  void TearDown() override { unsetenv("OMP_NUM_THREADS"); }
  struct Outcome {
    absl::StatusOr<lm::TrainSummary> leader = absl::UnknownError("not run");
    absl::StatusOr<lm::TrainSummary> other = absl::UnknownError("not run");
  };
  Outcome RunSpread(const std::string& name, int64_t generation) {
    Outcome outcome;
    std::promise<std::string> met;
    RankProcessHooks leader = hooks_;
    leader.on_listening = [&](const std::string& rendezvous) {
      met.set_value(rendezvous);
      return absl::OkStatus();
    };
    job_.output = (folder_->path() / name).string();
    std::thread thread([&] {
      outcome.leader = TrainInProcesses(
          job_, folder_->path(),
          {.ranks = 1, .spread = {.world_size = 2, .generation = generation}}, leader, cancel_);
    });
    RankJob job = job_;
    job.output = (folder_->path() / "elsewhere").string();
    const TempFolder elsewhere = TempFolder::Make().value();
    RankProcessHooks other;
    other.on_start = other_start_;
    RankProcessOptions options{.ranks = 1};
    options.spread = {.first_rank = 1, .world_size = 2, .generation = generation};
    options.spread.rendezvous = met.get_future().get();
    outcome.other = TrainInProcesses(job, elsewhere.path(), options, other, cancel_);
    thread.join();
    return outcome;
  }
  std::function<void(int, pid_t)> other_start_;
};

TEST_F(SpreadRanksTest, RanksOfSeveralCallersTrainAsThoseOfOne) {
  ASSERT_TRUE(Run("whole", {.ranks = 2}).ok());
  const Outcome outcome = RunSpread("spread", 7);
  ASSERT_TRUE(outcome.leader.ok()) << outcome.leader.status();
  ASSERT_TRUE(outcome.other.ok()) << outcome.other.status();
  EXPECT_EQ(outcome.leader->steps, 20);
  ExpectSameBitForBit("spread", "whole");
}

TEST_F(SpreadRanksTest, ALossEndsBothAndTheNextGenerationGoesOn) {
  ASSERT_TRUE(Run("whole", {.ranks = 2}).ok());
  pid_t other = 0;
  other_start_ = [&](int rank, pid_t pid) {
    EXPECT_EQ(rank, 1);
    other = pid;
  };
  hooks_.train.on_step = [&](const lm::StepReport& report) {
    if (report.step == 6) kill(other, SIGKILL);
  };
  std::vector<std::string> snapshots;
  hooks_.on_snapshot = [&](const fs::path& folder) { snapshots.push_back(folder.string()); };
  const Outcome lost = RunSpread("spread", 1);
  EXPECT_TRUE(absl::IsAborted(lost.leader.status())) << lost.leader.status();
  EXPECT_TRUE(absl::IsUnavailable(lost.other.status())) << lost.other.status();
  EXPECT_THAT(std::string(lost.other.status().message()), HasSubstr("rank 1 of 2 killed"));
  ASSERT_GE(snapshots.size(), 4u);
  EXPECT_TRUE(fs::exists(snapshots[3] + "/checkpoints/step-4/manifest.json"));
  hooks_.train.on_step = nullptr;
  EXPECT_THAT(messages_, ElementsAre());
  const Outcome next = RunSpread("spread", 2);
  ASSERT_TRUE(next.leader.ok()) << next.leader.status();
  ASSERT_TRUE(next.other.ok()) << next.other.status();
  ExpectSameBitForBit("spread", "whole");
}

// The next generation's leader is another process, maybe: it is told by a file.
TEST_F(SpreadRanksTest, LossesWithoutAStepForwardShrinkThePacksOfTheNextGeneration) {
  ASSERT_TRUE(Run("whole", {.ranks = 2}).ok());
  RankLosses losses(folder_->path() / "rank_losses.json");
  losses.Lost(12);
  ASSERT_TRUE(losses.Save().ok());
  pid_t other = 0;
  other_start_ = [&](int, pid_t pid) { other = pid; };
  hooks_.train.on_step = [&](const lm::StepReport& report) {
    if (report.step == 3) kill(other, SIGKILL);
  };
  EXPECT_FALSE(RunSpread("spread", 1).leader.ok());
  EXPECT_THAT(messages_, ElementsAre(HasSubstr("with packs of at most 512 tokens")));
  hooks_.train.on_step = nullptr;
  ASSERT_TRUE(RunSpread("spread", 2).leader.ok());
  EXPECT_EQ(ReadRankJob(folder_->path() / "rank_job.json")->options.max_pack_tokens, 512);
  EXPECT_LT(Difference("spread/final", "whole/final"), 1e-4);
}

TEST_F(RankProcessesTest, WhatARankReportsIsTheError) {
  job_.options.learning_rate = 1e30;
  const absl::Status status = Run("diverges", {.ranks = 2}).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("lower learning_rate"));
  ASSERT_EQ(messages_.size(), 1u);
  EXPECT_THAT(messages_[0], HasSubstr("half the learning rate"));
  job_.student = "/nowhere";
  EXPECT_TRUE(absl::IsNotFound(Run("no student", {.ranks = 2}).status()));
}

TEST_F(RankProcessesTest, ACancelledRunSavesItsStateEndsItsProcessesAndGoesOn) {
  job_.options.checkpoint_every = 1000;
  ASSERT_TRUE(Run("whole", {.ranks = 2}).ok());
  hooks_.on_start = [&](int rank, pid_t pid) { pids_[rank] = pid; };
  hooks_.train.on_step = [&](const lm::StepReport& report) {
    if (report.step == 3) cancel_.Cancel("test");
  };
  EXPECT_TRUE(absl::IsCancelled(Run("stopped", {.ranks = 2}).status()));
  ASSERT_EQ(pids_.size(), 2u);
  for (const auto& [rank, pid] : pids_) {
    EXPECT_EQ(kill(pid, 0), -1);
    EXPECT_EQ(errno, ESRCH);
  }
  EXPECT_FALSE(fs::exists(folder_->path() / "stopped/final"));
  cancel_ = CancelToken();
  hooks_.train.on_step = nullptr;
  ASSERT_TRUE(Run("stopped", {.ranks = 2}).ok());
  EXPECT_THAT(messages_.at(0), HasSubstr("resuming after step"));
  ExpectSameBitForBit("stopped", "whole");
}

}  // namespace
}  // namespace foundry::trainer
