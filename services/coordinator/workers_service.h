// foundry.coordinator.v1.WorkersService: decode, call the store, encode. Thread-safe.
#pragma once

#include "common/rpc/frame.h"
#include "foundry/coordinator/v1/workers.grpc.pb.h"
#include "services/coordinator/lease_queue.h"
#include "services/coordinator/store.h"
#include "services/coordinator/write_queue.h"

namespace foundry::coordinator {

class WorkersService : public v1::WorkersService::CallbackService {
 public:
  // All must outlive it.
  WorkersService(rpc::Frame* frame, Store* store, LeaseQueue* leases, WriteQueue* writes)
      : frame_(frame), store_(store), leases_(leases), writes_(writes) {}

  grpc::ServerUnaryReactor* LeaseTask(grpc::CallbackServerContext* context,
                                      const v1::LeaseTaskRequest* request,
                                      v1::LeaseTaskResponse* response) override;
  grpc::ServerUnaryReactor* Heartbeat(grpc::CallbackServerContext* context,
                                      const v1::HeartbeatRequest* request,
                                      v1::HeartbeatResponse* response) override;
  grpc::ServerUnaryReactor* CompleteTask(grpc::CallbackServerContext* context,
                                         const v1::CompleteTaskRequest* request,
                                         v1::CompleteTaskResponse* response) override;
  grpc::ServerUnaryReactor* FailTask(grpc::CallbackServerContext* context,
                                     const v1::FailTaskRequest* request,
                                     v1::FailTaskResponse* response) override;
  grpc::ServerUnaryReactor* ReleaseTask(grpc::CallbackServerContext* context,
                                        const v1::ReleaseTaskRequest* request,
                                        v1::ReleaseTaskResponse* response) override;

 private:
  rpc::Frame* const frame_;
  Store* const store_;
  LeaseQueue* const leases_;
  WriteQueue* const writes_;
};

}  // namespace foundry::coordinator
