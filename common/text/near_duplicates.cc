#include "common/text/near_duplicates.h"

#include <algorithm>
#include <limits>
#include <string>

#include "common/text/words.h"

namespace foundry::text {
namespace {

// SplitMix64's finaliser: spreads every bit.
uint64_t Mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15ull;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

// FNV-1a: stable over runs and machines, unlike absl::Hash.
uint64_t HashWord(absl::string_view word) {
  uint64_t hash = 0xCBF29CE484222325ull;
  for (const char c : word) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ull;
  return Mix(hash);
}

}  // namespace

std::vector<uint64_t> Shingles(absl::string_view text, int words) {
  std::vector<uint64_t> hashes;
  for (const std::string& word : FoldedWords(text)) hashes.push_back(HashWord(word));
  std::vector<uint64_t> out;
  const size_t width = std::min(hashes.size(), static_cast<size_t>(std::max(1, words)));
  for (size_t i = 0; width > 0 && i + width <= hashes.size(); ++i) {
    uint64_t shingle = 0;
    for (size_t j = 0; j < width; ++j) shingle = Mix(shingle ^ hashes[i + j]);
    out.push_back(shingle);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

double Jaccard(const std::vector<uint64_t>& a, const std::vector<uint64_t>& b) {
  size_t common = 0;
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    if (a[i] == b[j]) {
      ++common, ++i, ++j;
    } else if (a[i] < b[j]) {
      ++i;
    } else {
      ++j;
    }
  }
  const size_t all = a.size() + b.size() - common;
  return all == 0 ? 1.0 : static_cast<double>(common) / all;
}

std::vector<uint64_t> NearDuplicates::BandKeys(const std::vector<uint64_t>& shingles) const {
  std::vector<uint64_t> keys;
  for (int band = 0; band < options_.bands; ++band) {
    uint64_t key = band;
    for (int row = 0; row < options_.rows; ++row) {
      const uint64_t seed = Mix(static_cast<uint64_t>(band) * options_.rows + row);
      uint64_t least = std::numeric_limits<uint64_t>::max();
      for (const uint64_t shingle : shingles) {
        least = std::min<uint64_t>(least, (shingle ^ seed) * 0x9E3779B97F4A7C15ull);
      }
      key = Mix(key ^ least);
    }
    keys.push_back(key);
  }
  return keys;
}

std::optional<NearDuplicates::Match> NearDuplicates::FindOrAdd(absl::string_view text) {
  std::vector<uint64_t> shingles = Shingles(text, options_.shingle_words);
  const std::vector<uint64_t> keys = BandKeys(shingles);
  std::optional<Match> best;
  std::vector<int64_t> candidates;
  for (const uint64_t key : keys) {
    const auto it = buckets_.find(key);
    if (it != buckets_.end())
      candidates.insert(candidates.end(), it->second.begin(), it->second.end());
  }
  std::sort(candidates.begin(), candidates.end());
  candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());
  for (const int64_t index : candidates) {
    const double similarity = Jaccard(shingles, shingles_[index]);
    if (similarity >= options_.threshold && (!best || similarity > best->similarity)) {
      best = Match{index, similarity};
    }
  }
  if (best) return best;
  const int64_t index = static_cast<int64_t>(shingles_.size());
  shingles_.push_back(std::move(shingles));
  for (const uint64_t key : keys) buckets_[key].push_back(index);
  return std::nullopt;
}

}  // namespace foundry::text
