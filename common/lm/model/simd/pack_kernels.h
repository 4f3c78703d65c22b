// Laying out of the right factor of a bfloat16 product just before use, in panels as
// panel_kernels.h multiplies them: it may lie in either order, or be made from something smaller.
// Plain pointers only, as in row_kernels.h. Thread-safe (no state). Internal to common/lm.
#pragma once

#include "common/lm/model/simd/row_kernels.h"

namespace foundry::lm::simd {

// A panel is [ceil(k / 2), width, 2]: pairs along k, zeros beyond k and `columns`. width: a
// multiple of 16, columns <= width.
struct PackKernels {
  // From row-major columns: element (i, j) is from[j * stride + i].
  void (*transposed)(const bf16* from, int64_t stride, int64_t k, int64_t columns, int64_t width,
                     bf16* panel);
  // From row-major rows: element (i, j) is from[i * stride + j].
  void (*plain)(const bf16* from, int64_t stride, int64_t k, int64_t columns, int64_t width,
                bf16* panel);
  // Sums [rows, columns] rounded; rows lie `stride` and `to_stride` apart.
  void (*store)(int64_t rows, int64_t columns, const float* sums, int64_t stride, bf16* to,
                int64_t to_stride);
};

// Null where there are no Panels<bf16>(), or faster instructions that libraries use (AMX).
const PackKernels* Packing();

// Values of a frozen weight matrix (frozen_matrix.h) as bfloat16, for every instruction set.
struct UnpackKernels {
  void (*int8)(const int8_t* from, float scale, int64_t n, bf16* to);
  // Pairs of 4 bits, the low half first: indices into kNf4Values.
  void (*nf4)(const uint8_t* from, float scale, int64_t n, bf16* to);
};
const UnpackKernels& Unpack();

// Quantiles of a standard normal distribution scaled to [-1, 1], with an exact zero: the
// NormalFloat data type of Dettmers et al., QLoRA, arXiv 2305.14314, appendix E.
inline constexpr float kNf4Values[16] = {-1.0f,
                                         -0.6961928009986877f,
                                         -0.5250730514526367f,
                                         -0.39491748809814453f,
                                         -0.28444138169288635f,
                                         -0.18477343022823334f,
                                         -0.09105003625154495f,
                                         0.0f,
                                         0.07958029955625534f,
                                         0.16093020141124725f,
                                         0.24611230194568634f,
                                         0.33791524171829224f,
                                         0.44070982933044434f,
                                         0.5626170039176941f,
                                         0.7229568362236023f,
                                         1.0f};

}  // namespace foundry::lm::simd
