// How long to wait on a condition variable for an instant of the wall clock.
//
//   changed_.wait_for(lock, WaitTime(deadline), [this] { return done_; });
//
// std's wait_until on the system clock lasts an hour longer when that clock is set back by an hour
// meanwhile; wait_for counts by the steady one. At most an hour at a time, so that "never" is a
// duration too. Thread-safe (no state).
#pragma once

#include <algorithm>
#include <chrono>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace foundry {

inline std::chrono::microseconds WaitTime(absl::Time until) {
  return absl::ToChronoMicroseconds(
      std::clamp(until - absl::Now(), absl::ZeroDuration(), absl::Hours(1)));
}

}  // namespace foundry
