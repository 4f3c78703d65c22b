#include "common/lm/model/rope.h"

#include <cmath>
#include <numbers>

namespace foundry::lm {
namespace {

// Llama 3: low frequencies are slowed by `factor`, high ones kept, those between blended.
float Llama3Frequency(double frequency, const RopeScaling& scaling) {
  double original = static_cast<double>(scaling.original_max_positions);
  double wavelength = 2 * std::numbers::pi / frequency;
  if (wavelength < original / scaling.high_freq_factor) return static_cast<float>(frequency);
  if (wavelength > original / scaling.low_freq_factor) {
    return static_cast<float>(frequency / scaling.factor);
  }
  double smooth = (original / wavelength - scaling.low_freq_factor) /
                  (scaling.high_freq_factor - scaling.low_freq_factor);
  return static_cast<float>((1 - smooth) * frequency / scaling.factor + smooth * frequency);
}

// LongRoPE's attention scaling (Ding et al., arXiv 2402.13753), where the checkpoint gives none.
double LongRopeScale(const ModelConfig& config) {
  const RopeScaling& scaling = config.rope_scaling;
  if (scaling.attention_factor) return *scaling.attention_factor;
  double original = static_cast<double>(scaling.original_max_positions);
  double factor = static_cast<double>(config.max_positions) / original;
  return factor <= 1 ? 1 : std::sqrt(1 + std::log(factor) / std::log(original));
}

}  // namespace

Rope::Rope(const ModelConfig& config)
    : rotary_dim_(config.rotary_dim ? config.rotary_dim : config.head_dim) {
  const RopeScaling& scaling = config.rope_scaling;
  for (int64_t i = 0; i < rotary_dim_ / 2; ++i) {
    double exponent = 2.0 * static_cast<double>(i) / static_cast<double>(rotary_dim_);
    double frequency = 1.0 / std::pow(config.rope_theta, exponent);
    switch (scaling.kind) {
      case RopeScaling::Kind::kNone:
        frequencies_.push_back(static_cast<float>(frequency));
        break;
      case RopeScaling::Kind::kLinear:
        frequencies_.push_back(static_cast<float>(frequency / scaling.factor));
        break;
      case RopeScaling::Kind::kLlama3:
        frequencies_.push_back(Llama3Frequency(frequency, scaling));
        break;
      case RopeScaling::Kind::kLongRope:
        frequencies_.push_back(static_cast<float>(frequency / scaling.short_factor.at(i)));
        long_.push_back(static_cast<float>(frequency / scaling.long_factor.at(i)));
        break;
    }
  }
  if (scaling.kind == RopeScaling::Kind::kLongRope) {
    original_positions_ = scaling.original_max_positions;
    scale_ = static_cast<float>(LongRopeScale(config));
  }
}

RopeTables Rope::Tables(const std::vector<RopePosition>& positions, at::Device device) const {
  int64_t half = rotary_dim_ / 2, rows = static_cast<int64_t>(positions.size());
  at::Tensor cos = at::empty({rows, half}, at::kFloat), sin = at::empty({rows, half}, at::kFloat);
  float* c = cos.data_ptr<float>();
  float* s = sin.data_ptr<float>();
  for (const RopePosition& at : positions) {
    bool beyond = !long_.empty() && at.length > original_positions_;
    const std::vector<float>& frequencies = beyond ? long_ : frequencies_;
    for (int64_t i = 0; i < half; ++i) {
      float angle = static_cast<float>(at.position) * frequencies[i];
      *c++ = std::cos(angle) * scale_;
      *s++ = std::sin(angle) * scale_;
    }
  }
  return {cos.to(device), sin.to(device)};
}

}  // namespace foundry::lm
