// Real rank processes that train a tiny model, and are killed while they do.
#include "services/trainer/rank_processes.h"

#include <errno.h>

#include "gmock/gmock.h"
#include "services/trainer/rank_processes_fixture.h"

namespace foundry::trainer {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using RankProcessesTest = RankProcessesFixture;

TEST_F(RankProcessesTest, SeveralRanksTrainAsOneDoes) {
  const lm::TrainSummary one = Run("one", {.ranks = 1}).value();
  EXPECT_EQ(one.steps, 20);
  // With three, ranks have no example in some steps.
  for (int ranks : {2, 3}) {
    const std::string name = absl::StrCat(ranks, "-ranks");
    const lm::TrainSummary summary = Run(name, {.ranks = ranks}).value();
    EXPECT_EQ(summary.steps, 20);
    EXPECT_GT(summary.peak_memory_mib, 1.5 * one.peak_memory_mib);
    ExpectSameTraining(name, "one");
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
    ExpectSameTraining(name, "one");
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
