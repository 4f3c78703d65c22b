#include "common/lm/model/attention.h"

#include "common/lm/model/attention_paths.h"

namespace foundry::lm {

AttentionShape AttentionShape::Of(const ModelConfig& config) {
  return {config.num_heads, config.num_kv_heads, config.head_dim, config.sliding_window};
}

void Attend(const AttentionShape& shape, const at::Tensor& q,
            const std::vector<AttentionTask>& tasks, at::Tensor out, at::Tensor* lse) {
  (q.is_cpu() ? AttendCpu : AttendAten)(shape, q, tasks, out, lse);
}

void AttendBackward(const AttentionShape& shape, const at::Tensor& q, const at::Tensor& k,
                    const at::Tensor& v, const std::vector<AttentionTask>& tasks,
                    const at::Tensor& out, const at::Tensor& lse, const at::Tensor& dout,
                    at::Tensor dq, at::Tensor dk, at::Tensor dv) {
  (q.is_cpu() ? AttendBackwardCpu : AttendBackwardAten)(shape, q, k, v, tasks, out, lse, dout, dq,
                                                        dk, dv);
}

}  // namespace foundry::lm
