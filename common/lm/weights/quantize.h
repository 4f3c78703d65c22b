// float32 to the element types that exports write: F32, F16, BF16, Q8_0, Q4_0, Q4_K.
//
// Q8_0 and Q4_0 give ggml's bytes (quantize_row_*_ref). Q4_K fits each sub-block's scale and
// minimum by weighted least squares over several ranges, as ggml's make_qkx2_quants does. Plain
// types round to nearest even. Thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "common/lm/weights/dtype.h"

namespace foundry::lm {

// Appends the stored form of `values` (whole blocks) to `out`. InvalidArgument when a value is not
// finite or too large for the type, or the type isn't one that can be written.
absl::Status Quantize(DType dtype, absl::Span<const float> values, std::string* out);

// One block, for the table in quantize.cc.
void QuantizeQ4_K(const float* values, uint8_t* block);

}  // namespace foundry::lm
