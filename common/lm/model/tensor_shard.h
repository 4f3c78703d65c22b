// Tensor parallelism (Megatron-LM, Shoeybi et al., arXiv 1909.08053): several ranks hold one
// decoder together, each a share of every layer's heads and of its MLP's inner values.
//
// Linears into the heads and into the MLP are split by rows, so each rank computes its own outputs;
// those out of them are split by columns, so their outputs are to be summed over the ranks, and so
// are the gradients of the former's inputs. Embeddings, norms and lm_head are whole on every rank,
// and all that lies between layers is the same on every rank, bit for bit. Every rank makes the
// same calls in the same order. Internal to common/lm.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include <ATen/ATen.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/lm/model/model_config.h"

namespace foundry::lm {

class RankGroup;  // common/lm/distributed/rank_group.h

struct TensorShard {
  int index = 0, count = 1;
  std::function<absl::Status(absl::Span<float>)> sum;  // over the ranks, in place

  // Of `ranks`, which outlives it; null for null or for one rank.
  static std::shared_ptr<const TensorShard> Of(RankGroup* ranks);

  // x summed over the ranks: float32 on x's device. Throws StatusError (torch_guard.h).
  at::Tensor Sum(const at::Tensor& x) const;
};

// The configuration of what one of `count` ranks computes. InvalidArgument when key-value heads or
// inner values don't divide.
absl::StatusOr<ModelConfig> ShardConfig(ModelConfig whole, int count);

}  // namespace foundry::lm
