#include "common/text/utf8.h"

namespace foundry::text {
namespace {

bool IsContinuation(unsigned char c) { return (c & 0xC0) == 0x80; }

}  // namespace

char32_t DecodeUtf8(absl::string_view text, size_t* at, bool* valid) {
  if (valid != nullptr) *valid = true;
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const size_t start = *at;
  const unsigned char lead = byte(start);
  ++*at;
  if (lead < 0x80) return lead;
  int more = 0;
  unsigned char low = 0x80, high = 0xBF;  // the range of the second byte
  char32_t code = 0;
  if (lead >= 0xC2 && lead <= 0xDF) {
    more = 1, code = lead & 0x1F;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    more = 2, code = lead & 0x0F;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    more = 3, code = lead & 0x07;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  }
  for (int i = 0; i < more; ++i) {
    if (*at >= text.size()) break;
    const unsigned char next = byte(*at);
    if (i == 0 ? (next < low || next > high) : !IsContinuation(next)) break;
    code = (code << 6) | (next & 0x3F);
    ++*at;
    if (i == more - 1) return code;
  }
  if (valid != nullptr) *valid = false;
  return kReplacement;
}

void AppendUtf8(char32_t c, std::string* out) {
  if (c < 0x80) {
    out->push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out->push_back(static_cast<char>(0xC0 | (c >> 6)));
    out->push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else if (c < 0x10000) {
    out->push_back(static_cast<char>(0xE0 | (c >> 12)));
    out->push_back(static_cast<char>(0x80 | ((c >> 6) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else {
    out->push_back(static_cast<char>(0xF0 | (c >> 18)));
    out->push_back(static_cast<char>(0x80 | ((c >> 12) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | ((c >> 6) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (c & 0x3F)));
  }
}

size_t FirstInvalidUtf8(absl::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    bool valid = true;
    DecodeUtf8(text, &at, &valid);
    if (!valid) return start;
  }
  return text.size();
}

bool IsValidUtf8(absl::string_view text) { return FirstInvalidUtf8(text) == text.size(); }

std::string RepairUtf8(absl::string_view text, int64_t* repaired) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    bool valid = true;
    DecodeUtf8(text, &at, &valid);
    if (valid) {
      out.append(text.data() + start, at - start);
    } else {
      AppendUtf8(kReplacement, &out);
      if (repaired != nullptr) ++*repaired;
    }
  }
  return out;
}

int64_t CountCodePoints(absl::string_view text) {
  int64_t count = 0;
  for (const char c : text) count += !IsContinuation(static_cast<unsigned char>(c));
  return count;
}

absl::string_view Utf8Prefix(absl::string_view text, size_t bytes) {
  if (bytes >= text.size()) return text;
  while (bytes > 0 && IsContinuation(static_cast<unsigned char>(text[bytes]))) --bytes;
  return text.substr(0, bytes);
}

}  // namespace foundry::text
