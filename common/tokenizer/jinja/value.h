// Values of templates, of the kinds that Python has. Plain values; texts, sequences and mappings
// are shared and never changed once made, but for namespaces and generators. Each charges the
// rendering's budget when it is made, and for as long as it lives. Not thread-safe to change.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace foundry::tokenizer::jinja {

class Dict;
class Held;
class Loop;
class Scope;
class Value;
struct Node;

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
  // One that templates are given, or a method of `self`.
  struct Function {
    std::string name;
    std::shared_ptr<const Value> self;  // null: none
  };
  // What lists, tuples and what Python makes of ranges and mappings differ in: their text, what
  // they are equal to, and whether they have places.
  enum class Form { kList, kTuple, kRange, kKeys, kValues, kItems };
  struct Range {
    int64_t begin = 0, end = 0, step = 1;
  };
  // The next item; false at the end.
  using Next = std::function<absl::StatusOr<bool>(Value*)>;

  Value() = default;  // undefined
  Value(bool value) : data_(value) {}
  Value(int64_t value) : data_(value) {}
  Value(int value) : data_(int64_t{value}) {}
  Value(double value) : data_(value) {}
  // `markup`: what |safe and |escape make.
  Value(std::string text, bool markup = false);
  Value(absl::string_view text) : Value(std::string(text)) {}
  Value(const char* text) : Value(std::string(text)) {}
  Value(List list, Form form = Form::kList);
  Value(Dict dict);
  Value(Namespace space) : data_(std::move(space)) {}
  Value(Macro macro) : data_(macro) {}
  Value(Function function) : data_(std::move(function)) {}
  Value(Loop* loop) : data_(loop) {}
  static Value MakeNone() { return Value(Data(None())); }
  // Keeps the beginning of a long name.
  static Value MakeUndefined(absl::string_view name);
  // ResourceExhausted: longer than jinja2's sandbox allows. `step` is not 0.
  static absl::StatusOr<Value> MakeRange(Range range);
  // `depth`: of what `next` works on, as depth() says.
  static Value MakeGenerator(Next next, int depth);

  bool is_undefined() const { return std::holds_alternative<Undefined>(data_); }
  bool is_none() const { return std::holds_alternative<None>(data_); }
  bool is_bool() const { return std::holds_alternative<bool>(data_); }
  bool is_int() const { return std::holds_alternative<int64_t>(data_); }
  bool is_float() const { return std::holds_alternative<double>(data_); }
  // As in Python, a bool is a number.
  bool is_whole() const { return is_bool() || is_int(); }
  bool is_number() const { return is_whole() || is_float(); }
  bool is_text() const { return std::holds_alternative<TextPtr>(data_); }
  bool is_markup() const;
  bool is_list() const { return std::holds_alternative<ListPtr>(data_); }  // of any form
  bool is(Form form) const { return is_list() && this->form() == form; }
  // Has places that can be asked for: a list, a tuple or a range.
  bool is_indexed() const { return is_list() && form() <= Form::kRange; }
  bool is_dict() const { return std::holds_alternative<DictPtr>(data_); }
  bool is_generator() const { return std::holds_alternative<GeneratorPtr>(data_); }

  // Of the kind that was asked for above.
  bool boolean() const { return std::get<bool>(data_); }
  int64_t integer() const { return is_bool() ? boolean() : std::get<int64_t>(data_); }
  double number() const;
  const std::string& text() const;
  const List& list() const;
  Form form() const;
  const Range& range() const;
  const Dict& dict() const;
  const Next& generator() const;
  const std::string& undefined_name() const { return std::get<Undefined>(data_).name; }
  const Namespace* space() const { return std::get_if<Namespace>(&data_); }
  const Macro* macro() const { return std::get_if<Macro>(&data_); }
  const Function* function() const { return std::get_if<Function>(&data_); }
  Loop* loop() const { return is_loop() ? std::get<Loop*>(data_) : nullptr; }
  bool is_loop() const { return std::holds_alternative<Loop*>(data_); }

  // How deep values lie in it: 0 for a number, 1 for an empty list. Namespaces, macros and loops
  // count as kHeld, since they must lie in nothing: they could come to hold themselves, or outlive
  // their scope.
  static constexpr int kHeld = 1000;
  int depth() const;

  bool Truthy() const;
  // "a list", for errors.
  const char* KindName() const;
  bool SameKind(const Value& other) const { return data_.index() == other.data_.index(); }

 private:
  struct Text;
  template <typename T>
  struct Nested;
  struct Generator;
  using TextPtr = std::shared_ptr<const Text>;
  using ListPtr = std::shared_ptr<const Nested<List>>;
  using DictPtr = std::shared_ptr<const Nested<Dict>>;
  using GeneratorPtr = std::shared_ptr<const Generator>;
  using Data = std::variant<Undefined, None, bool, int64_t, double, TextPtr, ListPtr, DictPtr,
                            GeneratorPtr, Namespace, Macro, Function, Loop*>;
  explicit Value(Data data) : data_(std::move(data)) {}

  Data data_;
};

// Keys in the order of their insertion: texts, numbers and none (CheckKey). As in Python, 1, 1.0
// and true are the same key, and the first one stays.
class Dict {
 public:
  using Items = std::vector<std::pair<Value, Value>>;
  Dict() = default;
  explicit Dict(Items items) : items_(std::move(items)) {}
  const Value* Find(absl::string_view key) const;
  // Null also for what can be no key.
  const Value* FindKey(const Value& key) const;
  void Set(Value key, Value value);
  const Items& items() const { return items_; }

 private:
  Items items_;
};

// InvalidArgument: Python takes none such as a key; Unimplemented: it does.
absl::Status CheckKey(const Value& key);

}  // namespace foundry::tokenizer::jinja
