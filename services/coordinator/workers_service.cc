#include "services/coordinator/workers_service.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/base/steady_time.h"
#include "services/coordinator/request_checks.h"

namespace foundry::coordinator {
namespace {

constexpr char kService[] = "foundry.coordinator.v1.WorkersService";
constexpr absl::Duration kLongestWait = absl::Seconds(60);
// Kept back from a long poll's deadline, so that an empty answer still arrives.
constexpr absl::Duration kAnswerTime = absl::Milliseconds(500);

}  // namespace

grpc::ServerUnaryReactor* WorkersService::LeaseTask(grpc::CallbackServerContext* context,
                                                    const v1::LeaseTaskRequest* request,
                                                    v1::LeaseTaskResponse* response) {
  return frame_->AsyncUnary<v1::LeaseTaskRequest, v1::LeaseTaskResponse>(
      context, {kService, "LeaseTask"}, request, response,
      [this](const auto& request, auto* response, const rpc::Call& call, rpc::Frame::Done done) {
        if (request.worker_id().empty()) return done(FieldError("worker_id", "must be set"));
        if (request.stages().empty()) {
          return done(FieldError("stages", "must name at least one stage"));
        }
        const absl::Duration wait = absl::Seconds(request.wait_time().seconds()) +
                                    absl::Nanoseconds(request.wait_time().nanos());
        const absl::Time until =
            std::min(SteadyNow() + std::clamp(wait, absl::ZeroDuration(), kLongestWait),
                     call.deadline - kAnswerTime);
        leases_->Wait(request, until, call.cancel, [response, done = std::move(done)](auto lease) {
          if (lease.ok() && lease->has_value()) *response->mutable_lease() = **std::move(lease);
          done(lease.status());
        });
      });
}

grpc::ServerUnaryReactor* WorkersService::Heartbeat(grpc::CallbackServerContext* context,
                                                    const v1::HeartbeatRequest* request,
                                                    v1::HeartbeatResponse* response) {
  return frame_->AsyncUnary<v1::HeartbeatRequest, v1::HeartbeatResponse>(
      context, {kService, "Heartbeat"}, request, response,
      [this](const auto& request, auto* response, const rpc::Call& call, rpc::Frame::Done done) {
        writes_->Heartbeat(&request, call.deadline, call.cancel,
                           [response, done = std::move(done)](const absl::StatusOr<bool>& cancel) {
                             response->set_cancel(cancel.ok() && *cancel);
                             done(cancel.status());
                           });
      });
}

grpc::ServerUnaryReactor* WorkersService::CompleteTask(grpc::CallbackServerContext* context,
                                                       const v1::CompleteTaskRequest* request,
                                                       v1::CompleteTaskResponse* response) {
  return frame_->AsyncUnary<v1::CompleteTaskRequest, v1::CompleteTaskResponse>(
      context, {kService, "CompleteTask"}, request, response,
      [this](const auto& request, auto*, const rpc::Call& call, rpc::Frame::Done done) {
        if (absl::Status status = CheckManifest("manifest", request.manifest()); !status.ok()) {
          return done(std::move(status));
        }
        writes_->Complete(&request, call.deadline, call.cancel, std::move(done));
      });
}

grpc::ServerUnaryReactor* WorkersService::FailTask(grpc::CallbackServerContext* context,
                                                   const v1::FailTaskRequest* request,
                                                   v1::FailTaskResponse* response) {
  return frame_->Unary<v1::FailTaskRequest, v1::FailTaskResponse>(
      context, {kService, "FailTask"}, request, response,
      [this](const auto& request, auto*, rpc::Call& call) {
        return store_->Fail(request, call.deadline);
      });
}

grpc::ServerUnaryReactor* WorkersService::ReleaseTask(grpc::CallbackServerContext* context,
                                                      const v1::ReleaseTaskRequest* request,
                                                      v1::ReleaseTaskResponse* response) {
  return frame_->Unary<v1::ReleaseTaskRequest, v1::ReleaseTaskResponse>(
      context, {kService, "ReleaseTask"}, request, response,
      [this](const auto& request, auto*, rpc::Call& call) {
        return store_->Release({request.task_id(), request.worker_id(), request.epoch()},
                               call.deadline);
      });
}

}  // namespace foundry::coordinator
