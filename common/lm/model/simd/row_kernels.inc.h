// Bodies of row_kernels.h for the instruction set that this file is compiled with.
// The including file defines FOUNDRY_SIMD_NAMESPACE.
#pragma once

#include "common/lm/model/simd/row_kernels.h"

namespace foundry::lm::simd::FOUNDRY_SIMD_NAMESPACE {

static inline float Bits(uint32_t bits) {
  float value;
  __builtin_memcpy(&value, &bits, 4);
  return value;
}
static inline uint32_t Bits(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, 4);
  return bits;
}

static inline float Load(float x) { return x; }
static inline float Load(bf16 x) { return Bits(static_cast<uint32_t>(x) << 16); }
static inline void Store(float* at, float x) { *at = x; }
static inline void Store(bf16* at, float x) {  // to nearest, ties to even
  uint32_t bits = Bits(x);
  *at = static_cast<bf16>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

// exp with about 2 units in the last place: 2^n · e^r with |r| <= ln(2)/2, coefficients of Cephes'
// expf. Below -87 it gives 0, so that masked scores vanish.
static inline float Exp(float x) {
  float clamped = x > 88.0f ? 88.0f : (x < -87.0f ? -87.0f : x);
  float n = clamped * 1.44269504f + 12582912.0f;  // rounds to an integer in the low bits
  int32_t power = static_cast<int32_t>(Bits(n)) - 0x4b400000;
  n -= 12582912.0f;
  float r = clamped - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  float y = p * Bits(static_cast<uint32_t>((power + 127) << 23));
  return x < -87.0f ? 0.0f : y;
}

template <typename T>
float RmsNorm(const float* x, const float* weight, float eps, int64_t n, T* y) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) sum += x[i] * x[i];
  float rstd = 1.0f / __builtin_sqrtf(sum / static_cast<float>(n) + eps);
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) Store(y + i, x[i] * rstd * weight[i]);
  return rstd;
}

template <typename T>
void RmsNormBackward(const T* dy, const float* x, const float* weight, float rstd, int64_t n,
                     float* dx) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) sum += Load(dy[i]) * weight[i] * x[i];
  float shrink = sum * rstd * rstd * rstd / static_cast<float>(n);
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) dx[i] += Load(dy[i]) * weight[i] * rstd - x[i] * shrink;
}

template <typename T>
void SiluMul(const T* gate, const T* up, int64_t n, T* y) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    float g = Load(gate[i]);
    Store(y + i, g / (1.0f + Exp(-g)) * Load(up[i]));
  }
}

template <typename T>
void SiluMulBackward(const T* dy, const T* gate, const T* up, int64_t n, T* dgate, T* dup) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    float g = Load(gate[i]), d = Load(dy[i]);
    float sigmoid = 1.0f / (1.0f + Exp(-g));
    Store(dgate + i, d * Load(up[i]) * sigmoid * (1.0f + g * (1.0f - sigmoid)));
    Store(dup + i, d * g * sigmoid);
  }
}

template <typename T>
void Add(const float* x, const T* y, int64_t n, float* out) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) out[i] = x[i] + Load(y[i]);
}

template <typename T>
void ToFloat(const T* x, int64_t n, float* y) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] = Load(x[i]);
}

template <typename T>
void FromFloat(const float* x, int64_t n, T* y) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) Store(y + i, x[i]);
}

// libm's logf: the loops above need no library.
static inline float Log(float x) { return __builtin_logf(x); }

template <typename T>
float ScaledLogSumExp(const T* x, int64_t n, float scale) {
  float top = -3.4e38f;
#pragma omp simd reduction(max : top)
  for (int64_t i = 0; i < n; ++i) {
    float value = Load(x[i]);
    top = value > top ? value : top;
  }
  top *= scale;
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) sum += Exp(Load(x[i]) * scale - top);
  return top + Log(sum);
}

template <typename T>
float LogSumExp(const T* x, int64_t n) {
  return ScaledLogSumExp(x, n, 1.0f);
}

template <typename T>
float Mean(const T* x, int64_t n) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) sum += Load(x[i]);
  return sum / static_cast<float>(n);
}

template <typename T>
void Softmax(const T* x, int64_t n, const SoftmaxBlend& blend, T* y) {
  const SoftmaxBlend b = blend;
  if (b.soft_share == 0) {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) {
      Store(y + i, b.share * Exp(Load(x[i]) - b.lse) + b.constant);
    }
    return;
  }
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    float z = Load(x[i]);
    Store(y + i, b.share * Exp(z - b.lse) + b.soft_share * Exp(z * b.soft_scale - b.soft_lse) +
                     b.constant);
  }
}

template <typename T>
inline constexpr RowKernels<T> kRows = {
    RmsNorm<T>, RmsNormBackward<T>, SiluMul<T>,   SiluMulBackward<T>, Add<T>,
    ToFloat<T>, FromFloat<T>,       LogSumExp<T>, ScaledLogSumExp<T>, Mean<T>,
    Softmax<T>};

}  // namespace foundry::lm::simd::FOUNDRY_SIMD_NAMESPACE
