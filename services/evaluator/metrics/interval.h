// Confidence intervals. Deterministic: the same values and seed give the same interval on every
// machine. Thread-safe (no state).
#pragma once

#include <cstdint>

#include "absl/types/span.h"

namespace foundry::evaluator {

struct Interval {
  double mean = 0;
  double low = 0;
  double high = 0;
};

// Wilson's score interval of a proportion (1927), 95 %. No trials: 0 to 1.
Interval WilsonInterval(int64_t successes, int64_t trials);

// Percentile bootstrap of the mean (Efron 1979), 95 %. One value: that value thrice; none: zeros.
Interval BootstrapMean(absl::Span<const double> values, uint64_t seed, int resamples = 2000);

struct PairedDifference {
  Interval difference;  // mean of after - before
  double p_value = 1;   // two-sided share of resamples on the other side of 0
  int64_t pairs = 0;
  int64_t gained = 0;  // after > before
  int64_t lost = 0;    // after < before
};
// Paired bootstrap over questions (Koehn 2004): the spans hold the same questions in the same
// order.
PairedDifference PairedBootstrap(absl::Span<const double> before, absl::Span<const double> after,
                                 uint64_t seed, int resamples = 2000);

}  // namespace foundry::evaluator
