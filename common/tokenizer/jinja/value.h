// Values of templates, with Python's rules for truth, equality and text. Plain values; lists and
// mappings are shared and never changed once made, but for namespaces. Not thread-safe to change.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"

namespace foundry::tokenizer::jinja {

class Dict;
class Value;
struct Node;
class Scope;

using List = std::vector<Value>;

class Value {
 public:
  struct Undefined {
    std::string name;  // what was looked for
  };
  struct None {};
  struct Namespace {
    std::shared_ptr<Dict> dict;
  };
  struct Macro {
    const Node* node;
    Scope* scope;  // where it was defined
  };

  Value() = default;  // undefined
  Value(bool value) : data_(value) {}
  Value(int64_t value) : data_(value) {}
  Value(int value) : data_(int64_t{value}) {}
  Value(double value) : data_(value) {}
  Value(std::string text) : data_(std::make_shared<const std::string>(std::move(text))) {}
  Value(absl::string_view text) : Value(std::string(text)) {}
  Value(const char* text) : Value(std::string(text)) {}
  Value(List list);
  Value(Dict dict);
  Value(Namespace space) : data_(std::move(space)) {}
  Value(Macro macro) : data_(macro) {}
  static Value MakeNone() { return Value(Data(None())); }
  static Value MakeUndefined(absl::string_view name) {
    return Value(Data(Undefined{std::string(name)}));
  }

  bool is_undefined() const { return std::holds_alternative<Undefined>(data_); }
  bool is_none() const { return std::holds_alternative<None>(data_); }
  bool is_bool() const { return std::holds_alternative<bool>(data_); }
  bool is_int() const { return std::holds_alternative<int64_t>(data_); }
  bool is_float() const { return std::holds_alternative<double>(data_); }
  // As in Python, a bool is a number.
  bool is_number() const { return is_bool() || is_int() || is_float(); }
  bool is_text() const { return std::holds_alternative<TextPtr>(data_); }
  bool is_list() const { return std::holds_alternative<ListPtr>(data_); }
  bool is_dict() const { return std::holds_alternative<DictPtr>(data_); }

  // Of the kind that was asked for above.
  bool boolean() const { return std::get<bool>(data_); }
  int64_t integer() const { return is_bool() ? boolean() : std::get<int64_t>(data_); }
  double number() const;
  const std::string& text() const { return *std::get<TextPtr>(data_); }
  const List& list() const;
  const Dict& dict() const;
  const std::string& undefined_name() const { return std::get<Undefined>(data_).name; }
  const Namespace* space() const { return std::get_if<Namespace>(&data_); }
  const Macro* macro() const { return std::get_if<Macro>(&data_); }

  // How deep lists and mappings lie in it: 0 for a number, 1 for an empty list. Namespaces and
  // macros count as kHeld, since they must lie in nothing: they could come to hold themselves, or
  // outlive their scope.
  static constexpr int kHeld = 1000;
  int depth() const;
  // About how many bytes it takes to write it, each time that it lies in something: lists may share
  // what they hold.
  size_t weight() const;

  bool Truthy() const;
  // str(): what {{ }} writes.
  std::string ToText() const;
  // repr(): as in lists.
  std::string Repr() const;
  // "a list", for errors.
  const char* KindName() const;
  friend bool operator==(const Value& a, const Value& b);

 private:
  using TextPtr = std::shared_ptr<const std::string>;
  template <typename T>
  struct Nested;
  using ListPtr = std::shared_ptr<const Nested<List>>;
  using DictPtr = std::shared_ptr<const Nested<Dict>>;
  using Data = std::variant<Undefined, None, bool, int64_t, double, TextPtr, ListPtr, DictPtr,
                            Namespace, Macro>;
  explicit Value(Data data) : data_(std::move(data)) {}

  Data data_;
};

// Keys in the order of their insertion.
class Dict {
 public:
  Dict() = default;
  explicit Dict(std::vector<std::pair<std::string, Value>> items) : items_(std::move(items)) {}
  const Value* Find(absl::string_view key) const;
  void Set(absl::string_view key, Value value);
  const std::vector<std::pair<std::string, Value>>& items() const { return items_; }

 private:
  std::vector<std::pair<std::string, Value>> items_;
};

}  // namespace foundry::tokenizer::jinja
