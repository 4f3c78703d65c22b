// Causal grouped-query attention over rows of several sequences, forward and backward, with exact
// softmax in float32. Internal to common/lm. Thread-safe (no state).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <ATen/ATen.h>

#include "common/lm/model/model_config.h"

namespace foundry::lm {

// `count` rows of keys and of values, [*, kv_heads * head_dim] float32 contiguous each.
struct KeyRange {
  at::Tensor k, v;
  int64_t k_begin = 0, v_begin = 0, count = 0;
};

// Queries of one sequence: rows [begin, begin + rows) of q. They see every key of all ranges but
// the last; of the last, query i sees the first count - rows + i + 1.
struct AttentionTask {
  int64_t begin = 0, rows = 0;
  std::vector<KeyRange> ranges;
};

struct AttentionShape {
  int64_t heads = 0, kv_heads = 0, head_dim = 0;
  std::optional<int64_t> window;  // keys that a query sees, itself included

  static AttentionShape Of(const ModelConfig& config);
};

// q: [*, heads * head_dim] float32 contiguous. Writes rows of `out` ([*, heads * head_dim], float32
// or bfloat16, free row stride); `lse` ([*, heads] float32) may be null.
void Attend(const AttentionShape& shape, const at::Tensor& q,
            const std::vector<AttentionTask>& tasks, at::Tensor out, at::Tensor* lse);

// Gradients of Attend for tasks whose ranges are rows of the same k and v, of which several tasks
// may share the first ones. out and dout: float32 contiguous. dk and dv are added to, dq is set;
// all are like q, k, v. Deterministic.
void AttendBackward(const AttentionShape& shape, const at::Tensor& q, const at::Tensor& k,
                    const at::Tensor& v, const std::vector<AttentionTask>& tasks,
                    const at::Tensor& out, const at::Tensor& lse, const at::Tensor& dout,
                    at::Tensor dq, at::Tensor dk, at::Tensor dv);

}  // namespace foundry::lm
