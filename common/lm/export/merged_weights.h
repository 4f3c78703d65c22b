// The weights of a base model with an adapter folded in, one tensor at a time.
//
// W' = W + scale · (B · A), with DoRA each row of it brought to its magnitude, computed in float32
// as PEFT's merge_and_unload does. Thread-safe: immutable.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/lm/export/peft_adapter.h"
#include "common/lm/weights/checkpoint.h"
#include "common/lm/weights/layout.h"

namespace foundry::lm {

class MergedWeights {
 public:
  // nullopt: the base as it is. InvalidArgument when the adapter has a module that the base lacks
  // or shapes disagree (another model's adapter); FailedPrecondition when merging changes nothing:
  // every update is zero, and with DoRA every magnitude the row's own length.
  static absl::StatusOr<MergedWeights> Make(std::shared_ptr<const Checkpoint> base,
                                            std::optional<PeftAdapter> adapter);

  const Checkpoint& base() const { return *base_; }
  const ModelConfig& config() const { return base_->config(); }
  const std::vector<TensorSpec>& tensors() const { return tensors_; }
  int64_t parameter_count() const;

  // Values of one tensor, rows as transformers has them.
  absl::StatusOr<std::vector<float>> Float32(const TensorSpec& tensor) const;

 private:
  std::shared_ptr<const Checkpoint> base_;
  std::optional<PeftAdapter> adapter_;
  std::vector<TensorSpec> tensors_;
};

// values [out, in] += scale · B · A.
void AddLowRank(const LoraUpdate& update, double scale, absl::Span<float> values);
// Each row of values [out, in] brought to the length `magnitude` [out] (DoRA); rows of zeros stay.
void ScaleRows(const LoraUpdate& update, absl::Span<float> values);

}  // namespace foundry::lm
