// What distinguishes one decoder from another, as data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace foundry::lm {

struct RopeScaling {
  enum class Kind { kNone, kLlama3, kLongRope, kLinear };
  Kind kind = Kind::kNone;
  double factor = 1, low_freq_factor = 1, high_freq_factor = 4;
  int64_t original_max_positions = 0;
  std::vector<double> short_factor, long_factor;  // LongRoPE
  std::optional<double> attention_factor;
};

struct ModelConfig {
  std::string family;  // llama, mistral, qwen2, qwen3, phi3
  int64_t vocab_size = 0, hidden_size = 0, intermediate_size = 0;
  int64_t num_layers = 0, num_heads = 0, num_kv_heads = 0, head_dim = 0;
  int64_t max_positions = 0;
  double rms_norm_eps = 1e-5;
  double rope_theta = 10000;
  RopeScaling rope_scaling;
  int64_t rotary_dim = 0;                 // 0: head_dim
  std::optional<int64_t> sliding_window;  // keys that a query sees, itself included
  bool tie_word_embeddings = false;
  bool qkv_bias = false;  // Qwen2
  bool attention_out_bias = false;
  bool mlp_bias = false;
  bool qk_norm = false;  // Qwen3: RMSNorm on each head's q and k
  std::string hidden_act = "silu";
  std::vector<int32_t> eos_ids;  // any of these ends generation
  std::optional<int32_t> bos_id, pad_id;
};

}  // namespace foundry::lm
