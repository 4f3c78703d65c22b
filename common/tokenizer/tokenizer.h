// Text to token ids and back, exactly as the model's own tokenizer does it.
//
// Thread-safe: immutable after loading. Ids are those of the model's embedding rows.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace foundry::tokenizer {

struct EncodeOptions {
  // Adds what the tokenizer's post-processor adds (BERT's [CLS]/[SEP], Llama's BOS).
  bool add_special = false;
  // Recognises added and special tokens written in the text ("<|im_start|>").
  bool parse_special = true;
};

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // From a Hugging Face folder (tokenizer.json, tokenizer_config.json) or a GGUF file's vocabulary.
  // Errors name the file and the unsupported or missing part.
  static absl::StatusOr<std::shared_ptr<const Tokenizer>> Load(const std::filesystem::path& path);

  virtual std::vector<int32_t> Encode(absl::string_view text,
                                      const EncodeOptions& options = {}) const = 0;
  // Invalid UTF-8 made by cutting a character becomes U+FFFD.
  virtual std::string Decode(absl::Span<const int32_t> ids, bool skip_special = true) const = 0;

  virtual int32_t vocab_size() const = 0;                                     // highest id + 1
  virtual std::optional<int32_t> TokenId(absl::string_view token) const = 0;  // of one exact token
  virtual std::string TokenText(int32_t id) const = 0;  // "" when out of range
  virtual std::optional<int32_t> bos_id() const = 0;
  virtual std::optional<int32_t> eos_id() const = 0;
  virtual std::optional<int32_t> pad_id() const = 0;
  // SHA-256 over vocabulary, merges and options: equal means "shares the tokenizer".
  virtual const std::string& fingerprint() const = 0;
  // A tokenizer.json and tokenizer_config.json with which transformers gives the same ids.
  virtual absl::Status SaveHuggingFace(const std::filesystem::path& folder) const = 0;
};

// For models that come without a tokenizer, which then work on ids only: vocab_size() is 0, Encode
// gives no ids and Decode no text.
std::shared_ptr<const Tokenizer> NoTokenizer();

}  // namespace foundry::tokenizer
