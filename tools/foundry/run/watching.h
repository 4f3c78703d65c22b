// Following a job on the terminal, with Ctrl-C.
#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "tools/foundry/command.h"
#include "tools/foundry/jobs_client.h"

namespace foundry::cli {

struct FollowOptions {
  // Asked while the coordinator does not answer; not OK gives up.
  std::function<absl::Status()> keep_going;
  // Called on the first SIGINT or SIGTERM; a second one ends the process at once.
  std::function<void()> on_interrupt;
};

// Shows progress on stderr until the job ends. Cancelled when interrupted (the job goes on where
// its processes do).
absl::StatusOr<coordinator::v1::Job> FollowJob(JobsClient& client, const std::string& job_id,
                                               const FollowOptions& options);

// Prints what a job came to: the before/after table, the outputs and the report's path. The exit
// code of the job.
int PrintOutcome(const coordinator::v1::Job& job, Output output);

}  // namespace foundry::cli
