// Loss of one scored position and its gradient with respect to the logits.
//
//   (1 - s) · cross-entropy, with labels smoothed by ε (Szegedy et al., arXiv 1512.00567)
//   + s · T² · divergence between the teacher's p and the student's q at temperature T
//     (Hinton et al., arXiv 1503.02531), where the position has soft targets.
//
// The teacher is known by its top-k; what that leaves of its mass is one more class, for which the
// student's probabilities outside the top-k are added up. Internal to common/lm. Thread-safe.
#pragma once

#include <cstdint>

#include "common/lm/trainer.h"

namespace foundry::lm {

struct LossRow {
  int64_t row = 0;  // of the hidden states; several may share it
  int32_t target = 0;
  float weight = 1;  // as given, not normalised
  const SoftTargets* soft = nullptr;
  int64_t soft_position = 0;

  // The position has soft targets.
  bool has_soft() const { return soft != nullptr && soft->ids[soft_position * soft->k] >= 0; }
};

struct LossOptions {
  double normalizer = 1;  // sum of the weights of the whole step
  double soft_weight = 0;
  double temperature = 1;
  Divergence divergence = Divergence::kForwardKl;
  double label_smoothing = 0;
};

// weight * loss / normalizer. With `gradient` the logits [width] become its gradient. T: float or
// uint16_t (bfloat16 bits); arithmetic is float32 or better.
template <typename T>
double TokenLoss(T* logits, int64_t width, const LossRow& row, const LossOptions& options,
                 bool gradient);

}  // namespace foundry::lm
