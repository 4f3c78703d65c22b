// Compiled with the flags of its instruction set: see CMakeLists.txt.
#include <immintrin.h>

#include "common/lm/model/simd/pack_kernels.h"
#include "common/lm/model/simd/tables.h"

namespace foundry::lm::simd {
namespace {

using Vector = __m512i;

__mmask16 First(int64_t n) {
  return n >= 16 ? 0xffff : n <= 0 ? 0 : static_cast<__mmask16>((1u << n) - 1);
}

// 16 x 16 values of 32 bits, transposed in registers.
void Transpose(Vector (&r)[16]) {
  Vector t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    for (int j = 0; j < 2; ++j) {
      r[i + 2 * j] = _mm512_unpacklo_epi64(t[i + j], t[i + j + 2]);
      r[i + 2 * j + 1] = _mm512_unpackhi_epi64(t[i + j], t[i + j + 2]);
    }
  }
  for (int i = 0; i < 16; i += 8) {
    for (int j = 0; j < 4; ++j) {
      t[i + j] = _mm512_shuffle_i32x4(r[i + j], r[i + j + 4], 0x88);
      t[i + j + 4] = _mm512_shuffle_i32x4(r[i + j], r[i + j + 4], 0xdd);
    }
  }
  for (int j = 0; j < 8; ++j) {
    r[j] = _mm512_shuffle_i32x4(t[j], t[j + 8], 0x88);
    r[j + 8] = _mm512_shuffle_i32x4(t[j], t[j + 8], 0xdd);
  }
}

void Transposed(const bf16* from, int64_t stride, int64_t k, int64_t columns, int64_t width,
                bf16* panel) {
  for (int64_t group = 0; group < width; group += 16) {
    for (int64_t i = 0; i < k; i += 32) {
      const int64_t left = k - i;
      const __mmask32 mask = left >= 32 ? ~0u : (1u << left) - 1;
      Vector rows[16];
      for (int64_t j = 0; j < 16; ++j) {
        rows[j] = group + j < columns
                      ? _mm512_maskz_loadu_epi16(mask, from + (group + j) * stride + i)
                      : _mm512_setzero_si512();
      }
      Transpose(rows);
      const int64_t pairs = left >= 32 ? 16 : (left + 1) / 2;
      for (int64_t p = 0; p < pairs; ++p) {
        _mm512_storeu_si512(panel + ((i / 2 + p) * width + group) * 2, rows[p]);
      }
    }
  }
}

Vector Wide(__mmask16 mask, const bf16* from) {
  return _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, from));
}

void Plain(const bf16* from, int64_t stride, int64_t k, int64_t columns, int64_t width,
           bf16* panel) {
  for (int64_t i = 0; i < k; i += 2, panel += 2 * width) {
    const bf16* row = from + i * stride;
    for (int64_t group = 0; group < width; group += 16) {
      const __mmask16 mask = First(columns - group);
      const Vector first = Wide(mask, row + group);
      const Vector second = i + 1 < k ? Wide(mask, row + stride + group) : _mm512_setzero_si512();
      _mm512_storeu_si512(panel + 2 * group, _mm512_or_si512(first, _mm512_slli_epi32(second, 16)));
    }
  }
}

void StoreRounded(int64_t rows, int64_t columns, const float* sums, int64_t stride, bf16* to,
                  int64_t to_stride) {
  for (int64_t r = 0; r < rows; ++r, sums += stride, to += to_stride) {
    for (int64_t j = 0; j < columns; j += 16) {
      const __mmask16 mask = First(columns - j);
      _mm256_mask_storeu_epi16(
          to + j, mask,
          reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask, sums + j))));
    }
  }
}

}  // namespace

const PackKernels& Packing_avx512bf16() {
  static constexpr PackKernels kernels = {Transposed, Plain, StoreRounded};
  return kernels;
}

}  // namespace foundry::lm::simd
