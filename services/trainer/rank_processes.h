// Training in child processes, one for each rank, all on this machine.
//
// When a rank is lost (killed, crashed), the others are ended too and all start again from the last
// checkpoint: with as many ranks at first, and when that brings no step forward, with fewer and
// with smaller packs. Ranks never outlive the caller. Thread-safe (no state).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/cancel.h"
#include "services/trainer/dev_score.h"
#include "services/trainer/rank_job.h"

namespace foundry::trainer {

struct RankProcessOptions {
  int ranks = 1;
  int min_ranks = 1;             // that training goes on with
  int losses = 3;                // of ranks in a row, without a new step between, that end it
  int64_t memory_limit_mib = 0;  // of each rank's address space; 0: none
  absl::Duration grace = absl::Seconds(8);  // for saving the state when cancelled
  std::string host = "127.0.0.1";
};

// Called one at a time.
struct RankProcessHooks {
  lm::TrainHooks train;  // on_checkpoint is not called
  std::function<void(const DevScore&)> on_dev_score;
  std::function<void(int rank, pid_t pid)> on_start;  // of a process
};

// lm::Train of `job`, whose file is written into `folder`. Errors are those of lm::Train, and
// Unavailable when ranks are lost again and again.
absl::StatusOr<lm::TrainSummary> TrainInProcesses(const RankJob& job,
                                                  const std::filesystem::path& folder,
                                                  const RankProcessOptions& options,
                                                  const RankProcessHooks& hooks,
                                                  const CancelToken& cancel);

}  // namespace foundry::trainer
