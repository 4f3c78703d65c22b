// Sections of the report, each a piece of HTML; empty where there is nothing to show.
#pragma once

#include <string>
#include <vector>

#include "common/base/json.h"
#include "services/evaluator/report/results.h"

namespace foundry::evaluator {

// Colour class of a model, the same in every chart.
int ModelColor(const std::string& label);

std::string HeadlineSection(const Json& results);     // tiles: before, after
std::string BeforeAfterSection(const Json& results);  // columns with error bars, metric table
std::string DifferenceSection(const Json& results);   // paired differences
std::string TypeSection(const Json& results);         // by question type and document
std::string ErrorSection(const Json& results);        // kinds of mistakes
std::string CurveSection(const std::vector<Curve>& curves);
std::string SpeedSection(const Json& results);  // speed, perplexity
std::string ExampleSection(const ReportInput& input, const Json& results);
std::string AdviceSection(const Json& results);
std::string RunSection(const Json& results);     // counts and warnings of the steps
std::string MethodSection(const Json& results);  // how the figures were made

}  // namespace foundry::evaluator
