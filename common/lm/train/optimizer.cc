#include "common/lm/train/optimizer.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <ATen/Parallel.h>

#include "common/lm/model/simd/row_kernels.h"

namespace foundry::lm {
namespace {

constexpr int64_t kBlock = 1 << 15;

template <typename F>
void ForBlocks(int64_t size, F f) {
  at::parallel_for(0, (size + kBlock - 1) / kBlock, 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      f(block, block * kBlock, std::min(kBlock, size - block * kBlock));
    }
  });
}

}  // namespace

AdamW::AdamW(int64_t size)
    : mean_(at::zeros({size}, at::kFloat)), square_(at::zeros({size}, at::kFloat)) {}

void AdamW::Step(const TrainOptions& options, int64_t step, double rate, double gradient_norm,
                 const at::Tensor& gradient, at::Tensor parameter) {
  simd::AdamwStep s;
  if (options.max_grad_norm > 0) {
    s.gradient_scale =
        static_cast<float>(std::min(1.0, options.max_grad_norm / (gradient_norm + 1e-6)));
  }
  const double t = static_cast<double>(step + 1);
  s.rate = static_cast<float>(rate);
  s.beta1 = static_cast<float>(options.adam_beta1);
  s.beta2 = static_cast<float>(options.adam_beta2);
  s.epsilon = static_cast<float>(options.adam_epsilon);
  s.decay = static_cast<float>(rate * options.weight_decay);
  s.correction1 = static_cast<float>(1 - std::pow(options.adam_beta1, t));
  s.root_correction2 = static_cast<float>(std::sqrt(1 - std::pow(options.adam_beta2, t)));
  const float* g = gradient.const_data_ptr<float>();
  float* p = parameter.data_ptr<float>();
  float* m = mean_.data_ptr<float>();
  float* v = square_.data_ptr<float>();
  ForBlocks(parameter.numel(), [&](int64_t, int64_t at, int64_t n) {
    simd::Blocks().adamw(s, n, g + at, p + at, m + at, v + at);
  });
}

double GradientNorm(const at::Tensor& gradient) {
  const float* g = gradient.const_data_ptr<float>();
  std::vector<double> squares((gradient.numel() + kBlock - 1) / kBlock);
  ForBlocks(gradient.numel(), [&](int64_t block, int64_t at, int64_t n) {
    squares[block] = simd::Blocks().dot(g + at, g + at, n);
  });
  double sum = 0;
  for (double square : squares) sum += square;
  return std::sqrt(sum);
}

}  // namespace foundry::lm
