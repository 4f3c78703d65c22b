// The BERT encoder over packed rows: texts of any lengths one after the other, no padding, weights
// laid out once. Same results as Bert, which holds the reference. Internal to common/lm. CPU only.
// Const methods are thread-safe; they run on all threads.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "common/lm/embed/bert.h"

namespace foundry::lm {

class PackedBert {
 public:
  virtual ~PackedBert() = default;

  // One unit vector of hidden_size values for each text: the mean over its tokens' last hidden
  // states. `texts`: token ids, at least one each, at most max_positions.
  virtual void Embed(absl::Span<const absl::Span<const int32_t>> texts, float* out) const = 0;

  // `bf16`: products in bfloat16. Null where the processor has no instruction for it. The result
  // uses tensors of `bert`.
  static std::unique_ptr<PackedBert> Make(const Bert& bert, bool bf16);
};

}  // namespace foundry::lm
