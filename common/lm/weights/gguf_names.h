// GGUF tensor names against Hugging Face's, and the row order of a GGUF Llama's Q and K.
//
// llama.cpp rotates neighbouring pairs where transformers rotates halves, so its converter
// (convert_hf_to_gguf.py, LlamaModel.permute) interleaves the two halves of each head's rows. Only
// the architecture "llama" (Mistral included) is stored so.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace foundry::lm {

// blk.3.attn_q.weight ↔ model.layers.3.self_attn.q_proj.weight; nullopt when the name is unknown.
// `family` as in ModelConfig: Phi-3 stores gate and up as one tensor.
std::optional<std::string> HuggingFaceName(absl::string_view gguf_name, absl::string_view family);
std::optional<std::string> GgufName(absl::string_view hf_name, absl::string_view family);

// Whether the tensor (Hugging Face name) has interleaved rows in a GGUF of architecture "llama",
// and then whether it counts heads (q) or key-value heads (k).
enum class Interleaved { kNo, kHeads, kKvHeads };
Interleaved InterleavedIn(absl::string_view hf_name);

// Row of the GGUF tensor that holds row `hf_row` of transformers' tensor; heads of `head_dim` rows.
inline int64_t InterleavedRow(int64_t hf_row, int64_t head_dim) {
  const int64_t head = hf_row / head_dim, within = hf_row % head_dim, half = head_dim / 2;
  return head * head_dim + 2 * (within % half) + within / half;
}

}  // namespace foundry::lm
