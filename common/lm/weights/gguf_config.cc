// GGUF metadata to ModelConfig (config_reader.h).
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/lm/weights/config_reader.h"
#include "common/lm/weights/dequantize.h"

namespace foundry::lm {
namespace {

absl::StatusOr<std::vector<double>> Factors(const Gguf& gguf, const TensorView& view) {
  FOUNDRY_ASSIGN_OR_RETURN(const int64_t count, ElementCount(view.shape));
  std::vector<float> values(count);
  FOUNDRY_RETURN_IF_ERROR(
      Annotate(Dequantize(view.dtype, view.bytes, absl::MakeSpan(values)),
               absl::StrCat(gguf.path().string(), ": tensor '", view.name, "'")));
  return std::vector<double>(values.begin(), values.end());
}

// llama.cpp divides the inverse frequencies by factors that lie in tensors: one set (Llama 3's
// scaling, computed when the file was made) or a short and a long one (LongRoPE).
absl::Status ReadRope(const Gguf& gguf, const std::string& arch, ModelConfig* out) {
  RopeScaling& scaling = out->rope_scaling;
  FOUNDRY_ASSIGN_OR_RETURN(out->rope_theta, gguf.Double(arch + ".rope.freq_base", 10000.0));
  FOUNDRY_ASSIGN_OR_RETURN(const int64_t rotary,
                           gguf.Int(arch + ".rope.dimension_count", out->head_dim));
  if (rotary != out->head_dim) out->rotary_dim = rotary;
  const std::string prefix = arch + ".rope.scaling.";
  FOUNDRY_ASSIGN_OR_RETURN(const std::string type, gguf.String(prefix + "type", "none"));
  FOUNDRY_ASSIGN_OR_RETURN(const int64_t original,
                           gguf.Int(prefix + "original_context_length", out->max_positions));
  const TensorView* one = gguf.FindTensor("rope_freqs.weight");
  const TensorView* brief = gguf.FindTensor("rope_factors_short.weight");
  const TensorView* wide = gguf.FindTensor("rope_factors_long.weight");
  if (one != nullptr) {
    scaling.kind = RopeScaling::Kind::kLongRope;
    FOUNDRY_ASSIGN_OR_RETURN(scaling.short_factor, Factors(gguf, *one));
    scaling.long_factor = scaling.short_factor;
    scaling.original_max_positions = out->max_positions;
    scaling.attention_factor = 1.0;
  } else if (brief != nullptr && wide != nullptr) {
    scaling.kind = RopeScaling::Kind::kLongRope;
    FOUNDRY_ASSIGN_OR_RETURN(scaling.short_factor, Factors(gguf, *brief));
    FOUNDRY_ASSIGN_OR_RETURN(scaling.long_factor, Factors(gguf, *wide));
    scaling.original_max_positions = original;
    if (original > 0) scaling.factor = static_cast<double>(out->max_positions) / original;
    FOUNDRY_ASSIGN_OR_RETURN(const double attention, gguf.Double(prefix + "attn_factor", 0.0));
    if (attention > 0) scaling.attention_factor = attention;
  } else if (type == "linear") {
    scaling.kind = RopeScaling::Kind::kLinear;
    FOUNDRY_ASSIGN_OR_RETURN(scaling.factor, gguf.Double(prefix + "factor", 1.0));
  } else if (type != "none") {
    return absl::UnimplementedError(
        absl::StrCat(gguf.path().string(), ": metadata '", prefix, "type': ", type));
  }
  return absl::OkStatus();
}

absl::Status ReadSpecialIds(const Gguf& gguf, ModelConfig* out) {
  for (const char* key : {"eos", "eot", "eom"}) {
    FOUNDRY_ASSIGN_OR_RETURN(const int64_t id,
                             gguf.Int(absl::StrCat("tokenizer.ggml.", key, "_token_id"), -1));
    if (id < 0) continue;
    const int32_t token = static_cast<int32_t>(id);
    bool known = false;
    for (const int32_t other : out->eos_ids) known |= other == token;
    if (!known) out->eos_ids.push_back(token);
  }
  for (auto [key, id] :
       {std::pair{"bos_token_id", &out->bos_id}, {"padding_token_id", &out->pad_id}}) {
    FOUNDRY_ASSIGN_OR_RETURN(const int64_t value,
                             gguf.Int(absl::StrCat("tokenizer.ggml.", key), -1));
    if (value >= 0) *id = static_cast<int32_t>(value);
  }
  return absl::OkStatus();
}

absl::Status ReadSizes(const Gguf& gguf, const std::string& arch, ModelConfig* c) {
  FOUNDRY_ASSIGN_OR_RETURN(c->num_layers, gguf.Int(arch + ".block_count"));
  FOUNDRY_ASSIGN_OR_RETURN(c->max_positions, gguf.Int(arch + ".context_length"));
  FOUNDRY_ASSIGN_OR_RETURN(c->hidden_size, gguf.Int(arch + ".embedding_length"));
  FOUNDRY_ASSIGN_OR_RETURN(c->intermediate_size, gguf.Int(arch + ".feed_forward_length"));
  FOUNDRY_ASSIGN_OR_RETURN(c->num_heads, gguf.Int(arch + ".attention.head_count"));
  FOUNDRY_ASSIGN_OR_RETURN(c->num_kv_heads,
                           gguf.Int(arch + ".attention.head_count_kv", c->num_heads));
  if (c->num_heads <= 0) {
    return absl::InvalidArgumentError(absl::StrCat(gguf.path().string(), ": metadata '", arch,
                                                   ".attention.head_count' must be positive"));
  }
  FOUNDRY_ASSIGN_OR_RETURN(c->head_dim,
                           gguf.Int(arch + ".attention.key_length", c->hidden_size / c->num_heads));
  FOUNDRY_ASSIGN_OR_RETURN(c->rms_norm_eps,
                           gguf.Double(arch + ".attention.layer_norm_rms_epsilon"));
  // The file holds a float32: the shortest decimal that reads back is what the model's maker wrote.
  double shortest = 0;
  if (absl::SimpleAtod(absl::StrCat(c->rms_norm_eps), &shortest) &&
      static_cast<float>(shortest) == static_cast<float>(c->rms_norm_eps)) {
    c->rms_norm_eps = shortest;
  }
  FOUNDRY_ASSIGN_OR_RETURN(const int64_t window, gguf.Int(arch + ".attention.sliding_window", 0));
  if (window > 0 && arch == "phi3") c->sliding_window = window;
  const TensorView* embedding = gguf.FindTensor("token_embd.weight");
  if (embedding == nullptr || embedding->shape.size() != 2) {
    return absl::InvalidArgumentError(
        absl::StrCat(gguf.path().string(), ": tensor 'token_embd.weight' is missing"));
  }
  c->vocab_size = embedding->shape[0];
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ModelConfig> ReadGgufConfig(const Gguf& gguf) {
  ModelConfig config;
  FOUNDRY_ASSIGN_OR_RETURN(config.family, gguf.String("general.architecture"));
  if (config.family != "llama" && config.family != "qwen2" && config.family != "qwen3" &&
      config.family != "phi3") {
    return absl::UnimplementedError(
        absl::StrCat(gguf.path().string(), ": architecture '", config.family,
                     "'; supported: llama (Mistral, SmolLM2), qwen2, qwen3, phi3"));
  }
  FOUNDRY_RETURN_IF_ERROR(ReadSizes(gguf, config.family, &config));
  FOUNDRY_RETURN_IF_ERROR(ReadRope(gguf, config.family, &config));
  FOUNDRY_RETURN_IF_ERROR(ReadSpecialIds(gguf, &config));
  const bool phi3 = config.family == "phi3";
  config.tie_word_embeddings = gguf.FindTensor("output.weight") == nullptr;
  config.qkv_bias = gguf.FindTensor(phi3 ? "blk.0.attn_qkv.bias" : "blk.0.attn_q.bias") != nullptr;
  config.attention_out_bias = gguf.FindTensor("blk.0.attn_output.bias") != nullptr;
  config.mlp_bias = gguf.FindTensor("blk.0.ffn_down.bias") != nullptr;
  config.qk_norm = gguf.FindTensor("blk.0.attn_q_norm.weight") != nullptr;
  FOUNDRY_RETURN_IF_ERROR(Annotate(CheckConfig(config), gguf.path().string()));
  return config;
}

}  // namespace foundry::lm
