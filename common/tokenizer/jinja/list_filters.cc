// Filters of what can be gone through.
#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status.h"
#include "common/tokenizer/jinja/budget.h"
#include "common/tokenizer/jinja/builtins.h"
#include "common/tokenizer/jinja/compare.h"
#include "common/tokenizer/jinja/filters.h"
#include "common/tokenizer/jinja/iterate.h"
#include "common/tokenizer/unicode.h"

namespace foundry::tokenizer::jinja {
namespace {

using Form = Value::Form;
// What a generator does with each item: false to leave it out.
using Each = std::function<absl::StatusOr<bool>(Value*)>;

// As a generator function of Python: nothing happens, not even an error, before the first item is
// asked for. `truthy`: only what is true has items, as in map() and select().
Value Lazily(const Value& input, int depth, bool truthy, Each each) {
  struct State {
    Value input;
    std::optional<Iterator> items;
  };
  auto state = std::make_shared<State>(State{input, {}});
  Value::Next next = [state, truthy, each = std::move(each)](Value* item) -> absl::StatusOr<bool> {
    if (truthy && !state->input.Truthy()) return false;
    if (!state->items.has_value()) {
      FOUNDRY_ASSIGN_OR_RETURN(state->items, Iterator::Over(state->input));
    }
    for (;;) {
      FOUNDRY_ASSIGN_OR_RETURN(const bool more, state->items->Next(item));
      if (!more) return false;
      FOUNDRY_ASSIGN_OR_RETURN(const bool keep, each(item));
      if (keep) return true;
    }
  };
  return Value::MakeGenerator(std::move(next), std::max(depth, input.depth()));
}

// By an attribute, or by a filter with its arguments.
absl::StatusOr<Value> Map(const Value& value, const Bound& bound) {
  const Given& given = bound.given();
  if (!given.positional.empty()) {
    if (!given.positional[0].is_text()) return absl::InvalidArgumentError("map takes a filter");
    return Lazily(value, given.depth(), true,
                  [name = given.positional[0].text(),
                   rest = given.Without(1)](Value* item) -> absl::StatusOr<bool> {
                    FOUNDRY_ASSIGN_OR_RETURN(*item, CallFilter(name, *item, rest));
                    return true;
                  });
  }
  FOUNDRY_ASSIGN_OR_RETURN(const Bound by,
                           Bound::To("attribute [default]", given, "the filter \"map\""));
  const Value fallback = by.Has(1) ? by.At(1) : Value();
  return Lazily(value, given.depth(), true,
                [path = by.At(0), fallback](Value* item) -> absl::StatusOr<bool> {
                  FOUNDRY_ASSIGN_OR_RETURN(*item, ItemByPath(*item, path, fallback));
                  return true;
                });
}

// select and reject, by an attribute or not.
template <bool keep, bool by_attribute>
absl::StatusOr<Value> Select(const Value& value, const Bound& bound) {
  const Given& given = bound.given();
  if (by_attribute && given.positional.empty()) {
    return absl::InvalidArgumentError("the name of an attribute is missing");
  }
  const Value path = by_attribute ? given.positional[0] : Value::MakeNone();
  const Given test = given.Without(by_attribute ? 1 : 0);
  if (test.positional.empty() && !test.named.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("no argument goes by the name \"", test.named[0].first, "\""));
  }
  if (!test.positional.empty() && !test.positional[0].is_text()) {
    return absl::InvalidArgumentError("the name of a test is missing");
  }
  const std::string name = test.positional.empty() ? "" : test.positional[0].text();
  return Lazily(value, given.depth(), true,
                [path, name, rest = test.Without(1)](Value* item) -> absl::StatusOr<bool> {
                  FOUNDRY_ASSIGN_OR_RETURN(const Value asked, ItemByPath(*item, path));
                  if (name.empty()) return asked.Truthy() == keep;
                  FOUNDRY_ASSIGN_OR_RETURN(const bool passes, CallTest(name, asked, rest));
                  return passes == keep;
                });
}

// Texts without regard to case, unless told.
Value CaseKey(const Value& value, bool case_sensitive) {
  return value.is_text() && !case_sensitive ? Value(ToLower(value.text())) : value;
}

// Each item after what it is sorted by.
using Keyed = std::vector<std::pair<Value, Value>>;

absl::StatusOr<Value> Sorted(Keyed items, bool reverse) {
  absl::Status failed;
  const Held held(items.capacity() * sizeof(items[0]));
  std::stable_sort(items.begin(), items.end(), [&](const auto& a, const auto& b) {
    if (!failed.ok()) return false;
    const auto order = Order(a.first, b.first);
    failed.Update(order.status());
    return order.ok() && (reverse ? *order > 0 : *order < 0);
  });
  FOUNDRY_RETURN_IF_ERROR(failed);
  List sorted;
  for (auto& [key, item] : items) sorted.push_back(std::move(item));
  return Value(std::move(sorted));
}

absl::StatusOr<Value> Sort(const Value& value, const Bound& given) {
  std::vector<Value> paths = {given.Find(2) != nullptr ? given.At(2) : Value::MakeNone()};
  if (paths[0].is_text()) {
    const Value all = std::exchange(paths, {})[0];
    for (const absl::string_view path : absl::StrSplit(all.text(), ',')) {
      FOUNDRY_RETURN_IF_ERROR(Budget::Check());
      paths.emplace_back(path);
    }
  }
  FOUNDRY_ASSIGN_OR_RETURN(const List items, Collect(value));
  Keyed keyed;
  for (const Value& item : items) {
    List keys;
    for (const Value& path : paths) {
      FOUNDRY_ASSIGN_OR_RETURN(const Value found, ItemByPath(item, path));
      keys.push_back(CaseKey(found, given.Flag(1)));
    }
    FOUNDRY_RETURN_IF_ERROR(Budget::Check());
    keyed.emplace_back(Value(std::move(keys)), item);
  }
  return Sorted(std::move(keyed), given.Flag(0));
}

absl::StatusOr<Value> DictSort(const Value& value, const Bound& given) {
  if (!value.is_dict()) return absl::InvalidArgumentError("dictsort takes a mapping");
  const std::string by = given.Has(1) && given.At(1).is_text() ? given.At(1).text() : "";
  if (given.Find(1) != nullptr && by != "key" && by != "value") {
    return absl::InvalidArgumentError("dictsort goes by \"key\" or \"value\"");
  }
  Keyed keyed;
  for (const auto& [key, item] : value.dict().items()) {
    keyed.emplace_back(CaseKey(by == "value" ? item : key, given.Flag(0)),
                       Value(List{key, item}, Form::kTuple));
    FOUNDRY_RETURN_IF_ERROR(Budget::Check());
  }
  return Sorted(std::move(keyed), given.Flag(2));
}

// Those that can be keys of a Python set.
absl::Status CheckHashable(const Value& value) {
  if (!value.is(Form::kTuple)) {
    if (!value.is(Form::kList) && !value.is_dict()) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("unique does not take ", value.KindName()));
  }
  for (const Value& item : value.list()) FOUNDRY_RETURN_IF_ERROR(CheckHashable(item));
  return absl::OkStatus();
}

