#include "services/extraction/collector.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/hash.h"
#include "common/text/quality.h"

namespace foundry::extraction {
namespace {

using dataset::Document;
using dataset::Outcome;

std::string NameOf(const Document& document) {
  const std::string file = document.metadata.value("file", document.url);
  return document.metadata.contains("row")
             ? absl::StrCat(file, "#", document.metadata["row"].get<int64_t>())
             : file;
}

}  // namespace

void TakeFate(const Outcome& lost, Outcome* file) {
  file->status = lost.status, file->reason = lost.reason;
  file->message =
      file->message.empty() ? lost.message : absl::StrCat(lost.message, " (", file->message, ")");
}

bool Collector::Full() const {
  return options_.most_documents > 0 && kept_ >= options_.most_documents;
}

Outcome Collector::Judge(Document* document) {
  Outcome lost;
  const std::string name = NameOf(*document);
  const double quality = text::TextQuality(document->text);
  const std::string hash = Sha256Hex(document->text);
  document->metadata["quality"] = std::round(quality * 1000) / 1000;
  document->metadata["sha256"] = hash;
  if (Full()) {
    ++counts_["over_limit"];
    return {name, "filtered", "over_limit",
            absl::StrCat("max_samples is ", options_.most_documents)};
  }
  if (quality < options_.min_quality) {
    ++counts_["low_quality"];
    return {name, "filtered", "low_quality",
            absl::StrFormat("text quality %.2f is below min_quality %.2f", quality,
                            options_.min_quality)};
  }
  if (options_.deduplicate == "none") return lost;
  const auto [same, added] = exact_.try_emplace(hash, name);
  if (!added) {
    ++counts_["duplicates_exact"];
    return {name, "duplicate", "exact_duplicate", absl::StrCat("same text as ", same->second)};
  }
  // Two CVE records may differ in little more than their numbers, and are two facts all the same.
  if (options_.deduplicate != "near" || document->metadata.value("kind", "") == "cve") return lost;
  if (const auto match = near_.FindOrAdd(document->text)) {
    ++counts_["duplicates_near"];
    return {name, "duplicate", "near_duplicate",
            absl::StrFormat("%.0f %% like %s", 100 * match->similarity, near_names_[match->index])};
  }
  near_names_.push_back(name);
  return lost;
}

void Collector::Add(FileResult result) {
  std::vector<Outcome> rows;
  Outcome* own = result.outcomes.empty() ? nullptr : &result.outcomes.front();
  for (Document& document : result.documents) {
    Outcome lost = Judge(&document);
    if (lost.status.empty()) {
      ++kept_;
      ++counts_["documents"];
      documents_.push_back(std::move(document));
      continue;
    }
    if (own != nullptr) {
      --own->documents;
      lost.source = own->source + (document.metadata.contains("row")
                                       ? absl::StrCat("#", document.metadata["row"].get<int64_t>())
                                       : "");
      // A file that is one document has the document's fate.
      if (!document.metadata.contains("row")) {
        TakeFate(lost, own);
        continue;
      }
    }
    if (lost.reason != "over_limit") rows.push_back(std::move(lost));
  }
  for (size_t i = 0; i < result.outcomes.size(); ++i) {
    const Outcome& outcome = result.outcomes[i];
    if (i == 0) ++counts_["files"];
    if (outcome.status == "ok" || outcome.status == "duplicate" ||
        outcome.reason == "low_quality" || outcome.reason == "over_limit")
      continue;
    ++counts_[i == 0 || outcome.status == "filtered" ? outcome.status : "refused_rows"];
    ++reasons_[absl::StrCat(i == 0 ? "" : "row ", outcome.status, ": ", outcome.reason)];
  }
  counts_["pages"] += result.pages;
  counts_["scanned_pages"] += result.scanned_pages;
  counts_["recognised_pages"] += result.recognised_pages;
  std::move(result.outcomes.begin(), result.outcomes.end(), std::back_inserter(outcomes_));
  std::move(rows.begin(), rows.end(), std::back_inserter(outcomes_));
  for (std::string& warning : result.warnings) {
    if (std::find(warnings_.begin(), warnings_.end(), warning) == warnings_.end())
      warnings_.push_back(std::move(warning));
  }
}

std::vector<Document> Collector::TakeDocuments() { return std::exchange(documents_, {}); }
std::vector<Outcome> Collector::TakeOutcomes() { return std::exchange(outcomes_, {}); }
std::vector<std::string> Collector::TakeWarnings() { return std::exchange(warnings_, {}); }

std::string Collector::Losses() const {
  std::vector<std::string> parts;
  for (const auto& [reason, count] : reasons_) parts.push_back(absl::StrCat(count, " ", reason));
  for (const char* name : {"duplicates_exact", "duplicates_near", "low_quality", "over_limit"}) {
    const auto it = counts_.find(name);
    if (it != counts_.end() && it->second > 0) parts.push_back(absl::StrCat(it->second, " ", name));
  }
  std::string out;
  for (const std::string& part : parts) absl::StrAppend(&out, out.empty() ? "" : ", ", part);
  return out;
}

}  // namespace foundry::extraction
