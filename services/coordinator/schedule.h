// How waiting workers are shared out between the jobs that have ready tasks. A pure function: no
// database, no clock. Thread-safe (no state).
//
// First come overdue jobs, which have waited for kOverdue without a start: one task each, so that
// no job starves however much of higher priority there is. Then higher priority before lower, and
// between jobs of one priority fair shares: the job with the fewest running tasks, of equals the
// one whose work is older. A job at its own limit gets nothing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace foundry::coordinator {

inline constexpr absl::Duration kOverdue = absl::Minutes(10);

// A job's ready tasks of one stage.
struct ReadyWork {
  std::string job_id;
  std::string stage;
  int64_t first_position = 0;  // of its first ready task; older work has smaller ones
  int priority = 0;            // higher first
  int running = 0;             // tasks of the job that workers hold
  int max_running = 0;         // its limit; 0: none
  absl::Duration waited;       // since its last start, or since its first ready task became ready
};

struct Allotment {
  std::string job_id;
  std::string stage;
  int most = 0;  // tasks to claim
  bool limited = false;
};

// Gives each of `workers` to a job, in the order in which tasks are to be claimed. How many ready
// tasks a job has is not known here: what it cannot use is given to others by the next call.
std::vector<Allotment> ShareOut(const std::vector<ReadyWork>& work, int workers);

}  // namespace foundry::coordinator