absl::StatusOr<Value> Unique(const Value& value, const Bound& given) {
  const Value path = given.Find(1) != nullptr ? given.At(1) : Value::MakeNone();
  const bool sensitive = given.Flag(0);
  auto seen = std::make_shared<List>();
  return Lazily(value, path.depth(), false, [=](Value* item) -> absl::StatusOr<bool> {
    FOUNDRY_ASSIGN_OR_RETURN(Value key, ItemByPath(*item, path));
    key = CaseKey(key, sensitive);
    FOUNDRY_RETURN_IF_ERROR(CheckHashable(key));
    for (const Value& other : *seen) {
      FOUNDRY_ASSIGN_OR_RETURN(const bool equal, Equal(key, other));
      if (equal) return false;
    }
    seen->push_back(std::move(key));
    return true;
  });
}

absl::StatusOr<Value> First(const Value& value, const Bound&) {
  FOUNDRY_ASSIGN_OR_RETURN(Iterator items, Iterator::Over(value));
  Value item;
  FOUNDRY_ASSIGN_OR_RETURN(const bool found, items.Next(&item));
  return found ? item : Value::MakeUndefined("first");
}

absl::StatusOr<Value> Last(const Value& value, const Bound&) {
  if (value.is_generator()) return absl::InvalidArgumentError("a generator has no last item");
  if (value.is_list() && !value.list().empty()) return value.list().back();
  FOUNDRY_ASSIGN_OR_RETURN(const List items, Collect(value));
  return items.empty() ? Value::MakeUndefined("last") : items.back();
}

absl::StatusOr<Value> Reverse(const Value& value, const Bound&) {
  FOUNDRY_ASSIGN_OR_RETURN(List items, Collect(value));
  std::reverse(items.begin(), items.end());
  if (value.is_text()) {
    Output out;
    for (const Value& item : items) FOUNDRY_RETURN_IF_ERROR(out.Append(item.text()));
    return Value(out.Take());
  }
  const Value reversed(std::move(items));
  if (value.is_generator()) return reversed;
  return Lazily(reversed, 0, false, [](Value*) -> absl::StatusOr<bool> { return true; });
}

absl::StatusOr<Value> Items(const Value& value, const Bound&) {
  if (!value.is_dict() && !value.is_undefined()) {
    return absl::InvalidArgumentError("items takes a mapping");
  }
  return Lazily(value, 1, false, [value](Value* item) -> absl::StatusOr<bool> {
    *item = Value(List{*item, *value.dict().FindKey(*item)}, Form::kTuple);
    return true;
  });
}

absl::StatusOr<Value> ToList(const Value& value, const Bound&) {
  FOUNDRY_ASSIGN_OR_RETURN(List items, Collect(value));
  return Value(std::move(items));
}

absl::StatusOr<Value> Count(const Value& value, const Bound&) {
  FOUNDRY_ASSIGN_OR_RETURN(const int64_t size, Length(value));
  return Value(size);
}

}  // namespace

FilterTable ListFilters() {
  return {
      {"map", {"*", Map}},
      {"select", {"*", Select<true, false>}},
      {"reject", {"*", Select<false, false>}},
      {"selectattr", {"*", Select<true, true>}},
      {"rejectattr", {"*", Select<false, true>}},
      {"sort", {"[reverse] [case_sensitive] [attribute]", Sort}},
      {"dictsort", {"[case_sensitive] [by] [reverse]", DictSort}},
      {"unique", {"[case_sensitive] [attribute]", Unique}},
      {"first", {"", First}},
      {"last", {"", Last}},
      {"reverse", {"", Reverse}},
      {"items", {"", Items}},
      {"list", {"", ToList}},
      {"length", {"", Count, true}},
      {"count", {"", Count, true}},
  };
}

}  // namespace foundry::tokenizer::jinja
