#include "services/coordinator/jobs_service.h"

#include "absl/strings/match.h"
#include "common/base/status.h"
#include "common/config/spec.h"
#include "services/coordinator/input_facts.h"
#include "services/coordinator/request_checks.h"
#include "services/coordinator/state.h"

namespace foundry::coordinator {
namespace {

constexpr char kService[] = "foundry.coordinator.v1.JobsService";
constexpr size_t kLongestRequestId = 200;  // bytes

}  // namespace

absl::Status JobsService::Create(const v1::CreateJobRequest& request,
                                 v1::CreateJobResponse* response, absl::Time deadline) {
  if (request.request_id().empty() || request.request_id().size() > kLongestRequestId) {
    return FieldError("request_id", "needs 1 to 200 bytes that the client chose for this job");
  }
  pipeline::v1::PipelineSpec spec = request.spec();
  FOUNDRY_RETURN_IF_ERROR(config::ResolveSpec(&spec));
  if (absl::StartsWith(spec.output_dir(), "s3://")) {
    return FieldError("spec.output_dir", "must be a folder");
  }
  FOUNDRY_ASSIGN_OR_RETURN(const InputFacts facts, ReadInputFacts(spec));
  FOUNDRY_ASSIGN_OR_RETURN(const std::string job_id,
                           store_->CreateJob(request.request_id(), spec, facts, deadline));
  FOUNDRY_ASSIGN_OR_RETURN(*response->mutable_job(), store_->GetJob(job_id, deadline));
  if (response->job().state() != State::STATE_SUCCEEDED) return absl::OkStatus();
  // Most likely an earlier job of the same request; whoever asks again wants the files.
  return maintenance_->RestoreOutputs(job_id, deadline);
}

grpc::ServerUnaryReactor* JobsService::CreateJob(grpc::CallbackServerContext* context,
                                                 const v1::CreateJobRequest* request,
                                                 v1::CreateJobResponse* response) {
  return frame_->Unary<v1::CreateJobRequest, v1::CreateJobResponse>(
      context, {kService, "CreateJob"}, request, response,
      [this](const auto& request, auto* response, rpc::Call& call) {
        return Create(request, response, call.deadline);
      });
}

grpc::ServerUnaryReactor* JobsService::GetJob(grpc::CallbackServerContext* context,
                                              const v1::GetJobRequest* request,
                                              v1::GetJobResponse* response) {
  return frame_->Unary<v1::GetJobRequest, v1::GetJobResponse>(
      context, {kService, "GetJob"}, request, response,
      [this](const auto& request, auto* response, rpc::Call& call) -> absl::Status {
        FOUNDRY_ASSIGN_OR_RETURN(*response->mutable_job(),
                                 store_->GetJob(request.job_id(), call.deadline));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* JobsService::ListJobs(grpc::CallbackServerContext* context,
                                                const v1::ListJobsRequest* request,
                                                v1::ListJobsResponse* response) {
  return frame_->Unary<v1::ListJobsRequest, v1::ListJobsResponse>(
      context, {kService, "ListJobs"}, request, response,
      [this](const auto& request, auto* response, rpc::Call& call) -> absl::Status {
        if (request.page_size() < 0) return FieldError("page_size", "must not be negative");
        FOUNDRY_ASSIGN_OR_RETURN(JobPage page,
                                 store_->ListJobs(request.page_size(), request.page_token(),
                                                  request.state(), call.deadline));
        for (v1::Job& job : page.jobs) *response->add_jobs() = std::move(job);
        response->set_next_page_token(page.next_page_token);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* JobsService::CancelJob(grpc::CallbackServerContext* context,
                                                 const v1::CancelJobRequest* request,
                                                 v1::CancelJobResponse* response) {
  return frame_->Unary<v1::CancelJobRequest, v1::CancelJobResponse>(
      context, {kService, "CancelJob"}, request, response,
      [this](const auto& request, auto* response, rpc::Call& call) -> absl::Status {
        FOUNDRY_RETURN_IF_ERROR(store_->CancelJob(
            request.job_id(), request.reason().empty() ? "cancelled" : request.reason(),
            call.deadline));
        FOUNDRY_ASSIGN_OR_RETURN(*response->mutable_job(),
                                 store_->GetJob(request.job_id(), call.deadline));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* JobsService::RetryJob(grpc::CallbackServerContext* context,
                                                const v1::RetryJobRequest* request,
                                                v1::RetryJobResponse* response) {
  return frame_->Unary<v1::RetryJobRequest, v1::RetryJobResponse>(
      context, {kService, "RetryJob"}, request, response,
      [this](const auto& request, auto* response, rpc::Call& call) -> absl::Status {
        FOUNDRY_RETURN_IF_ERROR(store_->RetryJob(request.job_id(), call.deadline));
        FOUNDRY_ASSIGN_OR_RETURN(*response->mutable_job(),
                                 store_->GetJob(request.job_id(), call.deadline));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* JobsService::GetMetrics(grpc::CallbackServerContext* context,
                                                  const v1::GetMetricsRequest* request,
                                                  v1::GetMetricsResponse* response) {
  return frame_->Unary<v1::GetMetricsRequest, v1::GetMetricsResponse>(
      context, {kService, "GetMetrics"}, request, response,
      [this](const auto& request, auto* response, rpc::Call& call) -> absl::Status {
        FOUNDRY_ASSIGN_OR_RETURN(auto curves, store_->Metrics(request.job_id(), request.step(),
                                                              request.name(), call.deadline));
        for (v1::Curve& curve : curves) *response->add_curves() = std::move(curve);
        return absl::OkStatus();
      });
}

grpc::ServerWriteReactor<v1::WatchJobResponse>* JobsService::WatchJob(
    grpc::CallbackServerContext* context, const v1::WatchJobRequest* request) {
  return frame_->AsyncServerStream<v1::WatchJobRequest, v1::WatchJobResponse>(
      context, {kService, "WatchJob"}, request,
      [this](const auto& request, auto stream, const rpc::Call&) {
        return watches_->Watch(request.job_id(), request.after_event_id(), std::move(stream));
      });
}

}  // namespace foundry::coordinator
