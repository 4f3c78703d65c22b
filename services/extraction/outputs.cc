#include "services/extraction/outputs.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/dataset/io.h"

namespace foundry::extraction {

using dataset::Document;
using dataset::Outcome;

absl::Status WriteRecords(const std::vector<Document>& documents,
                          const std::vector<Outcome>& outcomes,
                          const std::filesystem::path& folder) {
  std::vector<Json> rows;
  for (const Document& document : documents) rows.push_back(dataset::ToJson(document));
  FOUNDRY_RETURN_IF_ERROR(dataset::WriteJsonLines(folder / "documents.jsonl", rows));
  rows.clear();
  for (const Outcome& outcome : outcomes) rows.push_back(dataset::ToJson(outcome));
  return dataset::WriteJsonLines(folder / "outcomes.jsonl", rows);
}

absl::StatusOr<Outcome> OutcomeFromJson(const Json& json) {
  Outcome out;
  FOUNDRY_ASSIGN_OR_RETURN(out.source, JsonString(json, "source"));
  FOUNDRY_ASSIGN_OR_RETURN(out.status, JsonString(json, "status"));
  FOUNDRY_ASSIGN_OR_RETURN(out.reason, JsonString(json, "reason"));
  FOUNDRY_ASSIGN_OR_RETURN(out.message, JsonString(json, "message"));
  FOUNDRY_ASSIGN_OR_RETURN(out.pages, JsonInt(json, "pages"));
  FOUNDRY_ASSIGN_OR_RETURN(out.scanned_pages, JsonInt(json, "scanned_pages"));
  FOUNDRY_ASSIGN_OR_RETURN(out.documents, JsonInt(json, "documents"));
  FOUNDRY_ASSIGN_OR_RETURN(out.seconds, JsonDouble(json, "seconds"));
  return out;
}

bool IsRowOutcome(const Outcome& outcome) {
  const size_t mark = outcome.source.rfind('#');
  return mark != std::string::npos && mark + 1 < outcome.source.size() &&
         outcome.source.find_first_not_of("0123456789", mark + 1) == std::string::npos;
}

std::vector<std::string> WarningsOf(const std::vector<Outcome>& outcomes) {
  constexpr size_t kMostNamed = 20;
  std::vector<std::string> out;
  size_t unnamed = 0;
  for (const Outcome& outcome : outcomes) {
    const bool partly =
        outcome.status == "ok" && (outcome.scanned_pages > 0 || !outcome.reason.empty());
    if (outcome.status != "refused" && outcome.status != "failed" && !partly) continue;
    if (out.size() >= kMostNamed) {
      ++unnamed;
    } else if (partly && outcome.scanned_pages > 0) {
      out.push_back(absl::StrCat(outcome.source, ": ", outcome.scanned_pages, " of ", outcome.pages,
                                 " pages are images without text"));
    } else {
      out.push_back(absl::StrCat(outcome.source, ": ", outcome.message));
    }
  }
  if (unnamed > 0) out.push_back(absl::StrCat(unnamed, " more are named in outcomes.jsonl"));
  return out;
}

absl::Status NoDocuments(const std::vector<Outcome>& outcomes, const std::string& losses) {
  std::string first;
  int named = 0;
  for (const Outcome& outcome : outcomes) {
    if (outcome.status == "ok" || outcome.message.empty() || ++named > 3) continue;
    absl::StrAppend(&first, "; ", outcome.source, ": ", outcome.message);
  }
  return absl::FailedPreconditionError(
      absl::StrCat("no documents came out of the sources",
                   losses.empty() ? "" : absl::StrCat(" (", losses, ")"), first));
}

void MakeIdsUnique(std::vector<Document>* documents) {
  std::map<std::string, int> seen;
  for (Document& document : *documents) {
    const int times = seen[document.id]++;
    if (times > 0) absl::StrAppend(&document.id, "-", times + 1);
  }
}

}  // namespace foundry::extraction
