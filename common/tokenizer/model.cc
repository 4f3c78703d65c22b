#include "common/tokenizer/model.h"

#include <array>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "common/tokenizer/unicode.h"

namespace foundry::tokenizer {
namespace {

// Printable bytes of Latin-1 stand for themselves, the others for U+0100 and up in their order.
const std::array<char32_t, 256>& Alphabet() {
  static const auto table = [] {
    std::array<char32_t, 256> chars{};
    char32_t next = 256;
    for (char32_t b = 0; b < 256; ++b) {
      const bool itself = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      chars[b] = itself ? b : next++;
    }
    return chars;
  }();
  return table;
}

// Byte of an alphabet character, or -1.
int ByteOf(char32_t c) {
  static const auto table = [] {
    std::array<int, 512> bytes;
    bytes.fill(-1);
    for (int b = 0; b < 256; ++b) bytes[Alphabet()[b]] = b;
    return bytes;
  }();
  return c < table.size() ? table[c] : -1;
}

}  // namespace

std::string AlphabetCharacter(unsigned char byte) {
  std::string out;
  AppendUtf8(Alphabet()[byte], &out);
  return out;
}

std::string BytesOfToken(absl::string_view token) {
  std::string out;
  for (size_t i = 0; i < token.size();) {
    const int byte = ByteOf(NextCodePoint(token, &i));
    if (byte < 0) return std::string(token);
    out.push_back(static_cast<char>(byte));
  }
  return out;
}

absl::StatusOr<std::vector<std::string>> ReadVocabulary(const Json& model) {
  if (!model.is_object() || !model.contains("vocab") || !model["vocab"].is_object()) {
    return absl::InvalidArgumentError("model.vocab is missing or no object of token: id");
  }
  const Json& vocab = model["vocab"];
  const int64_t limit = 2 * static_cast<int64_t>(vocab.size()) + 65536;
  std::vector<std::string> tokens;
  tokens.reserve(vocab.size());
  std::vector<bool> taken;
  for (const auto& [token, id] : vocab.items()) {
    if (!id.is_number_integer() || id.get<int64_t>() < 0 || id.get<int64_t>() >= limit) {
      return absl::InvalidArgumentError(
          absl::StrCat("model.vocab: token '", token, "' has the impossible id ", DumpJson(id)));
    }
    const auto at = id.get<size_t>();
    if (at >= tokens.size()) {
      tokens.resize(at + 1);
      taken.resize(at + 1);
    }
    if (taken[at]) {
      return absl::InvalidArgumentError(absl::StrCat("model.vocab: tokens '", tokens[at], "' and '",
                                                     token, "' share the id ", at));
    }
    taken[at] = true;
    tokens[at] = token;
  }
  return tokens;
}

}  // namespace foundry::tokenizer
