// Decides which documents stay: quality floor, exact and near duplicates, limit. Keeps the outcomes
// and counts that tell what became of everything else. Deterministic; not thread-safe.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/dataset/records.h"
#include "common/text/near_duplicates.h"
#include "services/extraction/sources/source.h"

namespace foundry::extraction {

struct CollectOptions {
  std::string deduplicate = "near";  // none, exact, near
  double min_quality = 0.5;          // 0..1, see common/text/quality.h
  int64_t most_documents = 0;        // 0: all
};

// A file that is one document has the fate of its document; what else is known of the file (that
// only its first pages were read) stays in the message.
void TakeFate(const dataset::Outcome& lost, dataset::Outcome* file);

class Collector {
 public:
  explicit Collector(const CollectOptions& options) : options_(options) {}

  // Takes what one file gave, in order. Documents that are dropped turn into outcomes.
  void Add(FileResult result);
  bool Full() const;

  // Since the last call: documents kept, and outcomes.
  std::vector<dataset::Document> TakeDocuments();
  std::vector<dataset::Outcome> TakeOutcomes();
  std::vector<std::string> TakeWarnings();

  // documents, files, pages, scanned_pages, recognised_pages, duplicates_exact, duplicates_near,
  // low_quality, filtered, refused, failed, over_limit. A row that gave nothing counts in
  // refused_rows.
  const std::map<std::string, int64_t>& counts() const { return counts_; }

  // "3 files refused (encrypted: 2, malformed: 1), 1 duplicate": for errors and summaries. Empty
  // when nothing was lost.
  std::string Losses() const;

 private:
  // Empty status: it stays.
  dataset::Outcome Judge(dataset::Document* document);

  CollectOptions options_;
  text::NearDuplicates near_;
  std::vector<std::string> near_names_;                  // by index in near_
  absl::flat_hash_map<std::string, std::string> exact_;  // hash of the text → name
  std::vector<dataset::Document> documents_;
  std::vector<dataset::Outcome> outcomes_;
  std::vector<std::string> warnings_;
  std::map<std::string, int64_t> counts_;
  std::map<std::string, int64_t> reasons_;  // "refused: encrypted" → count
  int64_t kept_ = 0;
};

}  // namespace foundry::extraction
