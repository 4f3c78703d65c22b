#include "tests/chaos/jobs.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/json.h"
#include "common/base/status.h"
#include "common/config/spec.h"

namespace foundry::chaos {
namespace {

namespace v1 = coordinator::v1;

constexpr absl::Duration kPatience = absl::Minutes(2);
constexpr int kMostRetries = 5;

}  // namespace

absl::StatusOr<ChaosJob> CreateJob(ChaosCluster& cluster, const std::string& name,
                                   const std::string& spec) {
  v1::CreateJobRequest request;
  request.set_request_id(name);
  FOUNDRY_ASSIGN_OR_RETURN(
      *request.mutable_spec(),
      config::ParseSpec(spec, "chaos.yaml", cluster.folder(), {.paths_must_exist = false}));
  v1::CreateJobResponse response;
  FOUNDRY_RETURN_IF_ERROR(
      cluster.Call(kPatience, [&](v1::JobsService::Stub& stub, grpc::ClientContext* context) {
        return stub.CreateJob(context, request, &response);
      }));
  return ChaosJob{name, response.job().job_id()};
}

v1::Job GetJob(ChaosCluster& cluster, const std::string& id) {
  v1::GetJobRequest request;
  request.set_job_id(id);
  v1::GetJobResponse response;
  (void)cluster.Call(kPatience, [&](v1::JobsService::Stub& stub, grpc::ClientContext* context) {
    return stub.GetJob(context, request, &response);
  });
  return response.job();
}

bool HasEnded(ChaosCluster& cluster, ChaosJob& job) {
  const v1::Job now = GetJob(cluster, job.id);
  const v1::State state = now.state();
  if (state != v1::STATE_SUCCEEDED && state != v1::STATE_FAILED && state != v1::STATE_CANCELLED) {
    return false;
  }
  const bool set_aside =
      state == v1::STATE_FAILED && now.reason().find("set aside") != std::string::npos;
  if (!set_aside || job.retries >= kMostRetries) return true;
  ++job.retries;
  v1::RetryJobRequest request;
  request.set_job_id(job.id);
  v1::RetryJobResponse response;
  (void)cluster.Call(kPatience, [&](v1::JobsService::Stub& stub, grpc::ClientContext* context) {
    return stub.RetryJob(context, request, &response);
  });
  return false;
}

Acknowledged ReadAcknowledged(const std::string& worker_logs) {
  Acknowledged attempts;
  for (absl::string_view line : absl::StrSplit(worker_logs, '\n')) {
    if (line.find("task completed") == absl::string_view::npos) continue;
    const auto json = ParseJson(line, "log");
    if (!json.ok()) continue;  // a kill cut the line short
    attempts[absl::StrCat(json->value("job", ""), "/", json->value("task", ""))].insert(
        std::stoi(json->value("attempt", "0")));
  }
  return attempts;
}

coordinator::Record JudgeJob(ChaosCluster& cluster, const ChaosJob& job,
                             const Acknowledged& acknowledged, std::vector<std::string>* problems) {
  coordinator::Record record;
  record.job = job.name;
  const auto problem = [&](const std::string& what) {
    problems->push_back(absl::StrCat(job.name, " (", job.id, "): ", what));
  };
  record.view = GetJob(cluster, job.id);
  if (record.view.state() != v1::STATE_SUCCEEDED) {
    problem(absl::StrCat("is ", v1::State_Name(record.view.state()), ": ", record.view.reason()));
  }
  v1::WatchJobRequest request;
  request.set_job_id(job.id);
  const absl::Status watched =
      cluster.Call(kPatience, [&](v1::JobsService::Stub& stub, grpc::ClientContext* context) {
        record.events.clear();
        auto reader = stub.WatchJob(context, request);
        for (v1::WatchJobResponse response; reader->Read(&response);) {
          if (response.has_event()) record.events.push_back(response.event());
        }
        return reader->Finish();
      });
  if (!watched.ok()) problem(watched.ToString());
  for (const auto& violation : coordinator::CheckRecord(record)) {
    problem(coordinator::Describe({violation}));
  }
  // The result that counts is that of the latest lease: an earlier one's was refused.
  for (const v1::Step& step : record.view.steps()) {
    for (const v1::Task& task : step.tasks()) {
      const auto taken = acknowledged.find(absl::StrCat(job.id, "/", task.key()));
      if (taken == acknowledged.end()) continue;
      for (int attempt : taken->second) {
        if (attempt == task.attempt()) continue;
        problem(absl::StrCat("attempt ", attempt, " of ", task.key(), " was taken, the last was ",
                             task.attempt()));
      }
    }
  }
  return record;
}

}  // namespace foundry::chaos
