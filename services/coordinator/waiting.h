// Why a ready task is not running, in words for people. A pure function. Thread-safe (no state).
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/time/time.h"

namespace foundry::coordinator {

// How long ago a worker of a stage was last seen (asking for tasks, or holding one); infinite:
// never.
struct StageWorkers {
  absl::Duration any = absl::InfiniteDuration();
  absl::Duration with_gpu = absl::InfiniteDuration();
  // Of those that are there: devices of all together, and of the one with most; see kAnyNumber.
  int64_t devices = 0;
  int64_t most_devices = 0;
};
// Of a worker that runs any number of ranks.
inline constexpr int64_t kAnyNumber = 1'000'000;

// A ready task.
struct WaitingTask {
  std::string stage;
  bool needs_gpu = false;
  absl::Duration age;      // since it became ready
  absl::Duration backoff;  // until it may run; not positive: now
  absl::Time not_before;   // when that is
  std::string failure;     // why it failed before; empty: it did not
  int max_running = 0;     // its job's limit; 0: none
  int running = 0;         // of its job
  int64_t ahead = 0;       // ready tasks of its stage before it, at most kMostAhead
  int ranks = 1;           // devices that it wants
  int min_ranks = 1;       // and those that it does with
  int64_t seats = 0;       // devices of the workers that it has gathered
};

inline constexpr int64_t kMostAhead = 1000;
// A worker that was not seen for this long is gone.
inline constexpr absl::Duration kWorkerGone = absl::Seconds(15);

// "no worker for stage trainer for 30s", "no worker with a GPU for stage trainer for 4m",
// "needs 4 devices, workers of stage trainer offer 2", "gathers 4 devices, has 2",
// "waits until 12:00:05Z: <failure>", "its job runs 4 tasks, its limit", "behind 12 tasks".
std::string WhyWaiting(const WaitingTask& task, const std::map<std::string, StageWorkers>& workers);

}  // namespace foundry::coordinator
