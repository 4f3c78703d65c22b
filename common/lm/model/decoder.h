// A decoder-only transformer described by ModelConfig: Llama, SmolLM2, Mistral, Qwen2, Qwen3,
// Phi-3.
//
// Reference: transformers' modeling_llama.py and its siblings. Tokens of several sequences are
// computed together as rows of one matrix ("packed"); attention never crosses sequences, and rows
// that sequences share are computed once. Internal to common/lm (ATen types). Const methods may run
// at the same time; Attach/Update/Detach of adapters may not run beside them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/lm/model/attention.h"
#include "common/lm/model/kv_cache.h"
#include "common/lm/model/layer.h"
#include "common/lm/model/model_config.h"

namespace foundry::lm {

// Rows of several sequences, one after the other.
struct Segment {
  int64_t begin = 0, length = 0;  // rows of the pack
  int64_t prefix = -1;            // index of an earlier segment that comes before this one's rows
};
struct Pack {
  std::vector<int32_t> ids;
  std::vector<Segment> segments;  // cover all rows in order

  // Appends a sequence, or its rest after the segment `prefix`; returns the segment's index.
  int64_t Add(absl::Span<const int32_t> ids, int64_t prefix = -1);
  int64_t rows() const { return static_cast<int64_t>(ids.size()); }
  // Of the first row of a segment.
  int64_t Position(int64_t segment) const;
  std::vector<RopePosition> Positions() const;  // of every row
  // One task for each segment over the pack's keys and values, [rows(), kv_heads * head_dim].
  std::vector<AttentionTask> Tasks(const at::Tensor& k, const at::Tensor& v) const;
};

// Next tokens of a sequence in a cache: `count` of the call's ids, in order.
struct CacheStep {
  int64_t slot = 0, count = 1;
  int64_t length = 0;  // of the sequence, where more than these tokens are known to come (LongRoPE)
};

// A float32 tensor of the checkpoint by its Hugging Face name; NotFound when it has none.
using TensorSource = std::function<absl::StatusOr<at::Tensor>(const std::string& name)>;

struct DecoderOptions {
  at::Device device = at::kCPU;
  at::ScalarType compute = at::kFloat;  // of matmuls: kFloat or kBFloat16; the rest is float32
  WeightFormat weights = WeightFormat::kFull;  // of linears; fewer bits only on the CPU
  std::shared_ptr<const TensorShard> shard;    // one rank's share of the linears; null: all
};

class Decoder {
 public:
  static absl::StatusOr<std::unique_ptr<Decoder>> Build(const ModelConfig& config,
                                                        const TensorSource& source,
                                                        const DecoderOptions& options);
  // The same weights for another compute type; tensors of the same type are shared.
  std::unique_ptr<Decoder> WithCompute(at::ScalarType compute) const;

  const ModelConfig& config() const { return config_; }  // of this rank's share, where it is one
  at::Device device() const { return options_.device; }
  at::ScalarType compute() const { return options_.compute; }
  WeightFormat weights() const { return options_.weights; }
  const TensorShard* shard() const { return options_.shard.get(); }  // null: all of it is here

  // Final hidden states after the last norm, [pack.rows(), hidden_size] float32.
  at::Tensor Forward(const Pack& pack) const;
  // The same for tokens that continue sequences of `cache`, whose rows are added to it. A slot
  // appears once; ids.size() is the sum of the counts.
  at::Tensor Forward(absl::Span<const int32_t> ids, absl::Span<const CacheStep> steps,
                     KvCache& cache) const;

  // [rows, vocab_size] float32 of hidden states. Rows are the caller's choice: a few at a time.
  at::Tensor Logits(const at::Tensor& hidden) const;

  // Parts below serve training and adapters.
  at::Tensor Embed(absl::Span<const int32_t> ids) const;  // [ids, hidden_size] float32
  std::vector<Layer>& layers() { return layers_; }
  const std::vector<Layer>& layers() const { return layers_; }
  const at::Tensor& final_norm() const { return final_norm_; }
  const at::Tensor& lm_head() const { return lm_head_; }  // [vocab_size, hidden_size], compute type
  const Rope& rope() const { return *rope_; }

 private:
  Decoder() = default;
  at::Tensor Normed(const at::Tensor& x) const;

  ModelConfig config_;
  DecoderOptions options_;
  at::Tensor embeddings_;  // [vocab_size, hidden_size] float32
  at::Tensor final_norm_, lm_head_;
  std::vector<Layer> layers_;
  std::shared_ptr<const Rope> rope_;
};

}  // namespace foundry::lm
