// Filters that make texts.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/status.h"
#include "common/tokenizer/jinja/budget.h"
#include "common/tokenizer/jinja/builtins.h"
#include "common/tokenizer/jinja/filters.h"
#include "common/tokenizer/jinja/iterate.h"
#include "common/tokenizer/jinja/methods.h"
#include "common/tokenizer/jinja/print.h"
#include "common/tokenizer/unicode.h"

namespace foundry::tokenizer::jinja {
namespace {

using Form = Value::Form;

template <std::string (*change)(absl::string_view)>
absl::StatusOr<Value> Changed(const Value& value, const Bound&) {
  FOUNDRY_ASSIGN_OR_RETURN(const std::string text, TextOf(value));
  return Value(change(text));
}

absl::StatusOr<Value> Join(const Value& value, const Bound& given) {
  FOUNDRY_ASSIGN_OR_RETURN(const std::string separator,
                           given.Find(0) != nullptr ? TextOf(given.At(0)) : std::string());
  const Value path = given.Find(1) != nullptr ? given.At(1) : Value::MakeNone();
  FOUNDRY_ASSIGN_OR_RETURN(Iterator items, Iterator::Over(value));
  Output out;
  Value item;
  for (bool first = true;; first = false) {
    FOUNDRY_ASSIGN_OR_RETURN(const bool more, items.Next(&item));
    if (!more) return Value(out.Take());
    FOUNDRY_ASSIGN_OR_RETURN(item, ItemByPath(item, path));
    if (!first) FOUNDRY_RETURN_IF_ERROR(out.Append(separator));
    FOUNDRY_RETURN_IF_ERROR(AppendText(item, &out));
  }
}

// As str.splitlines() has them; a newline at the end begins no line.
std::vector<absl::string_view> Lines(absl::string_view text) {
  std::vector<absl::string_view> lines;
  for (size_t begin = 0; begin < text.size();) {
    size_t at = begin, end = begin;
    bool ends = false;
    while (at < text.size() && !ends) {
      end = at;
      const char32_t c = NextCodePoint(text, &at);
      ends = (c >= '\n' && c <= '\r') || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
             c == 0x2029;
      if (c == '\r' && at < text.size() && text[at] == '\n') ++at;
    }
    lines.push_back(text.substr(begin, (ends ? end : at) - begin));
    begin = at;
  }
  return lines;
}

absl::StatusOr<Value> Indent(const Value& value, const Bound& given) {
  std::string indent(4, ' ');
  if (given.Find(0) != nullptr && given.At(0).is_text()) {
    indent = given.At(0).text();
  } else if (given.Find(0) != nullptr) {
    FOUNDRY_ASSIGN_OR_RETURN(const int64_t width, given.Int(0));
    if (width > static_cast<int64_t>(kLongestText)) return TooLong();
    indent.assign(std::max<int64_t>(width, 0), ' ');
  }
  if (value.is_undefined()) return UndefinedError(value);
  if (!value.is_text()) return absl::InvalidArgumentError("indent takes a text");
  Output out;
  bool begun = false;
  const std::string text = value.text() + "\n";  // as Jinja does it
  for (const absl::string_view line : Lines(text)) {
    FOUNDRY_RETURN_IF_ERROR(Budget::Spend(1));
    if (begun) FOUNDRY_RETURN_IF_ERROR(out.Append("\n"));
    const bool indented = begun ? given.Flag(2) || !line.empty() : given.Flag(1);
    if (indented) FOUNDRY_RETURN_IF_ERROR(out.Append(indent));
    FOUNDRY_RETURN_IF_ERROR(out.Append(line));
    begun = true;
  }
  return Value(out.Take());
}

// Each word's first letter in upper case, the others in lower case.
std::string TitleWords(absl::string_view text) {
  const auto separates = [](char32_t c) {
    return c == '-' || c == '(' || c == '[' || c == '{' || c == '<' || IsBlank(c);
  };
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    if (separates(NextCodePoint(text, &at))) {
      absl::StrAppend(&out, text.substr(begin, at - begin));
      continue;
    }
    (void)Budget::Spend(1);
    const size_t second = at;
    for (size_t next = at; at < text.size() && !separates(NextCodePoint(text, &next));) at = next;
    out += ToUpper(text.substr(begin, second - begin));
    out += ToLower(text.substr(second, at - second));
  }
  return out;
}

absl::StatusOr<Value> Trim(const Value& value, const Bound& given) {
  FOUNDRY_ASSIGN_OR_RETURN(const std::string text, TextOf(value));
  if (!given.Has(0)) return Value(Strip(text, nullptr, true, true));
  FOUNDRY_ASSIGN_OR_RETURN(const std::string characters, given.Text(0));
  return Value(Strip(text, &characters, true, true));
}

absl::StatusOr<Value> Replace(const Value& value, const Bound& given) {
  FOUNDRY_ASSIGN_OR_RETURN(const std::string text, TextOf(value));
  FOUNDRY_ASSIGN_OR_RETURN(const std::string old, TextOf(given.At(0)));
  FOUNDRY_ASSIGN_OR_RETURN(const std::string fresh, TextOf(given.At(1)));
  FOUNDRY_ASSIGN_OR_RETURN(const int64_t count, given.Int(2, -1));
  return Replaced(text, old, fresh, count);
}

absl::StatusOr<Value> ToText(const Value& value, const Bound&) {
  if (value.is_text()) return value;
  FOUNDRY_ASSIGN_OR_RETURN(std::string text, TextOf(value));
  return Value(std::move(text));
}

absl::StatusOr<Value> Safe(const Value& value, const Bound&) {
  FOUNDRY_ASSIGN_OR_RETURN(std::string text, TextOf(value));
  return Value(std::move(text), /*markup=*/true);
}

absl::StatusOr<Value> Escape(const Value& value, const Bound&) {
  if (value.is_markup()) return value;
  FOUNDRY_ASSIGN_OR_RETURN(const std::string text, TextOf(value));
  return Value(
      absl::StrReplaceAll(
          text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"'", "&#39;"}, {"\"", "&#34;"}}),
      /*markup=*/true);
}

