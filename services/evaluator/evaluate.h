// An evaluation from plain settings: opens models and data sets, runs, writes. The service and the
// command `foundry evaluate` both call it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/chat/open.h"
#include "services/evaluator/models.h"
#include "services/evaluator/runner.h"

namespace foundry::evaluator {

struct DatasetChoice {
  TaskKind kind = TaskKind::kQa;
  std::filesystem::path path;  // empty for kHeldOut
  std::string name;            // empty: the file's
};

struct EvaluateOptions {
  std::string label = "model";
  ModelChoice model;                           // unused with a teacher
  std::optional<chat::TeacherConfig> teacher;  // answers instead, the passage in its context
  std::vector<DatasetChoice> datasets;
  std::filesystem::path pairs;      // for kHeldOut
  std::filesystem::path documents;  // for the perplexity and the context; empty: none
  std::vector<std::string> judges = {"exact", "f1"};
  ModelChoice embedder;                      // for the judge "embedding"
  std::optional<chat::TeacherConfig> judge;  // for the judge "llm"
  std::string split = "test";
  int max_new_tokens = 48;
  int64_t max_samples = 0;  // questions a data set; 0: all
  uint64_t seed = 7;
};

absl::StatusOr<RunResult> Evaluate(const EvaluateOptions& options, const ModelAccess& models,
                                   const RunHooks& hooks, const std::filesystem::path& scratch,
                                   const std::filesystem::path& output);

}  // namespace foundry::evaluator
