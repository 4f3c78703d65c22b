// Training loss at scored positions (see token_loss.h) and its gradient with respect to the hidden
// states. Logits are made for a few rows at a time and overwritten by their gradient. Internal to
// common/lm. Thread-safe (no state).
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/ATen.h>

#include "common/lm/loss/token_loss.h"
#include "common/lm/model/decoder.h"

namespace foundry::lm {

// Sum of weight * loss / normalizer. `dhidden` ([rows, hidden_size] float32, may be null) is added
// to.
double ScoredLoss(const Decoder& decoder, const at::Tensor& hidden,
                  const std::vector<LossRow>& rows, const LossOptions& options,
                  at::Tensor* dhidden);

}  // namespace foundry::lm
