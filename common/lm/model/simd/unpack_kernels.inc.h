// Unpacking of frozen weights for the instruction set that this file is compiled with.
#pragma once

#include "common/lm/model/simd/pack_kernels.h"
#include "common/lm/model/simd/row_kernels.inc.h"

namespace foundry::lm::simd::FOUNDRY_SIMD_NAMESPACE {

static void UnpackInt8(const int8_t* from, float scale, int64_t n, bf16* to) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) Store(to + i, scale * static_cast<float>(from[i]));
}

static void UnpackNf4(const uint8_t* from, float scale, int64_t n, bf16* to) {
  bf16 values[16];
  for (int i = 0; i < 16; ++i) Store(values + i, scale * kNf4Values[i]);
  for (int64_t i = 0; i + 1 < n; i += 2) {
    to[i] = values[from[i / 2] & 15];
    to[i + 1] = values[from[i / 2] >> 4];
  }
  if (n % 2) to[n - 1] = values[from[n / 2] & 15];
}

inline constexpr UnpackKernels kUnpack = {UnpackInt8, UnpackNf4};

}  // namespace foundry::lm::simd::FOUNDRY_SIMD_NAMESPACE
