// Element types of stored tensors, plain and block-quantised, and the view of one stored tensor.
//
// Block formats are those of ggml (ggml-common.h); a block is the smallest unit that is stored.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace foundry::lm {

enum class DType {
  kF64,
  kF32,
  kF16,
  kBF16,
  kI64,
  kI32,
  kI16,
  kI8,
  kU64,
  kU32,
  kU16,
  kU8,
  kBool,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kQ4_K,
  kQ5_K,
  kQ6_K,
};

struct DTypeInfo {
  DType dtype;
  absl::string_view name;         // as ggml writes it
  absl::string_view safetensors;  // empty: safetensors has no such type
  int ggml_type;                  // -1: ggml has no such type
  int block_elements;             // 1 for plain types
  int block_bytes;
};

const DTypeInfo& Info(DType dtype);
// Null when unknown.
const DTypeInfo* InfoOfSafetensors(absl::string_view name);
const DTypeInfo* InfoOfGgml(uint32_t ggml_type);

// Product of the dimensions. InvalidArgument when one is negative or the product exceeds int64.
absl::StatusOr<int64_t> ElementCount(absl::Span<const int64_t> shape);

// Bytes of a stored tensor, rows (last dimension) being whole blocks. InvalidArgument when the row
// is no multiple of the block or the size overflows.
absl::StatusOr<int64_t> ByteSize(DType dtype, absl::Span<const int64_t> shape);

std::string ShapeText(absl::Span<const int64_t> shape);  // "[49152, 576]"

// A tensor where it lies in a mapped file. Row-major, the last dimension is contiguous.
struct TensorView {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  absl::Span<const uint8_t> bytes;  // valid as long as the file object
  // Above 0: a GGUF Llama's Q or K, whose rows are interleaved per head for this many heads; see
  // gguf_names.h.
  int64_t interleaved_heads = 0;
};

}  // namespace foundry::lm
