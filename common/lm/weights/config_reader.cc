#include "common/lm/weights/config_reader.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/json.h"
#include "common/base/status.h"

namespace foundry::lm {
namespace fs = std::filesystem;
namespace {

absl::Status Unsupported(absl::string_view what) { return absl::UnimplementedError(what); }

absl::Status ReadFactors(const Json& rope, absl::string_view key, std::vector<double>* out) {
  const auto list = rope.find(std::string(key));
  if (list == rope.end() || !list->is_array()) {
    return absl::InvalidArgumentError(absl::StrCat("\"", key, "\" must be a list of numbers"));
  }
  for (const Json& item : *list) {
    if (!item.is_number()) {
      return absl::InvalidArgumentError(absl::StrCat("\"", key, "\" must be a list of numbers"));
    }
    out->push_back(item.get<double>());
  }
  return absl::OkStatus();
}

// `rope`: rope_parameters or rope_scaling; `config`: the whole file, for what older files keep
// there.
absl::Status ReadScaling(const Json& rope, const Json& config, ModelConfig* out) {
  RopeScaling& scaling = out->rope_scaling;
  FOUNDRY_ASSIGN_OR_RETURN(std::string type, JsonString(rope, "rope_type"));
  if (type.empty()) {
    FOUNDRY_ASSIGN_OR_RETURN(type, JsonString(rope, "type", "default"));
  }
  if (type == "default") return absl::OkStatus();
  FOUNDRY_ASSIGN_OR_RETURN(scaling.factor, JsonDouble(rope, "factor", 1));
  constexpr absl::string_view kOriginal = "original_max_position_embeddings";
  FOUNDRY_ASSIGN_OR_RETURN(const int64_t original, JsonInt(config, kOriginal, 0));
  FOUNDRY_ASSIGN_OR_RETURN(scaling.original_max_positions, JsonInt(rope, kOriginal, original));
  if (rope.contains("attention_factor") && !rope["attention_factor"].is_null()) {
    FOUNDRY_ASSIGN_OR_RETURN(scaling.attention_factor, JsonDouble(rope, "attention_factor"));
  }
  if (type == "linear") {
    scaling.kind = RopeScaling::Kind::kLinear;
  } else if (type == "llama3") {
    scaling.kind = RopeScaling::Kind::kLlama3;
    FOUNDRY_ASSIGN_OR_RETURN(scaling.low_freq_factor, JsonDouble(rope, "low_freq_factor", 1));
    FOUNDRY_ASSIGN_OR_RETURN(scaling.high_freq_factor, JsonDouble(rope, "high_freq_factor", 4));
    if (scaling.original_max_positions <= 0 || scaling.factor <= 0 ||
        scaling.high_freq_factor <= scaling.low_freq_factor) {
      return absl::InvalidArgumentError(
          "\"rope_type\": llama3 needs factor, low_freq_factor < high_freq_factor and "
          "original_max_position_embeddings");
    }
  } else if (type == "longrope" || type == "su") {
    scaling.kind = RopeScaling::Kind::kLongRope;
    FOUNDRY_RETURN_IF_ERROR(ReadFactors(rope, "short_factor", &scaling.short_factor));
    FOUNDRY_RETURN_IF_ERROR(ReadFactors(rope, "long_factor", &scaling.long_factor));
    if (scaling.original_max_positions <= 0) {
      scaling.original_max_positions = out->max_positions;
    } else {
      // modeling_rope_utils.py: the ratio replaces "factor" where the original length is known.
      scaling.factor = static_cast<double>(out->max_positions) / scaling.original_max_positions;
    }
  } else {
    return Unsupported(absl::StrCat("\"rope_type\": ", type));
  }
  return absl::OkStatus();
}

absl::Status ReadRope(const Json& json, ModelConfig* out) {
  const Json* rope = nullptr;
  for (const char* key : {"rope_parameters", "rope_scaling"}) {
    const auto it = json.find(key);
    if (rope == nullptr && it != json.end() && it->is_object()) rope = &*it;
  }
  FOUNDRY_ASSIGN_OR_RETURN(out->rope_theta, JsonDouble(json, "rope_theta", 10000));
  FOUNDRY_ASSIGN_OR_RETURN(double partial, JsonDouble(json, "partial_rotary_factor", 1.0));
  if (rope != nullptr) {
    FOUNDRY_ASSIGN_OR_RETURN(out->rope_theta, JsonDouble(*rope, "rope_theta", out->rope_theta));
    FOUNDRY_ASSIGN_OR_RETURN(partial, JsonDouble(*rope, "partial_rotary_factor", partial));
    FOUNDRY_RETURN_IF_ERROR(ReadScaling(*rope, json, out));
  }
  if (partial <= 0 || partial > 1) {
    return absl::InvalidArgumentError("\"partial_rotary_factor\" must lie in (0, 1]");
  }
  if (partial < 1) out->rotary_dim = static_cast<int64_t>(out->head_dim * partial);
  return absl::OkStatus();
}

// Qwen counts the layers that see everything; one window for all layers is what ModelConfig holds.
absl::Status ReadSlidingWindow(const Json& json, ModelConfig* out) {
  FOUNDRY_ASSIGN_OR_RETURN(const int64_t window, JsonInt(json, "sliding_window", 0));
  const bool qwen = out->family == "qwen2" || out->family == "qwen3";
  FOUNDRY_ASSIGN_OR_RETURN(const bool use, JsonBool(json, "use_sliding_window", !qwen));
  if (window <= 0 || !use) return absl::OkStatus();
  if (qwen) {
    FOUNDRY_ASSIGN_OR_RETURN(const int64_t full, JsonInt(json, "max_window_layers", 28));
    if (full >= out->num_layers) return absl::OkStatus();
    if (full > 0) return Unsupported("a sliding window in some layers only (max_window_layers)");
  }
  out->sliding_window = window;
  return absl::OkStatus();
}

absl::Status ReadEnds(const Json& json, absl::string_view key, std::vector<int32_t>* out) {
  const auto it = json.find(std::string(key));
  if (it == json.end() || it->is_null()) return absl::OkStatus();
  std::vector<int32_t> ids;
  for (const Json& item : it->is_array() ? *it : Json::array({*it})) {
    if (!item.is_number_integer() || item.get<int64_t>() < 0 || item.get<int64_t>() > INT32_MAX) {
      return absl::InvalidArgumentError(absl::StrCat("\"", key, "\" must be token ids"));
    }
    ids.push_back(item.get<int32_t>());
  }
  *out = std::move(ids);
  return absl::OkStatus();
}

absl::Status ReadSpecialIds(const Json& json, ModelConfig* out) {
  FOUNDRY_RETURN_IF_ERROR(ReadEnds(json, "eos_token_id", &out->eos_ids));
  for (auto [key, id] : {std::pair{"bos_token_id", &out->bos_id}, {"pad_token_id", &out->pad_id}}) {
    std::vector<int32_t> ids;
    FOUNDRY_RETURN_IF_ERROR(ReadEnds(json, key, &ids));
    if (!ids.empty()) *id = ids.front();
  }
  return absl::OkStatus();
}

absl::Status ReadSizes(const Json& json, ModelConfig* c) {
  for (auto [key, value] : {std::pair{"vocab_size", &c->vocab_size},
                            {"hidden_size", &c->hidden_size},
                            {"intermediate_size", &c->intermediate_size},
                            {"num_hidden_layers", &c->num_layers},
                            {"num_attention_heads", &c->num_heads}}) {
    FOUNDRY_ASSIGN_OR_RETURN(*value, JsonInt(json, key, 0));
    if (*value <= 0) {
      return absl::InvalidArgumentError(absl::StrCat("\"", key, "\" is missing or not positive"));
    }
  }
  FOUNDRY_ASSIGN_OR_RETURN(c->num_kv_heads, JsonInt(json, "num_key_value_heads", c->num_heads));
  const int64_t usual = c->family == "qwen3" ? 128 : c->hidden_size / c->num_heads;
  FOUNDRY_ASSIGN_OR_RETURN(c->head_dim, JsonInt(json, "head_dim", usual));
  FOUNDRY_ASSIGN_OR_RETURN(c->max_positions, JsonInt(json, "max_position_embeddings", 2048));
  FOUNDRY_ASSIGN_OR_RETURN(c->rms_norm_eps, JsonDouble(json, "rms_norm_eps", 1e-6));
  FOUNDRY_ASSIGN_OR_RETURN(c->hidden_act, JsonString(json, "hidden_act", "silu"));
  FOUNDRY_ASSIGN_OR_RETURN(c->tie_word_embeddings, JsonBool(json, "tie_word_embeddings", false));
  return absl::OkStatus();
}

absl::Status ReadBiases(const Json& json, ModelConfig* c) {
  FOUNDRY_ASSIGN_OR_RETURN(const bool attention, JsonBool(json, "attention_bias", false));
  FOUNDRY_ASSIGN_OR_RETURN(const bool mlp, JsonBool(json, "mlp_bias", false));
  c->qkv_bias =
      c->family == "qwen2" || ((c->family == "llama" || c->family == "qwen3") && attention);
  c->attention_out_bias = c->family != "qwen2" && c->qkv_bias;
  c->mlp_bias = c->family == "llama" && mlp;
  c->qk_norm = c->family == "qwen3";
  return absl::OkStatus();
}

absl::StatusOr<ModelConfig> FromJson(const Json& json) {
  if (!json.is_object()) return absl::InvalidArgumentError("no JSON object");
  ModelConfig config;
  FOUNDRY_ASSIGN_OR_RETURN(config.family, JsonString(json, "model_type"));
  constexpr absl::string_view kFamilies[] = {"llama", "mistral", "qwen2", "qwen3", "phi3"};
  if (std::find(std::begin(kFamilies), std::end(kFamilies), config.family) == std::end(kFamilies)) {
    return Unsupported(absl::StrCat("\"model_type\": '", config.family,
                                    "'; supported: llama, mistral, qwen2, qwen3, phi3"));
  }
  if (json.contains("quantization_config")) {
    return Unsupported(
        "weights quantised for another runtime (\"quantization_config\"); "
        "use the model's unquantised folder or a GGUF");
  }
  FOUNDRY_RETURN_IF_ERROR(ReadSizes(json, &config));
  FOUNDRY_RETURN_IF_ERROR(ReadBiases(json, &config));
  FOUNDRY_RETURN_IF_ERROR(ReadRope(json, &config));
  FOUNDRY_RETURN_IF_ERROR(ReadSlidingWindow(json, &config));
  FOUNDRY_RETURN_IF_ERROR(ReadSpecialIds(json, &config));
  return config;
}

}  // namespace

absl::StatusOr<ModelConfig> ReadHuggingFaceConfig(const fs::path& folder) {
  const fs::path file = folder / "config.json";
  FOUNDRY_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(file));
  absl::StatusOr<ModelConfig> config = FromJson(json);
  if (!config.ok()) return Annotate(config.status(), file.string());
  const fs::path generation = folder / "generation_config.json";
  std::error_code error;
  if (fs::exists(generation, error)) {
    FOUNDRY_ASSIGN_OR_RETURN(const Json more, ReadJsonFile(generation));
    if (more.is_object()) {
      FOUNDRY_RETURN_IF_ERROR(Annotate(ReadSpecialIds(more, &*config), generation.string()));
    }
  }
  FOUNDRY_RETURN_IF_ERROR(Annotate(CheckConfig(*config), file.string()));
  return config;
}

