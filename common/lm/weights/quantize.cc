#include "common/lm/weights/quantize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/lm/weights/half.h"

namespace foundry::lm {
namespace {

constexpr int kBlock = 32;
constexpr float kLargestHalf = 65504.0f;

// The greatest magnitude; NaN when any value is NaN.
float Greatest(absl::Span<const float> values) {
  float greatest = 0;
  bool nan = false;
  for (const float value : values) {
    nan |= value != value;
    greatest = std::max(greatest, std::abs(value));
  }
  return nan ? NAN : greatest;
}

// A block: the scale as half, then 32 signed bytes.
void BlockQ8_0(const float* in, uint8_t* out) {
  float greatest = 0;
  for (int i = 0; i < kBlock; ++i) greatest = std::max(greatest, std::abs(in[i]));
  const float scale = greatest / 127.0f;
  const float inverse = scale != 0 ? 1.0f / scale : 0.0f;
  const uint16_t half = FloatToHalf(scale);
  std::memcpy(out, &half, 2);
  for (int i = 0; i < kBlock; ++i) {
    out[2 + i] = static_cast<uint8_t>(static_cast<int8_t>(std::round(in[i] * inverse)));
  }
}

// A block: the scale as half, then 32 nibbles, 8 being zero; the value farthest from zero becomes
// -8.
void BlockQ4_0(const float* in, uint8_t* out) {
  const float farthest = *std::max_element(
      in, in + kBlock, [](float a, float b) { return std::abs(a) < std::abs(b); });
  const float scale = farthest / -8.0f;
  const float inverse = scale != 0 ? 1.0f / scale : 0.0f;
  const uint16_t half = FloatToHalf(scale);
  std::memcpy(out, &half, 2);
  const auto nibble = [inverse](float x) {
    return static_cast<uint8_t>(std::min(15, static_cast<int>(x * inverse + 8.5f)));
  };
  for (int i = 0; i < kBlock / 2; ++i) {
    out[2 + i] = static_cast<uint8_t>(nibble(in[i]) | nibble(in[i + kBlock / 2]) << 4);
  }
}

void QuantizeBlocks(absl::Span<const float> values, const DTypeInfo& info,
                    void (*block)(const float*, uint8_t*), uint8_t* out) {
  for (size_t i = 0; i < values.size() / info.block_elements; ++i) {
    block(values.data() + i * info.block_elements, out + i * info.block_bytes);
  }
}

// The greatest value that a type's half-precision scale can reach.
float Limit(DType dtype) {
  switch (dtype) {
    case DType::kF16:
      return kLargestHalf;
    case DType::kQ8_0:
      return kLargestHalf * 127;
    case DType::kQ4_0:
      return kLargestHalf * 8;
    case DType::kQ4_K:  // a sub-block's minimum alone; its range may be twice as wide
      return kLargestHalf * 15;
    default:
      return INFINITY;
  }
}

template <uint16_t (*Convert)(float)>
void ConvertAll(absl::Span<const float> values, uint8_t* out) {
  for (size_t i = 0; i < values.size(); ++i) {
    const uint16_t bits = Convert(values[i]);
    std::memcpy(out + 2 * i, &bits, 2);
  }
}

}  // namespace

absl::Status Quantize(DType dtype, absl::Span<const float> values, std::string* out) {
  const DTypeInfo& info = Info(dtype);
  if (values.size() % info.block_elements != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(values.size(), " values are no whole blocks of ", info.name));
  }
  const float greatest = Greatest(values);
  if (!std::isfinite(greatest)) return absl::InvalidArgumentError("a value is not finite");
  const float limit = Limit(dtype);
  if (greatest > limit) {
    return absl::InvalidArgumentError(
        absl::StrCat("the value ", greatest, " is too large for ", info.name, "; write F32"));
  }
  const size_t begin = out->size();
  out->resize(begin + values.size() / info.block_elements * info.block_bytes);
  uint8_t* bytes = reinterpret_cast<uint8_t*>(out->data()) + begin;
  switch (dtype) {
    case DType::kF32:
      std::memcpy(bytes, values.data(), values.size() * sizeof(float));
      return absl::OkStatus();
    case DType::kF16:
      ConvertAll<FloatToHalf>(values, bytes);
      return absl::OkStatus();
    case DType::kBF16:
      ConvertAll<FloatToBFloat16>(values, bytes);
      return absl::OkStatus();
    case DType::kQ8_0:
      QuantizeBlocks(values, info, BlockQ8_0, bytes);
      return absl::OkStatus();
    case DType::kQ4_0:
      QuantizeBlocks(values, info, BlockQ4_0, bytes);
      return absl::OkStatus();
    case DType::kQ4_K:
      QuantizeBlocks(values, info, QuantizeQ4_K, bytes);
      return absl::OkStatus();
    default:
      out->resize(begin);
      return absl::InvalidArgumentError(absl::StrCat(info.name, " cannot be written"));
  }
}

}  // namespace foundry::lm
