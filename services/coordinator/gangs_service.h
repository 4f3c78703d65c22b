// foundry.coordinator.v1.GangsService: decode, call the store, encode. Thread-safe.
#pragma once

#include "common/rpc/frame.h"
#include "foundry/coordinator/v1/gangs.grpc.pb.h"
#include "services/coordinator/store.h"

namespace foundry::coordinator {

class GangsService : public v1::GangsService::CallbackService {
 public:
  // Both must outlive it.
  GangsService(rpc::Frame* frame, Store* store) : frame_(frame), store_(store) {}

  grpc::ServerUnaryReactor* OpenMeeting(grpc::CallbackServerContext* context,
                                        const v1::OpenMeetingRequest* request,
                                        v1::OpenMeetingResponse* response) override;
  grpc::ServerUnaryReactor* HeartbeatSeat(grpc::CallbackServerContext* context,
                                          const v1::HeartbeatSeatRequest* request,
                                          v1::HeartbeatSeatResponse* response) override;
  grpc::ServerUnaryReactor* LeaveSeat(grpc::CallbackServerContext* context,
                                      const v1::LeaveSeatRequest* request,
                                      v1::LeaveSeatResponse* response) override;
  grpc::ServerUnaryReactor* RegisterCheckpoint(grpc::CallbackServerContext* context,
                                               const v1::RegisterCheckpointRequest* request,
                                               v1::RegisterCheckpointResponse* response) override;

 private:
  rpc::Frame* const frame_;
  Store* const store_;
};

}  // namespace foundry::coordinator
