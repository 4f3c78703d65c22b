#include "common/lm/weights/dtype.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"

namespace foundry::lm {
namespace {

// In the order of the enum.
constexpr DTypeInfo kTypes[] = {
    {DType::kF64, "F64", "F64", 28, 1, 8},    {DType::kF32, "F32", "F32", 0, 1, 4},
    {DType::kF16, "F16", "F16", 1, 1, 2},     {DType::kBF16, "BF16", "BF16", 30, 1, 2},
    {DType::kI64, "I64", "I64", 27, 1, 8},    {DType::kI32, "I32", "I32", 26, 1, 4},
    {DType::kI16, "I16", "I16", 25, 1, 2},    {DType::kI8, "I8", "I8", 24, 1, 1},
    {DType::kU64, "U64", "U64", -1, 1, 8},    {DType::kU32, "U32", "U32", -1, 1, 4},
    {DType::kU16, "U16", "U16", -1, 1, 2},    {DType::kU8, "U8", "U8", -1, 1, 1},
    {DType::kBool, "BOOL", "BOOL", -1, 1, 1}, {DType::kQ4_0, "Q4_0", "", 2, 32, 18},
    {DType::kQ4_1, "Q4_1", "", 3, 32, 20},    {DType::kQ5_0, "Q5_0", "", 6, 32, 22},
    {DType::kQ5_1, "Q5_1", "", 7, 32, 24},    {DType::kQ8_0, "Q8_0", "", 8, 32, 34},
    {DType::kQ4_K, "Q4_K", "", 12, 256, 144}, {DType::kQ5_K, "Q5_K", "", 13, 256, 176},
    {DType::kQ6_K, "Q6_K", "", 14, 256, 210},
};

}  // namespace

const DTypeInfo& Info(DType dtype) { return kTypes[static_cast<int>(dtype)]; }

const DTypeInfo* InfoOfSafetensors(absl::string_view name) {
  for (const DTypeInfo& info : kTypes) {
    if (!name.empty() && info.safetensors == name) return &info;
  }
  return nullptr;
}

const DTypeInfo* InfoOfGgml(uint32_t ggml_type) {
  for (const DTypeInfo& info : kTypes) {
    if (info.ggml_type >= 0 && static_cast<uint32_t>(info.ggml_type) == ggml_type) return &info;
  }
  return nullptr;
}

absl::StatusOr<int64_t> ElementCount(absl::Span<const int64_t> shape) {
  int64_t count = 1;
  for (const int64_t dimension : shape) {
    if (dimension < 0 || __builtin_mul_overflow(count, dimension, &count)) {
      return absl::InvalidArgumentError(absl::StrCat("impossible shape ", ShapeText(shape)));
    }
  }
  return count;
}

absl::StatusOr<int64_t> ByteSize(DType dtype, absl::Span<const int64_t> shape) {
  const DTypeInfo& info = Info(dtype);
  FOUNDRY_ASSIGN_OR_RETURN(const int64_t count, ElementCount(shape));
  const int64_t row = shape.empty() ? 1 : shape.back();
  if (row % info.block_elements != 0) {
    return absl::InvalidArgumentError(absl::StrCat("shape ", ShapeText(shape), " has rows of ", row,
                                                   " elements, but ", info.name,
                                                   " stores blocks of ", info.block_elements));
  }
  int64_t bytes = 0;
  if (__builtin_mul_overflow(count / info.block_elements, int64_t{info.block_bytes}, &bytes)) {
    return absl::InvalidArgumentError(absl::StrCat("impossible shape ", ShapeText(shape)));
  }
  return bytes;
}

std::string ShapeText(absl::Span<const int64_t> shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

}  // namespace foundry::lm
