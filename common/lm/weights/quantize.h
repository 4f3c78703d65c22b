// float32 to the element types that exports write: F32, F16, BF16, Q8_0.
//
// Q8_0 follows ggml's quantize_row_q8_0_ref; plain types round to nearest even. Thread-safe.
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

}  // namespace foundry::lm
