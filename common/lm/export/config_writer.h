// ModelConfig as transformers' config.json and generation_config.json.
//
// RoPE is written in the spelling of transformers 4 (rope_theta, rope_scaling), which version 5
// reads too. Thread-safe (no state).
#pragma once

#include <filesystem>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/json.h"
#include "common/lm/model/model_config.h"
#include "common/lm/weights/dtype.h"

namespace foundry::lm {

// `dtype`: F32, F16 or BF16, what the weights are stored as.
absl::StatusOr<Json> HuggingFaceConfig(const ModelConfig& config, DType dtype);
Json GenerationConfig(const ModelConfig& config);

// Writes both into `folder`. A base that is a Hugging Face folder itself (`base`; empty: none)
// keeps its own files, apart from the type.
absl::Status WriteConfigs(const ModelConfig& config, DType dtype, const std::filesystem::path& base,
                          const std::filesystem::path& folder);

}  // namespace foundry::lm
