#include "services/coordinator/planner/exports.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::coordinator {
namespace {

using ::testing::ElementsAre;

TaskFiles Task(const std::string& key, const std::vector<std::string>& names) {
  TaskFiles task{key, {}};
  for (const std::string& name : names) {
    auto* artifact = task.manifest.add_artifacts();
    artifact->set_name(name);
    artifact->set_sha256(key + ":" + name);
  }
  return task;
}

std::vector<std::string> Names(const common::v1::Manifest& manifest) {
  std::vector<std::string> names;
  for (const auto& artifact : manifest.artifacts()) names.push_back(artifact.name());
  return names;
}

TEST(Exports, OnlyTheJoinedOutputOfShards) {
  const auto files =
      ExportedFiles("teacher", {Task("pairs/0", {"pairs.jsonl"}),
                                Task("pairs/join", {"pairs.jsonl", "teacher_pairs.json"})});
  EXPECT_THAT(Names(files), ElementsAre("teacher_pairs.json"));
}

TEST(Exports, FoldersKeepTheirFiles) {
  const auto files = ExportedFiles("distillation",
                                   {Task("train", {"best_checkpoint/adapter_config.json", "final/a",
                                                   "metrics.jsonl", "best_checkpoints.txt"})});
  EXPECT_THAT(Names(files),
              ElementsAre("best_checkpoint/adapter_config.json", "final/a", "metrics.jsonl"));
}

TEST(Exports, SelfStudyShowsTheLastRoundAndKeepsEach) {
  const auto files = ExportedFiles(
      "self_study", {Task("r0/score", {"scores.json"}),
                     Task("r1/study/0", {"self_study_results/a.json", "failed.jsonl"}),
                     Task("r1/study/1", {"self_study_results/b.json"}),
                     Task("r1/train", {"best_checkpoint/x", "final/x"}),
                     Task("r2/study/0", {"self_study_results/a.json"}),
                     Task("merge", {"merged/config.json", "parity.json"})});
  EXPECT_THAT(
      Names(files),
      ElementsAre("merged/config.json", "parity.json", "self_study/r0/scores.json",
                  "self_study/r1/best_checkpoint/x", "self_study/r1/self_study_results/a.json",
                  "self_study/r1/self_study_results/b.json",
                  "self_study/r2/self_study_results/a.json", "self_study_results/a.json"));
  EXPECT_EQ(files.artifacts(7).sha256(), "r2/study/0:self_study_results/a.json");
}

TEST(Exports, EvaluationKeepsEachModelsAnswers) {
  const auto files =
      ExportedFiles("evaluation", {Task("evaluate/base", {"answers.jsonl"}),
                                   Task("report", {"evaluation_results.json", "report.html"})});
  EXPECT_THAT(Names(files), ElementsAre("evaluation/base/answers.jsonl", "evaluation_results.json",
                                        "report.html"));
}

}  // namespace
}  // namespace foundry::coordinator
