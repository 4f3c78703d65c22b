// A Hugging Face tokenizer as GGUF metadata: tokenizer.ggml.* and the chat template.
//
// The counterpart of common/tokenizer/gguf_vocabulary; follows llama.cpp's convert_hf_to_gguf.py
// (get_vocab_base, SpecialVocab). Byte-level BPE with a pre-tokenizer that llama.cpp knows by name
// (gpt-2, smollm, llama-bpe, qwen2), and SentencePiece's BPE (Llama 2, Mistral, Phi-3); anything
// else is Unimplemented and says what. Thread-safe.
#pragma once

#include <filesystem>

#include "absl/status/statusor.h"
#include "common/lm/model/model_config.h"
#include "common/lm/weights/tensor_file_writer.h"

namespace foundry::lm {

// `folder` holds tokenizer.json and what belongs to it. The vocabulary is filled up to
// config.vocab_size with unused tokens.
absl::StatusOr<GgufMetadata> VocabularyMetadata(const std::filesystem::path& folder,
                                                const ModelConfig& config);

// The Jinja text of a folder's chat template; empty: it has none.
absl::StatusOr<std::string> ChatTemplateSource(const std::filesystem::path& folder);

}  // namespace foundry::lm
