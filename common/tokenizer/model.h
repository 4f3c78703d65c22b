// The model of tokenizer.json: a word to token ids.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/json.h"

namespace foundry::tokenizer {

// Thread-safe.
class WordModel {
 public:
  virtual ~WordModel() = default;
  // Appends the ids of `word` (valid UTF-8, not empty).
  virtual void Encode(absl::string_view word, std::vector<int32_t>* ids) const = 0;
};

// Tokens by id; "" where an id has none. Errors: an id that is no number, twice taken, or far
// beyond the number of tokens.
absl::StatusOr<std::vector<std::string>> ReadVocabulary(const Json& model);

// Byte-pair encoding (Sennrich et al., arXiv 1508.07909) as in the tokenizers library. With
// `byte_level` the tokens are spelled in GPT-2's byte alphabet.
absl::StatusOr<std::unique_ptr<WordModel>> MakeBpe(const Json& model,
                                                   const std::vector<std::string>& tokens,
                                                   bool byte_level);
// WordPiece: greedy longest match (Wu et al., arXiv 1609.08144).
absl::StatusOr<std::unique_ptr<WordModel>> MakeWordPiece(const Json& model,
                                                         const std::vector<std::string>& tokens);

// GPT-2's byte alphabet: the bytes that `token` spells, or `token` itself when it isn't spelled in
// it (an added token with a space, say).
std::string BytesOfToken(absl::string_view token);
// The alphabet's character for a byte, as UTF-8.
std::string AlphabetCharacter(unsigned char byte);

}  // namespace foundry::tokenizer
