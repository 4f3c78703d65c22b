// Training curves from metrics.jsonl.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace foundry::evaluator {

struct Curve {
  std::string label;  // of the training run
  // By the metric's name; points are (optimizer step, value) in the order of the file.
  std::map<std::string, std::vector<std::pair<double, double>>> series;
};

// Every number of a line that has a "step" is a point; other lines are skipped.
absl::StatusOr<Curve> ReadCurve(const std::string& label, const std::filesystem::path& file);

// At most `most` points: means of equal runs of steps, so that long runs stay legible and small.
std::vector<std::pair<double, double>> Thinned(const std::vector<std::pair<double, double>>& points,
                                               size_t most);

}  // namespace foundry::evaluator
