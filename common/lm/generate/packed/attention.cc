#include "common/lm/generate/packed/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "common/lm/packed/parallel.h"

namespace foundry::lm::packed {
namespace {

constexpr int64_t kSegmentPages = 22;  // 1,056 keys: scores of a block stay in the cache
constexpr int64_t kBlockRows = 48;     // query rows of a block, all heads of a group
constexpr float kNothing = -std::numeric_limits<float>::infinity();

}  // namespace

template <typename T>
Attention<T>::Attention(const ModelConfig& config, const PageCache<T>& cache)
    : cache_(cache),
      heads_(config.num_heads),
      kv_heads_(config.num_kv_heads),
      group_(config.num_heads / config.num_kv_heads),
      head_dim_(config.head_dim),
      window_(config.sliding_window.value_or(std::numeric_limits<int64_t>::max() / 2)) {}

template <typename T>
void Attention<T>::AddSegments(int64_t slot, int64_t position, int64_t keys,
                               absl::Span<const int32_t> rows) {
  for (int64_t page = 0; page * kPageKeys < keys; page += kSegmentPages) {
    const int64_t before = page * kPageKeys;
    Segment segment{
        slot, page, std::min(keys - before, kSegmentPages * kPageKeys), position + before, {}, {}};
    for (const int32_t row : rows) {
      const bool reached = positions_[row] >= segment.position;
      const bool in_window = positions_[row] - window_ < segment.position + segment.keys - 1;
      if (reached && in_window) segment.rows.push_back(row);
    }
    if (!segment.rows.empty()) segments_.push_back(std::move(segment));
  }
}

template <typename T>
void Attention<T>::Plan(absl::Span<const CacheStep> steps) {
  segments_.clear();
  positions_.clear();
  std::map<int64_t, std::vector<int32_t>> shared;  // by slot that continues in others
  std::vector<std::vector<int32_t>> own;
  for (const CacheStep& step : steps) {
    const int64_t begin = cache_.position(step.slot);
    own.emplace_back();
    for (int64_t i = 0; i < step.count; ++i) {
      own.back().push_back(static_cast<int32_t>(positions_.size()));
      positions_.push_back(begin + i);
    }
    for (int64_t at = cache_.prefix(step.slot); at >= 0; at = cache_.prefix(at)) {
      shared[at].insert(shared[at].end(), own.back().begin(), own.back().end());
    }
  }
  for (const auto& [slot, rows] : shared) {
    AddSegments(slot, cache_.position(slot) - cache_.length(slot), cache_.length(slot), rows);
  }
  for (size_t s = 0; s < steps.size(); ++s) {
    const int64_t length = cache_.length(steps[s].slot);
    AddSegments(steps[s].slot, cache_.position(steps[s].slot) - length, length + steps[s].count,
                own[s]);
  }
  parts_.assign(positions_.size(), {});
  for (const Segment& segment : segments_) {
    for (const int32_t row : segment.rows) ++parts_[row].count;
  }
  int32_t next = 0;
  for (Part& part : parts_) {
    part.begin = next;
    next += part.count;
    part.count = 0;
  }
  results_ = next;
  units_.clear();
  const int64_t step = std::max<int64_t>(1, kBlockRows / group_);
  for (size_t s = 0; s < segments_.size(); ++s) {
    Segment& segment = segments_[s];
    for (const int32_t row : segment.rows) {
      segment.parts.push_back(parts_[row].begin + parts_[row].count++);
    }
    const auto rows = static_cast<int64_t>(segment.rows.size());
    for (int64_t head = 0; head < kv_heads_; ++head) {
      for (int64_t begin = 0; begin < rows; begin += step) {
        units_.push_back({static_cast<int64_t>(s), head, begin, std::min(begin + step, rows)});
      }
    }
  }
  partial_.resize(static_cast<size_t>(results_ * heads_ * head_dim_));
  lse_.resize(static_cast<size_t>(results_ * heads_));
}

template <typename T>
void Attention<T>::RunUnit(const Unit& unit, int64_t layer, const T* q) {
  const simd::PanelKernels<T>& panels = *simd::Panels<T>();
  const Segment& segment = segments_[unit.segment];
  const int64_t depth = cache_.depth(), rows = unit.end - unit.begin, m = rows * group_;
  thread_local std::vector<T> queries, weights;
  thread_local std::vector<float> scores, result;

  // What each row sees: keys [first, last) of the segment.
  const auto last = [&](int64_t r) {
    return std::min(segment.keys, positions_[segment.rows[r]] - segment.position + 1);
  };
  const auto first = [&](int64_t r) {
    return std::max<int64_t>(0, positions_[segment.rows[r]] - window_ + 1 - segment.position);
  };
  int64_t seen = 0;
  for (int64_t r = unit.begin; r < unit.end; ++r) seen = std::max(seen, last(r));
  const int64_t pages = (seen + kPageKeys - 1) / kPageKeys, width = pages * kPageKeys;

  queries.assign(static_cast<size_t>(m * depth), T{0});
  for (int64_t r = 0; r < m; ++r) {
    const int64_t row = segment.rows[unit.begin + r / group_];
    std::copy_n(q + (row * heads_ + unit.head * group_ + r % group_) * head_dim_, head_dim_,
                queries.data() + r * depth);
  }
  scores.resize(static_cast<size_t>(m * width));
  for (int64_t p = 0; p < pages; ++p) {
    panels.multiply(m, depth, kPageKeys, queries.data(), depth,
                    cache_.Keys(segment.slot, segment.page + p, layer, unit.head),
                    scores.data() + p * kPageKeys, width, false);
  }
  const float scale = 1.0f / std::sqrt(static_cast<float>(head_dim_));
  for (int64_t r = 0; r < m; ++r) {
    const int64_t row = unit.begin + r / group_;
    lse_[segment.parts[row] * heads_ + unit.head * group_ + r % group_] =
        simd::Blocks().softmax(scores.data() + r * width, width, first(row), last(row), scale);
  }
  const T* shares;
  if constexpr (sizeof(T) == sizeof(float)) {
    shares = scores.data();
  } else {
    weights.resize(scores.size());
    simd::Rows<T>().from_float(scores.data(), m * width, weights.data());
    shares = weights.data();
  }
  const int64_t columns = cache_.value_columns(), wide = columns * cache_.value_panels();
  result.resize(static_cast<size_t>(m * wide));
  for (int64_t p = 0; p < pages; ++p) {
    const T* values = cache_.Values(segment.slot, segment.page + p, layer, unit.head);
    for (int64_t v = 0; v < cache_.value_panels(); ++v) {
      panels.multiply(m, kPageKeys, columns, shares + p * kPageKeys, width,
                      values + v * kPageKeys * columns, result.data() + v * columns, wide, p > 0);
    }
  }
  for (int64_t r = 0; r < m; ++r) {
    const int64_t part = segment.parts[unit.begin + r / group_];
    std::copy_n(result.data() + r * wide, head_dim_,
                partial_.data() + (part * heads_ + unit.head * group_ + r % group_) * head_dim_);
  }
}

template <typename T>
void Attention<T>::Merge(int64_t row, T* out) const {
  const Part& part = parts_[row];
  thread_local std::vector<float> sum;
  for (int64_t head = 0; head < heads_; ++head) {
    const float* values = partial_.data() + (part.begin * heads_ + head) * head_dim_;
    if (part.count > 1) {
      float top = kNothing, total = 0;
      for (int32_t p = 0; p < part.count; ++p) {
        top = std::max(top, lse_[(part.begin + p) * heads_ + head]);
      }
      for (int32_t p = 0; p < part.count; ++p) {
        total += std::exp(lse_[(part.begin + p) * heads_ + head] - top);
      }
      sum.assign(static_cast<size_t>(head_dim_), 0);
      for (int32_t p = 0; p < part.count; ++p) {
        const int64_t at = (part.begin + p) * heads_ + head;
        simd::Blocks().axpy(std::exp(lse_[at] - top) / total, partial_.data() + at * head_dim_,
                            head_dim_, sum.data());
      }
      values = sum.data();
    }
    if constexpr (sizeof(T) == sizeof(float)) {
      std::copy_n(values, head_dim_, out + head * head_dim_);
    } else {
      simd::Rows<T>().from_float(values, head_dim_, out + head * head_dim_);
    }
  }
}

template <typename T>
void Attention<T>::Run(int64_t layer, const T* q, T* out, int64_t stride) {
  ForUnits(static_cast<int64_t>(units_.size()), [&](int64_t u) { RunUnit(units_[u], layer, q); });
  ForBlocks(static_cast<int64_t>(positions_.size()), 16, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) Merge(row, out + row * stride);
  });
}

template class Attention<float>;
template class Attention<simd::bf16>;

}  // namespace foundry::lm::packed
