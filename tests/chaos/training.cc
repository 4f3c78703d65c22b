#include "tests/chaos/training.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/chaos/rank_scan.h"

namespace foundry::chaos {
namespace {

namespace v1 = coordinator::v1;

constexpr int kEpochs = 60;
constexpr int64_t kSteps = 6 * kEpochs;
constexpr absl::Duration kPoll = absl::Milliseconds(50);
// Generous, for machines that do other work too.
constexpr absl::Duration kLimit = absl::Minutes(5);
constexpr absl::Duration kRanksEnd = absl::Seconds(20);
// Steps are known as of the last heartbeat.
constexpr absl::Duration kHeartbeat = absl::Milliseconds(500);

}  // namespace

Training::Training(ChaosCluster* cluster) : cluster_(cluster) {
  for (int i = 0; i < kTrainers; ++i) cluster_->StartTrainer(i);
}

v1::Task Training::TaskOf(const ChaosJob& job) {
  const v1::Job now = GetJob(*cluster_, job.id);
  for (const v1::Step& step : now.steps()) {
    for (const v1::Task& task : step.tasks()) return task;
  }
  return {};
}

bool Training::AwaitStep(ChaosJob& job, int64_t step) {
  for (const absl::Time end = absl::Now() + kLimit; absl::Now() < end; absl::SleepFor(kPoll)) {
    const v1::Task task = TaskOf(job);
    if (task.state() == v1::STATE_RUNNING && task.progress().done() >= step) return true;
    if (HasEnded(*cluster_, job)) return false;
  }
  return false;
}

void Training::CheckRanksEnd(bool any, const std::string& when,
                             std::vector<std::string>* problems) {
  const auto has_trainer = [&](const RankProcess& rank) {
    for (int i = 0; i < kTrainers; ++i) {
      if (rank.parent == cluster_->trainer(i)->pid()) return true;
    }
    return false;
  };
  std::vector<RankProcess> left;
  for (const absl::Time end = absl::Now() + kRanksEnd; absl::Now() < end; absl::SleepFor(kPoll)) {
    left = FindRanks(cluster_->folder());
    if (!any) left.erase(std::remove_if(left.begin(), left.end(), has_trainer), left.end());
    if (left.empty()) return;
  }
  for (const RankProcess& rank : left) {
    problems->push_back(absl::StrCat("rank process ", rank.pid, " still runs ", when));
  }
}

TrainingReport Training::Run(const std::string& name, std::mt19937_64& random,
                             const std::function<void()>& fault, bool interrupts) {
  TrainingReport report;
  const absl::Time begin = absl::Now();
  const auto spec = testing::MakeTinyTraining(
      cluster_->folder(), {.name = name, .epochs = kEpochs, .devices = 2, .min_devices = 2});
  auto job = spec.ok() ? CreateJob(*cluster_, name, *spec) : spec.status();
  if (!job.ok()) {
    report.problems.push_back(job.status().ToString());
    return report;
  }
  int attempt = 0;
  if (fault != nullptr) {
    const auto step = static_cast<int64_t>(2 + random() % (kSteps / 3));
    if (AwaitStep(*job, step)) {
      absl::SleepFor(std::uniform_real_distribution<>(0, 1)(random) * kHeartbeat);
      const v1::Task task = TaskOf(*job);
      attempt = task.attempt();
      report.fault_step = static_cast<int64_t>(task.progress().done());
      fault();
      CheckRanksEnd(/*any=*/false, "without its trainer", &report.problems);
    } else {
      report.problems.push_back(absl::StrCat("step ", step, " was never reported"));
    }
  }
  const absl::Time end = absl::Now() + kLimit;
  while (!HasEnded(*cluster_, *job) && absl::Now() < end) absl::SleepFor(kPoll);
  report.took = absl::Now() - begin;
  Judge(*job, attempt, interrupts, &report);
  return report;
}

void Training::Judge(const ChaosJob& job, int attempt_before, bool interrupts,
                     TrainingReport* report) {
  const auto problem = [&](const std::string& what) {
    report->problems.push_back(absl::StrCat(job.name, " (", job.id, "): ", what));
  };
  const coordinator::Record record =
      JudgeJob(*cluster_, job, ReadAcknowledged(cluster_->WorkerLogs()), &report->problems);
  report->generations = TaskOf(job).attempt();
  std::string told;
  for (const v1::Event& event : record.events) {
    absl::StrAppend(&told, "\n      ", event.event_id(), " ", v1::State_Name(event.state()), " ",
                    event.message());
    constexpr absl::string_view kStarts = "training with 2 ranks";
    constexpr absl::string_view kResumes = "resuming after step ";
    const absl::string_view message = event.message();
    if (message.find(kStarts) != message.npos) report->resumed_after = -1;
    const size_t at = message.find(kResumes);
    if (at == message.npos) continue;
    const absl::string_view rest = message.substr(at + kResumes.size());
    (void)absl::SimpleAtoi(rest.substr(0, rest.find(' ')), &report->resumed_after);
  }
  const bool interrupted = report->generations > std::max(attempt_before, 1);
  if (interrupts && !interrupted) problem("the fault ended no generation");
  if (interrupted && report->resumed_after < 1) {
    problem(absl::StrCat("its last generation began at the start, not from a checkpoint:", told));
  }
  CheckRanksEnd(/*any=*/true, "after the end", &report->problems);

  const auto files = testing::ReadTrained(cluster_->folder() / job.name);
  if (!files.ok()) return problem(files.status().ToString());
  if (files->losses.size() != kSteps) problem(absl::StrCat(files->losses.size(), " steps"));
  if (expected_.adapter.empty()) {
    expected_ = *files;
    return;
  }
  if (files->losses != expected_.losses) problem("other losses than the undisturbed training's");
  if (files->adapter != expected_.adapter || files->best != expected_.best) {
    problem("another adapter than the undisturbed training's");
  }
}

}  // namespace foundry::chaos
