// Which tensors a decoder has, by Hugging Face name and shape. The one table behind checking a
// checkpoint, loading it and writing it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/lm/model/model_config.h"

namespace foundry::lm {

struct TensorSpec {
  std::string name;            // model.layers.0.self_attn.q_proj.weight
  std::vector<int64_t> shape;  // [out_features, in_features] of a linear
};

// In the order of computation. A tied lm_head is not listed.
std::vector<TensorSpec> DecoderTensors(const ModelConfig& config);

}  // namespace foundry::lm
