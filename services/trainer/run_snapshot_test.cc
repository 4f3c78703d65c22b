#include "services/trainer/run_snapshot.h"

#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "gtest/gtest.h"

namespace foundry::trainer {
namespace {

namespace fs = std::filesystem;

class RunSnapshotTest : public ::testing::Test {
 protected:
  // What a run leaves that has done `step` steps.
  void Leave(const fs::path& run, int step) {
    const std::string content = absl::StrCat("step ", step);
    ASSERT_TRUE(WriteFileAtomic(Checkpoint(run, step) / "manifest.json", content).ok());
    ASSERT_TRUE(WriteFileAtomic(run / "best_checkpoint/adapter", content).ok());
    ASSERT_TRUE(WriteFileAtomic(run / "metrics.jsonl", content).ok());
  }
  static fs::path Checkpoint(const fs::path& run, int step) {
    return run / "checkpoints" / absl::StrCat("step-", step);
  }
  absl::StatusOr<fs::path> Snapshot(int step) {
    return SnapshotRun(here_, Checkpoint(here_, step), step, folder_.path() / "examples.bin");
  }
  TempFolder folder_ = *TempFolder::Make();
  const fs::path here_ = folder_.path() / "here", there_ = folder_.path() / "there";
};

TEST_F(RunSnapshotTest, StaysAsItWasWhileTheRunGoesOn) {
  Leave(here_, 3);
  const auto snapshot = Snapshot(3);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  Leave(here_, 4);
  std::ofstream(here_ / "metrics.jsonl", std::ios::app) << " and more";
  fs::remove_all(Checkpoint(here_, 3));
  EXPECT_EQ(*ReadFile(Checkpoint(*snapshot, 3) / "manifest.json"), "step 3");
  EXPECT_EQ(*ReadFile(*snapshot / "best_checkpoint/adapter"), "step 3");
  EXPECT_EQ(*ReadFile(*snapshot / "metrics.jsonl"), "step 3");
}

TEST_F(RunSnapshotTest, AnotherRunGoesOnFromItUnlessItIsFurther) {
  Leave(here_, 12);
  const fs::path snapshot = *Snapshot(12);
  Leave(there_, 9);  // as numbers, not as text
  ASSERT_TRUE(*RestoreRun(snapshot, there_));
  EXPECT_EQ(*ReadFile(Checkpoint(there_, 12) / "manifest.json"), "step 12");
  EXPECT_EQ(*ReadFile(there_ / "best_checkpoint/adapter"), "step 12");
  EXPECT_EQ(*ReadFile(there_ / "metrics.jsonl"), "step 12");
  // Its own from now on: what is written there does not reach the snapshot.
  std::ofstream(there_ / "metrics.jsonl", std::ios::app) << " and more";
  EXPECT_EQ(*ReadFile(snapshot / "metrics.jsonl"), "step 12");
  Leave(there_, 13);
  EXPECT_FALSE(*RestoreRun(snapshot, there_));
  EXPECT_EQ(*ReadFile(there_ / "metrics.jsonl"), "step 13");
}

// Made anew elsewhere they may differ in the last bits.
TEST_F(RunSnapshotTest, ARunThatGoesOnElsewhereKeepsItsExamples) {
  const fs::path examples = folder_.path() / "examples.bin", others = folder_.path() / "others.bin";
  ASSERT_TRUE(WriteFileAtomic(examples, "as they were").ok());
  ASSERT_TRUE(WriteFileAtomic(others, "made anew").ok());
  Leave(here_, 2);
  const fs::path snapshot = *Snapshot(2);
  ASSERT_TRUE(KeepExamples(here_, examples).ok());
  EXPECT_EQ(*ReadFile(examples), "as they were");
  ASSERT_TRUE(*RestoreRun(snapshot, there_));
  ASSERT_TRUE(KeepExamples(there_, others).ok());
  EXPECT_EQ(*ReadFile(others), "as they were");
  // Also in an attempt there that has nothing to restore.
  Leave(there_, 5);
  ASSERT_TRUE(WriteFileAtomic(others, "made anew").ok());
  ASSERT_FALSE(*RestoreRun(snapshot, there_));
  ASSERT_TRUE(KeepExamples(there_, others).ok());
  EXPECT_EQ(*ReadFile(others), "as they were");
}

TEST_F(RunSnapshotTest, WhatHoldsNoCheckpointIsAnError) {
  fs::create_directories(there_);
  EXPECT_EQ(RestoreRun(there_, here_).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_FALSE(Snapshot(1).ok() && RestoreRun(here_ / "snapshots/step-1", there_).ok());
}

}  // namespace
}  // namespace foundry::trainer
