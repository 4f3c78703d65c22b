// The pipeline of a tokenizer.json: added tokens → normaliser → pre-tokenizer → model →
// post-processor, and the decoder. A GGUF vocabulary is turned into the same description first, so
// there is one path. Reference implementation: Hugging Face tokenizers 0.2x.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/tokenizer/added_tokens.h"
#include "common/tokenizer/decode.h"
#include "common/tokenizer/model.h"
#include "common/tokenizer/normalize.h"
#include "common/tokenizer/pretokenize.h"
#include "common/tokenizer/tokenizer.h"

namespace foundry::tokenizer {

// Files of a Hugging Face folder that belong to its tokenizer, by name.
using TokenizerFiles = std::vector<std::pair<std::string, std::string>>;

class FastTokenizer : public Tokenizer {
 public:
  // `config`: tokenizer_config.json (null: none). `files` are what SaveHuggingFace writes.
  static absl::StatusOr<std::shared_ptr<const Tokenizer>> Make(const Json& tokenizer,
                                                               const Json& config,
                                                               TokenizerFiles files);

  std::vector<int32_t> Encode(absl::string_view text, const EncodeOptions& options) const override;
  std::string Decode(absl::Span<const int32_t> ids, bool skip_special) const override;
  int32_t vocab_size() const override { return static_cast<int32_t>(tokens_.size()); }
  std::optional<int32_t> TokenId(absl::string_view token) const override;
  std::string TokenText(int32_t id) const override;
  std::optional<int32_t> bos_id() const override { return bos_; }
  std::optional<int32_t> eos_id() const override { return eos_; }
  std::optional<int32_t> pad_id() const override { return pad_; }
  const std::string& fingerprint() const override { return fingerprint_; }
  absl::Status SaveHuggingFace(const std::filesystem::path& folder) const override;

 private:
  absl::Status Init(const Json& tokenizer, const Json& config);
  absl::Status ReadModel(const Json& tokenizer);
  absl::Status ReadPostProcessor(const Json& json);
  absl::Status AddAround(const Json& id, absl::string_view name, std::vector<int32_t>* side) const;
  absl::Status ReadTemplate(const Json& json);
  absl::Status ReadConfig(const Json& config);
  std::string Fingerprint(const Json& tokenizer) const;
  void EncodeText(absl::string_view text, bool first, Words* words,
                  std::vector<int32_t>* ids) const;

  std::vector<std::string> tokens_;  // by id, as the vocabulary spells them; added ones included
  std::vector<bool> special_;
  absl::flat_hash_map<std::string, int32_t> ids_;
  std::vector<AddedToken> added_;
  TokenFinder raw_, normalized_;  // added tokens matched before and after normalisation
  Normalizer normalizer_;
  PreTokenizer pre_tokenizer_;
  std::unique_ptr<WordModel> model_;
  std::vector<int32_t> before_, after_;  // what add_special puts around the text
  Decoder decoder_;
  std::optional<int32_t> bos_, eos_, pad_;
  std::string fingerprint_;
  TokenizerFiles files_;
};

}  // namespace foundry::tokenizer