// Hugging Face: tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False).
absl::StatusOr<Value> ToJson(const Value& value, const Bound& given) {
  JsonStyle style;
  style.ascii = given.Flag(0);
  if (given.Has(1)) {
    style.comma = ",";
    if (given.At(1).is_text()) {
      style.indent = given.At(1).text();
    } else {
      FOUNDRY_ASSIGN_OR_RETURN(const int64_t width, given.Int(1));
      if (width > 1000) return absl::UnimplementedError("indents above 1000 are not known here");
      style.indent = std::string(std::max<int64_t>(width, 0), ' ');
    }
  }
  if (given.Has(2)) {
    FOUNDRY_ASSIGN_OR_RETURN(const List both, Collect(given.At(2)));
    if (both.size() != 2 || !both[0].is_text() || !both[1].is_text()) {
      return absl::InvalidArgumentError("separators are two texts");
    }
    style.comma = both[0].text();
    style.colon = both[1].text();
  }
  style.sorted = given.Flag(3);
  Output out;
  FOUNDRY_RETURN_IF_ERROR(AppendJson(value, style, &out));
  return Value(out.Take());
}

}  // namespace

FilterTable TextFilters() {
  return {
      {"join", {"[d] [attribute]", Join}},
      {"indent", {"[width] [first] [blank]", Indent}},
      {"trim", {"[chars]", Trim}},
      {"replace", {"old new [count]", Replace}},
      {"upper", {"", Changed<ToUpper>}},
      {"lower", {"", Changed<ToLower>}},
      {"capitalize", {"", Changed<Capitalize>}},
      {"title", {"", Changed<TitleWords>}},
      {"string", {"", ToText, true}},
      {"safe", {"", Safe, true}},
      {"escape", {"", Escape, true}},
      {"e", {"", Escape, true}},
      {"tojson", {"[ensure_ascii] [indent] [separators] [sort_keys]", ToJson}},
  };
}

}  // namespace foundry::tokenizer::jinja
