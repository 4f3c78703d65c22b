// Near-duplicate detection: MinHash signatures over word shingles (Broder 1997), candidates by
// banded locality-sensitive hashing, then the exact Jaccard similarity of the shingle sets, so that
// no text is dropped on an estimate. Deterministic. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace foundry::text {

struct NearDuplicateOptions {
  double threshold = 0.85;  // Jaccard similarity of the shingle sets
  int shingle_words = 5;    // shorter texts: one shingle
  int bands = 16;           // × rows = hash functions; 16 × 8 finds 99 % at similarity 0.85
  int rows = 8;
};

// Sorted, distinct hashes of the text's shingles of case-folded words.
std::vector<uint64_t> Shingles(absl::string_view text, int words);
double Jaccard(const std::vector<uint64_t>& a, const std::vector<uint64_t>& b);

class NearDuplicates {
 public:
  explicit NearDuplicates(const NearDuplicateOptions& options = {}) : options_(options) {}

  struct Match {
    int64_t index = 0;  // of the earlier text, in the order of Add calls
    double similarity = 0;
  };

  // The most similar text added before at or above the threshold; else adds this one.
  std::optional<Match> FindOrAdd(absl::string_view text);

 private:
  std::vector<uint64_t> BandKeys(const std::vector<uint64_t>& shingles) const;

  NearDuplicateOptions options_;
  std::vector<std::vector<uint64_t>> shingles_;  // by index
  absl::flat_hash_map<uint64_t, std::vector<int64_t>> buckets_;
};

}  // namespace foundry::text
