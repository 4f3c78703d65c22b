// Running a stage's handler, the same way behind both doors. Thread-safe.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/cancel.h"
#include "common/telemetry/metrics.h"
#include "common/worker/stage.h"
#include "common/worker/state_keeper.h"
#include "common/worker/task_context.h"
#include "common/worker/task_report.h"
#include "common/worker/work_folder.h"
#include "foundry/common/v1/progress.pb.h"

namespace foundry::worker {

// What a handler of this process may need. Does not own anything.
struct StageRunner {
  std::vector<Stage> stages;
  WorkFolder* files = nullptr;
  telemetry::Metrics* metrics = nullptr;
};

// One run of a handler.
struct StageRun {
  std::filesystem::path output;   // empty folder
  std::filesystem::path scratch;  // kept between attempts
  CancelToken cancel;
  TaskReport* report = nullptr;
  Gang* gang = nullptr;
  StateKeeper* keeper = nullptr;  // null: states are not kept
  std::string kept_state;         // manifest of an earlier attempt's; empty: none
};

// Calls the handler for `request`. Unimplemented when no stage of this process takes it; Internal
// when a library threw. The result has no manifest yet.
absl::StatusOr<common::v1::StageResult> RunStage(const StageRunner& runner,
                                                 const StageRequest& request, const StageRun& run);

// The stage that takes such requests, or "".
std::string StageOf(const StageRunner& runner, StageRequest::RequestCase request);

// Whether another attempt may end otherwise: false for errors of the request itself
// (InvalidArgument, NotFound, FailedPrecondition, Unimplemented, OutOfRange, …).
bool IsRetryable(const absl::Status& status);

}  // namespace foundry::worker
