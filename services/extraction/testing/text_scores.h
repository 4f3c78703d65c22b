// How well two texts agree, in words and in their order. Header only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/text/words.h"

namespace foundry::extraction {

// F1 of the words, whatever their order.
inline double WordF1(const std::string& a, const std::string& b) {
  std::map<std::string, int64_t> left;
  int64_t common = 0, all = 0;
  for (const std::string& word : text::FoldedWords(a)) ++left[word], ++all;
  for (const std::string& word : text::FoldedWords(b)) {
    common += left[word]-- > 0;
    ++all;
  }
  return all == 0 ? 0 : 2.0 * common / all;
}

// The same of the longest common subsequence: at most WordF1, and as much only when the words that
// both have stand in the same order. Bit-parallel: Hyyrö, "Bit-parallel LCS-length computation
// revisited" (2004).
inline double WordOrderF1(const std::string& a, const std::string& b) {
  const std::vector<std::string> left = text::FoldedWords(a), right = text::FoldedWords(b);
  if (left.empty() || right.empty()) return 0;
  const size_t blocks = (left.size() + 63) / 64;
  std::unordered_map<std::string, std::vector<size_t>> places;
  for (size_t i = 0; i < left.size(); ++i) places[left[i]].push_back(i);
  std::vector<uint64_t> row(blocks, ~uint64_t{0}), match(blocks);
  for (const std::string& word : right) {
    const auto found = places.find(word);
    if (found == places.end()) continue;
    for (const size_t i : found->second) match[i / 64] |= uint64_t{1} << (i % 64);
    uint64_t carry = 0;
    for (size_t k = 0; k < blocks; ++k) {
      const uint64_t u = row[k] & match[k];
      uint64_t sum = row[k] + u;
      const uint64_t first = sum < u;
      sum += carry;
      carry = first | (sum < carry);
      row[k] = sum | (row[k] - u);
    }
    for (const size_t i : found->second) match[i / 64] = 0;
  }
  int64_t length = 0;
  for (size_t i = 0; i < left.size(); ++i) length += (row[i / 64] >> (i % 64) & 1) == 0;
  return 2.0 * length / (left.size() + right.size());
}

}  // namespace foundry::extraction
