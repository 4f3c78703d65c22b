// The merge stage: adapter + base to a model that others load, with its parity figures.
//
// Output: merged/ (layout in common/lm/export/export.h) and parity.json, the same as the one
// inside.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/worker/task_context.h"

namespace foundry::merger {

struct MergeJob {
  std::string base;             // name or path of the base model, or
  worker::InputRef base_files;  // a model made by an earlier step
  worker::InputRef adapter;     // empty: the base is converted as it is
  std::vector<std::string> formats = {"huggingface", "gguf"};
  std::vector<std::string> quantization = {"f16", "q8_0"};  // of the GGUF files
  std::string device = "auto";
};

// Counts: files. Figures: max_abs_logit_<file>, mean_kl_<file>, adapter_mean_kl.
absl::StatusOr<worker::StageOutput> RunMerge(const MergeJob& job, worker::TaskContext& context);

}  // namespace foundry::merger
