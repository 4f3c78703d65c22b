#include "tools/foundry/run/outcome.h"

#include <cmath>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/json.h"
#include "tools/foundry/view/table.h"

namespace foundry::cli {
namespace fs = std::filesystem;
namespace {

// Shares are shown as percentages; other figures (perplexity) as they are.
std::string Figure(const Json& row) {
  const auto mean_or = JsonDouble(row, "mean", std::nan(""));
  if (!mean_or.ok() || std::isnan(*mean_or)) return "none";  // null: nothing to average
  const double mean = *mean_or, low = JsonDouble(row, "low").value_or(0),
               high = JsonDouble(row, "high").value_or(0);
  const bool share = low >= 0 && high <= 1;
  const char* format = share ? "%.1f %% (%.1f–%.1f)" : "%.2f (%.2f–%.2f)";
  const double scale = share ? 100 : 1;
  return absl::StrFormat(*absl::ParsedFormat<'f', 'f', 'f'>::New(format), mean * scale, low * scale,
                         high * scale);
}

// One row a data set and metric, one column a model, in the order of the report.
std::string BeforeAfter(const Json& results) {
  std::vector<std::string> header = {"DATA SET", "METRIC", "N"};
  const std::vector<std::string> none;
  std::map<std::string, size_t> columns;
  for (const std::string& model : JsonStrings(results, "models").value_or(none)) {
    columns[model] = header.size();
    header.push_back(model);
  }
  std::vector<std::vector<std::string>> rows = {header};
  std::map<std::pair<std::string, std::string>, size_t> places;
  for (const Json& row : results["table"]) {
    const auto key = std::make_pair(JsonString(row, "dataset").value_or(""),
                                    JsonString(row, "metric").value_or(""));
    const auto [place, added] = places.emplace(key, rows.size());
    if (added) {
      rows.emplace_back(header.size());
      rows.back()[0] = key.first;
      rows.back()[1] = key.second;
      rows.back()[2] = absl::StrCat(JsonInt(row, "n").value_or(0));
    }
    const auto column = columns.find(JsonString(row, "model").value_or(""));
    if (column != columns.end()) rows[place->second][column->second] = Figure(row);
  }
  return absl::StrCat("scores, with 95 % intervals\n", FormatTable(rows), "\n");
}

}  // namespace

std::string OutcomeText(const fs::path& output_dir) {
  struct Row {
    const char* name;
    const char* what;
  };
  static constexpr Row kOutputs[] = {
      {"enriched_data.json", "documents, enriched"},
      {"teacher_pairs.json", "questions and answers"},
      {"best_checkpoint", "adapter (PEFT)"},
      {"merged", "model: Hugging Face folder and GGUF"},
      {"self_study_results", "what the student asked itself"},
      {"evaluation_results.json", "scores"},
      {"report.html", "report: open it in a browser"},
  };
  std::string text;
  const absl::StatusOr<Json> results = ReadJsonFile(output_dir / "evaluation_results.json");
  if (results.ok() && results->is_object() && results->contains("models") &&
      results->contains("table")) {
    text = BeforeAfter(*results);
  }
  std::vector<std::vector<std::string>> rows = {{"OUTPUT", ""}};
  for (const Row& row : kOutputs) {
    std::error_code error;
    const fs::path path = output_dir / row.name;
    if (fs::exists(path, error)) rows.push_back({path.string(), row.what});
  }
  return text + FormatTable(rows);
}

}  // namespace foundry::cli
