// The join of shards; see extract.h.
#include <algorithm>
#include <filesystem>
#include <map>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/dataset/io.h"
#include "services/extraction/extract.h"
#include "services/extraction/outputs.h"

namespace foundry::extraction {
namespace {

using dataset::Document;
using dataset::Outcome;

// Several shards read the same data set: their outcomes of it become one.
class OutcomeMerger {
 public:
  void Add(Outcome outcome) {
    const auto [it, added] = index_.try_emplace(outcome.source, merged_.size());
    if (added) {
      merged_.push_back(std::move(outcome));
      return;
    }
    Outcome& known = merged_[it->second];
    known.documents += outcome.documents;
    known.pages = std::max(known.pages, outcome.pages);
    known.scanned_pages = std::max(known.scanned_pages, outcome.scanned_pages);
    known.seconds += outcome.seconds;
    if (known.status == "ok" && !outcome.message.empty()) {
      known.status = outcome.status, known.reason = outcome.reason, known.message = outcome.message;
    }
  }
  Outcome* Find(const std::string& source) {
    const auto it = index_.find(source);
    return it == index_.end() ? nullptr : &merged_[it->second];
  }
  std::vector<Outcome> Take() {
    std::stable_sort(merged_.begin(), merged_.end(),
                     [](const Outcome& a, const Outcome& b) { return a.source < b.source; });
    return std::move(merged_);
  }

 private:
  std::map<std::string, size_t> index_;
  std::vector<Outcome> merged_;
};

std::tuple<int64_t, std::string, int64_t> OrderOf(const Document& document) {
  const Json& m = document.metadata;
  return {m.value("source_index", int64_t{0}), m.value("file", document.url),
          m.value("row", int64_t{0})};
}

}  // namespace

absl::StatusOr<worker::StageOutput> Join(const std::vector<worker::InputRef>& parts,
                                         const CollectOptions& options,
                                         worker::TaskContext& context) {
  std::vector<Document> all;
  OutcomeMerger merger;
  int64_t recognised = 0;
  for (const worker::InputRef& part : parts) {
    FOUNDRY_RETURN_IF_ERROR(context.cancel().Check());
    FOUNDRY_ASSIGN_OR_RETURN(const std::filesystem::path folder, context.Fetch(part));
    FOUNDRY_ASSIGN_OR_RETURN(std::vector<Document> documents, dataset::ReadDocuments(folder));
    std::move(documents.begin(), documents.end(), std::back_inserter(all));
    FOUNDRY_RETURN_IF_ERROR(dataset::ForEachJson(
        folder / "outcomes.jsonl", [&](const Json& json, const std::string& where) {
          absl::StatusOr<Outcome> outcome = OutcomeFromJson(json);
          if (!outcome.ok()) return Annotate(outcome.status(), where);
          merger.Add(*std::move(outcome));
          return absl::OkStatus();
        }));
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Document& a, const Document& b) { return OrderOf(a) < OrderOf(b); });
  Collector collector(options);
  for (Document& document : all) {
    const std::string path = document.metadata.value("source_path", document.url);
    document.metadata.erase("source_path");
    recognised += document.metadata.value("recognised_pages", int64_t{0});
    const std::string row = document.metadata.contains("row")
                                ? absl::StrCat("#", document.metadata["row"].get<int64_t>())
                                : "";
    FileResult one;
    one.documents.push_back(std::move(document));
    collector.Add(std::move(one));
    // What was dropped now: its file has one document less.
    for (Outcome& lost : collector.TakeOutcomes()) {
      lost.source = path + row;
      if (Outcome* file = merger.Find(path)) --file->documents;
      if (row.empty() && merger.Find(path) != nullptr) {
        TakeFate(lost, merger.Find(path));
      } else {
        merger.Add(std::move(lost));
      }
    }
  }
  std::vector<Document> documents = collector.TakeDocuments();
  const std::vector<Outcome> outcomes = merger.Take();
  // Everything lost on the way, told by the merged outcomes.
  worker::StageOutput output;
  for (const Outcome& outcome : outcomes) {
    const bool row = IsRowOutcome(outcome);
    output.counts["pages"] += outcome.pages;
    output.counts["scanned_pages"] += outcome.scanned_pages;
    if (!row) ++output.counts["files"];
    if (outcome.reason == "exact_duplicate") ++output.counts["duplicates_exact"];
    if (outcome.reason == "near_duplicate") ++output.counts["duplicates_near"];
    if (outcome.reason == "low_quality") ++output.counts["low_quality"];
    if (outcome.status == "filtered" && outcome.reason != "low_quality")
      ++output.counts["filtered"];
    if (outcome.status == "refused" || outcome.status == "failed")
      ++output.counts[row ? "refused_rows" : outcome.status];
  }
  output.counts["documents"] = static_cast<int64_t>(documents.size());
  output.counts["recognised_pages"] = recognised;
  if (const auto over = collector.counts().find("over_limit"); over != collector.counts().end()) {
    output.counts["over_limit"] = over->second;
  }
  if (documents.empty()) {
    std::string losses;
    for (const auto& [name, count] : output.counts) {
      if (count > 0 && name != "pages" && name != "files")
        absl::StrAppend(&losses, losses.empty() ? "" : ", ", count, " ", name);
    }
    return NoDocuments(outcomes, losses);
  }
  MakeIdsUnique(&documents);
  FOUNDRY_RETURN_IF_ERROR(WriteRecords(documents, outcomes, context.output()));
  output.warnings = WarningsOf(outcomes);
  context.Message(absl::StrCat(documents.size(), " documents, ",
                               output.counts["duplicates_exact"] + output.counts["duplicates_near"],
                               " duplicates removed"));
  return output;
}

}  // namespace foundry::extraction
