#include "services/evaluator/report/writer.h"

#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/dataset/io.h"
#include "services/evaluator/report/page.h"

namespace foundry::evaluator {

absl::StatusOr<Json> WriteReport(const ReportInput& input, const std::filesystem::path& folder) {
  Json results = JoinResults(input);
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(folder / "answers"));
  for (const Evaluation& evaluation : input.evaluations) {
    std::vector<Json> rows;
    for (const Scored& scored : evaluation.answers) rows.push_back(ToJson(scored));
    FOUNDRY_RETURN_IF_ERROR(dataset::WriteJsonLines(
        folder / "answers" / absl::StrCat(evaluation.label, ".jsonl"), rows));
  }
  FOUNDRY_RETURN_IF_ERROR(WriteFileAtomic(folder / "report.html", RenderReport(input, results)));
  FOUNDRY_RETURN_IF_ERROR(WriteJsonFile(folder / "evaluation_results.json", results));
  return results;
}

}  // namespace foundry::evaluator
