// Training examples in one binary file, from the process that makes them to the ranks that train.
// Of this machine's byte order: not for keeping. Thread-safe (no state).
#pragma once

#include <filesystem>
#include <vector>

#include "absl/status/statusor.h"
#include "common/lm/trainer.h"

namespace foundry::trainer {

struct ExampleSets {
  std::vector<lm::Example> train, validation;
};

// Atomic.
absl::Status WriteExamples(const std::filesystem::path& path, const ExampleSets& sets);

// DataLoss when the file is cut short or something else.
absl::StatusOr<ExampleSets> ReadExamples(const std::filesystem::path& path);

}  // namespace foundry::trainer
