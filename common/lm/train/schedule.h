// Learning-rate schedules: the rate of a step as a share of the highest one.
// Thread-safe (no state).
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace foundry::lm {

// InvalidArgument names the known schedules.
absl::Status CheckSchedule(const std::string& schedule);

// For step 0 <= step < total, after a linear warm-up over warmup_ratio * total steps:
//   linear, cosine         fall to 0 over the rest
//   constant_with_decay    stays, then falls to 0 over the last fifth
//   one_cycle              rises to 1 by 30 % of all steps, falls to 0 (Smith, arXiv 1708.07120)
//   adaptive               stays; the trainer halves it when validation stops improving
double RateShare(const std::string& schedule, int64_t step, int64_t total, double warmup_ratio);

}  // namespace foundry::lm
