// What extraction leaves behind: documents.jsonl, outcomes.jsonl, warnings. Thread-safe (no state).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/dataset/records.h"

namespace foundry::extraction {

// Writes documents.jsonl and outcomes.jsonl.
absl::Status WriteRecords(const std::vector<dataset::Document>& documents,
                          const std::vector<dataset::Outcome>& outcomes,
                          const std::filesystem::path& folder);

absl::StatusOr<dataset::Outcome> OutcomeFromJson(const Json& json);

// The outcome of a row ("file#12"), not of a file.
bool IsRowOutcome(const dataset::Outcome& outcome);

// Refused, failed and scanned files by name: the first twenty, then their number.
std::vector<std::string> WarningsOf(const std::vector<dataset::Outcome>& outcomes);

// FailedPrecondition that names the first files that gave nothing.
absl::Status NoDocuments(const std::vector<dataset::Outcome>& outcomes, const std::string& losses);

// Two sources may hold a file of the same name: the later document's id gets a number.
void MakeIdsUnique(std::vector<dataset::Document>* documents);

}  // namespace foundry::extraction
