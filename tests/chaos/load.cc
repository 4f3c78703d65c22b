#include "tests/chaos/load.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/base/json.h"
#include "common/config/spec.h"
#include "services/coordinator/testing/history.h"

namespace foundry::chaos {
namespace {

namespace v1 = coordinator::v1;

constexpr int kRecords = 12;
constexpr int kShards = 4;
constexpr absl::Duration kPoll = absl::Milliseconds(50);
constexpr absl::Duration kPatience = absl::Minutes(2);
constexpr int kMostRetries = 5;

// Texts that no filter takes for each other.
std::string TextOf(const std::string& job, int record) {
  std::seed_seq seed(job.begin(), job.end());
  std::mt19937 random(seed);
  random.discard(static_cast<unsigned long long>(record) * 1000);
  std::string text = absl::StrCat("Record ", record, " of ", job, " says");
  for (int word = 0; word < 50; ++word) {
    text += ' ';
    for (unsigned letter = 0; letter < 3 + random() % 6; ++letter) {
      text += static_cast<char>('a' + random() % 26);
    }
  }
  return text + ".";
}

bool Ended(v1::State state) {
  return state == v1::STATE_SUCCEEDED || state == v1::STATE_FAILED || state == v1::STATE_CANCELLED;
}

Acknowledged ReadAcknowledged(const std::string& logs) {
  Acknowledged attempts;
  for (absl::string_view line : absl::StrSplit(logs, '\n')) {
    if (line.find("task completed") == absl::string_view::npos) continue;
    const auto json = ParseJson(line, "log");
    if (!json.ok()) continue;  // a kill cut the line short
    attempts[absl::StrCat(json->value("job", ""), "/", json->value("task", ""))].insert(
        std::stoi(json->value("attempt", "0")));
  }
  return attempts;
}

}  // namespace

double LoadReport::Rate(absl::Time from, absl::Time to) const {
  if (to <= from) return 0;
  const auto count = std::lower_bound(completions.begin(), completions.end(), to) -
                     std::lower_bound(completions.begin(), completions.end(), from);
  return static_cast<double>(count) / absl::ToDoubleSeconds(to - from);
}

absl::Duration LoadReport::BackAt(double rate, absl::Time from) const {
  constexpr absl::Duration kWindow = absl::Seconds(2);
  for (absl::Time at = from; !completions.empty() && at + kWindow <= completions.back();
       at += absl::Milliseconds(100)) {
    if (Rate(at, at + kWindow) >= rate) return at - from;
  }
  return absl::Seconds(-1);
}

Load::Load(ChaosCluster* cluster, std::string prefix, int open_jobs)
    : cluster_(cluster), prefix_(std::move(prefix)), open_jobs_(open_jobs) {
  thread_ = std::thread([this] { Run(); });
}

Load::~Load() {
  stopping_ = true;
  give_up_.Cancel("");
  if (thread_.joinable()) thread_.join();
}

void Load::Run() {
  while (!give_up_.Cancelled()) {
    int open = 0;
    for (Job& job : jobs_) {
      if (!job.ended && Look(job)) {
        job.ended = true;
        ++finished_;
      }
      open += !job.ended;
    }
    if (stopping_) {
      if (open == 0) return;
    } else {
      while (open < open_jobs_ && Create(static_cast<int>(jobs_.size()))) ++open;
    }
    absl::SleepFor(kPoll);
  }
}

bool Load::Create(int number) {
  Job job;
  job.name = absl::StrCat(prefix_, "-", number);
  Json records = Json::array();
  for (int i = 0; i < kRecords; ++i) {
    records.push_back(
        {{"url", absl::StrCat("file:///", job.name, "/", i)}, {"text", TextOf(job.name, i)}});
  }
  const auto file = cluster_->folder() / absl::StrCat(job.name, ".json");
  auto spec = config::ParseSpec(
      absl::StrCat("sources: [{json: ", job.name, ".json}]\nsteps: [extraction]\n",
                   "extraction: {shards: ", kShards, "}\noutput_dir: out-", job.name, "\n"),
      "chaos.yaml", cluster_->folder(), {.paths_must_exist = false});
  if (!WriteJsonFile(file, records).ok() || !spec.ok()) abort();
  v1::CreateJobRequest request;
  request.set_request_id(job.name);
  *request.mutable_spec() = *std::move(spec);
  v1::CreateJobResponse response;
  const absl::Status status =
      cluster_->Call(kPatience, [&](v1::JobsService::Stub& stub, grpc::ClientContext* context) {
        return stub.CreateJob(context, request, &response);
      });
  if (!status.ok()) return false;
  job.id = response.job().job_id();
  jobs_.push_back(std::move(job));
  return true;
}

v1::Job Load::Get(const std::string& id) {
  v1::GetJobRequest request;
  request.set_job_id(id);
  v1::GetJobResponse response;
  (void)cluster_->Call(kPatience, [&](v1::JobsService::Stub& stub, grpc::ClientContext* context) {
    return stub.GetJob(context, request, &response);
  });
  return response.job();
}

bool Load::Look(Job& job) {
  const v1::Job now = Get(job.id);
  if (!Ended(now.state())) return false;
  const bool set_aside =
      now.state() == v1::STATE_FAILED && now.reason().find("set aside") != std::string::npos;
  if (!set_aside || job.retries >= kMostRetries) return true;
  ++job.retries;
  v1::RetryJobRequest request;
  request.set_job_id(job.id);
  v1::RetryJobResponse response;
  (void)cluster_->Call(kPatience, [&](v1::JobsService::Stub& stub, grpc::ClientContext* context) {
    return stub.RetryJob(context, request, &response);
  });
  return false;
}

LoadReport Load::Finish(absl::Duration limit) {
  stopping_ = true;
  CancelToken ended;
  std::thread guard([&] {
    if (!ended.WaitFor(limit)) give_up_.Cancel("");
  });
  thread_.join();
  ended.Cancel("");
  guard.join();
  LoadReport report;
  report.jobs = static_cast<int>(jobs_.size());
  const Acknowledged acknowledged = ReadAcknowledged(cluster_->WorkerLogs());
  for (const Job& job : jobs_) Judge(job, acknowledged, &report);
  std::sort(report.completions.begin(), report.completions.end());
  return report;
}

void Load::Judge(const Job& job, const Acknowledged& acknowledged, LoadReport* report) {
  coordinator::Record record;
  record.job = job.name;
  const auto problem = [&](const std::string& what) {
    report->problems.push_back(absl::StrCat(job.name, " (", job.id, "): ", what));
  };
  record.view = Get(job.id);
  if (record.view.state() != v1::STATE_SUCCEEDED) {
    problem(absl::StrCat("is ", v1::State_Name(record.view.state()), ": ", record.view.reason()));
  }
  v1::WatchJobRequest request;
  request.set_job_id(job.id);
  const absl::Status watched =
      cluster_->Call(kPatience, [&](v1::JobsService::Stub& stub, grpc::ClientContext* context) {
        record.events.clear();
        auto reader = stub.WatchJob(context, request);
        for (v1::WatchJobResponse response; reader->Read(&response);) {
          if (response.has_event()) record.events.push_back(response.event());
        }
        return reader->Finish();
      });
  if (!watched.ok()) problem(watched.ToString());
  for (const auto& violation : coordinator::CheckRecord(record))
    problem(coordinator::Describe({violation}));
  for (const v1::Event& event : record.events) {
    if (event.state() != v1::STATE_SUCCEEDED || event.task_key().empty()) continue;
    report->completions.push_back(absl::FromUnixSeconds(event.time().seconds()) +
                                  absl::Nanoseconds(event.time().nanos()));
  }
  report->retried_jobs += job.retries;

  // The result that counts is that of the latest lease: an earlier one's was refused.
  for (const v1::Step& step : record.view.steps()) {
    for (const v1::Task& task : step.tasks()) {
      ++report->tasks;
      report->repeated_leases += task.attempt() - 1;
      const auto taken = acknowledged.find(absl::StrCat(job.id, "/", task.key()));
      if (taken == acknowledged.end()) continue;
      for (int attempt : taken->second) {
        if (attempt == task.attempt()) continue;
        problem(absl::StrCat("attempt ", attempt, " of ", task.key(), " was taken, the last was ",
                             task.attempt()));
      }
    }
  }

  // Each record once, nothing else.
  const auto lines =
      ReadFile(cluster_->folder() / absl::StrCat("out-", job.name) / "documents.jsonl");
  std::map<std::string, int> texts;
  for (absl::string_view line : absl::StrSplit(lines.value_or(""), '\n', absl::SkipEmpty())) {
    const auto json = ParseJson(line, "documents.jsonl");
    if (!json.ok()) problem(json.status().ToString());
    if (json.ok()) ++texts[JsonString(*json, "content").value_or("")];
  }
  if (texts.size() != kRecords) problem(absl::StrCat(texts.size(), " records in its output"));
  for (int i = 0; i < kRecords; ++i) {
    const int times = texts[TextOf(job.name, i)];
    if (times != 1) problem(absl::StrCat("record ", i, " is there ", times, " times"));
  }
}

}  // namespace foundry::chaos
