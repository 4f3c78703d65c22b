// IEEE half and bfloat16 conversions, branch-free where it matters so that loops vectorise.
#pragma once

#include <bit>
#include <cstdint>

namespace foundry::lm {

// Exact, subnormals, infinities and NaN included.
inline float HalfToFloat(uint16_t half) {
  // Shifted into place the exponent is 112 too small; the multiplication puts that right and
  // normalises subnormals (as in ggml and in Giesen's "half to float done quick").
  const uint32_t magnitude = uint32_t(half & 0x7fff) << 13;
  const uint32_t sign = uint32_t(half & 0x8000) << 16;
  const float scaled = std::bit_cast<float>(magnitude) * std::bit_cast<float>(uint32_t(239) << 23);
  const uint32_t special = (half & 0x7c00) == 0x7c00 ? 0x7f800000u : 0u;
  return std::bit_cast<float>(std::bit_cast<uint32_t>(scaled) | special | sign);
}

inline float BFloat16ToFloat(uint16_t value) { return std::bit_cast<float>(uint32_t(value) << 16); }

// Round to nearest, ties to even; overflow gives infinity, NaN stays NaN.
inline uint16_t FloatToHalf(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000);
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;  // at least 65520: rounds to infinity
  if (magnitude < 0x38800000) {
    // Below the smallest normal half: adding 0.5 lets the FPU round at the subnormal's last bit.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return sign | static_cast<uint16_t>(std::bit_cast<uint32_t>(shifted) - 0x3f000000);
  }
  const uint32_t odd = (magnitude >> 13) & 1;
  return sign | static_cast<uint16_t>((magnitude - 0x38000000 + 0xfff + odd) >> 13);
}

inline uint16_t FloatToBFloat16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return static_cast<uint16_t>((bits >> 16) | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

}  // namespace foundry::lm
