#include "common/tokenizer/added_tokens.h"

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/tokenizer/unicode.h"

namespace foundry::tokenizer {
namespace {

// Start of the code point that ends at `pos`.
size_t Before(absl::string_view text, size_t pos) {
  do --pos;
  while (pos > 0 && (static_cast<unsigned char>(text[pos]) & 0xC0) == 0x80);
  return pos;
}

bool IsWordCharacter(char32_t c) {
  return IsLetter(c) || IsNumber(c) || c == '_' || IsNonspacingMark(c);
}

bool StandsAlone(absl::string_view text, size_t begin, size_t end) {
  if (begin > 0) {
    size_t i = Before(text, begin);
    if (IsWordCharacter(NextCodePoint(text, &i))) return false;
  }
  return end >= text.size() || !IsWordCharacter(NextCodePoint(text, &end));
}

}  // namespace

absl::StatusOr<std::vector<AddedToken>> ReadAddedTokens(const Json& list) {
  std::vector<AddedToken> tokens;
  if (list.is_null()) return tokens;
  if (!list.is_array()) return absl::InvalidArgumentError("added_tokens is no list");
  for (const Json& item : list) {
    AddedToken token;
    FOUNDRY_ASSIGN_OR_RETURN(int64_t id, JsonInt(item, "id", -1));
    FOUNDRY_ASSIGN_OR_RETURN(token.content, JsonString(item, "content"));
    if (id < 0 || id > (int64_t{1} << 30) || token.content.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("added_tokens: an entry without id or content: ", DumpJson(item)));
    }
    token.id = static_cast<int32_t>(id);
    FOUNDRY_ASSIGN_OR_RETURN(token.special, JsonBool(item, "special"));
    FOUNDRY_ASSIGN_OR_RETURN(token.single_word, JsonBool(item, "single_word"));
    FOUNDRY_ASSIGN_OR_RETURN(token.lstrip, JsonBool(item, "lstrip"));
    FOUNDRY_ASSIGN_OR_RETURN(token.rstrip, JsonBool(item, "rstrip"));
    FOUNDRY_ASSIGN_OR_RETURN(token.normalized, JsonBool(item, "normalized"));
    tokens.push_back(std::move(token));
  }
  return tokens;
}

void TokenFinder::Add(const AddedToken& token) {
  int32_t node = 0;
  for (const char c : token.content) {
    const auto byte = static_cast<unsigned char>(c);
    const auto it = nodes_[node].next.find(byte);
    if (it != nodes_[node].next.end()) {
      node = it->second;
      continue;
    }
    const auto fresh = static_cast<int32_t>(nodes_.size());
    nodes_[node].next.emplace(byte, fresh);
    nodes_.emplace_back();
    node = fresh;
  }
  nodes_[node].token = static_cast<int32_t>(tokens_.size());
  tokens_.push_back(token);
}

const AddedToken* TokenFinder::Match(absl::string_view text, size_t pos, bool special) const {
  const AddedToken* found = nullptr;
  int32_t node = 0;
  for (; pos < text.size(); ++pos) {
    const auto it = nodes_[node].next.find(static_cast<unsigned char>(text[pos]));
    if (it == nodes_[node].next.end()) break;
    node = it->second;
    const int32_t index = nodes_[node].token;
    if (index >= 0 && (special || !tokens_[index].special)) found = &tokens_[index];
  }
  return found;
}

void TokenFinder::Split(absl::string_view text, bool special, std::vector<Segment>* out) const {
  size_t done = 0;
  for (size_t pos = 0; pos < text.size() && !tokens_.empty();) {
    const AddedToken* token = Match(text, pos, special);
    if (token == nullptr) {
      ++pos;
      continue;
    }
    size_t begin = pos, end = pos + token->content.size();
    if (token->single_word && !StandsAlone(text, begin, end)) {
      pos = end;
      continue;
    }
    while (token->lstrip && begin > done) {
      const size_t before = Before(text, begin);
      size_t i = before;
      if (!IsWhitespace(NextCodePoint(text, &i))) break;
      begin = before;
    }
    while (token->rstrip && end < text.size()) {
      size_t i = end;
      if (!IsWhitespace(NextCodePoint(text, &i))) break;
      end = i;
    }
    if (begin > done) out->push_back({text.substr(done, begin - done), -1});
    out->push_back({text.substr(begin, end - begin), token->id});
    pos = done = end;
  }
  if (done < text.size()) out->push_back({text.substr(done), -1});
}

}  // namespace foundry::tokenizer
