// A weight matrix laid out for simd::PanelKernels. Internal to common/lm. Thread-safe once packed.
#pragma once

#include <cstdint>

#include <ATen/ATen.h>

#include "common/lm/model/simd/panel_kernels.h"

namespace foundry::lm::packed {

template <typename T>
struct Matrix {
  int64_t inputs = 0, outputs = 0;  // as the checkpoint has them
  int64_t k = 0;                    // inputs, rounded up to what one multiply-add takes
  at::Tensor data;                  // [panels, k, kPanelColumns] of T, zeros beyond the edges

  int64_t panels() const { return (outputs + simd::kPanelColumns - 1) / simd::kPanelColumns; }
  int64_t width() const { return panels() * simd::kPanelColumns; }  // of a padded result row
  const T* panel(int64_t i) const {
    return static_cast<const T*>(data.const_data_ptr()) + i * k * simd::kPanelColumns;
  }
};

// Of w [outputs, inputs], whose type is T's; rows may be strided, columns not.
template <typename T>
Matrix<T> Pack(const at::Tensor& w);

}  // namespace foundry::lm::packed
