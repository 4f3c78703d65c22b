// What a rank process is told, as a JSON file. Thread-safe (no state).
#pragma once

#include <filesystem>
#include <string>

#include "absl/status/statusor.h"
#include "common/lm/trainer.h"

namespace foundry::trainer {

struct RankJob {
  std::string student;                                 // folder or file of the base model
  std::string device;                                  // as in lm::LoadOptions
  lm::WeightFormat weights = lm::WeightFormat::kFull;  // of the frozen base
  int tensor_parallel = 1;   // ranks that hold one copy of the model together
  lm::TrainOptions options;  // all but what lives in a process: score, ranks, use_up_base
  std::string examples;      // see example_file.h
  std::string dev_pairs;     // pairs.jsonl that choose the checkpoint; empty: the validation loss
  std::string output;        // folder of the run, see lm::Train; rank 0 uses it
  bool snapshots = false;    // rank 0 leaves one with each checkpoint, see run_snapshot.h
};

absl::Status WriteRankJob(const std::filesystem::path& path, const RankJob& job);
// InvalidArgument names the file and the member.
absl::StatusOr<RankJob> ReadRankJob(const std::filesystem::path& path);

}  // namespace foundry::trainer
