// AdamW (Loshchilov and Hutter, arXiv 1711.05101) with clipping by the global norm, as PyTorch's
// AdamW and clip_grad_norm_ compute them. Internal to common/lm. Not thread-safe.
#pragma once

#include <cstdint>

#include <ATen/ATen.h>

#include "common/lm/trainer.h"

namespace foundry::lm {

class AdamW {
 public:
  explicit AdamW(int64_t size);

  // One step, t = `step` + 1. parameter and gradient: [size] float32 on the CPU.
  void Step(const TrainOptions& options, int64_t step, double rate, double gradient_norm,
            const at::Tensor& gradient, at::Tensor parameter);

  at::Tensor& mean() { return mean_; }      // of the gradient, [size]
  at::Tensor& square() { return square_; }  // of its square, [size]

 private:
  at::Tensor mean_, square_;
};

// Euclidean norm; the same for the same values whatever the number of threads.
double GradientNorm(const at::Tensor& gradient);

}  // namespace foundry::lm
