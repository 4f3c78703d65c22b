#include "common/lm/packed/matrix.h"

#include <algorithm>

#include "common/lm/packed/parallel.h"

namespace foundry::lm::packed {

template <typename T>
Matrix<T> Pack(const at::Tensor& w) {
  constexpr int64_t kTogether = simd::kTogether<T>, kColumns = simd::kPanelColumns;
  Matrix<T> out;
  out.outputs = w.size(0);
  out.inputs = w.size(1);
  out.k = simd::RoundUp(out.inputs, kTogether);
  out.data = at::empty({out.panels(), out.k, kColumns}, w.options());
  const T* from = static_cast<const T*>(w.const_data_ptr());
  T* to = static_cast<T*>(out.data.data_ptr());
  const int64_t stride = w.stride(0);
  ForUnits(out.panels(), [&](int64_t p) {
    T* panel = to + p * out.k * kColumns;
    const int64_t columns = std::min(kColumns, out.outputs - p * kColumns);
    if (columns < kColumns || out.k > out.inputs) std::fill_n(panel, out.k * kColumns, T{0});
    // A few inputs at a time: the rows of w stay in the cache while their columns are written.
    for (int64_t at = 0; at < out.inputs; at += 64) {
      const int64_t end = std::min(at + 64, out.inputs);
      for (int64_t j = 0; j < columns; ++j) {
        const T* row = from + (p * kColumns + j) * stride;
        for (int64_t i = at; i < end; ++i) {
          panel[(i / kTogether * kColumns + j) * kTogether + i % kTogether] = row[i];
        }
      }
    }
  });
  return out;
}

template Matrix<float> Pack<float>(const at::Tensor& w);
template Matrix<simd::bf16> Pack<simd::bf16>(const at::Tensor& w);

}  // namespace foundry::lm::packed
