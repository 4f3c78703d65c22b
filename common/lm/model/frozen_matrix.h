// A weight matrix that training reads but never changes, held in fewer bits than it is used in.
//
//   kInt8  one scale a row (absolute maximum / 127): 1 byte a value.
//   kNf4   blocks of 64 values of a row, 4 bits each from the 16 quantiles of a normal
//   distribution,
//          one float32 scale a block (Dettmers et al., QLoRA, arXiv 2305.14314): 0.5625 bytes.
//
// Products unpack the part that they are about to use; the whole is never there at once. Internal
// to common/lm. Immutable: thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <ATen/ATen.h>

#include "common/lm/types.h"

namespace foundry::lm {

class FrozenMatrix {
 public:
  static constexpr int64_t kBlock = 64;

  FrozenMatrix() = default;
  // Of w [rows, columns], float32 or bfloat16, on the CPU. With kNf4 a row's last block may be
  // shorter.
  FrozenMatrix(const at::Tensor& w, WeightFormat format);

  bool defined() const { return format_ != WeightFormat::kFull; }
  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }
  int64_t bytes() const;

  // Values of rows [row, row + rows) and columns [column, column + columns) as bfloat16 bits, rows
  // `stride` apart. `column` is even.
  void Read(int64_t row, int64_t rows, int64_t column, int64_t columns, uint16_t* to,
            int64_t stride) const;
  // All of it, [rows, columns] in `type` with the values that Read gives.
  at::Tensor Full(at::ScalarType type) const;

 private:
  WeightFormat format_ = WeightFormat::kFull;
  int64_t rows_ = 0, columns_ = 0, blocks_ = 0;  // blocks of a row
  std::vector<uint8_t> values_;                  // int8, or pairs of 4 bits, low half first
  std::vector<float> scales_;                    // of a row or of a block
};

}  // namespace foundry::lm
