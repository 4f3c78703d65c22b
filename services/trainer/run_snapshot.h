// Copies of a training run's state that others may read while the run goes on, and a run that goes
// on from one. Thread-safe (no state).
#pragma once

#include <cstdint>
#include <filesystem>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace foundry::trainer {

// `run` is lm::Train's folder, and `checkpoint` its newest one, of `step`. To be called between
// steps: makes and answers run/snapshots/step-N with that checkpoint, the best adapter, the curves
// so far and `examples`, by hard links where files are never changed in place.
absl::StatusOr<std::filesystem::path> SnapshotRun(const std::filesystem::path& run,
                                                  const std::filesystem::path& checkpoint,
                                                  int64_t step,
                                                  const std::filesystem::path& examples);

// Makes `run` go on from a snapshot, unless it has as new a checkpoint itself. True: it does. A run
// that this interrupts has either state. Not for a run that goes on.
absl::StatusOr<bool> RestoreRun(const std::filesystem::path& snapshot,
                                const std::filesystem::path& run);

// The examples that a run which went on from a snapshot belongs to take the place of `examples`:
// made anew by another kind of processor these differ in the last bits (soft targets, what was
// generated), and would be another run's. Nothing happens to a run that began here.
absl::Status KeepExamples(const std::filesystem::path& run, const std::filesystem::path& examples);

}  // namespace foundry::trainer
