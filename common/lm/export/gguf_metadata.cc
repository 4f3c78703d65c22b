#include "common/lm/export/gguf_metadata.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace foundry::lm {
namespace {

GgufValue Number(int64_t value) { return GgufValue::Uint32(static_cast<uint32_t>(value)); }
GgufValue Real(double value) { return GgufValue::Float32(static_cast<float>(value)); }

int64_t RotaryDim(const ModelConfig& config) {
  return config.rotary_dim > 0 ? config.rotary_dim : config.head_dim;
}

// Llama 3's frequency scaling as divisors (transformers' _compute_llama3_parameters).
std::vector<float> Llama3Factors(const ModelConfig& config) {
  const RopeScaling& s = config.rope_scaling;
  const double original = static_cast<double>(s.original_max_positions);
  const double low = original / s.low_freq_factor, high = original / s.high_freq_factor;
  const int64_t dimension = RotaryDim(config);
  std::vector<float> out;
  for (int64_t i = 0; i < dimension; i += 2) {
    const double frequency = std::pow(config.rope_theta, -static_cast<double>(i) / dimension);
    const double wavelength = 2 * M_PI / frequency;
    double factor = 1;
    if (wavelength > low) {
      factor = s.factor;
    } else if (wavelength >= high) {
      const double smooth =
          (original / wavelength - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor);
      factor = 1 / ((1 - smooth) / s.factor + smooth);
    }
    out.push_back(static_cast<float>(factor));
  }
  return out;
}

std::vector<float> ToFloats(const std::vector<double>& values) {
  return std::vector<float>(values.begin(), values.end());
}

// Both sets alike and no attention factor: what a GGUF of Llama 3 reads as.
bool IsOneSet(const RopeScaling& s) {
  return s.kind == RopeScaling::Kind::kLongRope && s.short_factor == s.long_factor &&
         s.attention_factor.value_or(0) == 1;
}

double AttentionFactor(const ModelConfig& config) {
  const RopeScaling& s = config.rope_scaling;
  if (s.attention_factor.has_value()) return *s.attention_factor;
  const double ratio = static_cast<double>(config.max_positions) / s.original_max_positions;
  return ratio <= 1 ? 1 : std::sqrt(1 + std::log(ratio) / std::log(s.original_max_positions));
}

absl::Status AddRope(const ModelConfig& config, const std::string& arch, GgufMetadata* out) {
  const RopeScaling& s = config.rope_scaling;
  Set(arch + ".rope.freq_base", Real(config.rope_theta), out);
  Set(arch + ".rope.dimension_count", Number(RotaryDim(config)), out);
  if (s.kind == RopeScaling::Kind::kLinear) {
    Set(arch + ".rope.scaling.type", GgufValue::String("linear"), out);
    Set(arch + ".rope.scaling.factor", Real(s.factor), out);
  } else if (s.kind == RopeScaling::Kind::kLongRope && !IsOneSet(s)) {
    if (arch != "phi3") {
      return absl::UnimplementedError(
          absl::StrCat("llama.cpp has no LongRoPE for the architecture ", arch));
    }
    Set(arch + ".rope.scaling.original_context_length", Number(s.original_max_positions), out);
    Set(arch + ".rope.scaling.attn_factor", Real(AttentionFactor(config)), out);
  } else if (arch == "phi3") {
    Set(arch + ".rope.scaling.original_context_length", Number(config.max_positions), out);
  }
  return absl::OkStatus();
}

}  // namespace

std::string GgufArchitecture(const ModelConfig& config) {
  return config.family == "mistral" ? "llama" : config.family;
}

void Set(const std::string& key, GgufValue value, GgufMetadata* metadata) {
  for (auto& [name, old] : *metadata) {
    if (name != key) continue;
    old = std::move(value);
    return;
  }
  metadata->emplace_back(key, std::move(value));
}

absl::StatusOr<GgufMetadata> ModelMetadata(const ModelConfig& config, const std::string& name) {
  if (config.hidden_act != "silu") {
    return absl::UnimplementedError(
        absl::StrCat("llama.cpp computes these architectures with silu, not ", config.hidden_act));
  }
  const std::string arch = GgufArchitecture(config);
  int64_t context = config.max_positions;
  if (config.sliding_window.has_value()) context = std::min(context, *config.sliding_window);
  GgufMetadata out;
  Set("general.architecture", GgufValue::String(arch), &out);
  Set("general.type", GgufValue::String("model"), &out);
  Set("general.name", GgufValue::String(name), &out);
  Set(arch + ".block_count", Number(config.num_layers), &out);
  Set(arch + ".context_length", Number(context), &out);
  Set(arch + ".embedding_length", Number(config.hidden_size), &out);
  Set(arch + ".feed_forward_length", Number(config.intermediate_size), &out);
  Set(arch + ".attention.head_count", Number(config.num_heads), &out);
  Set(arch + ".attention.head_count_kv", Number(config.num_kv_heads), &out);
  Set(arch + ".attention.key_length", Number(config.head_dim), &out);
  Set(arch + ".attention.value_length", Number(config.head_dim), &out);
  Set(arch + ".attention.layer_norm_rms_epsilon", Real(config.rms_norm_eps), &out);
  Set(arch + ".vocab_size", Number(config.vocab_size), &out);
  if (arch == "phi3") Set(arch + ".attention.sliding_window", Number(0), &out);
  const absl::Status rope = AddRope(config, arch, &out);
  if (!rope.ok()) return rope;
  return out;
}

void SetFileType(DType dtype, GgufMetadata* metadata) {
  // llama.h: LLAMA_FTYPE_ALL_F32, _MOSTLY_F16, _BF16, _Q4_0, _Q4_K_S, _Q8_0.
  const auto type = [dtype] {
    switch (dtype) {
      case DType::kF32:
        return 0;
      case DType::kF16:
        return 1;
      case DType::kBF16:
        return 32;
      case DType::kQ4_0:
        return 2;
      case DType::kQ4_K:
        return 14;
      default:
        return 7;
    }
  };
  Set("general.file_type", Number(type()), metadata);
  Set("general.quantization_version", Number(2), metadata);
}

std::vector<RopeTable> RopeTensors(const ModelConfig& config) {
  const RopeScaling& s = config.rope_scaling;
  if (s.kind == RopeScaling::Kind::kLlama3) {
    return {{"rope_freqs.weight", Llama3Factors(config)}};
  }
  if (IsOneSet(s)) return {{"rope_freqs.weight", ToFloats(s.short_factor)}};
  if (s.kind == RopeScaling::Kind::kLongRope) {
    return {{"rope_factors_long.weight", ToFloats(s.long_factor)},
            {"rope_factors_short.weight", ToFloats(s.short_factor)}};
  }
  return {};
}

}  // namespace foundry::lm
