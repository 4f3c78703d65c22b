#include "common/lm/weights/dequantize.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/lm/weights/half.h"

namespace foundry::lm {
namespace {

template <typename T>
T LoadAs(const uint8_t* p) {
  T value;
  std::memcpy(&value, p, sizeof(T));
  return value;
}

float LoadHalf(const uint8_t* p) { return HalfToFloat(LoadAs<uint16_t>(p)); }

// Plain types: one element a step.
template <typename T, float (*Convert)(T)>
void ConvertAll(const uint8_t* in, float* out, int64_t count) {
  for (int64_t i = 0; i < count; ++i) out[i] = Convert(LoadAs<T>(in + i * sizeof(T)));
}
template <typename T>
float Cast(T value) {
  return static_cast<float>(value);
}

// Block types: one block a step.
template <int kElements, int kBytes, void (*Block)(const uint8_t*, float*)>
void ConvertBlocks(const uint8_t* in, float* out, int64_t count) {
  for (int64_t i = 0; i < count / kElements; ++i) Block(in + i * kBytes, out + i * kElements);
}

void Q4_0(const uint8_t* block, float* out) {
  const float d = LoadHalf(block);
  for (int i = 0; i < 16; ++i) {
    out[i] = static_cast<float>((block[2 + i] & 0x0f) - 8) * d;
    out[i + 16] = static_cast<float>((block[2 + i] >> 4) - 8) * d;
  }
}

void Q4_1(const uint8_t* block, float* out) {
  const float d = LoadHalf(block), m = LoadHalf(block + 2);
  for (int i = 0; i < 16; ++i) {
    out[i] = static_cast<float>(block[4 + i] & 0x0f) * d + m;
    out[i + 16] = static_cast<float>(block[4 + i] >> 4) * d + m;
  }
}

void Q5_0(const uint8_t* block, float* out) {
  const float d = LoadHalf(block);
  const uint32_t high = LoadAs<uint32_t>(block + 2);
  for (int i = 0; i < 16; ++i) {
    const int low = (block[6 + i] & 0x0f) | (((high >> i) << 4) & 0x10);
    const int top = (block[6 + i] >> 4) | ((high >> (i + 12)) & 0x10);
    out[i] = static_cast<float>(low - 16) * d;
    out[i + 16] = static_cast<float>(top - 16) * d;
  }
}

void Q5_1(const uint8_t* block, float* out) {
  const float d = LoadHalf(block), m = LoadHalf(block + 2);
  const uint32_t high = LoadAs<uint32_t>(block + 4);
  for (int i = 0; i < 16; ++i) {
    const int low = (block[8 + i] & 0x0f) | (((high >> i) << 4) & 0x10);
    const int top = (block[8 + i] >> 4) | ((high >> (i + 12)) & 0x10);
    out[i] = static_cast<float>(low) * d + m;
    out[i + 16] = static_cast<float>(top) * d + m;
  }
}

void Q8_0(const uint8_t* block, float* out) {
  const float d = LoadHalf(block);
  for (int i = 0; i < 32; ++i) out[i] = static_cast<float>(static_cast<int8_t>(block[2 + i])) * d;
}

using Converter = void (*)(const uint8_t*, float*, int64_t);

Converter ConverterOf(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return ConvertAll<double, Cast<double>>;
    case DType::kF32:
      return ConvertAll<float, Cast<float>>;
    case DType::kF16:
      return ConvertAll<uint16_t, HalfToFloat>;
    case DType::kBF16:
      return ConvertAll<uint16_t, BFloat16ToFloat>;
    case DType::kI64:
      return ConvertAll<int64_t, Cast<int64_t>>;
    case DType::kI32:
      return ConvertAll<int32_t, Cast<int32_t>>;
    case DType::kI16:
      return ConvertAll<int16_t, Cast<int16_t>>;
    case DType::kI8:
      return ConvertAll<int8_t, Cast<int8_t>>;
    case DType::kU8:
      return ConvertAll<uint8_t, Cast<uint8_t>>;
    case DType::kQ4_0:
      return ConvertBlocks<32, 18, Q4_0>;
    case DType::kQ4_1:
      return ConvertBlocks<32, 20, Q4_1>;
    case DType::kQ5_0:
      return ConvertBlocks<32, 22, Q5_0>;
    case DType::kQ5_1:
      return ConvertBlocks<32, 24, Q5_1>;
    case DType::kQ8_0:
      return ConvertBlocks<32, 34, Q8_0>;
    case DType::kQ4_K:
      return ConvertBlocks<256, 144, DequantizeQ4_K>;
    case DType::kQ5_K:
      return ConvertBlocks<256, 176, DequantizeQ5_K>;
    case DType::kQ6_K:
      return ConvertBlocks<256, 210, DequantizeQ6_K>;
    default:
      return nullptr;
  }
}

}  // namespace

absl::Status Dequantize(DType dtype, absl::Span<const uint8_t> bytes, absl::Span<float> out) {
  const DTypeInfo& info = Info(dtype);
  const Converter convert = ConverterOf(dtype);
  if (convert == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(info.name, " values are no weights"));
  }
  const size_t blocks = out.size() / info.block_elements;
  if (out.size() % info.block_elements != 0 || bytes.size() / info.block_bytes != blocks ||
      bytes.size() % info.block_bytes != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(bytes.size(), " bytes of ", info.name, " are not ", out.size(), " elements"));
  }
  convert(bytes.data(), out.data(), static_cast<int64_t>(out.size()));
  return absl::OkStatus();
}

}  // namespace foundry::lm
