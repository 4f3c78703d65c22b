// Training loss at scored positions and its gradient with respect to the hidden states.
//
// Cross-entropy on the target, mixed where there are soft targets with the forward KL divergence to
// the teacher's distribution at temperature T, scaled by T² (Hinton et al., arXiv 1503.02531); what
// the teacher's top-k leaves of its mass is one more class. Logits are made for a few rows at a
// time and overwritten by their gradient. Internal to common/lm. Thread-safe (no state).
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/ATen.h>

#include "common/lm/model/decoder.h"
#include "common/lm/trainer.h"

namespace foundry::lm {

struct LossRow {
  int64_t row = 0;  // of the hidden states; several may share it
  int32_t target = 0;
  float weight = 1;  // as given, not normalised
  const SoftTargets* soft = nullptr;
  int64_t soft_position = 0;
};

struct LossOptions {
  double normalizer = 1;  // sum of the weights of the whole step
  double soft_weight = 0;
  double temperature = 1;
};

// Sum of weight * loss / normalizer. `dhidden` ([rows, hidden_size] float32, may be null) is added
// to.
double ScoredLoss(const Decoder& decoder, const at::Tensor& hidden,
                  const std::vector<LossRow>& rows, const LossOptions& options,
                  at::Tensor* dhidden);

}  // namespace foundry::lm
