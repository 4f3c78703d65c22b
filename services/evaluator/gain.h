// What a model gained over another one on the same questions. Thread-safe (no state).
#pragma once

#include <cstdint>
#include <vector>

#include "services/evaluator/metrics/interval.h"
#include "services/evaluator/scored.h"

namespace foundry::evaluator {

// Differences of the data sets' primary metrics, question by question; questions that only one of
// them was asked or scored on are left out. The p-value is the bootstrap's, but at least what a
// sign test of as many changed questions could show. `seed`: of the bootstrap.
PairedDifference GainOver(const std::vector<Scored>& before, const std::vector<Scored>& after,
                          uint64_t seed);

}  // namespace foundry::evaluator
