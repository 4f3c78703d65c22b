#include "tests/chaos/load.h"

#include <algorithm>
#include <map>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/base/json.h"

namespace foundry::chaos {
namespace {

namespace v1 = coordinator::v1;

constexpr int kRecords = 12;
constexpr int kShards = 4;
constexpr absl::Duration kPoll = absl::Milliseconds(50);

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
      if (!job.ended && HasEnded(*cluster_, job.job)) {
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
  const std::string name = absl::StrCat(prefix_, "-", number);
  Json records = Json::array();
  for (int i = 0; i < kRecords; ++i) {
    records.push_back({{"url", absl::StrCat("file:///", name, "/", i)}, {"text", TextOf(name, i)}});
  }
  if (!WriteJsonFile(cluster_->folder() / absl::StrCat(name, ".json"), records).ok()) abort();
  const auto job =
      CreateJob(*cluster_, name,
                absl::StrCat("sources: [{json: ", name, ".json}]\nsteps: [extraction]\n",
                             "extraction: {shards: ", kShards, "}\noutput_dir: out-", name, "\n"));
  if (absl::IsInvalidArgument(job.status())) abort();
  if (job.ok()) jobs_.push_back({*job});
  return job.ok();
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
  for (const Job& job : jobs_) Judge(job.job, acknowledged, &report);
  std::sort(report.completions.begin(), report.completions.end());
  return report;
}

void Load::Judge(const ChaosJob& job, const Acknowledged& acknowledged, LoadReport* report) {
  const coordinator::Record record = JudgeJob(*cluster_, job, acknowledged, &report->problems);
  const auto problem = [&](const std::string& what) {
    report->problems.push_back(absl::StrCat(job.name, " (", job.id, "): ", what));
  };
  for (const v1::Event& event : record.events) {
    if (event.state() != v1::STATE_SUCCEEDED || event.task_key().empty()) continue;
    report->completions.push_back(absl::FromUnixSeconds(event.time().seconds()) +
                                  absl::Nanoseconds(event.time().nanos()));
  }
  report->retried_jobs += job.retries;
  for (const v1::Step& step : record.view.steps()) {
    for (const v1::Task& task : step.tasks()) {
      ++report->tasks;
      report->repeated_leases += task.attempt() - 1;
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
