#include "common/tokenizer/jinja/value.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace foundry::tokenizer::jinja {
namespace {

constexpr size_t kHeaviest = size_t{1} << 40;  // the sum of two is no overflow

std::string FloatText(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  std::string text(buffer, end);
  if (text.find_first_of(".e") == text.npos) text += ".0";
  return text;
}

std::string Quoted(const std::string& text) {
  const char quote = absl::StrContains(text, "'") && !absl::StrContains(text, "\"") ? '"' : '\'';
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else {
      out += c;
    }
  }
  return out + quote;
}

}  // namespace

const Value* Dict::Find(absl::string_view key) const {
  for (const auto& [name, value] : items_) {
    if (name == key) return &value;
  }
  return nullptr;
}

void Dict::Set(absl::string_view key, Value value) {
  for (auto& [name, old] : items_) {
    if (name == key) {
      old = std::move(value);
      return;
    }
  }
  items_.emplace_back(std::string(key), std::move(value));
}

template <typename T>
struct Value::Nested {
  T items;
  int depth = 1;
  size_t weight = 2;

  // Counts what lies in it.
  void Note(const Value& item) {
    depth = std::max(depth, item.depth() + 1);
    weight = std::min(kHeaviest, weight + item.weight() + 2);
  }
};

Value::Value(List list) {
  Nested<List> nested;
  for (const Value& item : list) nested.Note(item);
  nested.items = std::move(list);
  data_ = std::make_shared<const Nested<List>>(std::move(nested));
}

Value::Value(Dict dict) {
  Nested<Dict> nested;
  for (const auto& [key, item] : dict.items()) {
    nested.Note(item);
    nested.weight += key.size();
  }
  nested.items = std::move(dict);
  data_ = std::make_shared<const Nested<Dict>>(std::move(nested));
}

const List& Value::list() const { return std::get<ListPtr>(data_)->items; }
const Dict& Value::dict() const { return std::get<DictPtr>(data_)->items; }

int Value::depth() const {
  if (is_list()) return std::get<ListPtr>(data_)->depth;
  if (is_dict()) return std::get<DictPtr>(data_)->depth;
  return space() != nullptr || macro() != nullptr ? kHeld : 0;
}

size_t Value::weight() const {
  if (is_text()) return text().size();
  if (is_list()) return std::get<ListPtr>(data_)->weight;
  if (is_dict()) return std::get<DictPtr>(data_)->weight;
  return 8;
}

double Value::number() const {
  return is_float() ? std::get<double>(data_) : static_cast<double>(integer());
}

bool Value::Truthy() const {
  if (is_undefined() || is_none()) return false;
  if (is_number()) return number() != 0;
  if (is_text()) return !text().empty();
  if (is_list()) return !list().empty();
  if (is_dict()) return !dict().items().empty();
  return true;
}

std::string Value::ToText() const {
  if (is_undefined()) return "";
  return is_text() ? text() : Repr();
}

std::string Value::Repr() const {
  if (is_undefined()) return "Undefined";
  if (is_none()) return "None";
  if (is_bool()) return boolean() ? "True" : "False";
  if (is_int()) return absl::StrCat(integer());
  if (is_float()) return FloatText(number());
  if (is_text()) return Quoted(text());
  std::string out;
  if (is_list()) {
    for (const Value& item : list()) absl::StrAppend(&out, out.empty() ? "" : ", ", item.Repr());
    return absl::StrCat("[", out, "]");
  }
  if (is_dict()) {
    for (const auto& [key, item] : dict().items()) {
      absl::StrAppend(&out, out.empty() ? "" : ", ", Quoted(key), ": ", item.Repr());
    }
    return absl::StrCat("{", out, "}");
  }
  return absl::StrCat("<", KindName(), ">");
}

const char* Value::KindName() const {
  constexpr const char* kNames[] = {"something undefined",
                                    "none",
                                    "a boolean",
                                    "an integer",
                                    "a float",
                                    "a text",
                                    "a list",
                                    "a mapping",
                                    "a namespace",
                                    "a macro"};
  return kNames[data_.index()];
}

bool operator==(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return a.number() == b.number();
  if (a.data_.index() != b.data_.index()) return false;
  if (a.is_text()) return a.text() == b.text();
  if (a.is_list()) return a.list() == b.list();
  if (a.is_dict()) {
    if (a.dict().items().size() != b.dict().items().size()) return false;
    for (const auto& [key, value] : a.dict().items()) {
      const Value* other = b.dict().Find(key);
      if (other == nullptr || !(value == *other)) return false;
    }
    return true;
  }
  if (a.space() != nullptr) return a.space()->dict == b.space()->dict;
  if (a.macro() != nullptr) return a.macro()->node == b.macro()->node;
  return true;
}

}  // namespace foundry::tokenizer::jinja
