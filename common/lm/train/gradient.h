// Loss of examples and its gradient with respect to an adapter's values.
// Internal to common/lm. Not thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/ATen.h>

#include "common/base/cancel.h"
#include "common/lm/lora/adapter.h"
#include "common/lm/train/backward.h"
#include "common/lm/train/pack_plan.h"

namespace foundry::lm {

struct GradientOptions {
  double soft_weight = 0, soft_temperature = 1;
  Divergence soft_divergence = Divergence::kForwardKl;
  double label_smoothing = 0;
  bool checkpointing = false;  // keep only each layer's input and compute the rest again
  double dropout = 0;
  uint64_t dropout_seed = 0;  // of the step
  int64_t max_rows = 1024;    // of a pack
  // What the loss is divided by: the weight of the whole step, where these examples are one rank's
  // part of it; 0: the examples' own weight.
  double normalizer = 0;
};

struct LossSum {
  double loss = 0;    // weighted mean over the scored positions
  double weight = 0;  // what it was divided by
  int64_t rows = 0;   // computed
};

// The sum of the weights of the scored positions.
double TotalWeight(const std::vector<const Example*>& examples);

// Sets `flat` (like adapter.flat, on the decoder's device) to the gradient of the mean loss over
// all scored positions; with a normalizer no example need be scored, nor be there at all. The
// adapter is attached to the decoder. Cancelled between packs.
absl::StatusOr<LossSum> LossGradient(const Decoder& decoder, const Adapter& adapter,
                                     const std::vector<const Example*>& examples,
                                     const GradientOptions& options, const CancelToken& cancel,
                                     at::Tensor flat);

// The loss alone.
absl::StatusOr<LossSum> MeanLoss(const Decoder& decoder,
                                 const std::vector<const Example*>& examples,
                                 const GradientOptions& options, const CancelToken& cancel);

}  // namespace foundry::lm
