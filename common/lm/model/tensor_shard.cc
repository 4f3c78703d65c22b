#include "common/lm/model/tensor_shard.h"

#include "absl/strings/str_cat.h"
#include "common/lm/distributed/rank_group.h"
#include "common/lm/torch_guard.h"

namespace foundry::lm {

std::shared_ptr<const TensorShard> TensorShard::Of(RankGroup* ranks) {
  if (ranks == nullptr || ranks->size() == 1) return nullptr;
  auto shard = std::make_shared<TensorShard>();
  shard->index = ranks->rank();
  shard->count = ranks->size();
  shard->sum = [ranks](absl::Span<float> values) { return ranks->Sum(values); };
  return shard;
}

at::Tensor TensorShard::Sum(const at::Tensor& x) const {
  at::Tensor near = x.to(at::kCPU, at::kFloat, false, true).contiguous();
  const absl::Status status =
      sum(absl::MakeSpan(near.data_ptr<float>(), static_cast<size_t>(near.numel())));
  if (!status.ok()) throw StatusError(status);
  return near.to(x.device());
}

absl::StatusOr<ModelConfig> ShardConfig(ModelConfig c, int count) {
  if (c.num_kv_heads % count != 0 || c.intermediate_size % count != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor parallelism over ", count, " ranks: the model's ", c.num_kv_heads,
                     " key-value heads and ", c.intermediate_size,
                     " inner values of the MLP must both divide by the number of ranks"));
  }
  c.num_heads /= count;
  c.num_kv_heads /= count;
  c.intermediate_size /= count;
  return c;
}

}  // namespace foundry::lm
