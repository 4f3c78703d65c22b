#include "common/tokenizer/fast_tokenizer.h"

#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/tokenizer/unicode.h"

namespace foundry::tokenizer {

void FastTokenizer::EncodeText(absl::string_view text, bool first, Words* words,
                               std::vector<int32_t>* ids) const {
  pre_tokenizer_.Split(text, first, words);
  for (const absl::string_view word : words->views) {
    if (!word.empty()) model_->Encode(word, ids);
  }
}

std::vector<int32_t> FastTokenizer::Encode(absl::string_view text,
                                           const EncodeOptions& options) const {
  std::string repaired;
  if (!IsValidUtf8(text)) {
    repaired = ToValidUtf8(text);
    text = repaired;
  }
  std::vector<int32_t> ids;
  ids.reserve(text.size() / 3 + 4);
  if (options.add_special) ids = before_;
  std::vector<Segment> segments, inner;
  raw_.Split(text, options.parse_special, &segments);
  Words words;
  std::string normal;
  for (const Segment& segment : segments) {
    if (segment.id >= 0) {
      ids.push_back(segment.id);
      continue;
    }
    bool first = segment.text.data() == text.data();
    absl::string_view part = segment.text;
    if (normalizer_) {
      normal = normalizer_(part);
      part = normal;
    }
    inner.clear();
    normalized_.Split(part, options.parse_special, &inner);
    for (const Segment& piece : inner) {
      if (piece.id >= 0) {
        ids.push_back(piece.id);
      } else {
        EncodeText(piece.text, first, &words, &ids);
      }
      first = false;
    }
  }
  if (options.add_special) ids.insert(ids.end(), after_.begin(), after_.end());
  return ids;
}

std::string FastTokenizer::Decode(absl::Span<const int32_t> ids, bool skip_special) const {
  std::vector<std::string> tokens;
  tokens.reserve(ids.size());
  for (const int32_t id : ids) {
    if (id < 0 || id >= vocab_size() || tokens_[id].empty()) continue;
    if (skip_special && special_[id]) continue;
    tokens.push_back(tokens_[id]);
  }
  std::string text = decoder_(std::move(tokens));
  return IsValidUtf8(text) ? text : ToValidUtf8(text);
}

std::optional<int32_t> FastTokenizer::TokenId(absl::string_view token) const {
  const auto it = ids_.find(token);
  if (it == ids_.end()) return std::nullopt;
  return it->second;
}

std::string FastTokenizer::TokenText(int32_t id) const {
  return id >= 0 && id < vocab_size() ? tokens_[id] : std::string();
}

absl::Status FastTokenizer::SaveHuggingFace(const std::filesystem::path& folder) const {
  for (const auto& [name, content] : files_) {
    FOUNDRY_RETURN_IF_ERROR(WriteFileAtomic(folder / name, content));
  }
  return absl::OkStatus();
}

}  // namespace foundry::tokenizer
