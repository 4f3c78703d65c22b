// Products with a matrix that was laid out once for them ("panels"), as generation repeats them:
// few rows times large weights. T = float or bf16; sums are float32. No libtorch here.
// Thread-safe.
#pragma once

#include <cstdint>

#include "common/lm/model/simd/row_kernels.h"

namespace foundry::lm::simd {

// Neighbours along k that lie together: one multiply-add takes them at once.
template <typename T>
inline constexpr int64_t kTogether = sizeof(T) == 2 ? 2 : 1;

inline constexpr int64_t kPanelColumns = 48;      // of weights: 8 x 48 sums fit the registers
inline constexpr int64_t kMostPanelColumns = 64;  // of any panel

inline constexpr int64_t RoundUp(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }

// Running maximum and sum of exp(x - top) over the values seen so far.
struct TopState {
  float top = -3.4e38f, sum = 0;
  int32_t at = 0;
};

template <typename T>
struct PanelKernels {
  // c[m, columns] = (accumulate ? c : 0) + a[m, k] · panel, whose element (p, j) lies at
  // (p / together * columns + j) * together + p % together. k is a multiple of kTogether<T>,
  // columns one of 16, 32, 48, 64.
  void (*multiply)(int64_t m, int64_t k, int64_t columns, const T* a, int64_t lda, const T* panel,
                   float* c, int64_t ldc, bool accumulate);
  // Folds x[0, n), whose first value has the index `first`, into `state`; of equals the first
  // stays.
  void (*fold)(const float* x, int64_t n, int32_t first, TopState* state);
  // y = silu(gate) * up.
  void (*silu_mul)(const float* gate, const float* up, int64_t n, T* y);
  // y = x * Phi(x) of the normal distribution, to 2e-7 (erf by Abramowitz and Stegun 7.1.26).
  void (*gelu)(const float* x, int64_t n, T* y);
  // y = (x - mean) / deviation * weight + bias (Ba et al., arXiv 1607.06450); y may be x.
  void (*layer_norm)(const float* x, const float* weight, const float* bias, float eps, int64_t n,
                     float* y);
  // Rotates pairs (x[i], x[i + half]) by the angles of cos, sin [half].
  void (*rotate)(const float* cos, const float* sin, int64_t half, float* x);
};

// Null where the processor has no instruction for it (bf16).
template <typename T>
const PanelKernels<T>* Panels();

}  // namespace foundry::lm::simd
