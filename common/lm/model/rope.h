// Rotary position embeddings (Su et al., arXiv 2104.09864) with the scalings of Llama 3, LongRoPE
// and linear interpolation, as transformers' modeling_rope_utils.py computes them.
// Thread-safe: immutable. Internal to common/lm.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/ATen.h>

#include "common/lm/model/model_config.h"

namespace foundry::lm {

// Rows of cosines and sines, [rows, rotary_dim / 2] float32, one row for each token.
struct RopeTables {
  at::Tensor cos, sin;
};

// Where a token stands, and how long its sequence is as far as it is known (LongRoPE changes its
// frequencies beyond the original context).
struct RopePosition {
  int64_t position = 0;
  int64_t length = 0;
};

class Rope {
 public:
  explicit Rope(const ModelConfig& config);

  RopeTables Tables(const std::vector<RopePosition>& positions, at::Device device) const;
  int64_t rotary_dim() const { return rotary_dim_; }

 private:
  int64_t rotary_dim_;
  int64_t original_positions_ = 0;  // LongRoPE: longer sequences use long_
  float scale_ = 1;                 // of cosines and sines
  std::vector<float> frequencies_, long_;
};

}  // namespace foundry::lm
