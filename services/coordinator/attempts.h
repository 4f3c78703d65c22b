// What the end of an attempt costs its task: one rule for every store and every kind of lease. Pure
// functions; thread-safe (no state).
#pragma once

#include <string>

#include "services/coordinator/state.h"

namespace foundry::coordinator {

// What a task has behind it since it was created or retried by hand.
struct Attempts {
  int failures = 0;  // told by its workers
  int crashes = 0;   // workers that fell silent after they had been heard from
  int lost = 0;      // and such that never were: most likely the answer to LeaseTask got lost
};

struct AttemptLimits {
  int max_retries = 3;
  int max_crashes = 3;
  int max_lost = 10;
};

// Of StoreOptions, which this need not know.
template <typename Options>
AttemptLimits LimitsOf(const Options& options) {
  return {options.max_retries, options.max_crashes, options.max_lost};
}

struct AttemptEnd {
  Attempts attempts;
  State next;          // READY, or an end that fails the job
  std::string reason;  // for people
};

// `went_on`: the task had got further than ever before, so that what it lost earlier is forgotten.
AttemptEnd AfterFailure(Attempts before, bool retryable, bool went_on, const AttemptLimits& limits,
                        const std::string& message);
// `who`: "worker w1"; `heard`: whether it was, under this lease.
AttemptEnd AfterSilence(Attempts before, bool heard, bool went_on, const AttemptLimits& limits,
                        const std::string& who);

}  // namespace foundry::coordinator
