// Methods of texts and mappings, as Python's.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "common/tokenizer/jinja/builtins.h"
#include "common/tokenizer/unicode.h"

namespace foundry::tokenizer::jinja {
namespace {

absl::StatusOr<Value> Split(const std::string& text, const Given& given) {
  const Value* const separator = given.Find(0, "sep");
  int64_t left = given.Int(1, "maxsplit", -1);
  List parts;
  if (separator == nullptr || separator->is_none()) {
    size_t begin = text.npos;  // of the part under way
    for (size_t at = 0; at < text.size();) {
      const size_t here = at;
      const bool blank = IsBlank(NextCodePoint(text, &at));
      if (!blank && begin == text.npos) {
        if (left == 0) {  // the rest, as it is
          parts.push_back(text.substr(here));
          return Value(std::move(parts));
        }
        begin = here;
      }
      if (begin != text.npos && (blank || at == text.size())) {
        parts.push_back(text.substr(begin, (blank ? here : at) - begin));
        if (parts.size() > kLongestList) return absl::ResourceExhaustedError("too many parts");
        begin = text.npos;
        if (left > 0) --left;
      }
    }
    return Value(std::move(parts));
  }
  if (!separator->is_text() || separator->text().empty()) {
    return absl::InvalidArgumentError("split() takes a text that is not empty");
  }
  size_t at = 0;
  for (size_t end; left != 0 && (end = text.find(separator->text(), at)) != text.npos; --left) {
    parts.push_back(text.substr(at, end - at));
    at = end + separator->text().size();
    if (parts.size() > kLongestList) return absl::ResourceExhaustedError("too many parts");
  }
  parts.push_back(text.substr(at));
  return Value(std::move(parts));
}

absl::StatusOr<Value> Replace(const std::string& text, const Given& given) {
  FOUNDRY_ASSIGN_OR_RETURN(const std::string old, given.Text(0, "old"));
  FOUNDRY_ASSIGN_OR_RETURN(const std::string fresh, given.Text(1, "new"));
  int64_t left = given.Int(2, "count", -1);
  std::string out;
  if (old.empty()) return absl::UnimplementedError("replace() of an empty text is not known here");
  size_t at = 0;
  for (size_t end; left != 0 && (end = text.find(old, at)) != text.npos; --left) {
    absl::StrAppend(&out, absl::string_view(text).substr(at, end - at), fresh);
    FOUNDRY_RETURN_IF_ERROR(CheckSize(out.size()));
    at = end + old.size();
  }
  absl::StrAppend(&out, absl::string_view(text).substr(at));
  return Value(std::move(out));
}

// Of a text or of one of a list.
absl::StatusOr<Value> Affix(const std::string& text, const Given& given, bool prefix) {
  if (given.positional.empty()) return absl::InvalidArgumentError("a text is missing");
  const Value& affix = given.positional[0];
  for (const Value& one : affix.is_list() ? affix.list() : List{affix}) {
    if (!one.is_text()) return absl::InvalidArgumentError("startswith() and endswith() take texts");
    if (prefix ? absl::StartsWith(text, one.text()) : absl::EndsWith(text, one.text())) return true;
  }
  return false;
}

absl::StatusOr<Value> Join(const std::string& separator, const Given& given) {
  if (given.positional.empty()) return absl::InvalidArgumentError("a list is missing");
  FOUNDRY_ASSIGN_OR_RETURN(const List items, Iterate(given.positional[0]));
  std::string out;
  for (size_t i = 0; i < items.size(); ++i) {
    if (!items[i].is_text()) return absl::InvalidArgumentError("join() takes texts");
    absl::StrAppend(&out, i == 0 ? "" : separator, items[i].text());
    FOUNDRY_RETURN_IF_ERROR(CheckSize(out.size()));
  }
  return Value(std::move(out));
}

absl::StatusOr<Value> TextMethod(const std::string& text, const std::string& name,
                                 const Given& given) {
  if (name == "strip" || name == "lstrip" || name == "rstrip") {
    const Value* const characters = given.Find(0, "chars");
    return Value(
        Strip(text, characters != nullptr && characters->is_text() ? &characters->text() : nullptr,
              name != "rstrip", name != "lstrip"));
  }
  if (name == "split") return Split(text, given);
  if (name == "replace") return Replace(text, given);
  if (name == "startswith") return Affix(text, given, true);
  if (name == "endswith") return Affix(text, given, false);
  if (name == "join") return Join(text, given);
  if (name == "upper") return Value(ToUpper(text));
  if (name == "lower") return Value(ToLower(text));
  if (name == "capitalize" || name == "title") return CallFilter(name, text, given);
  if (name == "removeprefix" || name == "removesuffix") {
    FOUNDRY_ASSIGN_OR_RETURN(const std::string affix, given.Text(0, "affix"));
    const bool prefix = name == "removeprefix";
    const bool has = prefix ? absl::StartsWith(text, affix) : absl::EndsWith(text, affix);
    if (!has) return Value(text);
    return Value(prefix ? text.substr(affix.size()) : text.substr(0, text.size() - affix.size()));
  }
  if (name == "find" || name == "count") {
    FOUNDRY_ASSIGN_OR_RETURN(const std::string part, given.Text(0, "sub"));
    const size_t at = text.find(part);
    if (name == "find") {
      if (at == text.npos) return Value(-1);
      return Value(static_cast<int64_t>(Characters(absl::string_view(text).substr(0, at)).size()));
    }
    if (part.empty()) return Value(static_cast<int64_t>(Characters(text).size()) + 1);
    int64_t count = 0;
    for (size_t from = at; from != text.npos; from = text.find(part, from + part.size())) ++count;
    return Value(count);
  }
  return NotKnown("method", name);
}

absl::StatusOr<Value> DictMethod(const Dict& dict, const std::string& name, const Given& given) {
  if (name == "get") {
    FOUNDRY_ASSIGN_OR_RETURN(const std::string key, given.Text(0, "key"));
    if (const Value* found = dict.Find(key)) return *found;
    const Value* const fallback = given.Find(1, "default");
    return fallback != nullptr ? *fallback : Value::MakeNone();
  }
  List list;
  for (const auto& [key, value] : dict.items()) {
    if (name == "items") list.push_back(List{key, value});
    if (name == "keys") list.push_back(key);
    if (name == "values") list.push_back(value);
  }
  if (name == "items" || name == "keys" || name == "values") return Value(std::move(list));
  return NotKnown("method", name);
}

}  // namespace

absl::StatusOr<Value> CallMethod(const Value& object, const std::string& name, const Given& given) {
  if (object.is_text()) return TextMethod(object.text(), name, given);
  if (object.is_dict()) return DictMethod(object.dict(), name, given);
  if (object.space() != nullptr) return DictMethod(*object.space()->dict, name, given);
  if (object.is_undefined()) return Attribute(object, name);
  return absl::UnimplementedError(
      absl::StrCat("the method \"", name, "\" of ", object.KindName(), " is not known here"));
}

}  // namespace foundry::tokenizer::jinja
