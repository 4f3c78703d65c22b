#include "common/lm/weights/gguf_names.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace foundry::lm {
namespace {

struct Pair {
  absl::string_view gguf, hugging_face;
};
constexpr Pair kWhole[] = {
    {"token_embd", "model.embed_tokens"}, {"output_norm", "model.norm"}, {"output", "lm_head"}};
constexpr Pair kLayer[] = {
    {"attn_norm", "input_layernorm"},    {"ffn_norm", "post_attention_layernorm"},
    {"attn_q", "self_attn.q_proj"},      {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},      {"attn_qkv", "self_attn.qkv_proj"},
    {"attn_output", "self_attn.o_proj"}, {"attn_q_norm", "self_attn.q_norm"},
    {"attn_k_norm", "self_attn.k_norm"}, {"ffn_gate", "mlp.gate_proj"},
    {"ffn_up", "mlp.up_proj"},           {"ffn_down", "mlp.down_proj"}};
constexpr Pair kPhi3Up = {"ffn_up", "mlp.gate_up_proj"};

constexpr absl::string_view kGgufLayers = "blk.", kHuggingFaceLayers = "model.layers.";

// Splits "<prefix>12.<rest>"; false when it has another form.
bool SplitLayer(absl::string_view name, absl::string_view prefix, absl::string_view* number,
                absl::string_view* rest) {
  if (!absl::ConsumePrefix(&name, prefix)) return false;
  const size_t dot = name.find('.');
  int64_t value = 0;
  if (dot == absl::string_view::npos || !absl::SimpleAtoi(name.substr(0, dot), &value))
    return false;
  *number = name.substr(0, dot);
  *rest = name.substr(dot + 1);
  return absl::StrCat(value) == *number;  // no leading zeros or signs
}

// Renames by one column of the tables to the other.
std::optional<std::string> Rename(absl::string_view name, absl::string_view family,
                                  absl::string_view Pair::*from, absl::string_view Pair::*to) {
  absl::string_view stem = name;
  absl::string_view suffix;
  for (absl::string_view candidate : {".weight", ".bias"}) {
    if (absl::ConsumeSuffix(&stem, candidate)) {
      suffix = candidate;
      break;
    }
  }
  if (suffix.empty()) return std::nullopt;
  for (const Pair& pair : kWhole) {
    if (stem == pair.*from) return absl::StrCat(pair.*to, suffix);
  }
  const bool from_gguf = from == &Pair::gguf;
  absl::string_view number, rest;
  if (!SplitLayer(stem, from_gguf ? kGgufLayers : kHuggingFaceLayers, &number, &rest)) {
    return std::nullopt;
  }
  const absl::string_view prefix = from_gguf ? kHuggingFaceLayers : kGgufLayers;
  if (family == "phi3" && rest == kPhi3Up.*from) {
    return absl::StrCat(prefix, number, ".", kPhi3Up.*to, suffix);
  }
  for (const Pair& pair : kLayer) {
    if (rest == pair.*from) return absl::StrCat(prefix, number, ".", pair.*to, suffix);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> HuggingFaceName(absl::string_view gguf_name, absl::string_view family) {
  return Rename(gguf_name, family, &Pair::gguf, &Pair::hugging_face);
}

std::optional<std::string> GgufName(absl::string_view hf_name, absl::string_view family) {
  return Rename(hf_name, family, &Pair::hugging_face, &Pair::gguf);
}

Interleaved InterleavedIn(absl::string_view hf_name) {
  if (absl::StrContains(hf_name, ".self_attn.q_proj.")) return Interleaved::kHeads;
  if (absl::StrContains(hf_name, ".self_attn.k_proj.")) return Interleaved::kKvHeads;
  return Interleaved::kNo;
}

}  // namespace foundry::lm
