#include "common/lm/export/config_writer.h"

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace foundry::lm {
namespace fs = std::filesystem;
namespace {

const char* TorchName(DType dtype) {
  return dtype == DType::kF32 ? "float32" : dtype == DType::kF16 ? "float16" : "bfloat16";
}

Json EndTokens(const ModelConfig& config) {
  if (config.eos_ids.empty()) return nullptr;
  return config.eos_ids.size() == 1 ? Json(config.eos_ids[0]) : Json(config.eos_ids);
}

Json Scaling(const ModelConfig& config) {
  const RopeScaling& s = config.rope_scaling;
  Json out;
  switch (s.kind) {
    case RopeScaling::Kind::kNone:
      return nullptr;
    case RopeScaling::Kind::kLinear:
      return {{"rope_type", "linear"}, {"factor", s.factor}};
    case RopeScaling::Kind::kLlama3:
      return {{"rope_type", "llama3"},
              {"factor", s.factor},
              {"low_freq_factor", s.low_freq_factor},
              {"high_freq_factor", s.high_freq_factor},
              {"original_max_position_embeddings", s.original_max_positions}};
    case RopeScaling::Kind::kLongRope:
      out = {{"rope_type", "longrope"},
             {"short_factor", s.short_factor},
             {"long_factor", s.long_factor},
             {"original_max_position_embeddings", s.original_max_positions}};
      if (s.attention_factor.has_value()) out["attention_factor"] = *s.attention_factor;
      return out;
  }
  return nullptr;
}

void AddFamilySettings(const ModelConfig& config, Json* out) {
  const std::string& family = config.family;
  if (family == "llama") {
    (*out)["attention_bias"] = config.qkv_bias;
    (*out)["mlp_bias"] = config.mlp_bias;
  } else if (family == "qwen3") {
    (*out)["attention_bias"] = config.qkv_bias;
  }
  if (family == "qwen2" || family == "qwen3") {
    (*out)["use_sliding_window"] = config.sliding_window.has_value();
    if (config.sliding_window.has_value()) (*out)["max_window_layers"] = 0;
  }
  if (family != "phi3") {
    (*out)["head_dim"] = config.head_dim;
  } else {
    const int64_t original = config.rope_scaling.original_max_positions;
    (*out)["original_max_position_embeddings"] = original > 0 ? original : config.max_positions;
    if (config.rotary_dim > 0) {
      (*out)["partial_rotary_factor"] = static_cast<double>(config.rotary_dim) / config.head_dim;
    }
  }
  if (family != "llama") {
    (*out)["sliding_window"] =
        config.sliding_window.has_value() ? Json(*config.sliding_window) : Json(nullptr);
  }
}

absl::Status CopyWith(const fs::path& from, const fs::path& to, const char* dtype_key,
                      const char* dtype) {
  FOUNDRY_ASSIGN_OR_RETURN(Json json, ReadJsonFile(from));
  if (dtype_key != nullptr) {
    json.erase("dtype");  // version 5's name for it
    json[dtype_key] = dtype;
  }
  return WriteJsonFile(to, json, 2);
}

}  // namespace

absl::StatusOr<Json> HuggingFaceConfig(const ModelConfig& config, DType dtype) {
  const std::map<std::string, const char*> kClasses = {{"llama", "LlamaForCausalLM"},
                                                       {"mistral", "MistralForCausalLM"},
                                                       {"qwen2", "Qwen2ForCausalLM"},
                                                       {"qwen3", "Qwen3ForCausalLM"},
                                                       {"phi3", "Phi3ForCausalLM"}};
  const auto known = kClasses.find(config.family);
  if (known == kClasses.end()) {
    return absl::UnimplementedError(
        absl::StrCat("no Hugging Face configuration for the family '", config.family, "'"));
  }
  if (config.rotary_dim > 0 && config.family != "phi3") {
    return absl::UnimplementedError(
        absl::StrCat("transformers' ", config.family, " cannot rotate a part of each head"));
  }
  Json out = {{"architectures", Json::array({known->second})},
              {"model_type", config.family},
              {"vocab_size", config.vocab_size},
              {"hidden_size", config.hidden_size},
              {"intermediate_size", config.intermediate_size},
              {"num_hidden_layers", config.num_layers},
              {"num_attention_heads", config.num_heads},
              {"num_key_value_heads", config.num_kv_heads},
              {"max_position_embeddings", config.max_positions},
              {"rms_norm_eps", config.rms_norm_eps},
              {"rope_theta", config.rope_theta},
              {"rope_scaling", Scaling(config)},
              {"hidden_act", config.hidden_act},
              {"tie_word_embeddings", config.tie_word_embeddings},
              {"attention_dropout", 0.0},
              {"initializer_range", 0.02},
              {"use_cache", true},
              {"eos_token_id", EndTokens(config)},
              {"bos_token_id", config.bos_id.has_value() ? Json(*config.bos_id) : Json(nullptr)},
              {"pad_token_id", config.pad_id.has_value() ? Json(*config.pad_id) : Json(nullptr)},
              {"torch_dtype", TorchName(dtype)}};
  AddFamilySettings(config, &out);
  return out;
}

Json GenerationConfig(const ModelConfig& config) {
  Json out = {{"eos_token_id", EndTokens(config)}};
  if (config.bos_id.has_value()) out["bos_token_id"] = *config.bos_id;
  if (config.pad_id.has_value()) out["pad_token_id"] = *config.pad_id;
  return out;
}

absl::Status WriteConfigs(const ModelConfig& config, DType dtype, const fs::path& base,
                          const fs::path& folder) {
  std::error_code error;
  if (!base.empty() && fs::exists(base / "config.json", error)) {
    FOUNDRY_RETURN_IF_ERROR(
        CopyWith(base / "config.json", folder / "config.json", "torch_dtype", TorchName(dtype)));
    if (fs::exists(base / "generation_config.json", error)) {
      return CopyWith(base / "generation_config.json", folder / "generation_config.json", nullptr,
                      nullptr);
    }
  } else {
    FOUNDRY_ASSIGN_OR_RETURN(const Json json, HuggingFaceConfig(config, dtype));
    FOUNDRY_RETURN_IF_ERROR(WriteJsonFile(folder / "config.json", json, 2));
  }
  return WriteJsonFile(folder / "generation_config.json", GenerationConfig(config), 2);
}

}  // namespace foundry::lm
