// Following a job on the terminal.
#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "common/base/cancel.h"
#include "tools/foundry/command.h"
#include "tools/foundry/jobs_client.h"

namespace foundry::cli {

struct FollowOptions {
  // Asked several times a second; not OK gives up.
  std::function<absl::Status()> keep_going;
  // Ends the watching; see InterruptWatch.
  CancelToken cancel;
};

// Shows progress on stderr until the job ends. Cancelled when `cancel` is (the job goes on where
// its processes do).
absl::StatusOr<coordinator::v1::Job> FollowJob(JobsClient& client, const std::string& job_id,
                                               const FollowOptions& options);

// Prints what a job came to: the before/after table, the outputs and the report's path. The exit
// code of the job.
int PrintOutcome(const coordinator::v1::Job& job, Output output);

}  // namespace foundry::cli
