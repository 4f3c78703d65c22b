// A GGUF file's vocabulary, described as a tokenizer.json.
#pragma once

#include "absl/status/statusor.h"
#include "common/base/json.h"
#include "common/lm/weights/gguf.h"

namespace foundry::tokenizer {

struct HuggingFaceTokenizer {
  Json tokenizer;  // tokenizer.json
  Json config;     // tokenizer_config.json, with the chat template where the file has one
};

// Keys: tokenizer.ggml.{model,pre,tokens,token_type,merges,bos_token_id,…} and
// tokenizer.chat_template. Unimplemented names a model or pre-tokenizer that isn't known.
absl::StatusOr<HuggingFaceTokenizer> DescribeVocabulary(const lm::Gguf& gguf);

}  // namespace foundry::tokenizer
