// SentencePiece vocabularies of GGUF files (tokenizer.ggml.model "llama": Llama 2, Mistral, Phi-3)
// as byte-pair encodings. Internal to this folder.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/base/json.h"

namespace foundry::tokenizer {

// The merges that lead to each token, the highest score first: SentencePiece joins the pair whose
// whole has the highest score, so this gives the same ids (transformers converts them likewise).
Json MergesFromScores(const std::vector<std::string>& tokens, const std::vector<double>& scores);

// Fills normalizer, decoder and the model's options. `space_prefix`: a text starts with a blank.
void DescribeSentencePiece(bool space_prefix, const std::string& unknown, Json* tokenizer);

}  // namespace foundry::tokenizer
