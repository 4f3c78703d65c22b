#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/tokenizer/model.h"
#include "common/tokenizer/unicode.h"

namespace foundry::tokenizer {
namespace {

class WordPiece : public WordModel {
 public:
  void Encode(absl::string_view word, std::vector<int32_t>* ids) const override {
    int64_t characters = 0;
    for (size_t i = 0; i < word.size(); i += CodePointLength(word[i])) ++characters;
    if (characters > max_characters) {
      ids->push_back(unknown);
      return;
    }
    const size_t before = ids->size();
    std::string piece;
    for (size_t start = 0; start < word.size();) {
      size_t end = word.size();
      while (end > start) {
        piece = start > 0 ? prefix : "";
        absl::StrAppend(&piece, word.substr(start, end - start));
        const auto it = pieces.find(piece);
        if (it != pieces.end()) {
          ids->push_back(it->second);
          break;
        }
        do --end;
        while (end > start && (static_cast<unsigned char>(word[end]) & 0xC0) == 0x80);
      }
      if (end == start) {  // one part unknown: the whole word is
        ids->resize(before);
        ids->push_back(unknown);
        return;
      }
      start = end;
    }
  }

  absl::flat_hash_map<std::string, int32_t> pieces;
  std::string prefix;
  int64_t max_characters = 100;
  int32_t unknown = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<WordModel>> MakeWordPiece(const Json& model,
                                                         const std::vector<std::string>& tokens) {
  auto out = std::make_unique<WordPiece>();
  FOUNDRY_ASSIGN_OR_RETURN(out->prefix, JsonString(model, "continuing_subword_prefix", "##"));
  FOUNDRY_ASSIGN_OR_RETURN(out->max_characters, JsonInt(model, "max_input_chars_per_word", 100));
  FOUNDRY_ASSIGN_OR_RETURN(std::string unknown, JsonString(model, "unk_token", "[UNK]"));
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (!tokens[i].empty()) out->pieces.emplace(tokens[i], static_cast<int32_t>(i));
  }
  const auto it = out->pieces.find(unknown);
  if (it == out->pieces.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("model.unk_token '", unknown, "' is not in the vocabulary"));
  }
  out->unknown = it->second;
  return out;
}

}  // namespace foundry::tokenizer
