#include "common/base/steady_time.h"

#include <algorithm>

#include "absl/time/clock.h"

namespace foundry {

absl::Time SteadyNow() {
  using Clock = std::chrono::steady_clock;
  struct Start {
    absl::Time wall = absl::Now();
    Clock::time_point steady = Clock::now();
  };
  static const Start start;
  return start.wall + absl::FromChrono(Clock::now() - start.steady);
}

absl::Time SteadyFromWall(absl::Time wall) { return SteadyNow() + (wall - absl::Now()); }
absl::Time WallFromSteady(absl::Time steady) { return absl::Now() + (steady - SteadyNow()); }

std::chrono::microseconds WaitTime(absl::Time until) {
  return absl::ToChronoMicroseconds(
      std::clamp(until - SteadyNow(), absl::ZeroDuration(), absl::Hours(1)));
}

}  // namespace foundry
