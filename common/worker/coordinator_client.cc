#include "common/worker/coordinator_client.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/ids.h"
#include "common/telemetry/log.h"
#include "common/worker/task_report.h"

namespace foundry::worker {
namespace {

namespace v1 = coordinator::v1;

constexpr absl::Duration kCallTimeout = absl::Seconds(10);
// Errors that may be the request's own fault (too large, say) are tried this often; an absent
// coordinator is waited for without end.
constexpr int kMostTries = 12;
// What a long poll may take beyond its waiting time.
constexpr absl::Duration kPollMargin = absl::Seconds(10);

template <typename Request>
Request ForLease(const std::string& worker_id, const v1::Lease& lease) {
  Request request;
  request.set_worker_id(worker_id);
  request.set_task_id(lease.task_id());
  request.set_epoch(lease.epoch());
  return request;
}

}  // namespace

bool IsStaleLease(const absl::Status& status) { return ReasonOf(status) == "STALE_LEASE"; }

bool IsAway(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

bool IsTransient(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kInternal:
      return true;
    default:
      return false;
  }
}

absl::Duration Backoff(int attempt) {
  thread_local std::mt19937_64 random(RandomSeed());
  const double longest = std::min(5.0, 0.2 * std::pow(2.0, std::min(attempt, 10)));
  return absl::Seconds(std::uniform_real_distribution<>(longest / 2, longest)(random));
}

CoordinatorClient::CoordinatorClient(const rpc::Channel* channel, std::string worker_id)
    : channel_(channel),
      worker_id_(std::move(worker_id)),
      stub_(v1::WorkersService::NewStub(channel->grpc_channel())),
      gangs_(v1::GangsService::NewStub(channel->grpc_channel())) {}

absl::StatusOr<v1::Lease> CoordinatorClient::Lease(const v1::LeaseTaskRequest& request,
                                                   const CancelToken& stop) {
  const absl::Duration wait = absl::Seconds(request.wait_time().seconds());
  grpc::ClientContext context;
  channel_->Prepare(wait + kPollMargin, &context);
  // The poll is a blocking call; a watcher ends it when the worker stops.
  CancelToken answered;
  std::thread watcher([&] {
    while (!answered.WaitFor(absl::Milliseconds(100))) {
      if (stop.Cancelled()) {
        context.TryCancel();
        return;
      }
    }
  });
  v1::LeaseTaskResponse response;
  const absl::Status status = rpc::FromGrpc(stub_->LeaseTask(&context, request, &response));
  answered.Cancel("answered");
  watcher.join();
  if (!status.ok()) return status;
  return std::move(*response.mutable_lease());
}

absl::StatusOr<v1::HeartbeatResponse> CoordinatorClient::Heartbeat(v1::HeartbeatRequest request) {
  request.set_worker_id(worker_id_);
  v1::HeartbeatResponse response;
  const absl::Status status = channel_->Invoke(kCallTimeout, [&](grpc::ClientContext* context) {
    return stub_->Heartbeat(context, request, &response);
  });
  if (!status.ok()) return status;
  return response;
}

absl::Status CoordinatorClient::Complete(const v1::Lease& lease, common::v1::StageResult result,
                                         const std::string& manifest, const CancelToken& give_up) {
  auto request = ForLease<v1::CompleteTaskRequest>(worker_id_, lease);
  *request.mutable_result() = std::move(result);
  request.set_manifest(manifest);
  return Repeat("CompleteTask", give_up, [&](grpc::ClientContext* context) {
    v1::CompleteTaskResponse response;
    return stub_->CompleteTask(context, request, &response);
  });
}

absl::Status CoordinatorClient::Fail(const v1::Lease& lease, const absl::Status& error,
                                     bool retryable, const CancelToken& give_up) {
  auto request = ForLease<v1::FailTaskRequest>(worker_id_, lease);
  request.set_retryable(retryable);
  request.set_message(
      MessageText(absl::StrCat(absl::StatusCodeToString(error.code()), ": ", error.message())));
  return Repeat("FailTask", give_up, [&](grpc::ClientContext* context) {
    v1::FailTaskResponse response;
    return stub_->FailTask(context, request, &response);
  });
}

absl::Status CoordinatorClient::Release(const v1::Lease& lease, const CancelToken& give_up) {
  const auto request = ForLease<v1::ReleaseTaskRequest>(worker_id_, lease);
  return Repeat("ReleaseTask", give_up, [&](grpc::ClientContext* context) {
    v1::ReleaseTaskResponse response;
    return stub_->ReleaseTask(context, request, &response);
  });
}

absl::Status CoordinatorClient::OpenMeeting(const v1::Lease& lease, const std::string& rendezvous,
                                            const std::string& inputs, const CancelToken& give_up) {
  auto request = ForLease<v1::OpenMeetingRequest>(worker_id_, lease);
  request.set_rendezvous(rendezvous);
  request.set_inputs(inputs);
  return Repeat("OpenMeeting", give_up, [&](grpc::ClientContext* context) {
    v1::OpenMeetingResponse response;
    return gangs_->OpenMeeting(context, request, &response);
  });
}

absl::Status CoordinatorClient::LeaveSeat(const v1::Lease& lease, v1::LeaveReason reason,
                                          const std::string& message, const CancelToken& give_up) {
  auto request = ForLease<v1::LeaveSeatRequest>(worker_id_, lease);
  request.set_reason(reason);
  request.set_message(message);
  return Repeat("LeaveSeat", give_up, [&](grpc::ClientContext* context) {
    v1::LeaveSeatResponse response;
    return gangs_->LeaveSeat(context, request, &response);
  });
}

absl::StatusOr<v1::HeartbeatSeatResponse> CoordinatorClient::HeartbeatSeat(const v1::Lease& lease) {
  const auto request = ForLease<v1::HeartbeatSeatRequest>(worker_id_, lease);
  v1::HeartbeatSeatResponse response;
  const absl::Status status = channel_->Invoke(kCallTimeout, [&](grpc::ClientContext* context) {
    return gangs_->HeartbeatSeat(context, request, &response);
  });
  if (!status.ok()) return status;
  return response;
}

absl::Status CoordinatorClient::RegisterCheckpoint(const v1::Lease& lease,
                                                   const std::string& manifest) {
  auto request = ForLease<v1::RegisterCheckpointRequest>(worker_id_, lease);
  request.set_manifest(manifest);
  return channel_->Invoke(kCallTimeout, [&](grpc::ClientContext* context) {
    v1::RegisterCheckpointResponse response;
    return gangs_->RegisterCheckpoint(context, request, &response);
  });
}

absl::Status CoordinatorClient::Repeat(
    const char* what, const CancelToken& give_up,
    const std::function<grpc::Status(grpc::ClientContext*)>& call) {
  for (int attempt = 0;; ++attempt) {
    const absl::Status status = channel_->Invoke(kCallTimeout, call);
    if (status.ok() || !IsTransient(status)) return status;
    if (!IsAway(status) && attempt >= kMostTries) return status;
    telemetry::LogWarning(absl::StrCat(what, " did not get through, trying again"),
                          {{"error", std::string(status.message())}});
    if (Pause(Backoff(attempt), give_up)) return status;
  }
}

}  // namespace foundry::worker
