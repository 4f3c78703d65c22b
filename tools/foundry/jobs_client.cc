#include "tools/foundry/jobs_client.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/error_details.h"
#include "common/base/status.h"
#include "common/base/steady_time.h"
#include "common/rpc/status.h"

namespace foundry::cli {
namespace {

using coordinator::v1::Job;
using coordinator::v1::State;

constexpr absl::Duration kCallDeadline = absl::Seconds(20);
constexpr absl::Duration kRetryDelay = absl::Milliseconds(500);

void SetDeadline(grpc::ClientContext& context, absl::Duration timeout) {
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
}

// The coordinator is away, or asks to be called again later.
bool IsPassing(const absl::Status& status) {
  return absl::IsUnavailable(status) || RetryAfterOf(status).has_value();
}

// Calls that are safe to repeat are repeated once a coordinator that is being restarted is back.
template <typename Request, typename Response, typename Method>
absl::StatusOr<Response> Call(coordinator::v1::JobsService::Stub& stub, Method method,
                              const Request& request) {
  const absl::Time give_up = SteadyNow() + kCallDeadline;
  while (true) {
    grpc::ClientContext context;
    SetDeadline(context, kCallDeadline);
    context.set_wait_for_ready(true);
    Response response;
    const absl::Status status = rpc::FromGrpc((stub.*method)(&context, request, &response));
    if (status.ok()) return response;
    if (!IsPassing(status) || SteadyNow() > give_up) return status;
    CancelToken().WaitFor(kRetryDelay);
  }
}

}  // namespace

bool IsFinal(State state) {
  return state == State::STATE_SUCCEEDED || state == State::STATE_FAILED ||
         state == State::STATE_CANCELLED || state == State::STATE_QUARANTINED ||
         state == State::STATE_SKIPPED;
}

absl::StatusOr<std::unique_ptr<JobsClient>> JobsClient::Connect(const std::string& address) {
  if (address.empty()) return absl::InvalidArgumentError("the coordinator's address is empty");
  std::unique_ptr<JobsClient> client(new JobsClient);
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetMaxReceiveMessageSize(64 << 20);
  client->channel_ =
      grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  client->stub_ = coordinator::v1::JobsService::NewStub(client->channel_);
  return client;
}

absl::Status JobsClient::WaitUntilServing(absl::Duration patience, const CancelToken& cancel,
                                          const std::function<absl::Status()>& keep_going) {
  const absl::Time give_up = SteadyNow() + patience;
  grpc::Status status;
  do {
    grpc::ClientContext context;
    SetDeadline(context, std::min(patience, absl::Seconds(2)));
    context.set_wait_for_ready(true);
    coordinator::v1::ListJobsRequest request;
    request.set_page_size(1);
    coordinator::v1::ListJobsResponse response;
    status = stub_->ListJobs(&context, request, &response);
    if (status.ok()) return absl::OkStatus();
    if (keep_going) FOUNDRY_RETURN_IF_ERROR(keep_going());
  } while (SteadyNow() < give_up && !cancel.WaitFor(absl::Milliseconds(100)));
  FOUNDRY_RETURN_IF_ERROR(cancel.Check());
  return absl::UnavailableError(
      absl::StrCat("the coordinator does not answer: ", status.error_message()));
}

absl::StatusOr<Job> JobsClient::Create(const std::string& request_id,
                                       const pipeline::v1::PipelineSpec& spec) {
  coordinator::v1::CreateJobRequest request;
  request.set_request_id(request_id);
  *request.mutable_spec() = spec;
  auto response = Call<coordinator::v1::CreateJobRequest, coordinator::v1::CreateJobResponse>(
      *stub_, &coordinator::v1::JobsService::Stub::CreateJob, request);
  if (!response.ok()) return response.status();
  return response->job();
}

absl::StatusOr<Job> JobsClient::Get(const std::string& job_id) {
  coordinator::v1::GetJobRequest request;
  request.set_job_id(job_id);
  auto response = Call<coordinator::v1::GetJobRequest, coordinator::v1::GetJobResponse>(
      *stub_, &coordinator::v1::JobsService::Stub::GetJob, request);
  if (!response.ok()) return response.status();
  return response->job();
}

absl::StatusOr<coordinator::v1::ListJobsResponse> JobsClient::List(
    const coordinator::v1::ListJobsRequest& request) {
  return Call<coordinator::v1::ListJobsRequest, coordinator::v1::ListJobsResponse>(
      *stub_, &coordinator::v1::JobsService::Stub::ListJobs, request);
}

absl::StatusOr<Job> JobsClient::Cancel(const std::string& job_id, const std::string& reason) {
  coordinator::v1::CancelJobRequest request;
  request.set_job_id(job_id);
  request.set_reason(reason);
  auto response = Call<coordinator::v1::CancelJobRequest, coordinator::v1::CancelJobResponse>(
      *stub_, &coordinator::v1::JobsService::Stub::CancelJob, request);
  if (!response.ok()) return response.status();
  return response->job();
}

absl::StatusOr<Job> JobsClient::Retry(const std::string& job_id) {
  coordinator::v1::RetryJobRequest request;
  request.set_job_id(job_id);
  auto response = Call<coordinator::v1::RetryJobRequest, coordinator::v1::RetryJobResponse>(
      *stub_, &coordinator::v1::JobsService::Stub::RetryJob, request);
  if (!response.ok()) return response.status();
  return response->job();
}

absl::StatusOr<coordinator::v1::GetMetricsResponse> JobsClient::Metrics(const std::string& job_id) {
  coordinator::v1::GetMetricsRequest request;
  request.set_job_id(job_id);
  return Call<coordinator::v1::GetMetricsRequest, coordinator::v1::GetMetricsResponse>(
      *stub_, &coordinator::v1::JobsService::Stub::GetMetrics, request);
}

absl::StatusOr<Job> JobsClient::Watch(const std::string& job_id, int64_t after_event_id,
                                      const WatchHooks& hooks, const CancelToken& cancel) {
  Job last;
  while (true) {
    FOUNDRY_RETURN_IF_ERROR(cancel.Check());
    grpc::ClientContext context;
    // A watch has no natural end; the stream is renewed so that a lost peer is noticed.
    SetDeadline(context, absl::Minutes(10));
    context.set_wait_for_ready(true);
    coordinator::v1::WatchJobRequest request;
    request.set_job_id(job_id);
    request.set_after_event_id(after_event_id);
    CancelToken ended;
    absl::Status health;
    std::thread canceller([&] {
      while (!ended.Cancelled() && health.ok() && !cancel.WaitFor(absl::Milliseconds(100))) {
        if (hooks.keep_going) health = hooks.keep_going();
      }
      if (!ended.Cancelled()) context.TryCancel();
    });
    auto stream = stub_->WatchJob(&context, request);
    coordinator::v1::WatchJobResponse response;
    while (stream->Read(&response)) {
      if (response.has_snapshot()) {
        last = response.snapshot();
        if (hooks.on_snapshot) hooks.on_snapshot(last);
      } else if (response.has_event() && response.event().event_id() > after_event_id) {
        after_event_id = response.event().event_id();
        if (hooks.on_event) hooks.on_event(response.event());
      }
    }
    const absl::Status status = rpc::FromGrpc(stream->Finish());
    ended.Cancel("stream ended");
    canceller.join();
    FOUNDRY_RETURN_IF_ERROR(cancel.Check());
    FOUNDRY_RETURN_IF_ERROR(health);
    if (status.ok() && IsFinal(last.state())) return last;
    const bool passing = status.ok() || IsPassing(status) || absl::IsDeadlineExceeded(status) ||
                         absl::IsCancelled(status);
    if (!passing) return status;
    cancel.WaitFor(kRetryDelay);
  }
}

}  // namespace foundry::cli
