// As Python's json.dumps.
#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status.h"
#include "common/tokenizer/jinja/compare.h"
#include "common/tokenizer/jinja/print.h"
#include "common/tokenizer/unicode.h"

namespace foundry::tokenizer::jinja {
namespace {

using Form = Value::Form;

void AppendEscape(uint32_t unit, std::string* out) { absl::StrAppendFormat(out, "\\u%04x", unit); }

void AppendCharacter(char32_t c, bool ascii, std::string* out) {
  constexpr absl::string_view kPlain = "\"\\\n\r\t\b\f", kLetters = "\"\\nrtbf";
  const size_t known = c < 0x80 ? kPlain.find(static_cast<char>(c)) : kPlain.npos;
  if (known != kPlain.npos) {
    *out += '\\';
    *out += kLetters[known];
  } else if (ascii && c > 0xFFFF) {  // two surrogates
    AppendEscape(0xD800 + ((c - 0x10000) >> 10), out);
    AppendEscape(0xDC00 + ((c - 0x10000) & 0x3FF), out);
  } else if (c < 0x20 || (ascii && c > 0x7E)) {
    AppendEscape(c, out);
  } else {
    AppendUtf8(c, out);
  }
}

absl::Status AppendString(const std::string& text, bool ascii, Output* out) {
  FOUNDRY_RETURN_IF_ERROR(Budget::SpendOnText(text.size()));
  std::string piece = "\"";
  for (size_t at = 0; at < text.size();) {
    AppendCharacter(NextCodePoint(text, &at), ascii, &piece);
    if (piece.size() < 4096) continue;
    FOUNDRY_RETURN_IF_ERROR(out->Append(piece));
    piece.clear();
  }
  return out->Append(piece + "\"");
}

// Begins the line of an item, or of what closes them.
absl::Status AppendLine(const JsonStyle& style, int level, Output* out) {
  if (!style.indent.has_value()) return absl::OkStatus();
  FOUNDRY_RETURN_IF_ERROR(out->Append("\n"));
  for (int i = 0; i < level; ++i) FOUNDRY_RETURN_IF_ERROR(out->Append(*style.indent));
  return absl::OkStatus();
}

absl::Status AppendArray(const List& list, const JsonStyle& style, Output* out, int level) {
  if (list.empty()) return out->Append("[]");
  for (size_t i = 0; i < list.size(); ++i) {
    FOUNDRY_RETURN_IF_ERROR(out->Append(i == 0 ? "[" : style.comma));
    FOUNDRY_RETURN_IF_ERROR(AppendLine(style, level + 1, out));
    FOUNDRY_RETURN_IF_ERROR(AppendJson(list[i], style, out, level + 1));
  }
  FOUNDRY_RETURN_IF_ERROR(AppendLine(style, level, out));
  return out->Append("]");
}

// What is no text is quoted as it stands in JSON.
absl::Status AppendKey(const Value& key, const JsonStyle& style, Output* out) {
  if (key.is_text()) return AppendString(key.text(), style.ascii, out);
  FOUNDRY_RETURN_IF_ERROR(out->Append("\""));
  FOUNDRY_RETURN_IF_ERROR(AppendJson(key, style, out));
  return out->Append("\"");
}

absl::Status AppendObject(const Dict& dict, const JsonStyle& style, Output* out, int level) {
  if (dict.items().empty()) return out->Append("{}");
  std::vector<const Dict::Items::value_type*> items;
  for (const auto& item : dict.items()) items.push_back(&item);
  absl::Status sorted;
  if (style.sorted) {
    std::sort(items.begin(), items.end(), [&](const auto* a, const auto* b) {
      if (!sorted.ok()) return false;
      const auto order = Order(a->first, b->first);
      sorted.Update(order.status());
      return order.ok() && *order < 0;
    });
  }
  FOUNDRY_RETURN_IF_ERROR(sorted);
  const char* before = "{";
  for (const auto* item : items) {
    FOUNDRY_RETURN_IF_ERROR(out->Append(before));
    FOUNDRY_RETURN_IF_ERROR(AppendLine(style, level + 1, out));
    FOUNDRY_RETURN_IF_ERROR(AppendKey(item->first, style, out));
    FOUNDRY_RETURN_IF_ERROR(out->Append(style.colon));
    FOUNDRY_RETURN_IF_ERROR(AppendJson(item->second, style, out, level + 1));
    before = style.comma.c_str();
  }
  FOUNDRY_RETURN_IF_ERROR(AppendLine(style, level, out));
  return out->Append("}");
}

}  // namespace

absl::Status AppendJson(const Value& value, const JsonStyle& style, Output* out, int level) {
  FOUNDRY_RETURN_IF_ERROR(Budget::Spend(1));
  if (value.is_none()) return out->Append("null");
  if (value.is_bool()) return out->Append(value.boolean() ? "true" : "false");
  if (value.is_float() && std::isinf(value.number())) {
    return out->Append(value.number() > 0 ? "Infinity" : "-Infinity");
  }
  if (value.is_number()) return AppendRepr(value, out);
  if (value.is_text()) return AppendString(value.text(), style.ascii, out);
  if (value.is(Form::kList) || value.is(Form::kTuple)) {
    return AppendArray(value.list(), style, out, level);
  }
  if (value.is_dict()) return AppendObject(value.dict(), style, out, level);
  return absl::InvalidArgumentError(absl::StrCat(value.KindName(), " has no JSON form"));
}

}  // namespace foundry::tokenizer::jinja
