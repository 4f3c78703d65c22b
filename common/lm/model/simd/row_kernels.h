// Loops over one row or one small block, compiled once for each instruction set and picked at run
// time. Plain pointers only: the file behind it may include nothing whose inline functions the
// linker could hand to code for an older processor. Thread-safe (no state). Internal to common/lm.
#pragma once

#include <cstdint>

namespace foundry::lm::simd {

using bf16 = uint16_t;  // the upper half of a float32

// Two softmaxes of the same logits and a constant, added: what the gradient of a mixed loss is.
struct SoftmaxBlend {
  float share = 1, lse = 0;  // share * exp(x - lse)
  float soft_share = 0, soft_scale = 1,
        soft_lse = 0;  // soft_share * exp(soft_scale * x - soft_lse)
  float constant = 0;
};

// For T = float or bf16; arithmetic is float32 throughout.
template <typename T>
struct RowKernels {
  // y = x / rms(x) * weight; returns 1 / rms(x).
  float (*rms_norm)(const float* x, const float* weight, float eps, int64_t n, T* y);
  // dx += the gradient of x, given that of y.
  void (*rms_norm_backward)(const T* dy, const float* x, const float* weight, float rstd, int64_t n,
                            float* dx);
  // y = silu(gate) * up.
  void (*silu_mul)(const T* gate, const T* up, int64_t n, T* y);
  void (*silu_mul_backward)(const T* dy, const T* gate, const T* up, int64_t n, T* dgate, T* dup);
  // out = x + y.
  void (*add)(const float* x, const T* y, int64_t n, float* out);
  void (*to_float)(const T* x, int64_t n, float* y);
  void (*from_float)(const float* x, int64_t n, T* y);
  // log(sum(exp(x))).
  float (*log_sum_exp)(const T* x, int64_t n);
  // log(sum(exp(scale * x))), scale > 0.
  float (*scaled_log_sum_exp)(const T* x, int64_t n, float scale);
  float (*mean)(const T* x, int64_t n);
  // In place when y == x.
  void (*softmax)(const T* x, int64_t n, const SoftmaxBlend& blend, T* y);
};

// One step of AdamW (Loshchilov and Hutter, arXiv 1711.05101) as PyTorch computes it.
struct AdamwStep {
  float gradient_scale = 1;  // from clipping
  float rate = 0, beta1 = 0, beta2 = 0, epsilon = 0;
  float decay = 0;                              // rate * weight_decay
  float correction1 = 1, root_correction2 = 1;  // 1 - beta1^t, sqrt(1 - beta2^t)
};

// Float32 blocks of attention. Widths marked "padded" are multiples of kPad, filled with zeros.
inline constexpr int64_t kPad = 16;
struct BlockKernels {
  // c[m, n] = (accumulate ? c : 0) + sum_k a[m * a_row + k * a_column] * b[k * ldb + n]; n padded.
  void (*gemm)(int64_t m, int64_t n, int64_t k, const float* a, int64_t a_row, int64_t a_column,
               const float* b, int64_t ldb, float* c, int64_t ldc, bool accumulate);
  // x = exp(scale * x - log(sum(exp(scale * x)))) over [first, last), 0 in the rest of [0, n);
  // returns the logarithm.
  float (*softmax)(float* x, int64_t n, int64_t first, int64_t last, float scale);
  // p = exp(scale * s - lse) inside [first, last), 0 outside; ds = scale * p * (dp - delta).
  void (*softmax_backward)(float* s, float* dp, int64_t n, int64_t first, int64_t last, float scale,
                           float lse, float delta);
  float (*dot)(const float* a, const float* b, int64_t n);
  void (*axpy)(float alpha, const float* x, int64_t n, float* y);  // y += alpha * x
  void (*adamw)(const AdamwStep& step, int64_t n, const float* gradient, float* parameter,
                float* mean, float* square);
};

// The best that this processor runs.
template <typename T>
const RowKernels<T>& Rows();
const BlockKernels& Blocks();

}  // namespace foundry::lm::simd
