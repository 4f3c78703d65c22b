// What a GGUF file says about a decoder besides its weights, as llama.cpp reads it.
//
// Reference: llama.cpp's convert_hf_to_gguf.py and gguf-py's constants.py. Thread-safe (no state).
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/lm/model/model_config.h"
#include "common/lm/weights/dtype.h"
#include "common/lm/weights/tensor_file_writer.h"

namespace foundry::lm {

// The architecture that llama.cpp knows a family by: Mistral is a "llama".
std::string GgufArchitecture(const ModelConfig& config);

// general.* and <architecture>.* keys. llama.cpp computes full attention: the context of a model
// with a sliding window ends where the two would begin to differ.
absl::StatusOr<GgufMetadata> ModelMetadata(const ModelConfig& config, const std::string& name);

// Keys that say how the weights are stored.
void SetFileType(DType dtype, GgufMetadata* metadata);

// Sets a key, replacing what it had.
void Set(const std::string& key, GgufValue value, GgufMetadata* metadata);

// Tables of RoPE factors that llama.cpp reads from tensors (F32): by name, of rotary_dim / 2
// values.
struct RopeTable {
  std::string name;
  std::vector<float> factors;
};
std::vector<RopeTable> RopeTensors(const ModelConfig& config);

}  // namespace foundry::lm
