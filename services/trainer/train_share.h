// A training whose ranks run on several workers: what the one with rank 0 gives the others, and
// what these do. Thread-safe (no state).
#pragma once

#include <filesystem>

#include "absl/status/statusor.h"
#include "common/worker/task_context.h"
#include "services/trainer/rank_processes.h"
#include "services/trainer/train_job.h"

namespace foundry::trainer {

// Where the base model lies here; fetched if it has to be.
absl::StatusOr<std::filesystem::path> StudentPath(const TrainJob& job,
                                                  worker::TaskContext& context);

// How many ranks run here, and where the others are. Makes nothing known yet.
RankProcessOptions RankOptionsOf(const TrainJob& job, worker::TaskContext& context);

// On the leader, before its ranks start: hands the others all that ranks are told.
absl::Status ShareRanks(const RankJob& ranks, worker::TaskContext& context);

// On the others: runs their ranks. The output is empty.
absl::StatusOr<worker::StageOutput> RunShare(const TrainJob& job, worker::TaskContext& context);

// `status` of ranks here. When it only says that ranks elsewhere ended, who lost them tells it:
// that is waited for a moment, and Cancelled is the answer when it came.
absl::Status AfterOthers(const absl::Status& status, worker::TaskContext& context);

}  // namespace foundry::trainer
