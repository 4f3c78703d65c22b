// The coordinator's JobsService, with deadlines and absl::Status. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/cancel.h"
#include "foundry/coordinator/v1/jobs.grpc.pb.h"

namespace foundry::cli {

class JobsClient {
 public:
  // `address`: host:port or unix:path. Connects lazily.
  static absl::StatusOr<std::unique_ptr<JobsClient>> Connect(const std::string& address);

  // Waits until the coordinator answers; Unavailable after `patience`. `keep_going` may be null;
  // when it is not OK, the waiting ends with that status.
  absl::Status WaitUntilServing(absl::Duration patience, const CancelToken& cancel,
                                const std::function<absl::Status()>& keep_going = nullptr);

  absl::StatusOr<coordinator::v1::Job> Create(const std::string& request_id,
                                              const pipeline::v1::PipelineSpec& spec);
  absl::StatusOr<coordinator::v1::Job> Get(const std::string& job_id);
  absl::StatusOr<coordinator::v1::ListJobsResponse> List(
      const coordinator::v1::ListJobsRequest& request);
  absl::StatusOr<coordinator::v1::Job> Cancel(const std::string& job_id, const std::string& reason);
  absl::StatusOr<coordinator::v1::Job> Retry(const std::string& job_id);
  absl::StatusOr<coordinator::v1::GetMetricsResponse> Metrics(const std::string& job_id);

  struct WatchHooks {
    std::function<void(const coordinator::v1::Job&)> on_snapshot;
    std::function<void(const coordinator::v1::Event&)> on_event;
    // Asked several times a second: not OK ends the watch with that status.
    std::function<absl::Status()> keep_going;
  };
  // Follows a job until it ends; a broken stream is resumed after the last event seen. Returns the
  // job as it ended, or Cancelled.
  absl::StatusOr<coordinator::v1::Job> Watch(const std::string& job_id, int64_t after_event_id,
                                             const WatchHooks& hooks, const CancelToken& cancel);

 private:
  JobsClient() = default;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<coordinator::v1::JobsService::Stub> stub_;
};

// Whether the state is final.
bool IsFinal(coordinator::v1::State state);

}  // namespace foundry::cli
