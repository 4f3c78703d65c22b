// K-quants: super-blocks of 256 with 6-bit scales (llama.cpp pull request 1684).
#include <cstring>

#include "common/lm/weights/dequantize.h"
#include "common/lm/weights/half.h"

namespace foundry::lm {
namespace {

float LoadHalf(const uint8_t* p) {
  uint16_t bits;
  std::memcpy(&bits, p, sizeof(bits));
  return HalfToFloat(bits);
}

// Scale and minimum of sub-block j (of 8), 6 bits each, packed into 12 bytes.
void ScaleMin(int j, const uint8_t* packed, uint8_t* scale, uint8_t* minimum) {
  if (j < 4) {
    *scale = packed[j] & 63;
    *minimum = packed[j + 4] & 63;
  } else {
    *scale = (packed[j + 4] & 0x0f) | ((packed[j - 4] >> 6) << 4);
    *minimum = (packed[j + 4] >> 4) | ((packed[j] >> 6) << 4);
  }
}

}  // namespace

// d, dmin (halves), 12 bytes of scales, 128 bytes of nibbles.
void DequantizeQ4_K(const uint8_t* block, float* out) {
  const float d = LoadHalf(block), dmin = LoadHalf(block + 2);
  const uint8_t* quants = block + 16;
  for (int j = 0; j < 8; j += 2, quants += 32, out += 64) {
    uint8_t scale, minimum;
    ScaleMin(j, block + 4, &scale, &minimum);
    const float d1 = d * scale, m1 = dmin * minimum;
    ScaleMin(j + 1, block + 4, &scale, &minimum);
    const float d2 = d * scale, m2 = dmin * minimum;
    for (int i = 0; i < 32; ++i) {
      out[i] = d1 * static_cast<float>(quants[i] & 0x0f) - m1;
      out[i + 32] = d2 * static_cast<float>(quants[i] >> 4) - m2;
    }
  }
}

// d, dmin, 12 bytes of scales, 32 bytes of fifth bits, 128 bytes of nibbles.
void DequantizeQ5_K(const uint8_t* block, float* out) {
  const float d = LoadHalf(block), dmin = LoadHalf(block + 2);
  const uint8_t* high = block + 16;
  const uint8_t* quants = block + 48;
  for (int j = 0; j < 8; j += 2, quants += 32, out += 64) {
    uint8_t scale, minimum;
    ScaleMin(j, block + 4, &scale, &minimum);
    const float d1 = d * scale, m1 = dmin * minimum;
    ScaleMin(j + 1, block + 4, &scale, &minimum);
    const float d2 = d * scale, m2 = dmin * minimum;
    for (int i = 0; i < 32; ++i) {
      const int low = (quants[i] & 0x0f) + (((high[i] >> j) & 1) << 4);
      const int top = (quants[i] >> 4) + (((high[i] >> (j + 1)) & 1) << 4);
      out[i] = d1 * static_cast<float>(low) - m1;
      out[i + 32] = d2 * static_cast<float>(top) - m2;
    }
  }
}

// 128 bytes of low nibbles, 64 bytes of upper bit pairs, 16 signed scales, d.
void DequantizeQ6_K(const uint8_t* block, float* out) {
  const float d = LoadHalf(block + 208);
  for (int half = 0; half < 2; ++half, out += 128) {
    const uint8_t* low = block + 64 * half;
    const uint8_t* high = block + 128 + 32 * half;
    const int8_t* scales = reinterpret_cast<const int8_t*>(block + 192 + 8 * half);
    for (int i = 0; i < 32; ++i) {
      const int s = i / 16;
      const int q1 = ((low[i] & 0x0f) | ((high[i] & 3) << 4)) - 32;
      const int q2 = ((low[i + 32] & 0x0f) | (((high[i] >> 2) & 3) << 4)) - 32;
      const int q3 = ((low[i] >> 4) | (((high[i] >> 4) & 3) << 4)) - 32;
      const int q4 = ((low[i + 32] >> 4) | (((high[i] >> 6) & 3) << 4)) - 32;
      out[i] = d * scales[s] * q1;
      out[i + 32] = d * scales[s + 2] * q2;
      out[i + 64] = d * scales[s + 4] * q3;
      out[i + 96] = d * scales[s + 6] * q4;
    }
  }
}

}  // namespace foundry::lm
