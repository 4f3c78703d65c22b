#include "services/evaluator/report/curves.h"

#include <cmath>

#include "common/base/json.h"
#include "common/base/status.h"
#include "common/dataset/io.h"

namespace foundry::evaluator {

absl::StatusOr<Curve> ReadCurve(const std::string& label, const std::filesystem::path& file) {
  Curve curve;
  curve.label = label;
  FOUNDRY_RETURN_IF_ERROR(dataset::ForEachJson(file, [&](const Json& row, const std::string&) {
    const auto step = row.is_object() ? row.find("step") : row.end();
    if (!row.is_object() || step == row.end() || !step->is_number()) return absl::OkStatus();
    for (const auto& [name, value] : row.items()) {
      if (name == "step" || !value.is_number()) continue;
      const double y = value.get<double>();
      if (std::isfinite(y)) curve.series[name].emplace_back(step->get<double>(), y);
    }
    return absl::OkStatus();
  }));
  return curve;
}

std::vector<std::pair<double, double>> Thinned(const std::vector<std::pair<double, double>>& points,
                                               size_t most) {
  if (points.size() <= most) return points;
  std::vector<std::pair<double, double>> thin;
  for (size_t part = 0; part < most; ++part) {
    const size_t begin = part * points.size() / most, end = (part + 1) * points.size() / most;
    double x = 0, y = 0;
    for (size_t i = begin; i < end; ++i) x += points[i].first, y += points[i].second;
    thin.emplace_back(x / (end - begin), y / (end - begin));
  }
  return thin;
}

}  // namespace foundry::evaluator
