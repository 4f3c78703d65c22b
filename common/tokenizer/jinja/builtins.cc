#include "common/tokenizer/jinja/builtins.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status.h"
#include "common/tokenizer/unicode.h"

namespace foundry::tokenizer::jinja {
namespace {

std::string JsonText(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
      case '\\':
        out += '\\';
        out += c;
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          absl::StrAppendFormat(&out, "\\u%04x", c);
        } else {
          out += c;
        }
    }
  }
  return out + "\"";
}

absl::Status AppendJson(const Value& value, int64_t indent, int64_t level, std::string* out) {
  const auto line = [&](int64_t deep) {
    if (indent >= 0) absl::StrAppend(out, "\n", std::string(indent * deep, ' '));
  };
  const auto separate = [&](bool* first) {
    if (!*first) absl::StrAppend(out, indent >= 0 ? "," : ", ");
    *first = false;
    line(level + 1);
  };
  FOUNDRY_RETURN_IF_ERROR(CheckSize(out->size()));
  bool first = true;
  if (value.is_none()) {
    *out += "null";
  } else if (value.is_bool()) {
    *out += value.boolean() ? "true" : "false";
  } else if (value.is_number()) {
    *out += value.Repr();
  } else if (value.is_text()) {
    *out += JsonText(value.text());
  } else if (value.is_list()) {
    *out += "[";
    for (const Value& item : value.list()) {
      separate(&first);
      FOUNDRY_RETURN_IF_ERROR(AppendJson(item, indent, level + 1, out));
    }
    if (!first) line(level);
    *out += "]";
  } else if (value.is_dict()) {
    *out += "{";
    for (const auto& [key, item] : value.dict().items()) {
      separate(&first);
      absl::StrAppend(out, JsonText(key), ": ");
      FOUNDRY_RETURN_IF_ERROR(AppendJson(item, indent, level + 1, out));
    }
    if (!first) line(level);
    *out += "}";
  } else {
    return absl::InvalidArgumentError(absl::StrCat(value.KindName(), " has no JSON form"));
  }
  return absl::OkStatus();
}

}  // namespace

const Value* Given::Find(size_t position, absl::string_view name) const {
  if (position < positional.size()) return &positional[position];
  for (const auto& [key, value] : named) {
    if (key == name) return &value;
  }
  return nullptr;
}

absl::StatusOr<std::string> Given::Text(size_t position, absl::string_view name) const {
  const Value* const value = Find(position, name);
  if (value != nullptr && value->is_text()) return value->text();
  return absl::InvalidArgumentError(absl::StrCat("the argument \"", name, "\" must be a text"));
}

int64_t Given::Int(size_t position, absl::string_view name, int64_t fallback) const {
  const Value* const value = Find(position, name);
  return value != nullptr && (value->is_int() || value->is_bool()) ? value->integer() : fallback;
}

bool Given::Flag(size_t position, absl::string_view name) const {
  const Value* const value = Find(position, name);
  return value != nullptr && value->Truthy();
}

Given Given::Rest() const {
  Given rest = *this;
  if (!rest.positional.empty()) rest.positional.erase(rest.positional.begin());
  return rest;
}

absl::Status TooLong() {
  return absl::ResourceExhaustedError("the template makes too long a text");
}

absl::Status CheckSize(size_t bytes) {
  return bytes <= kLongestText ? absl::OkStatus() : TooLong();
}

absl::Status NotKnown(absl::string_view kind, absl::string_view name) {
  return absl::UnimplementedError(absl::StrCat("the ", kind, " \"", name, "\" is not known here"));
}

bool IsBlank(char32_t c) { return IsWhitespace(c) || (c >= 0x1C && c <= 0x1F); }

std::vector<absl::string_view> Characters(absl::string_view text) {
  std::vector<absl::string_view> characters;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    NextCodePoint(text, &at);
    characters.push_back(text.substr(begin, at - begin));
  }
  return characters;
}

std::string Strip(absl::string_view text, const std::string* characters, bool left, bool right) {
  const auto stripped = [&](absl::string_view character) {
    if (characters != nullptr) return absl::StrContains(*characters, character);
    size_t at = 0;
    return IsBlank(NextCodePoint(character, &at));
  };
  while (left && !text.empty()) {
    size_t size = 0;
    NextCodePoint(text, &size);
    if (!stripped(text.substr(0, size))) break;
    text.remove_prefix(size);
  }
  while (right && !text.empty()) {
    size_t begin = text.size() - 1;
    while (begin > 0 && (text[begin] & 0xC0) == 0x80) --begin;
    if (!stripped(text.substr(begin))) break;
    text = text.substr(0, begin);
  }
  return std::string(text);
}

absl::StatusOr<std::string> ToJson(const Value& value, int64_t indent) {
  std::string out;
  FOUNDRY_RETURN_IF_ERROR(AppendJson(value, std::min<int64_t>(indent, 16), 0, &out));
  return out;
}

