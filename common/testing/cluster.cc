#include "common/testing/cluster.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/config/spec.h"
#include "common/testing/private_postgres.h"

namespace foundry::testing {
namespace {

namespace v1 = coordinator::v1;

constexpr absl::Duration kCallTimeout = absl::Seconds(20);

// A test can do nothing without it.
void Demand(const absl::Status& status, absl::string_view what) {
  if (status.ok()) return;
  fprintf(stderr, "%s: %s\n", std::string(what).c_str(), status.ToString().c_str());
  abort();
}

}  // namespace

Cluster::Cluster(std::vector<std::string> coordinator_flags)
    : folder_(*TempFolder::Make()),
      coordinator_flags_(std::move(coordinator_flags)),
      database_(PrivatePostgres::Shared().NewDatabase()),
      address_(absl::StrCat("unix:", (folder_.path() / "coordinator.sock").string())) {
  StartCoordinator();
  auto channel = rpc::Channel::Open({.address = address_});
  Demand(channel.status(), "channel");
  channel_ = *std::move(channel);
  if (!channel_->WaitUntilConnected(kCallTimeout)) {
    Demand(absl::UnavailableError(coordinator_->Log()), "the coordinator does not answer");
  }
  jobs_ = v1::JobsService::NewStub(channel_->grpc_channel());
}

void Cluster::StartCoordinator() {
  std::vector<std::string> argv = {
      BuiltProgram("foundry-coordinator"), absl::StrCat("--database=", database_),
      absl::StrCat("--listen=", address_), absl::StrCat("--artifacts=", artifacts().string())};
  argv.insert(argv.end(), coordinator_flags_.begin(), coordinator_flags_.end());
  coordinator_ = std::make_unique<ChildProcess>(argv, folder_.path() / "coordinator.log");
}

std::unique_ptr<ChildProcess> Cluster::StartNode(const std::string& name,
                                                 const std::string& program,
                                                 std::vector<std::string> flags) {
  std::vector<std::string> argv = {program, absl::StrCat("--coordinator=", address_),
                                   absl::StrCat("--artifacts=", artifacts().string()),
                                   absl::StrCat("--work-dir=", (folder_.path() / name).string()),
                                   "--metrics-port=-1"};
  argv.insert(argv.end(), flags.begin(), flags.end());
  return std::make_unique<ChildProcess>(
      argv, folder_.path() / absl::StrCat(name, ".log"),
      std::vector<std::string>{absl::StrCat("FOUNDRY_TEST_DIR=", folder_.path().string())});
}

std::string Cluster::CreateJob(const std::string& yaml) {
  auto spec = config::ParseSpec(yaml, "test.yaml", folder_.path(), {.paths_must_exist = true});
  Demand(spec.status(), "spec");
  v1::CreateJobRequest request;
  request.set_request_id(RandomId());
  *request.mutable_spec() = *std::move(spec);
  v1::CreateJobResponse response;
  Demand(channel_->Invoke(kCallTimeout,
                          [&](grpc::ClientContext* context) {
                            return jobs_->CreateJob(context, request, &response);
                          }),
         "CreateJob");
  return response.job().job_id();
}

v1::Job Cluster::GetJob(const std::string& job_id) {
  v1::GetJobRequest request;
  request.set_job_id(job_id);
  v1::GetJobResponse response;
  Demand(channel_->Invoke(kCallTimeout,
                          [&](grpc::ClientContext* context) {
                            return jobs_->GetJob(context, request, &response);
                          }),
         "GetJob");
  return response.job();
}

void Cluster::CancelJob(const std::string& job_id) {
  v1::CancelJobRequest request;
  request.set_job_id(job_id);
  v1::CancelJobResponse response;
  Demand(channel_->Invoke(kCallTimeout,
                          [&](grpc::ClientContext* context) {
                            return jobs_->CancelJob(context, request, &response);
                          }),
         "CancelJob");
}

std::vector<v1::Event> Cluster::WatchToEnd(const std::string& job_id, absl::Duration limit) {
  std::vector<v1::Event> events;
  const absl::Time end = absl::Now() + limit;
  // The coordinator may be killed meanwhile: the watch goes on after the last event.
  while (absl::Now() < end) {
    grpc::ClientContext context;
    channel_->Prepare(end - absl::Now(), &context);
    context.set_wait_for_ready(true);
    v1::WatchJobRequest request;
    request.set_job_id(job_id);
    request.set_after_event_id(events.empty() ? 0 : events.back().event_id());
    auto reader = jobs_->WatchJob(&context, request);
    for (v1::WatchJobResponse response; reader->Read(&response);) {
      if (response.has_event()) events.push_back(response.event());
    }
    if (reader->Finish().ok()) break;
  }
  return events;
}

}  // namespace foundry::testing
