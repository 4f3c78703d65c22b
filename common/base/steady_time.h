// The clock for deadlines, waits and durations.
//
//   const absl::Time deadline = SteadyNow() + absl::Seconds(5);
//   changed_.wait_for(lock, WaitTime(deadline), [this] { return done_; });
//
// When a machine's clock is set, what counts by absl::Now() waits an hour longer or gives up at
// once. absl::Now() is for what is written down and for what other machines or files say.
// Thread-safe.
#pragma once

#include <chrono>

#include "absl/time/time.h"

namespace foundry {

// What the machine's clock said when this was first called, and what the steady clock has counted
// since: never goes back, never jumps.
absl::Time SteadyNow();

// The instant of the other clock that is as far away now; infinite ones stay what they are.
absl::Time SteadyFromWall(absl::Time wall);
absl::Time WallFromSteady(absl::Time steady);

// How long to wait on a condition variable for `until`, by wait_for (std's wait_until on the system
// clock follows that clock's jumps). At most an hour at a time, so that "never" is a duration too.
std::chrono::microseconds WaitTime(absl::Time until);

}  // namespace foundry
