// Choosing the next token from logits. No torch here. Thread-safe (no state).
#pragma once

#include <cstdint>

#include "absl/types/span.h"
#include "common/lm/language_model.h"

namespace foundry::lm {

struct SampledToken {
  int32_t id = 0;
  double logprob = 0;  // under the model's own distribution, before penalties and temperature
};

// Repetition penalty (Keskar et al., arXiv 1909.05858) over the prompt and what was generated,
// then temperature, top-k and top-p (Holtzman et al., arXiv 1904.09751), in transformers' order.
// The n-th token of a request depends on its seed and n, never on other requests. Ties go to the
// lower id.
SampledToken SampleToken(absl::Span<const float> logits, const GenerateRequest& request,
                         absl::Span<const int32_t> generated);

}  // namespace foundry::lm
