// Attention of several sequences' new tokens over a PageCache. Keys that sequences share are read
// once for all of them; what a query sees in several places is merged by the places' denominators
// (Dao et al., arXiv 2205.14135). Internal to common/lm. Not thread-safe; runs on all threads.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "common/lm/generate/packed/page_cache.h"
#include "common/lm/model/decoder.h"

namespace foundry::lm::packed {

template <typename T>
class Attention {
 public:
  Attention(const ModelConfig& config, const PageCache<T>& cache);

  // Who sees what in the next calls of Run. The steps' rows are not advanced over yet.
  void Plan(absl::Span<const CacheStep> steps);

  // q: [rows, heads * head_dim] of T, written to the cache's layer are the rows' keys and values.
  // out: [rows, heads * head_dim] of T, row stride `stride`.
  void Run(int64_t layer, const T* q, T* out, int64_t stride);

 private:
  // Some pages of a slot, with the rows that see any of their keys.
  struct Segment {
    int64_t slot = 0, page = 0, keys = 0;
    int64_t position = 0;  // of its first key
    std::vector<int32_t> rows;
    std::vector<int32_t> parts;  // by row: where its result goes
  };
  struct Unit {
    int64_t segment = 0, head = 0, begin = 0, end = 0;  // rows of the segment
  };
  struct Part {
    int32_t begin = 0, count = 0;  // results of a row
  };
  void AddSegments(int64_t slot, int64_t position, int64_t keys, absl::Span<const int32_t> rows);
  void RunUnit(const Unit& unit, int64_t layer, const T* q);
  void Merge(int64_t row, T* out) const;

  const PageCache<T>& cache_;
  int64_t heads_, kv_heads_, group_, head_dim_, window_;
  std::vector<Segment> segments_;
  std::vector<Unit> units_;
  std::vector<int64_t> positions_;  // by row
  std::vector<Part> parts_;         // by row
  int64_t results_ = 0;
  std::vector<float> partial_, lse_;  // [results, heads, head_dim], [results, heads]
};

}  // namespace foundry::lm::packed
