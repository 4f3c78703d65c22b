// The worker's calls to the coordinator, repeated while it is away. All are idempotent under the
// lease's epoch, so repeating is safe. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/cancel.h"
#include "common/rpc/channel.h"
#include "foundry/coordinator/v1/gangs.grpc.pb.h"
#include "foundry/coordinator/v1/workers.grpc.pb.h"

namespace foundry::worker {

// The lease is not ours any more: drop the task.
bool IsStaleLease(const absl::Status& status);
// The coordinator may answer later: Unavailable, DeadlineExceeded, ResourceExhausted, …
bool IsTransient(const absl::Status& status);

// The coordinator cannot be reached.
bool IsAway(const absl::Status& status);

// Longest pause before try `attempt` (from 0): 0.2 s doubling to 5 s, each half random.
absl::Duration Backoff(int attempt);

class CoordinatorClient {
 public:
  CoordinatorClient(const rpc::Channel* channel, std::string worker_id);

  const std::string& worker_id() const { return worker_id_; }

  // Before a failed call is tried again; ends early when a lost coordinator is back. True: stop.
  bool Pause(absl::Duration longest, const CancelToken& stop) const {
    return channel_->Pause(longest, stop);
  }

  // One long poll; ends early when `stop` is cancelled. A lease without task_id: nothing to do.
  absl::StatusOr<coordinator::v1::Lease> Lease(const coordinator::v1::LeaseTaskRequest& request,
                                               const CancelToken& stop);

  // One try.
  absl::StatusOr<coordinator::v1::HeartbeatResponse> Heartbeat(
      coordinator::v1::HeartbeatRequest request);

  // Repeated until they get through, the error is final, or `give_up` is cancelled.
  absl::Status Complete(const coordinator::v1::Lease& lease, common::v1::StageResult result,
                        const std::string& manifest, const CancelToken& give_up);
  absl::Status Fail(const coordinator::v1::Lease& lease, const absl::Status& error, bool retryable,
                    const CancelToken& give_up);
  absl::Status Release(const coordinator::v1::Lease& lease, const CancelToken& give_up);
  absl::Status OpenMeeting(const coordinator::v1::Lease& lease, const std::string& rendezvous,
                           const std::string& inputs, const CancelToken& give_up);
  absl::Status LeaveSeat(const coordinator::v1::Lease& lease, coordinator::v1::LeaveReason reason,
                         const std::string& message, const CancelToken& give_up);

  // One try each.
  absl::StatusOr<coordinator::v1::HeartbeatSeatResponse> HeartbeatSeat(
      const coordinator::v1::Lease& lease);
  absl::Status RegisterCheckpoint(const coordinator::v1::Lease& lease, const std::string& manifest);

 private:
  absl::Status Repeat(const char* what, const CancelToken& give_up,
                      const std::function<grpc::Status(grpc::ClientContext*)>& call);

  const rpc::Channel* const channel_;
  const std::string worker_id_;
  const std::unique_ptr<coordinator::v1::WorkersService::Stub> stub_;
  const std::unique_ptr<coordinator::v1::GangsService::Stub> gangs_;
};

}  // namespace foundry::worker
