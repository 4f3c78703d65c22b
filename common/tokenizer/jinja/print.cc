#include "common/tokenizer/jinja/print.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status.h"
#include "common/tokenizer/unicode.h"

namespace foundry::tokenizer::jinja {
namespace {

using Form = Value::Form;

// float.__repr__: the fewest digits that read back as the same; with an exponent below 1e-4 and
// from 1e16 on.
std::string FloatText(double value) {
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[64];
  const auto format = std::abs(value) < 1e16 && (std::abs(value) >= 1e-4 || value == 0)
                          ? std::chars_format::fixed
                          : std::chars_format::scientific;
  std::string text(buffer, std::to_chars(buffer, buffer + sizeof(buffer), value, format).ptr);
  if (format == std::chars_format::fixed && !absl::StrContains(text, ".")) text += ".0";
  return text;
}

absl::Status AppendQuoted(const std::string& text, Output* out) {
  FOUNDRY_RETURN_IF_ERROR(Budget::SpendOnText(text.size()));
  const char quote = absl::StrContains(text, "'") && !absl::StrContains(text, "\"") ? '"' : '\'';
  std::string piece(1, quote);
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    const char32_t c = NextCodePoint(text, &at);
    if (c == static_cast<unsigned char>(quote) || c == '\\') {
      absl::StrAppend(&piece, "\\", std::string(1, static_cast<char>(c)));
    } else if (c == '\n' || c == '\r' || c == '\t') {
      piece += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
    } else if (IsPrintable(c)) {
      piece.append(text, begin, at - begin);
    } else {
      piece += c < 0x100     ? absl::StrFormat("\\x%02x", uint32_t{c})
               : c < 0x10000 ? absl::StrFormat("\\u%04x", uint32_t{c})
                             : absl::StrFormat("\\U%08x", uint32_t{c});
    }
    if (piece.size() < 4096) continue;
    FOUNDRY_RETURN_IF_ERROR(out->Append(piece));
    piece.clear();
  }
  return out->Append(piece + quote);
}

absl::Status AppendItems(const Value& value, Output* out) {
  constexpr const char* kOpen[] = {"[", "(", "", "dict_keys([", "dict_values([", "dict_items(["};
  constexpr const char* kClose[] = {"]", ")", "", "])", "])", "])"};
  const int form = static_cast<int>(value.form());
  FOUNDRY_RETURN_IF_ERROR(out->Append(kOpen[form]));
  for (size_t i = 0; i < value.list().size(); ++i) {
    if (i > 0) FOUNDRY_RETURN_IF_ERROR(out->Append(", "));
    FOUNDRY_RETURN_IF_ERROR(AppendRepr(value.list()[i], out));
  }
  if (value.is(Form::kTuple) && value.list().size() == 1) FOUNDRY_RETURN_IF_ERROR(out->Append(","));
  return out->Append(kClose[form]);
}

absl::Status AppendMapping(const Dict& dict, Output* out) {
  const char* before = "{";
  for (const auto& [key, item] : dict.items()) {
    FOUNDRY_RETURN_IF_ERROR(out->Append(before));
    FOUNDRY_RETURN_IF_ERROR(AppendRepr(key, out));
    FOUNDRY_RETURN_IF_ERROR(out->Append(": "));
    FOUNDRY_RETURN_IF_ERROR(AppendRepr(item, out));
    before = ", ";
  }
  return out->Append(dict.items().empty() ? "{}" : "}");
}

std::string RangeText(const Value::Range& range) {
  return absl::StrCat("range(", range.begin, ", ", range.end,
                      range.step == 1 ? "" : absl::StrCat(", ", range.step), ")");
}

}  // namespace

absl::Status AppendText(const Value& value, Output* out) {
  if (value.is_undefined()) return absl::OkStatus();
  return value.is_text() ? out->Append(value.text()) : AppendRepr(value, out);
}

absl::StatusOr<std::string> TextOf(const Value& value) {
  Output out;
  FOUNDRY_RETURN_IF_ERROR(AppendText(value, &out));
  return out.Take();
}

absl::Status AppendRepr(const Value& value, Output* out) {
  FOUNDRY_RETURN_IF_ERROR(Budget::Spend(1));
  if (value.is_undefined()) return out->Append("Undefined");
  if (value.is_none()) return out->Append("None");
  if (value.is_bool()) return out->Append(value.boolean() ? "True" : "False");
  if (value.is_int()) return out->Append(absl::StrCat(value.integer()));
  if (value.is_float()) return out->Append(FloatText(value.number()));
  if (value.is_text()) {
    if (value.is_markup()) FOUNDRY_RETURN_IF_ERROR(out->Append("Markup("));
    FOUNDRY_RETURN_IF_ERROR(AppendQuoted(value.text(), out));
    return out->Append(value.is_markup() ? ")" : "");
  }
  if (value.is(Form::kRange)) return out->Append(RangeText(value.range()));
  if (value.is_list()) return AppendItems(value, out);
  if (value.is_dict()) return AppendMapping(value.dict(), out);
  return absl::UnimplementedError(absl::StrCat("the text of ", value.KindName(),
                                               " is not known here",
                                               value.is_generator() ? ": use |list" : ""));
}

}  // namespace foundry::tokenizer::jinja
