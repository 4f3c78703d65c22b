#include "common/lm/lora/row_scale.h"

#include <algorithm>

#include "common/lm/model/matmul.h"

namespace foundry::lm {
namespace {

constexpr int64_t kRows = 512;          // whose float32 values are there at once
constexpr double kLeastSquare = 1e-30;  // a row of zeros stays one

// Rows [row, row + rows) of the base, float32.
at::Tensor BaseRows(const Linear& linear, int64_t row, int64_t rows) {
  if (!linear.frozen) {
    return linear.weight.narrow(0, row, rows).narrow(1, 0, linear.in).to(at::kFloat);
  }
  at::Tensor values = at::empty({rows, linear.in}, at::kBFloat16);
  linear.frozen->Read(row, rows, 0, linear.in, static_cast<uint16_t*>(values.data_ptr()),
                      linear.in);
  return values.to(at::kFloat);
}

// A · Wᵀ of all modules' A's, [lora_columns, out] float32.
at::Tensor ProductWithBase(const Linear& linear) {
  at::Tensor product = at::empty({linear.lora_columns(), linear.out}, linear.row_squares.options());
  if (linear.frozen) {
    matmul::Transposed(linear.lora_a, *linear.frozen, {}, product);
  } else {
    matmul::Transposed(linear.lora_a, linear.weight.narrow(1, 0, linear.in), product);
  }
  return product;
}

// Of a module's values those of the rows that are here.
at::Tensor OwnRows(const at::Tensor& values, const Linear::Part& part) {
  std::vector<at::Tensor> ranges;
  for (const auto& [begin, rows] : part.source) ranges.push_back(values.narrow(0, begin, rows));
  return at::cat(ranges);
}

}  // namespace

at::Tensor RowSquares(const Linear& linear) {
  at::Tensor squares = at::empty({linear.out}, linear.weight.options().dtype(at::kFloat));
  for (int64_t row = 0; row < linear.out; row += kRows) {
    const int64_t rows = std::min(kRows, linear.out - row);
    squares.narrow(0, row, rows).copy_(BaseRows(linear, row, rows).square().sum(1));
  }
  return squares;
}

// |w + s·b·A|² = |w|² + 2·(s·b)·(A·w) + (s·b)·(A·Aᵀ)·(s·b): the updated weights are never made.
at::Tensor UpdatedRowSquares(const Placed& placed, double scale, const Linear& linear) {
  at::Tensor squares = linear.row_squares.clone();
  const at::Tensor with_base = ProductWithBase(linear);
  int64_t column = 0;
  for (const auto& [module, part] : placed) {
    const int64_t rank = module->a.size(0);
    const at::Tensor a = linear.lora_a.narrow(0, column, rank).to(at::kFloat);
    const at::Tensor b = (OwnRows(module->b, *part) * scale).to(squares.device());
    const at::Tensor aw = with_base.narrow(0, column, rank).narrow(1, part->offset, part->rows).t();
    squares.narrow(0, part->offset, part->rows)
        .add_((b * (aw * 2 + at::mm(b, at::mm(a, a.t())))).sum(1));
    column += rank;
  }
  return squares;
}

void SetRowScale(const Placed& placed, const at::Tensor& squares, Linear& linear) {
  linear.magnitude = at::ones_like(linear.row_squares);
  at::Tensor factors = at::ones_like(linear.row_squares);
  for (const auto& [module, part] : placed) {
    at::Tensor magnitude = linear.magnitude.narrow(0, part->offset, part->rows);
    magnitude.copy_(OwnRows(module->magnitude, *part));
    const at::Tensor norm =
        squares.narrow(0, part->offset, part->rows).clamp_min(kLeastSquare).sqrt_();
    factors.narrow(0, part->offset, part->rows).copy_(magnitude / norm);
  }
  linear.row_scale = factors;
}

}  // namespace foundry::lm
