// Float32 block kernels of attention for the instruction set that this file is compiled with.
#pragma once

#include "common/lm/model/simd/row_kernels.inc.h"

namespace foundry::lm::simd::FOUNDRY_SIMD_NAMESPACE {

#if defined(__AVX512F__)
inline constexpr int kLanes = 16;
#elif defined(__AVX__)
inline constexpr int kLanes = 8;
#else
inline constexpr int kLanes = 4;
#endif
typedef float Vector __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));

// kRows x (kVectors * kLanes) of c in registers.
template <int kRows, int kVectors>
static inline void Tile(int64_t k, const float* a, int64_t a_row, int64_t a_column, const float* b,
                        int64_t ldb, float* c, int64_t ldc, bool accumulate) {
  Vector sum[kRows][kVectors] = {};
  if (accumulate) {
    for (int i = 0; i < kRows; ++i)
      for (int j = 0; j < kVectors; ++j)
        sum[i][j] = *reinterpret_cast<const Vector*>(c + i * ldc + j * kLanes);
  }
  for (int64_t p = 0; p < k; ++p) {
    Vector row[kVectors];
    for (int j = 0; j < kVectors; ++j)
      row[j] = *reinterpret_cast<const Vector*>(b + p * ldb + j * kLanes);
    for (int i = 0; i < kRows; ++i) {
      float x = a[i * a_row + p * a_column];
      for (int j = 0; j < kVectors; ++j) sum[i][j] += x * row[j];
    }
  }
  for (int i = 0; i < kRows; ++i)
    for (int j = 0; j < kVectors; ++j)
      *reinterpret_cast<Vector*>(c + i * ldc + j * kLanes) = sum[i][j];
}

template <int kVectors>
static inline void Columns(int64_t m, int64_t k, const float* a, int64_t a_row, int64_t a_column,
                           const float* b, int64_t ldb, float* c, int64_t ldc, bool accumulate) {
  int64_t i = 0;
  for (; i + 6 <= m; i += 6)
    Tile<6, kVectors>(k, a + i * a_row, a_row, a_column, b, ldb, c + i * ldc, ldc, accumulate);
  for (; i + 3 <= m; i += 3)
    Tile<3, kVectors>(k, a + i * a_row, a_row, a_column, b, ldb, c + i * ldc, ldc, accumulate);
  for (; i < m; ++i)
    Tile<1, kVectors>(k, a + i * a_row, a_row, a_column, b, ldb, c + i * ldc, ldc, accumulate);
}

static void Gemm(int64_t m, int64_t n, int64_t k, const float* a, int64_t a_row, int64_t a_column,
                 const float* b, int64_t ldb, float* c, int64_t ldc, bool accumulate) {
  int64_t j = 0;
  for (; j + 2 * kLanes <= n; j += 2 * kLanes)
    Columns<2>(m, k, a, a_row, a_column, b + j, ldb, c + j, ldc, accumulate);
  for (; j + kLanes <= n; j += kLanes)
    Columns<1>(m, k, a, a_row, a_column, b + j, ldb, c + j, ldc, accumulate);
}

static float BlockSoftmax(float* x, int64_t n, int64_t first, int64_t last, float scale) {
  float top = -3.4e38f;
#pragma omp simd reduction(max : top)
  for (int64_t i = first; i < last; ++i) top = x[i] > top ? x[i] : top;
  top *= scale;
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = first; i < last; ++i) {
    x[i] = Exp(x[i] * scale - top);
    sum += x[i];
  }
  float inverse = 1.0f / sum;
  for (int64_t i = 0; i < first; ++i) x[i] = 0;
#pragma omp simd
  for (int64_t i = first; i < last; ++i) x[i] *= inverse;
  for (int64_t i = last; i < n; ++i) x[i] = 0;
  return top + Log(sum);
}

static void BlockSoftmaxBackward(float* s, float* dp, int64_t n, int64_t first, int64_t last,
                                 float scale, float lse, float delta) {
  for (int64_t i = 0; i < first; ++i) s[i] = dp[i] = 0;
#pragma omp simd
  for (int64_t i = first; i < last; ++i) {
    float p = Exp(s[i] * scale - lse);
    s[i] = p;
    dp[i] = scale * p * (dp[i] - delta);
  }
  for (int64_t i = last; i < n; ++i) s[i] = dp[i] = 0;
}

static float Dot(const float* a, const float* b, int64_t n) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

static void Axpy(float alpha, const float* x, int64_t n, float* y) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] += alpha * x[i];
}

static void Adamw(const AdamwStep& step, int64_t n, const float* gradient, float* parameter,
                  float* mean, float* square) {
  const AdamwStep s = step;
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    float g = gradient[i] * s.gradient_scale;
    float m = mean[i] + (1.0f - s.beta1) * (g - mean[i]);
    float v = s.beta2 * square[i] + (1.0f - s.beta2) * g * g;
    mean[i] = m;
    square[i] = v;
    float denominator = __builtin_sqrtf(v) / s.root_correction2 + s.epsilon;
    parameter[i] = parameter[i] * (1.0f - s.decay) - s.rate / s.correction1 * m / denominator;
  }
}

inline constexpr BlockKernels kBlocks = {Gemm, BlockSoftmax, BlockSoftmaxBackward,
                                         Dot,  Axpy,         Adamw};

}  // namespace foundry::lm::simd::FOUNDRY_SIMD_NAMESPACE
