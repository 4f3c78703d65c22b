// Model configurations: config.json (with generation_config.json) and GGUF metadata to ModelConfig.
//
// Follows transformers' configuration_{llama,mistral,qwen2,qwen3,phi3}.py, defaults included, both
// spellings of RoPE settings (rope_parameters of version 5; rope_scaling and rope_theta before) and
// llama.cpp's keys. A setting that changes the computation and isn't supported is Unimplemented;
// impossible values are InvalidArgument; both name file and key. Thread-safe (no state).
#pragma once

#include <filesystem>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/lm/model/model_config.h"
#include "common/lm/weights/gguf.h"

namespace foundry::lm {

// From a folder's config.json; end tokens from generation_config.json where it has them.
absl::StatusOr<ModelConfig> ReadHuggingFaceConfig(const std::filesystem::path& folder);

// From the metadata and the tensor table (vocabulary size, tied embeddings, biases, RoPE factors).
absl::StatusOr<ModelConfig> ReadGgufConfig(const Gguf& gguf);

// Sizes are positive, within sane bounds and fit each other.
absl::Status CheckConfig(const ModelConfig& config);

}  // namespace foundry::lm
