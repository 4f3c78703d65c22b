// What to try next, from the figures: rules with thresholds, each naming the setting to change.
#pragma once

#include <vector>

#include "common/base/json.h"
#include "services/evaluator/report/curves.h"

namespace foundry::evaluator {

// [{finding, advice}] for evaluation_results.json; the most telling first, at most eight.
Json Suggestions(const Json& results, const std::vector<Curve>& curves);

}  // namespace foundry::evaluator
