// report.html: one self-contained page from evaluation_results.json and the answers.
#pragma once

#include <string>

#include "common/base/json.h"
#include "services/evaluator/report/results.h"

namespace foundry::evaluator {

// A whole HTML document: no script, no external resource; everything that came from models or
// documents is escaped. `results` is JoinResults(input).
std::string RenderReport(const ReportInput& input, const Json& results);

}  // namespace foundry::evaluator
