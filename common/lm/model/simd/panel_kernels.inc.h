// The loops of panel_kernels.h, compiled once for each instruction set. FOUNDRY_SIMD_NAMESPACE
// names the set.
#include "common/lm/model/simd/block_kernels.inc.h"
#include "common/lm/model/simd/panel_kernels.h"

#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

namespace foundry::lm::simd::FOUNDRY_SIMD_NAMESPACE {

// kRows x (kColumns / kLanes vectors) of sums in registers.
template <int kRows, int kColumns>
static inline void PanelTile(int64_t k, const float* a, int64_t lda, const float* panel, float* c,
                             int64_t ldc, bool accumulate) {
  constexpr int kVectors = kColumns / kLanes;
  Tile<kRows, kVectors>(k, a, lda, 1, panel, kColumns, c, ldc, accumulate);
}

#if defined(__AVX512BF16__)
template <int kRows, int kColumns>
static inline void PanelTile(int64_t k, const bf16* a, int64_t lda, const bf16* panel, float* c,
                             int64_t ldc, bool accumulate) {
  constexpr int kVectors = kColumns / 16;
  __m512 sum[kRows][kVectors];
  for (int i = 0; i < kRows; ++i)
    for (int j = 0; j < kVectors; ++j)
      sum[i][j] = accumulate ? _mm512_loadu_ps(c + i * ldc + j * 16) : _mm512_setzero_ps();
  for (int64_t p = 0; p < k; p += 2) {
    __m512bh row[kVectors];
    for (int j = 0; j < kVectors; ++j)
      row[j] = (__m512bh)_mm512_loadu_si512(panel + p * kColumns + j * 32);
    for (int i = 0; i < kRows; ++i) {
      int32_t pair;
      __builtin_memcpy(&pair, a + i * lda + p, 4);
      const __m512bh x = (__m512bh)_mm512_set1_epi32(pair);
      for (int j = 0; j < kVectors; ++j) sum[i][j] = _mm512_dpbf16_ps(sum[i][j], x, row[j]);
    }
  }
  for (int i = 0; i < kRows; ++i)
    for (int j = 0; j < kVectors; ++j) _mm512_storeu_ps(c + i * ldc + j * 16, sum[i][j]);
}
#endif

// Rows in blocks of as many as the registers hold, then the rest by halves.
template <int kRows, int kColumns, typename T>
static inline void PanelRows(int64_t m, int64_t k, const T* a, int64_t lda, const T* panel,
                             float* c, int64_t ldc, bool accumulate) {
  int64_t i = 0;
  for (; i + kRows <= m; i += kRows)
    PanelTile<kRows, kColumns>(k, a + i * lda, lda, panel, c + i * ldc, ldc, accumulate);
  if constexpr (kRows > 1) {
    if (i < m) {
      PanelRows<kRows / 2, kColumns>(m - i, k, a + i * lda, lda, panel, c + i * ldc, ldc,
                                     accumulate);
    }
  }
}

template <typename T>
static void Multiply(int64_t m, int64_t k, int64_t columns, const T* a, int64_t lda, const T* panel,
                     float* c, int64_t ldc, bool accumulate) {
#if defined(__AVX512F__)
  constexpr int kFew = 6, kMany = 8;
#else
  constexpr int kFew = 1, kMany = 2;
#endif
  switch (columns) {
    case 16:
      return PanelRows<kMany, 16>(m, k, a, lda, panel, c, ldc, accumulate);
    case 32:
      return PanelRows<kMany, 32>(m, k, a, lda, panel, c, ldc, accumulate);
    case 48:
      return PanelRows<kMany, 48>(m, k, a, lda, panel, c, ldc, accumulate);
    default:
      return PanelRows<kFew, 64>(m, k, a, lda, panel, c, ldc, accumulate);
  }
}

static void Fold(const float* x, int64_t n, int32_t first, TopState* state) {
  float top = state->top;
#pragma omp simd reduction(max : top)
  for (int64_t i = 0; i < n; ++i) top = x[i] > top ? x[i] : top;
  if (top > state->top) {
    state->sum *= Exp(state->top - top);
    state->top = top;
    int64_t i = 0;
    while (x[i] != top) ++i;
    state->at = first + static_cast<int32_t>(i);
  }
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) sum += Exp(x[i] - top);
  state->sum += sum;
}

template <typename T>
static void SiluMulTo(const float* gate, const float* up, int64_t n, T* y) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) Store(y + i, gate[i] / (1.0f + Exp(-gate[i])) * up[i]);
}

template <typename T>
static void GeluTo(const float* x, int64_t n, T* y) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    const float a = x[i] * 0.70710678f, b = a < 0 ? -a : a;
    const float t = 1.0f / (1.0f + 0.3275911f * b);
    float p = 1.061405429f;
    p = p * t - 1.453152027f;
    p = p * t + 1.421413741f;
    p = p * t - 0.284496736f;
    p = p * t + 0.254829592f;
    const float tail = p * t * Exp(-b * b);  // 1 - erf(b)
    Store(y + i, 0.5f * x[i] * (a < 0 ? tail : 2.0f - tail));
  }
}

static void LayerNormTo(const float* x, const float* weight, const float* bias, float eps,
                        int64_t n, float* y) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) sum += x[i];
  const float mean = sum / static_cast<float>(n);
  float squares = 0;
#pragma omp simd reduction(+ : squares)
  for (int64_t i = 0; i < n; ++i) squares += (x[i] - mean) * (x[i] - mean);
  const float rstd = 1.0f / __builtin_sqrtf(squares / static_cast<float>(n) + eps);
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - mean) * rstd * weight[i] + bias[i];
}

static void RotatePairs(const float* cos, const float* sin, int64_t half, float* x) {
  float* y = x + half;
#pragma omp simd
  for (int64_t i = 0; i < half; ++i) {
    const float a = x[i], b = y[i];
    x[i] = a * cos[i] - b * sin[i];
    y[i] = b * cos[i] + a * sin[i];
  }
}

template <typename T>
inline constexpr PanelKernels<T> kPanels = {Multiply<T>, Fold,        SiluMulTo<T>,
                                            GeluTo<T>,   LayerNormTo, RotatePairs};

}  // namespace foundry::lm::simd::FOUNDRY_SIMD_NAMESPACE
