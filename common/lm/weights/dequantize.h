// Stored tensor data to float32.
//
// Follows ggml's dequantize_row_* (ggml-quants.c): the same operations in the same order in fp32,
// so results are bit-identical to ggml's and to the Python package gguf.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "common/lm/weights/dtype.h"

namespace foundry::lm {

// Converts `bytes` (whole blocks of `dtype`) into `out`, whose length is the element count. No
// alignment is required. InvalidArgument when lengths disagree or the type holds no real numbers.
absl::Status Dequantize(DType dtype, absl::Span<const uint8_t> bytes, absl::Span<float> out);

// One block each, for the table in dequantize.cc.
void DequantizeQ4_K(const uint8_t* block, float* out);
void DequantizeQ5_K(const uint8_t* block, float* out);
void DequantizeQ6_K(const uint8_t* block, float* out);

}  // namespace foundry::lm
