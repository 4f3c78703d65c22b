#include "common/lm/generate/packed/page_cache.h"

#include <algorithm>

namespace foundry::lm::packed {

template <typename T>
PageCache<T>::PageCache(const ModelConfig& config)
    : layers_(config.num_layers),
      heads_(config.num_kv_heads),
      head_dim_(config.head_dim),
      depth_(simd::RoundUp(config.head_dim, simd::kTogether<T>)) {
  value_panels_ = (head_dim_ + simd::kMostPanelColumns - 1) / simd::kMostPanelColumns;
  value_columns_ = simd::RoundUp((head_dim_ + value_panels_ - 1) / value_panels_, 16);
  stride_ = kPageKeys * std::max(depth_, value_panels_ * value_columns_);
}

template <typename T>
int64_t PageCache<T>::Add(int64_t prefix) {
  auto free = std::find_if(slots_.begin(), slots_.end(), [](const Slot& s) { return !s.used; });
  if (free == slots_.end()) free = slots_.emplace(slots_.end());
  free->used = true;
  free->prefix = prefix;
  return free - slots_.begin();
}

template <typename T>
void PageCache<T>::Remove(int64_t slot) {
  for (Page& page : slots_[slot].pages) spare_.push_back(std::move(page));
  slots_[slot] = Slot{};
}

template <typename T>
int64_t PageCache<T>::position(int64_t slot) const {
  int64_t rows = 0;
  for (; slot >= 0; slot = slots_[slot].prefix) rows += slots_[slot].length;
  return rows;
}

template <typename T>
void PageCache<T>::Reserve(int64_t slot, int64_t rows) {
  Slot& s = slots_[slot];
  const auto needed = static_cast<size_t>((s.length + rows + kPageKeys - 1) / kPageKeys);
  const int64_t size = layers_ * heads_ * 2 * stride_;
  while (s.pages.size() < needed) {
    // Zeros, or the finite values of an earlier sequence: weights of zero hide both.
    if (spare_.empty()) {
      s.pages.push_back(std::make_unique<T[]>(static_cast<size_t>(size)));
    } else {
      s.pages.push_back(std::move(spare_.back()));
      spare_.pop_back();
    }
  }
}

template <typename T>
void PageCache<T>::Write(int64_t slot, int64_t layer, int64_t at, const float* k, const float* v) {
  constexpr int64_t kTogether = simd::kTogether<T>;
  T* page = slots_[slot].pages[at / kPageKeys].get() + layer * heads_ * 2 * stride_;
  const int64_t row = at % kPageKeys;
  thread_local std::vector<T> typed;
  typed.resize(static_cast<size_t>(head_dim_));
  const auto convert = [&](const float* from) {
    if constexpr (sizeof(T) == sizeof(float)) {
      std::copy_n(from, head_dim_, typed.data());
    } else {
      simd::Rows<T>().from_float(from, head_dim_, typed.data());
    }
  };
  for (int64_t head = 0; head < heads_; ++head, page += 2 * stride_) {
    convert(k + head * head_dim_);
    for (int64_t d = 0; d < head_dim_; ++d) {
      page[(d / kTogether * kPageKeys + row) * kTogether + d % kTogether] = typed[d];
    }
    convert(v + head * head_dim_);
    for (int64_t d = 0; d < head_dim_; ++d) {
      const int64_t panel = d / value_columns_, column = d % value_columns_;
      page[stride_ + panel * kPageKeys * value_columns_ +
           (row / kTogether * value_columns_ + column) * kTogether + row % kTogether] = typed[d];
    }
  }
}

template class PageCache<float>;
template class PageCache<simd::bf16>;

}  // namespace foundry::lm::packed
