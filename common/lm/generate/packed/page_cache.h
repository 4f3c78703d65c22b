// Keys and values in pages that simd::PanelKernels multiply with as they are: a key is a column, a
// value a row (cf. Kwon et al., arXiv 2309.06180). A slot is one sequence; one with a `prefix`
// continues after that slot's rows, which are stored once. Internal to common/lm. Not thread-safe,
// but for writes to different slots.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "common/lm/model/model_config.h"
#include "common/lm/model/simd/panel_kernels.h"

namespace foundry::lm::packed {

inline constexpr int64_t kPageKeys = simd::kPanelColumns;

template <typename T>
class PageCache {
 public:
  explicit PageCache(const ModelConfig& config);

  // A new slot, empty. The rows of `prefix` (-1: none) come before its own, and must neither change
  // nor go while the slot lives.
  int64_t Add(int64_t prefix);
  void Remove(int64_t slot);  // its number may be given out again

  int64_t length(int64_t slot) const { return slots_[slot].length; }  // own rows
  int64_t prefix(int64_t slot) const { return slots_[slot].prefix; }
  int64_t position(int64_t slot) const;  // of the next token: own rows and those of its prefixes

  void Reserve(int64_t slot, int64_t rows);  // pages for that many more
  // Row `at` of a slot in one layer; k and v [kv_heads * head_dim].
  void Write(int64_t slot, int64_t layer, int64_t at, const float* k, const float* v);
  void Advance(int64_t slot, int64_t rows) { slots_[slot].length += rows; }

  // Panels of page `page` of a slot: keys [depth, kPageKeys columns]; values value_panels() times
  // [kPageKeys, value_columns()].
  const T* Keys(int64_t slot, int64_t page, int64_t layer, int64_t head) const {
    return slots_[slot].pages[page].get() + (layer * heads_ + head) * 2 * stride_;
  }
  const T* Values(int64_t slot, int64_t page, int64_t layer, int64_t head) const {
    return Keys(slot, page, layer, head) + stride_;
  }
  int64_t value_panels() const { return value_panels_; }
  int64_t value_columns() const { return value_columns_; }
  int64_t depth() const { return depth_; }  // of a key, rounded up to what a multiply-add takes

 private:
  using Page = std::unique_ptr<T[]>;
  struct Slot {
    std::vector<Page> pages;
    int64_t length = 0, prefix = -1;
    bool used = false;
  };
  int64_t layers_, heads_, head_dim_, depth_, value_panels_, value_columns_;
  int64_t stride_;  // of one head's keys or values in a page
  std::vector<Slot> slots_;
  std::vector<Page> spare_;
};

}  // namespace foundry::lm::packed
