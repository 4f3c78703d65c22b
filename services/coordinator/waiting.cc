#include "services/coordinator/waiting.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace foundry::coordinator {
namespace {

// Coarse, so that the text does not change with every look.
std::string Coarse(absl::Duration duration) {
  absl::Duration unit = absl::Seconds(10);
  if (duration >= absl::Minutes(1)) unit = absl::Minutes(1);
  if (duration >= absl::Hours(10)) unit = absl::Hours(1);
  if (duration < unit) return "some seconds";
  return absl::FormatDuration(absl::Floor(duration, unit));
}

std::string After(const std::string& reason, const std::string& failure) {
  return failure.empty() ? reason : absl::StrCat(reason, "; before: ", failure);
}

}  // namespace

std::string WhyWaiting(const WaitingTask& task,
                       const std::map<std::string, StageWorkers>& workers) {
  if (task.backoff > absl::ZeroDuration()) {
    return After(absl::StrCat("waits until ",
                              absl::FormatTime("%H:%M:%S", task.not_before, absl::UTCTimeZone()),
                              "Z before it is tried again"),
                 task.failure);
  }
  const auto found = workers.find(task.stage);
  const StageWorkers seen = found == workers.end() ? StageWorkers() : found->second;
  if (seen.any >= kWorkerGone) {
    return After(absl::StrCat("no worker for stage ", task.stage, " for ",
                              Coarse(std::min(seen.any, task.age))),
                 task.failure);
  }
  if (task.needs_gpu && seen.with_gpu >= kWorkerGone) {
    return After(absl::StrCat("no worker with a GPU for stage ", task.stage, " for ",
                              Coarse(std::min(seen.with_gpu, task.age))),
                 task.failure);
  }
  if (task.ranks > seen.most_devices && seen.devices < task.min_ranks) {
    const std::string wanted = task.min_ranks == task.ranks
                                   ? absl::StrCat(task.ranks)
                                   : absl::StrCat(task.min_ranks, " to ", task.ranks);
    return After(absl::StrCat("needs ", wanted, " devices, workers of stage ", task.stage,
                              " offer ", seen.devices),
                 task.failure);
  }
  if (task.seats > 0) {
    return After(absl::StrCat("gathers ", task.ranks, " devices, has ", task.seats), task.failure);
  }
  if (task.max_running > 0 && task.running >= task.max_running) {
    return After(absl::StrCat("its job runs ", task.running, " tasks, its limit"), task.failure);
  }
  if (task.ahead >= kMostAhead) {
    return After(absl::StrCat("behind ", kMostAhead, " tasks or more"), task.failure);
  }
  if (task.ahead > 0) {
    return After(absl::StrCat("behind ", task.ahead, task.ahead == 1 ? " task" : " tasks"),
                 task.failure);
  }
  return After(absl::StrCat("next for a worker of stage ", task.stage), task.failure);
}

}  // namespace foundry::coordinator
