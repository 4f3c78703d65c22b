#include "common/lm/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace foundry::lm {
namespace {

constexpr const char* kSchedules[] = {"linear", "cosine", "one_cycle", "constant_with_decay",
                                      "adaptive"};
constexpr double kDecayShare = 0.2, kRiseShare = 0.3, kCycleStart = 1.0 / 25;

// From 1 at 0 to 0 at 1.
double CosineFall(double at) { return 0.5 * (1 + std::cos(std::numbers::pi * at)); }

}  // namespace

absl::Status CheckSchedule(const std::string& schedule) {
  for (const char* known : kSchedules) {
    if (schedule == known) return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("schedule '", schedule, "': one of ", absl::StrJoin(kSchedules, ", ")));
}

double RateShare(const std::string& schedule, int64_t step, int64_t total, double warmup_ratio) {
  const double all = static_cast<double>(total), now = static_cast<double>(step);
  if (schedule == "one_cycle") {
    const double rise = std::max(1.0, kRiseShare * all);
    if (now < rise) return kCycleStart + (1 - kCycleStart) * (1 - CosineFall(now / rise));
    return CosineFall((now - rise) / std::max(1.0, all - rise));
  }
  const double warmup = std::ceil(warmup_ratio * all);
  if (now < warmup) return (now + 1) / (warmup + 1);
  const double after = (now - warmup) / std::max(1.0, all - warmup);
  if (schedule == "linear") return 1 - after;
  if (schedule == "cosine") return CosineFall(after);
  if (schedule == "constant_with_decay") {
    const double left = (all - now) / std::max(1.0, kDecayShare * all);
    return std::min(1.0, left);
  }
  return 1;
}

}  // namespace foundry::lm
