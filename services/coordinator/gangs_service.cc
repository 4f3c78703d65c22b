#include "services/coordinator/gangs_service.h"

#include "common/base/status.h"
#include "services/coordinator/request_checks.h"

namespace foundry::coordinator {
namespace {

constexpr char kService[] = "foundry.coordinator.v1.GangsService";

}  // namespace

grpc::ServerUnaryReactor* GangsService::OpenMeeting(grpc::CallbackServerContext* context,
                                                    const v1::OpenMeetingRequest* request,
                                                    v1::OpenMeetingResponse* response) {
  return frame_->Unary<v1::OpenMeetingRequest, v1::OpenMeetingResponse>(
      context, {kService, "OpenMeeting"}, request, response,
      [this](const auto& request, auto*, rpc::Call& call) -> absl::Status {
        if (request.rendezvous().empty()) return FieldError("rendezvous", "must be set");
        FOUNDRY_RETURN_IF_ERROR(CheckManifest("inputs", request.inputs()));
        return store_->OpenMeeting(request, call.deadline);
      });
}

grpc::ServerUnaryReactor* GangsService::HeartbeatSeat(grpc::CallbackServerContext* context,
                                                      const v1::HeartbeatSeatRequest* request,
                                                      v1::HeartbeatSeatResponse* response) {
  return frame_->Unary<v1::HeartbeatSeatRequest, v1::HeartbeatSeatResponse>(
      context, {kService, "HeartbeatSeat"}, request, response,
      [this](const auto& request, auto* response, rpc::Call& call) -> absl::Status {
        FOUNDRY_ASSIGN_OR_RETURN(
            *response,
            store_->HeartbeatSeat({request.task_id(), request.worker_id(), request.epoch()},
                                  call.deadline));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* GangsService::LeaveSeat(grpc::CallbackServerContext* context,
                                                  const v1::LeaveSeatRequest* request,
                                                  v1::LeaveSeatResponse* response) {
  return frame_->Unary<v1::LeaveSeatRequest, v1::LeaveSeatResponse>(
      context, {kService, "LeaveSeat"}, request, response,
      [this](const auto& request, auto*, rpc::Call& call) -> absl::Status {
        if (request.reason() == v1::LEAVE_REASON_UNSPECIFIED) {
          return FieldError("reason", "must be set");
        }
        return store_->LeaveSeat(request, call.deadline);
      });
}

grpc::ServerUnaryReactor* GangsService::RegisterCheckpoint(
    grpc::CallbackServerContext* context, const v1::RegisterCheckpointRequest* request,
    v1::RegisterCheckpointResponse* response) {
  return frame_->Unary<v1::RegisterCheckpointRequest, v1::RegisterCheckpointResponse>(
      context, {kService, "RegisterCheckpoint"}, request, response,
      [this](const auto& request, auto*, rpc::Call& call) -> absl::Status {
        FOUNDRY_RETURN_IF_ERROR(CheckManifest("manifest", request.manifest()));
        return store_->RegisterCheckpoint({request.task_id(), request.worker_id(), request.epoch()},
                                          request.manifest(), call.deadline);
      });
}

}  // namespace foundry::coordinator