absl::StatusOr<List> Iterate(const Value& value) {
  if (value.is_list()) return value.list();
  List list;
  if (value.is_dict()) {
    for (const auto& [key, item] : value.dict().items()) list.push_back(key);
  } else if (value.is_text()) {
    if (value.text().size() > kLongestList) return TooLong();
    for (const absl::string_view one : Characters(value.text())) list.push_back(one);
  } else if (!value.is_undefined()) {
    return absl::InvalidArgumentError(absl::StrCat(value.KindName(), " has no items"));
  }
  return list;
}

absl::StatusOr<bool> Contains(const Value& needle, const Value& all) {
  if (all.is_undefined()) return false;
  if (all.is_text() && needle.is_text()) return absl::StrContains(all.text(), needle.text());
  if (all.is_dict()) return needle.is_text() && all.dict().Find(needle.text()) != nullptr;
  if (all.is_list()) {
    return std::find(all.list().begin(), all.list().end(), needle) != all.list().end();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("cannot look for ", needle.KindName(), " in ", all.KindName()));
}

absl::StatusOr<int> Order(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return a.number() < b.number() ? -1 : a.number() > b.number();
  if (a.is_text() && b.is_text()) {
    const int order = a.text().compare(b.text());
    return order < 0 ? -1 : order > 0;
  }
  return absl::InvalidArgumentError(
      absl::StrCat(a.KindName(), " and ", b.KindName(), " have no order"));
}

absl::StatusOr<Value> Attribute(const Value& value, absl::string_view name) {
  if (value.is_undefined()) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", value.undefined_name(), "\" is undefined, and has no \"", name, "\""));
  }
  const Value* found = nullptr;
  if (value.is_dict()) found = value.dict().Find(name);
  if (value.space() != nullptr) found = value.space()->dict->Find(name);
  return found != nullptr ? *found : Value::MakeUndefined(name);
}

absl::StatusOr<Value> ItemOf(const Value& value, const Value& key) {
  if (key.is_text()) return Attribute(value, key.text());
  if (value.is_undefined()) return Attribute(value, key.ToText());
  if (!key.is_int() || !(value.is_list() || value.is_text())) {
    return Value::MakeUndefined(key.ToText());
  }
  FOUNDRY_ASSIGN_OR_RETURN(const int64_t size, Length(value));
  const int64_t index = key.integer() < 0 ? key.integer() + size : key.integer();
  if (index < 0 || index >= size) return Value::MakeUndefined(key.ToText());
  if (value.is_list()) return value.list()[index];
  size_t begin = 0, end = 0;
  for (int64_t i = 0; i <= index; ++i) {
    begin = end;
    NextCodePoint(value.text(), &end);
  }
  return Value(value.text().substr(begin, end - begin));
}

absl::StatusOr<int64_t> Length(const Value& value) {
  if (value.is_list()) return value.list().size();
  if (value.is_dict()) return value.dict().items().size();
  if (value.is_text()) {
    // Every byte but those that go on with a code point.
    return std::count_if(value.text().begin(), value.text().end(),
                         [](char c) { return (c & 0xC0) != 0x80; });
  }
  if (value.is_undefined()) return 0;
  return absl::InvalidArgumentError(absl::StrCat(value.KindName(), " has no length"));
}

absl::StatusOr<Value> CallFunction(const std::string& name, const Given& given) {
  if (name == "raise_exception") {
    return absl::InvalidArgumentError(given.positional.empty() ? "it does not say why"
                                                               : given.positional[0].ToText());
  }
  if (name == "namespace" || name == "dict") {
    Dict dict;
    if (!given.positional.empty() && given.positional[0].is_dict()) {
      dict = given.positional[0].dict();
    }
    for (const auto& [key, value] : given.named) dict.Set(key, value);
    if (name == "dict") return Value(std::move(dict));
    return Value(Value::Namespace{std::make_shared<Dict>(std::move(dict))});
  }
  if (name == "range") {
    const size_t count = given.positional.size();
    for (const Value& value : given.positional) {
      if (!value.is_int()) return absl::InvalidArgumentError("range() takes integers");
    }
    if (count < 1 || count > 3) return absl::InvalidArgumentError("range() takes 1 to 3 integers");
    const int64_t begin = count > 1 ? given.positional[0].integer() : 0;
    const int64_t end = given.positional[count > 1 ? 1 : 0].integer();
    const int64_t step = count > 2 ? given.positional[2].integer() : 1;
    if (step == 0) return absl::InvalidArgumentError("range() takes no step of 0");
    List list;
    for (__int128 i = begin; step > 0 ? i < end : i > end; i += step) {
      if (list.size() == kLongestList) return absl::ResourceExhaustedError("too long a range");
      list.push_back(static_cast<int64_t>(i));
    }
    return Value(std::move(list));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", name, "\" is undefined and cannot be called"));
}

}  // namespace foundry::tokenizer::jinja
