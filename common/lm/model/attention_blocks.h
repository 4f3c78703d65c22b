// Gathering of scattered rows into the blocks that attention works on. Internal to this folder.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "common/lm/model/attention.h"
#include "common/lm/model/simd/row_kernels.h"

namespace foundry::lm {

inline int64_t Padded(int64_t n) { return (n + simd::kPad - 1) / simd::kPad * simd::kPad; }

// One task on one key-value head, whose `group` query heads are rows of one block.
struct AttentionUnit {
  const AttentionShape& shape;
  const AttentionTask& task;
  int64_t kv_head, group, keys, depth, depth_padded;
  float scale;

  AttentionUnit(const AttentionShape& s, const AttentionTask& t, int64_t head)
      : shape(s),
        task(t),
        kv_head(head),
        group(s.heads / s.kv_heads),
        keys(0),
        depth(s.head_dim),
        depth_padded(Padded(s.head_dim)),
        scale(1.0f / std::sqrt(static_cast<float>(s.head_dim))) {
    for (const KeyRange& range : t.ranges) keys += range.count;
  }

  // Keys that query row `i` of the task sees: [first, last).
  int64_t Last(int64_t i) const { return keys - task.rows + i + 1; }
  int64_t First(int64_t i) const {
    return shape.window ? std::max<int64_t>(0, Last(i) - *shape.window) : 0;
  }

  // f(key index, pointer to its row of this head).
  template <typename F>
  void ForKeys(bool values, int64_t limit, F f) const {
    int64_t index = 0;
    for (const KeyRange& range : task.ranges) {
      const at::Tensor& t = values ? range.v : range.k;
      const float* row = t.const_data_ptr<float>() +
                         (values ? range.v_begin : range.k_begin) * t.stride(0) + kv_head * depth;
      for (int64_t j = 0; j < range.count && index < limit; ++j, ++index, row += t.stride(0)) {
        f(index, row);
      }
    }
  }

  // The first `limit` keys or values as [limit, depth_padded].
  void PackRows(bool values, int64_t limit, std::vector<float>& to) const {
    to.assign(limit * depth_padded, 0);
    ForKeys(values, limit, [&](int64_t j, const float* row) {
      std::copy_n(row, depth, to.data() + j * depth_padded);
    });
  }
  // As [depth, Padded(keys)], for products with queries.
  void PackColumns(bool values, std::vector<float>& to) const {
    int64_t width = Padded(keys);
    to.assign(depth * width, 0);
    ForKeys(values, keys, [&](int64_t j, const float* row) {
      for (int64_t d = 0; d < depth; ++d) to[d * width + j] = row[d];
    });
  }
  // Rows [from, from + rows) of the task in t [*, heads * depth] as [rows * group, depth_padded].
  void PackQueries(const float* t, int64_t from, int64_t rows, std::vector<float>& to) const {
    to.assign(rows * group * depth_padded, 0);
    for (int64_t i = 0; i < rows; ++i) {
      const float* row = t + ((task.begin + from + i) * shape.heads + kv_head * group) * depth;
      for (int64_t g = 0; g < group; ++g) {
        std::copy_n(row + g * depth, depth, to.data() + (i * group + g) * depth_padded);
      }
    }
  }
};

// Query rows of a block: a few dozen, so that scores stay in the cache.
inline int64_t BlockRows(int64_t group) { return std::max<int64_t>(1, 96 / group); }

}  // namespace foundry::lm
