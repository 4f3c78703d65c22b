// A training of seconds, for tests that run it with real processes: the tiny Llama of
// tests/data/goldens with a tokenizer of bytes, and a spec that trains it on two dozen pairs.
//
// The model is found through the variable FOUNDRY_SOURCE_DIR, which tests are started with.
// Thread-safe (no state).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace foundry::testing {

struct TinyTraining {
  // Of the job and its output_dir. Inputs are another blob under each name: the output of an
  // earlier job does not serve.
  std::string name;
  int epochs = 1;  // of 6 steps, all of them checkpoints
  int devices = 1;
  int min_devices = 1;
};

// Writes the student and the pairs into `folder`, against which the spec's paths are resolved.
// Returns the spec in YAML.
absl::StatusOr<std::string> MakeTinyTraining(const std::filesystem::path& folder,
                                             const TinyTraining& training);

// What a training left in its output_dir.
struct TrainedFiles {
  std::map<int64_t, double> losses;  // of each step
  std::string adapter, best;         // the bytes of the last adapter and of the best one
};
// DataLoss when something is missing, or a step is there twice.
absl::StatusOr<TrainedFiles> ReadTrained(const std::filesystem::path& output_dir);

}  // namespace foundry::testing
