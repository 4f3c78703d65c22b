// Checkpoints of a training run: checkpoints/step-N/ with the adapter in PEFT's format, the
// optimizer's state and, written last, the manifest. Internal to common/lm. Not thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/lm/lora/adapter.h"
#include "common/lm/train/optimizer.h"

namespace foundry::lm {

// Where a run stands. Data order, dropout and the schedule follow from the seed and the step.
struct RunState {
  int64_t step = 0;                 // steps done
  bool validation_pending = false;  // the validation due after `step` was not finished
  double rate_scale = 1;            // after a rewind, or by the adaptive schedule
  int64_t failed_step = 0;          // the last one whose loss was not finite; 0: none
  int64_t rewinds = 0;              // for such steps
  double last_loss = 0;
  bool has_best = false;
  double best_score = 0;
  int64_t best_step = 0;
  std::map<std::string, double> best_figures;  // what was reported with best_score
  int64_t stale = 0;                           // validations since the best one
  int64_t pack_tokens = 0;  // of a pack at most, since memory ran out; 0: it did not
  int64_t tokens = 0;
  double seconds = 0;
};

// What a checkpoint must agree with to be gone on from.
struct RunIdentity {
  std::string fingerprint;              // of examples, options, model and products
  at::ScalarType compute = at::kFloat;  // of the products
};

// Makes checkpoints/step-N visible all at once and removes all but the newest two. Returns its
// path.
absl::StatusOr<std::filesystem::path> SaveCheckpoint(const std::filesystem::path& output,
                                                     const RunIdentity& run, const RunState& state,
                                                     const Adapter& adapter, AdamW& optimizer,
                                                     const std::string& base_model);

// The newest complete checkpoint of the run: fills adapter and optimizer. Checkpoints of other runs
// are removed, and `*removed` counts them; nullopt when none is left.
absl::StatusOr<std::optional<RunState>> LoadCheckpoint(const std::filesystem::path& output,
                                                       const RunIdentity& run,
                                                       const Decoder& decoder, Adapter& adapter,
                                                       AdamW& optimizer, int* removed);

// The products of the newest checkpoint there, of whatever run; nullopt: none, or it does not say.
std::optional<at::ScalarType> RecordedCompute(const std::filesystem::path& output);

}  // namespace foundry::lm
