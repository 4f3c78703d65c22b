// foundry.coordinator.v1.JobsService: decode, call the store, encode. Thread-safe.
#pragma once

#include "common/rpc/frame.h"
#include "foundry/coordinator/v1/jobs.grpc.pb.h"
#include "services/coordinator/maintenance.h"
#include "services/coordinator/store.h"
#include "services/coordinator/watch_hub.h"

namespace foundry::coordinator {

class JobsService : public v1::JobsService::CallbackService {
 public:
  // All must outlive it.
  JobsService(rpc::Frame* frame, Store* store, WatchHub* watches, Maintenance* maintenance)
      : frame_(frame), store_(store), watches_(watches), maintenance_(maintenance) {}

  grpc::ServerUnaryReactor* CreateJob(grpc::CallbackServerContext* context,
                                      const v1::CreateJobRequest* request,
                                      v1::CreateJobResponse* response) override;
  grpc::ServerUnaryReactor* GetJob(grpc::CallbackServerContext* context,
                                   const v1::GetJobRequest* request,
                                   v1::GetJobResponse* response) override;
  grpc::ServerUnaryReactor* ListJobs(grpc::CallbackServerContext* context,
                                     const v1::ListJobsRequest* request,
                                     v1::ListJobsResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchJobResponse>* WatchJob(
      grpc::CallbackServerContext* context, const v1::WatchJobRequest* request) override;
  grpc::ServerUnaryReactor* CancelJob(grpc::CallbackServerContext* context,
                                      const v1::CancelJobRequest* request,
                                      v1::CancelJobResponse* response) override;
  grpc::ServerUnaryReactor* RetryJob(grpc::CallbackServerContext* context,
                                     const v1::RetryJobRequest* request,
                                     v1::RetryJobResponse* response) override;
  grpc::ServerUnaryReactor* GetMetrics(grpc::CallbackServerContext* context,
                                       const v1::GetMetricsRequest* request,
                                       v1::GetMetricsResponse* response) override;

 private:
  absl::Status Create(const v1::CreateJobRequest& request, v1::CreateJobResponse* response,
                      absl::Time deadline);

  rpc::Frame* const frame_;
  Store* const store_;
  WatchHub* const watches_;
  Maintenance* const maintenance_;
};

}  // namespace foundry::coordinator
