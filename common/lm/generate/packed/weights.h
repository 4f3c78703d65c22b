// A decoder's weights laid out for generation. Internal to common/lm.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <ATen/ATen.h>

#include "common/lm/model/decoder.h"
#include "common/lm/packed/matrix.h"

namespace foundry::lm::packed {

// One linear: rows [begin, begin + outputs) of a Linear of the decoder, with an adapter's update.
template <typename T>
struct PackedLinear {
  Matrix<T> base;
  Matrix<T> lora_b;         // outputs x lora columns; empty without an adapter
  std::vector<float> bias;  // empty: none
};

template <typename T>
struct PackedLayer {
  Matrix<T> qkv_a, o_a, gate_up_a, down_a;  // an adapter's A; empty without one
  PackedLinear<T> qkv, o, gate, up, down;
  // Of what was packed of qkv, o, gate_up and down: the base weights and DoRA's scales.
  at::Tensor sources[4], scales[4];
};

template <typename T>
class Weights {
 public:
  // Lays out what changed since the last call: base weights where the decoder has other tensors
  // (they are held, so that a tensor is known by its identity), an adapter's matrices every time.
  // DoRA's scales are multiplied into both.
  // Not thread-safe.
  void Update(const Decoder& decoder);

  const std::vector<PackedLayer<T>>& layers() const { return layers_; }
  const Matrix<T>& lm_head() const { return lm_head_; }

 private:
  std::vector<PackedLayer<T>> layers_;
  Matrix<T> lm_head_;
  at::Tensor lm_head_source_;
};

}  // namespace foundry::lm::packed
