#include "common/tokenizer/jinja/value.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/tokenizer/jinja/budget.h"
#include "common/tokenizer/jinja/compare.h"

namespace foundry::tokenizer::jinja {
namespace {

constexpr size_t kOverhead = 64;          // of what is allocated by itself
constexpr size_t kLongestRange = 100000;  // MAX_RANGE of jinja2's sandbox

// What cannot be reported here is by whoever asks the budget next.
void SpendOn(size_t bytes) { (void)Budget::SpendOnCopy(bytes); }

}  // namespace

struct Value::Text {
  std::string text;
  bool markup;
  Held held;
};

template <typename T>
struct Value::Nested {
  T items;
  int depth;
  Held held;
  Form form = Form::kList;
  Range range;
};

struct Value::Generator {
  Next next;
  int depth;
  Held held{4 * kOverhead};
};

Value::Value(std::string text, bool markup) {
  const size_t bytes = text.capacity() + kOverhead;
  SpendOn(bytes);
  data_ = std::make_shared<const Text>(Text{std::move(text), markup, Held(bytes)});
}

Value::Value(List list, Form form) {
  const size_t bytes = list.capacity() * sizeof(Value) + kOverhead;
  SpendOn(bytes);
  int depth = 1;
  for (const Value& item : list) depth = std::max(depth, item.depth() + 1);
  data_ = std::make_shared<const Nested<List>>(
      Nested<List>{std::move(list), depth, Held(bytes), form, {}});
}

Value::Value(Dict dict) {
  size_t bytes = dict.items().capacity() * sizeof(Dict::Items::value_type) + kOverhead;
  int depth = 1;
  for (const auto& [key, item] : dict.items()) {
    depth = std::max(depth, item.depth() + 1);
  }
  SpendOn(bytes);
  data_ = std::make_shared<const Nested<Dict>>(
      Nested<Dict>{std::move(dict), depth, Held(bytes), Form::kList, {}});
}

Value Value::MakeUndefined(absl::string_view name) {
  return Value(Data(Undefined{std::string(name.substr(0, 100))}));
}

absl::StatusOr<Value> Value::MakeRange(Range range) {
  List list;
  for (__int128 i = range.begin; range.step > 0 ? i < range.end : i > range.end; i += range.step) {
    if (list.size() == kLongestRange) return absl::ResourceExhaustedError("too long a range");
    list.push_back(static_cast<int64_t>(i));
  }
  const size_t bytes = list.capacity() * sizeof(Value) + kOverhead;
  FOUNDRY_RETURN_IF_ERROR(Budget::SpendOnCopy(bytes));
  return Value(Data(std::make_shared<const Nested<List>>(
      Nested<List>{std::move(list), 1, Held(bytes), Form::kRange, range})));
}

Value Value::MakeGenerator(Next next, int depth) {
  return Value(Data(std::make_shared<const Generator>(Generator{std::move(next), depth + 1})));
}

bool Value::is_markup() const { return is_text() && std::get<TextPtr>(data_)->markup; }
const std::string& Value::text() const { return std::get<TextPtr>(data_)->text; }
const List& Value::list() const { return std::get<ListPtr>(data_)->items; }
Value::Form Value::form() const { return std::get<ListPtr>(data_)->form; }
const Value::Range& Value::range() const { return std::get<ListPtr>(data_)->range; }
const Dict& Value::dict() const { return std::get<DictPtr>(data_)->items; }
const Value::Next& Value::generator() const { return std::get<GeneratorPtr>(data_)->next; }

double Value::number() const {
  return is_float() ? std::get<double>(data_) : static_cast<double>(integer());
}

int Value::depth() const {
  if (is_list()) return std::get<ListPtr>(data_)->depth;
  if (is_dict()) return std::get<DictPtr>(data_)->depth;
  if (is_generator()) return std::get<GeneratorPtr>(data_)->depth;
  if (function() != nullptr) return function()->self == nullptr ? 0 : function()->self->depth() + 1;
  return space() != nullptr || macro() != nullptr || is_loop() ? kHeld : 0;
}

bool Value::Truthy() const {
  if (is_undefined() || is_none()) return false;
  if (is_number()) return number() != 0;
  if (is_text()) return !text().empty();
  if (is_list()) return !list().empty();
  if (is_dict()) return !dict().items().empty();
  return true;  // generators, too, even if nothing is left in them
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
                                    "a generator",
                                    "a namespace",
                                    "a macro",
                                    "a function",
                                    "a loop"};
  constexpr const char* kForms[] = {
      "a list",           "a tuple", "a range", "a mapping's keys", "a mapping's values",
      "a mapping's items"};
  return is_list() ? kForms[static_cast<int>(form())] : kNames[data_.index()];
}

const Value* Dict::Find(absl::string_view key) const {
  (void)Budget::Spend(items_.size() / 64);
  for (const auto& [name, value] : items_) {
    if (!name.is_text() || name.text().size() != key.size()) continue;
    (void)Budget::Spend(key.size() / 1024);
    if (name.text() == key) return &value;
  }
  return nullptr;
}

const Value* Dict::FindKey(const Value& key) const {
  if (key.is_text()) return Find(key.text());
  (void)Budget::Spend(items_.size() / 64);
  for (const auto& [name, value] : items_) {
    const bool same = key.is_number() ? name.is_number() && SameNumber(key, name)
                                      : key.is_none() && name.is_none();
    if (same) return &value;
  }
  return nullptr;
}

void Dict::Set(Value key, Value value) {
  if (const Value* const old = FindKey(key)) {
    *const_cast<Value*>(old) = std::move(value);
  } else {
    items_.emplace_back(std::move(key), std::move(value));
  }
}

absl::Status CheckKey(const Value& key) {
  if (key.is_text() || key.is_number() || key.is_none()) return absl::OkStatus();
  if (key.is(Value::Form::kList) || key.is_dict()) {
    return absl::InvalidArgumentError(absl::StrCat(key.KindName(), " is no key"));
  }
  return absl::UnimplementedError(
      absl::StrCat("keys that are no texts, numbers or none are not known here: ", key.KindName()));
}

}  // namespace foundry::tokenizer::jinja
