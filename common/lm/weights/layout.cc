#include "common/lm/weights/layout.h"

#include "absl/strings/str_cat.h"

namespace foundry::lm {
namespace {

void AddLinear(std::vector<TensorSpec>& out, const std::string& name, int64_t rows, int64_t columns,
               bool bias) {
  out.push_back({name + ".weight", {rows, columns}});
  if (bias) out.push_back({name + ".bias", {rows}});
}

void AddLayer(std::vector<TensorSpec>& out, const ModelConfig& c, const std::string& layer) {
  const int64_t q = c.num_heads * c.head_dim, kv = c.num_kv_heads * c.head_dim;
  const std::string attention = layer + "self_attn.", mlp = layer + "mlp.";
  out.push_back({layer + "input_layernorm.weight", {c.hidden_size}});
  if (c.family == "phi3") {
    AddLinear(out, attention + "qkv_proj", q + 2 * kv, c.hidden_size, c.qkv_bias);
  } else {
    AddLinear(out, attention + "q_proj", q, c.hidden_size, c.qkv_bias);
    AddLinear(out, attention + "k_proj", kv, c.hidden_size, c.qkv_bias);
    AddLinear(out, attention + "v_proj", kv, c.hidden_size, c.qkv_bias);
  }
  if (c.qk_norm) {
    out.push_back({attention + "q_norm.weight", {c.head_dim}});
    out.push_back({attention + "k_norm.weight", {c.head_dim}});
  }
  AddLinear(out, attention + "o_proj", c.hidden_size, q, c.attention_out_bias);
  out.push_back({layer + "post_attention_layernorm.weight", {c.hidden_size}});
  if (c.family == "phi3") {
    AddLinear(out, mlp + "gate_up_proj", 2 * c.intermediate_size, c.hidden_size, c.mlp_bias);
  } else {
    AddLinear(out, mlp + "gate_proj", c.intermediate_size, c.hidden_size, c.mlp_bias);
    AddLinear(out, mlp + "up_proj", c.intermediate_size, c.hidden_size, c.mlp_bias);
  }
  AddLinear(out, mlp + "down_proj", c.hidden_size, c.intermediate_size, c.mlp_bias);
}

}  // namespace

std::vector<TensorSpec> DecoderTensors(const ModelConfig& config) {
  std::vector<TensorSpec> out;
  out.push_back({"model.embed_tokens.weight", {config.vocab_size, config.hidden_size}});
  for (int64_t i = 0; i < config.num_layers; ++i) {
    AddLayer(out, config, absl::StrCat("model.layers.", i, "."));
  }
  out.push_back({"model.norm.weight", {config.hidden_size}});
  if (!config.tie_word_embeddings) {
    out.push_back({"lm_head.weight", {config.vocab_size, config.hidden_size}});
  }
  return out;
}

}  // namespace foundry::lm
