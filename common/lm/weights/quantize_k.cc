// K-quants: super-blocks of 256 with 6-bit scales (llama.cpp pull request 1684).
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "common/lm/weights/half.h"
#include "common/lm/weights/quantize.h"

namespace foundry::lm {
namespace {

constexpr int kSub = 32, kSubs = 8, kMost = 15;
constexpr int kTries = 21;  // ranges from 14 to 16 steps that the values are fitted to

using Levels = std::array<uint8_t, kSub>;

// x ~ scale * level - minimum, levels 0 to 15.
struct Fit {
  float scale = 0, minimum = 0;
};

uint8_t Level(float x) {
  return static_cast<uint8_t>(std::clamp(static_cast<int>(std::nearbyint(x)), 0, kMost));
}

float Error(const float* x, const float* weights, const Levels& levels, Fit fit) {
  float error = 0;
  for (int i = 0; i < kSub; ++i) {
    const float off = fit.scale * levels[i] - fit.minimum - x[i];
    error += weights[i] * off * off;
  }
  return error;
}

// Weighted least squares for the given levels; false where they don't determine it.
bool Solve(const float* x, const float* weights, const Levels& levels, Fit* fit) {
  float w = 0, wx = 0, wl = 0, wll = 0, wlx = 0;
  for (int i = 0; i < kSub; ++i) {
    const float l = levels[i];
    w += weights[i];
    wx += weights[i] * x[i];
    wl += weights[i] * l;
    wll += weights[i] * l * l;
    wlx += weights[i] * l * x[i];
  }
  const float determinant = w * wll - wl * wl;
  if (!(determinant > 0)) return false;
  fit->scale = (w * wlx - wx * wl) / determinant;
  fit->minimum = -(wll * wx - wl * wlx) / determinant;
  if (fit->minimum < 0) *fit = {wlx / wll, 0};  // minima are stored without a sign
  return true;
}

// Of a sub-block: large values weigh more.
Fit FitSubBlock(const float* x) {
  float squares = 0, least = 0, greatest = x[0];
  for (int i = 0; i < kSub; ++i) {
    squares += x[i] * x[i];
    least = std::min(least, x[i]);
    greatest = std::max(greatest, x[i]);
  }
  if (greatest <= least) return {0, -least};
  std::array<float, kSub> weights;
  const float typical = std::sqrt(squares / kSub);
  for (int i = 0; i < kSub; ++i) weights[i] = typical + std::abs(x[i]);
  const auto levels_of = [&](float steps) {
    Levels levels;
    for (int i = 0; i < kSub; ++i) levels[i] = Level(steps / (greatest - least) * (x[i] - least));
    return levels;
  };
  Fit best = {(greatest - least) / kMost, -least};
  float error = Error(x, weights.data(), levels_of(kMost), best);
  for (int t = 0; t < kTries; ++t) {
    const Levels levels = levels_of(kMost - 1 + 0.1f * static_cast<float>(t));
    Fit fit;
    if (!Solve(x, weights.data(), levels, &fit)) continue;
    const float found = Error(x, weights.data(), levels, fit);
    if (found < error) {
      error = found;
      best = fit;
    }
  }
  return best;
}

// The 6-bit scales and minima of eight sub-blocks in 12 bytes.
void PackScales(const uint8_t* scales, const uint8_t* minima, uint8_t* out) {
  for (int j = 0; j < 4; ++j) {
    out[j] = static_cast<uint8_t>(scales[j] | (scales[j + 4] >> 4) << 6);
    out[j + 4] = static_cast<uint8_t>(minima[j] | (minima[j + 4] >> 4) << 6);
    out[j + 8] = static_cast<uint8_t>((scales[j + 4] & 15) | (minima[j + 4] & 15) << 4);
  }
}

}  // namespace

// d, dmin (halves), 12 bytes of scales, 128 bytes of nibbles.
void QuantizeQ4_K(const float* in, uint8_t* block) {
  std::array<Fit, kSubs> fits;
  Fit most;
  for (int j = 0; j < kSubs; ++j) {
    fits[j] = FitSubBlock(in + j * kSub);
    most.scale = std::max(most.scale, fits[j].scale);
    most.minimum = std::max(most.minimum, fits[j].minimum);
  }
  const auto six_bits = [](float value, float greatest) {
    return greatest > 0 ? static_cast<uint8_t>(
                              std::clamp(std::nearbyint(63 * value / greatest), 0.0f, 63.0f))
                        : uint8_t{0};
  };
  uint8_t scales[kSubs], minima[kSubs];
  for (int j = 0; j < kSubs; ++j) {
    scales[j] = six_bits(fits[j].scale, most.scale);
    minima[j] = six_bits(fits[j].minimum, most.minimum);
  }
  const uint16_t halves[2] = {FloatToHalf(most.scale / 63), FloatToHalf(most.minimum / 63)};
  std::memcpy(block, halves, sizeof(halves));
  PackScales(scales, minima, block + 4);
  std::array<uint8_t, kSub * kSubs> levels{};
  for (int j = 0; j < kSubs; ++j) {
    // What a reader will compute with.
    const float scale = HalfToFloat(halves[0]) * scales[j];
    const float minimum = HalfToFloat(halves[1]) * minima[j];
    if (scale == 0) continue;
    for (int i = j * kSub; i < (j + 1) * kSub; ++i) levels[i] = Level((in[i] + minimum) / scale);
  }
  for (int pair = 0; pair < kSubs / 2; ++pair) {
    const uint8_t* low = levels.data() + 2 * pair * kSub;
    for (int i = 0; i < kSub; ++i) {
      block[16 + pair * kSub + i] = static_cast<uint8_t>(low[i] | low[i + kSub] << 4);
    }
  }
}

}  // namespace foundry::lm
