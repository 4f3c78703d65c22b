// Writes evaluation_results.json and report.html into a folder, both atomically, and the answers of
// every model beside them (answers/<label>.jsonl).
#pragma once

#include <filesystem>

#include "absl/status/status.h"
#include "services/evaluator/report/results.h"

namespace foundry::evaluator {

absl::StatusOr<Json> WriteReport(const ReportInput& input, const std::filesystem::path& folder);

}  // namespace foundry::evaluator
