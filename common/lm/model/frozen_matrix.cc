#include "common/lm/model/frozen_matrix.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "common/lm/model/simd/pack_kernels.h"

namespace foundry::lm {
namespace {

uint8_t NearestNf4(float x) {
  const float* values = simd::kNf4Values;
  const float* above = std::lower_bound(values, values + 16, x);
  if (above == values) return 0;
  if (above == values + 16) return 15;
  const auto index = static_cast<uint8_t>(above - values);
  return x - above[-1] <= *above - x ? static_cast<uint8_t>(index - 1) : index;
}

float LargestMagnitude(const float* x, int64_t n) {
  float largest = 0;
  for (int64_t i = 0; i < n; ++i) largest = std::max(largest, std::fabs(x[i]));
  return largest;
}

}  // namespace

FrozenMatrix::FrozenMatrix(const at::Tensor& w, WeightFormat format)
    : format_(format), rows_(w.size(0)), columns_(w.size(1)) {
  const bool nf4 = format == WeightFormat::kNf4;
  blocks_ = nf4 ? (columns_ + kBlock - 1) / kBlock : 1;
  const int64_t row_bytes = nf4 ? blocks_ * kBlock / 2 : columns_;
  values_.assign(rows_ * row_bytes, 0);
  scales_.assign(rows_ * blocks_, 0);
  at::parallel_for(0, rows_, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const at::Tensor row = w.select(0, i).to(at::kFloat).contiguous();
      const float* x = row.const_data_ptr<float>();
      uint8_t* to = values_.data() + i * row_bytes;
      for (int64_t b = 0; b < blocks_; ++b) {
        const int64_t from = nf4 ? b * kBlock : 0;
        const int64_t n = nf4 ? std::min(kBlock, columns_ - from) : columns_;
        const float largest = LargestMagnitude(x + from, n);
        const float scale = nf4 ? largest : largest / 127;
        scales_[i * blocks_ + b] = scale;
        const float inverse = scale > 0 ? 1 / scale : 0;
        for (int64_t j = from; j < from + n; ++j) {
          if (nf4) {
            to[j / 2] |= static_cast<uint8_t>(NearestNf4(x[j] * inverse) << (j % 2 * 4));
          } else {
            to[j] = static_cast<uint8_t>(static_cast<int8_t>(std::lround(x[j] * inverse)));
          }
        }
      }
    }
  });
}

int64_t FrozenMatrix::bytes() const {
  return static_cast<int64_t>(values_.size() + scales_.size() * sizeof(float));
}

void FrozenMatrix::Read(int64_t row, int64_t rows, int64_t column, int64_t columns, uint16_t* to,
                        int64_t stride) const {
  const simd::UnpackKernels& kernels = simd::Unpack();
  for (int64_t i = row; i < row + rows; ++i, to += stride) {
    if (format_ == WeightFormat::kInt8) {
      const auto* from = reinterpret_cast<const int8_t*>(values_.data()) + i * columns_ + column;
      kernels.int8(from, scales_[i], columns, to);
      continue;
    }
    const uint8_t* from = values_.data() + i * blocks_ * kBlock / 2;
    for (int64_t at = column; at < column + columns;) {
      const int64_t n = std::min(kBlock - at % kBlock, column + columns - at);
      kernels.nf4(from + at / 2, scales_[i * blocks_ + at / kBlock], n, to + (at - column));
      at += n;
    }
  }
}

at::Tensor FrozenMatrix::Full(at::ScalarType type) const {
  at::Tensor full = at::empty({rows_, columns_}, at::kBFloat16);
  Read(0, rows_, 0, columns_, static_cast<uint16_t*>(full.data_ptr()), columns_);
  return full.to(type);
}

}  // namespace foundry::lm
