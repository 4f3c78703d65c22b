// Joins the evaluations of a job into evaluation_results.json.
//
// {title, models: [label], datasets: [{name, kind, primary, questions, models: {label: summary},
//  unknown_to_base: {label: interval}, comparisons: [{before, after, metric, difference: {mean,
//  low, high}, p_value, gained, lost, questions}]}], table: [{dataset, metric, model, mean, low,
//  high, n}], documents: {label: perplexity…}, speed: {label: …}, counts, warnings, suggestions:
//  [{finding, advice}]}. Thread-safe (no state).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/json.h"
#include "services/evaluator/report/curves.h"
#include "services/evaluator/scored.h"

namespace foundry::evaluator {

// One Evaluate call's output.
struct Evaluation {
  std::string label;
  Json scores;  // scores.json
  std::vector<Scored> answers;
};
absl::StatusOr<Evaluation> ReadEvaluation(const std::filesystem::path& folder);

struct ReportInput {
  std::string title;
  std::vector<Evaluation> evaluations;  // in the order of the report; labels are unique
  std::vector<Curve> curves;
  std::map<std::string, int64_t> counts;
  std::vector<std::string> warnings;
  uint64_t seed = 7;  // of the bootstrap
};

Json JoinResults(const ReportInput& input);

// Names for people.
std::string ModelName(const std::string& label);    // distilled → "Distilled"
std::string MetricName(const std::string& metric);  // contains → "Answer contained"

}  // namespace foundry::evaluator
