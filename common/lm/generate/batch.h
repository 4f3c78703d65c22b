// Continuous batching: sequences under way advance by one token in one forward pass; those that end
// leave, waiting ones enter. Internal to common/lm (ATen types).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/lm/generate/steps.h"
#include "common/lm/language_model.h"

namespace foundry::lm {

struct EndTokens {
  std::vector<int32_t> ids;  // any of these ends an answer
};

// LongRoPE's rotations change when a sequence outgrows the original context: what the cache holds
// of it is computed anew then, as transformers' Phi-3 does, and no beginning is shared across the
// line.
//
// Results in the order of `requests`, which are valid (see LanguageModel::Generate). Errors:
// Cancelled. libtorch's exceptions pass through: the caller guards.
absl::StatusOr<std::vector<GenerateResult>> GenerateBatch(
    Steps& model, const ModelConfig& config, const tokenizer::Tokenizer& tokenizer,
    const EndTokens& end, absl::Span<const GenerateRequest> requests,
    const GenerateOptions& options);

}  // namespace foundry::lm