absl::Status CheckConfig(const ModelConfig& c) {
  const auto bad = [](auto... parts) { return absl::InvalidArgumentError(absl::StrCat(parts...)); };
  constexpr int64_t kMaxWidth = int64_t{1} << 24, kMaxLayers = 4096;
  for (auto [name, value, limit] : {std::tuple{"vocabulary size", c.vocab_size, kMaxWidth},
                                    {"hidden size", c.hidden_size, kMaxWidth},
                                    {"intermediate size", c.intermediate_size, kMaxWidth},
                                    {"number of layers", c.num_layers, kMaxLayers},
                                    {"number of heads", c.num_heads, kMaxLayers},
                                    {"number of key-value heads", c.num_kv_heads, kMaxLayers},
                                    {"head dimension", c.head_dim, kMaxWidth},
                                    {"context length", c.max_positions, INT64_MAX}}) {
    if (value <= 0 || value > limit) return bad(name, " ", value, " is out of range");
  }
  if (c.num_heads % c.num_kv_heads != 0) {
    return bad(c.num_heads, " heads do not divide into ", c.num_kv_heads, " key-value heads");
  }
  const int64_t rotary = c.rotary_dim == 0 ? c.head_dim : c.rotary_dim;
  if (rotary < 2 || rotary % 2 != 0 || rotary > c.head_dim) {
    return bad("rotary dimension ", rotary, " does not fit a head dimension of ", c.head_dim);
  }
  if (!(c.rms_norm_eps > 0) || !(c.rope_theta > 0))
    return bad("epsilon and theta must be positive");
  const RopeScaling& rope = c.rope_scaling;
  if (rope.kind != RopeScaling::Kind::kNone && !(rope.factor > 0)) {
    return bad("the RoPE scaling factor must be positive");
  }
  if (rope.kind == RopeScaling::Kind::kLongRope) {
    for (const auto* factors : {&rope.short_factor, &rope.long_factor}) {
      if (static_cast<int64_t>(factors->size()) != rotary / 2) {
        return bad("LongRoPE has ", factors->size(), " factors, not ", rotary / 2);
      }
      for (const double factor : *factors) {
        if (!(factor > 0)) return bad("LongRoPE factors must be positive");
      }
    }
  }
  for (const int32_t id : c.eos_ids) {
    if (id < 0 || id >= c.vocab_size) return bad("end token ", id, " is outside the vocabulary");
  }
  return absl::OkStatus();
}

}  // namespace foundry::lm
