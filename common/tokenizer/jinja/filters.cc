// What follows a bar, as Jinja's own filters (its filters.py) and Hugging Face's tojson.
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/base/status.h"
#include "common/tokenizer/jinja/builtins.h"
#include "common/tokenizer/unicode.h"

namespace foundry::tokenizer::jinja {
namespace {

using Filter = std::function<absl::StatusOr<Value>(const Value&, const Given&)>;

absl::StatusOr<Value> Path(Value value, const std::string& path) {
  for (const absl::string_view name : absl::StrSplit(path, '.')) {
    FOUNDRY_ASSIGN_OR_RETURN(value, Attribute(value, name));
  }
  return value;
}

absl::StatusOr<Value> Default(const Value& value, const Given& given) {
  const bool missing = value.is_undefined() || (given.Flag(1, "boolean") && !value.Truthy());
  const Value* const fallback = given.Find(0, "default_value");
  if (!missing) return value;
  return fallback != nullptr ? *fallback : Value("");
}

absl::StatusOr<Value> Join(const Value& value, const Given& given) {
  FOUNDRY_ASSIGN_OR_RETURN(const List items, Iterate(value));
  const Value* const separator = given.Find(0, "d");
  const Value* const attribute = given.Find(1, "attribute");
  std::string out;
  for (size_t i = 0; i < items.size(); ++i) {
    Value item = items[i];
    if (attribute != nullptr) {
      FOUNDRY_ASSIGN_OR_RETURN(item, Path(item, attribute->ToText()));
    }
    absl::StrAppend(&out, i == 0 || separator == nullptr ? "" : separator->ToText(), item.ToText());
    FOUNDRY_RETURN_IF_ERROR(CheckSize(out.size()));
  }
  return Value(std::move(out));
}

absl::StatusOr<Value> Indent(const Value& value, const Given& given) {
  const Value* const width = given.Find(0, "width");
  const std::string indent =
      width != nullptr && width->is_text()
          ? width->text()
          : std::string(std::clamp<int64_t>(given.Int(0, "width", 4), 0, 100), ' ');
  const bool first = given.Flag(1, "first"), blank = given.Flag(2, "blank");
  std::string out;
  bool begun = false;
  for (const absl::string_view line : absl::StrSplit(value.ToText(), '\n')) {
    const bool indented = begun ? blank || !line.empty() : first;
    absl::StrAppend(&out, begun ? "\n" : "", indented ? indent : "", line);
    FOUNDRY_RETURN_IF_ERROR(CheckSize(out.size()));
    begun = true;
  }
  return Value(std::move(out));
}

// By an attribute, or by a filter with its arguments.
absl::StatusOr<Value> Map(const Value& value, const Given& given) {
  if (!value.Truthy()) return Value(List());  // none, too
  FOUNDRY_ASSIGN_OR_RETURN(List items, Iterate(value));
  const Value* const attribute = given.Find(given.positional.size(), "attribute");
  const Value* const fallback = given.Find(given.positional.size(), "default");
  std::string filter;
  if (attribute == nullptr) {
    FOUNDRY_ASSIGN_OR_RETURN(filter, given.Text(0, "filter"));
  }
  for (Value& item : items) {
    if (attribute == nullptr) {
      FOUNDRY_ASSIGN_OR_RETURN(item, CallFilter(filter, item, given.Rest()));
      continue;
    }
    FOUNDRY_ASSIGN_OR_RETURN(item, Path(item, attribute->ToText()));
    if (item.is_undefined() && fallback != nullptr) item = *fallback;
  }
  return Value(std::move(items));
}

// select, reject, and by attribute.
Filter Select(bool keep, bool by_attribute) {
  return [=](const Value& value, const Given& all) -> absl::StatusOr<Value> {
    if (!value.Truthy()) return Value(List());  // none, too
    FOUNDRY_ASSIGN_OR_RETURN(const List items, Iterate(value));
    std::string attribute;
    Given given = all;
    if (by_attribute) {
      FOUNDRY_ASSIGN_OR_RETURN(attribute, given.Text(0, "attribute"));
      given = given.Rest();
    }
    List kept;
    for (const Value& item : items) {
      Value asked = item;
      if (by_attribute) {
        FOUNDRY_ASSIGN_OR_RETURN(asked, Path(item, attribute));
      }
      bool passes = asked.Truthy();
      if (!given.positional.empty()) {
        FOUNDRY_ASSIGN_OR_RETURN(passes,
                                 CallTest(given.positional[0].ToText(), asked, given.Rest()));
      }
      if (passes == keep) kept.push_back(item);
    }
    return Value(std::move(kept));
  };
}

absl::StatusOr<Value> Sorted(List items, bool reverse, std::function<Value(const Value&)> key) {
  absl::Status failed;
  std::stable_sort(items.begin(), items.end(), [&](const Value& a, const Value& b) {
    const auto order = Order(key(a), key(b));
    failed.Update(order.status());
    return order.ok() && (reverse ? *order > 0 : *order < 0);
  });
  FOUNDRY_RETURN_IF_ERROR(failed);
  return Value(std::move(items));
}

// Texts without regard to case, unless told.
std::function<Value(const Value&)> SortKey(bool case_sensitive) {
  return [=](const Value& value) {
    return value.is_text() && !case_sensitive ? Value(ToLower(value.text())) : value;
  };
}

absl::StatusOr<Value> Sort(const Value& value, const Given& given) {
  FOUNDRY_ASSIGN_OR_RETURN(List items, Iterate(value));
  const auto key = SortKey(given.Flag(1, "case_sensitive"));
  const Value* const attribute = given.Find(2, "attribute");
  if (attribute == nullptr) return Sorted(std::move(items), given.Flag(0, "reverse"), key);
  const std::string path = attribute->ToText();
  return Sorted(std::move(items), given.Flag(0, "reverse"), [key, path](const Value& item) {
    const auto found = Path(item, path);
    return found.ok() ? key(*found) : Value();
  });
}

absl::StatusOr<Value> DictSort(const Value& value, const Given& given) {
  if (!value.is_dict()) return absl::InvalidArgumentError("dictsort takes a mapping");
  FOUNDRY_ASSIGN_OR_RETURN(const Value items, CallMethod(value, "items", {}));
  const Value* const by = given.Find(1, "by");
  const size_t part = by != nullptr && by->ToText() == "value" ? 1 : 0;
  const auto key = SortKey(given.Flag(0, "case_sensitive"));
  return Sorted(items.list(), given.Flag(2, "reverse"),
                [key, part](const Value& item) { return key(item.list()[part]); });
}

absl::StatusOr<Value> Unique(const Value& value, const Given& given) {
  FOUNDRY_ASSIGN_OR_RETURN(const List items, Iterate(value));
  const auto key = SortKey(given.Flag(0, "case_sensitive"));
  List kept, keys;
  for (const Value& item : items) {
    Value own = key(item);
    if (std::find(keys.begin(), keys.end(), own) != keys.end()) continue;
    if (keys.size() > 10000) return absl::ResourceExhaustedError("too many items for unique");
    keys.push_back(std::move(own));
    kept.push_back(item);
  }
  return Value(std::move(kept));
}

absl::StatusOr<Value> Integer(const Value& value, const Given& given) {
  if (value.is_int() || value.is_bool()) return Value(value.integer());
  double real = 0;
  int64_t whole = 0;
  if (value.is_text() && absl::SimpleAtoi(value.text(), &whole)) return Value(whole);
  const bool known = value.is_float() || (value.is_text() && absl::SimpleAtod(value.text(), &real));
  if (value.is_float()) real = value.number();
  if (known && std::abs(real) < 9e18) return Value(static_cast<int64_t>(real));
  return Value(given.Int(0, "default", 0));
}

absl::StatusOr<Value> Real(const Value& value, const Given& given) {
  double real = 0;
  if (value.is_number()) return Value(value.number());
  if (value.is_text() && absl::SimpleAtod(value.text(), &real)) return Value(real);
  const Value* const fallback = given.Find(0, "default");
  return fallback != nullptr ? *fallback : Value(0.0);
}

// Each word's first letter, or only the text's, in upper case and the others in lower case.
Value Capitalized(const Value& value, bool words) {
  std::string out;
  bool first = true;
  const std::string text = value.ToText();
  for (const absl::string_view one : Characters(text)) {
    out += first ? ToUpper(one) : ToLower(one);
    first = words && (one == " " || one == "-" || one == "(" || one == "[" || one == "{" ||
                      one == "<" || Strip(one, nullptr, true, false).empty());
  }
  return Value(std::move(out));
}

absl::StatusOr<Value> EndItem(const Value& value, bool last) {
  FOUNDRY_ASSIGN_OR_RETURN(const List items, Iterate(value));
  if (items.empty()) return Value::MakeUndefined(last ? "last" : "first");
  return last ? items.back() : items.front();
}

absl::StatusOr<Value> Reverse(const Value& value, const Given&) {
  FOUNDRY_ASSIGN_OR_RETURN(List items, Iterate(value));
  std::reverse(items.begin(), items.end());
  if (!value.is_text()) return Value(std::move(items));
  return Join(Value(std::move(items)), {});
}

absl::StatusOr<Value> Items(const Value& value, const Given&) {
  if (value.is_undefined()) return Value(List());
  if (!value.is_dict()) return absl::InvalidArgumentError("items takes a mapping");
  return CallMethod(value, "items", {});
}

const std::map<std::string, Filter>& Filters() {
  static const auto* const filters = [] {
    const Filter length = [](const Value& v, const Given&) -> absl::StatusOr<Value> {
      FOUNDRY_ASSIGN_OR_RETURN(const int64_t size, Length(v));
      return Value(size);
    };
    const Filter escape = [](const Value& v, const Given&) -> absl::StatusOr<Value> {
      return Value(absl::StrReplaceAll(
          v.ToText(),
          {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"'", "&#39;"}, {"\"", "&#34;"}}));
    };
    return new std::map<std::string, Filter>{
        {"default", Default},
        {"d", Default},
        {"join", Join},
        {"indent", Indent},
        {"map", Map},
        {"select", Select(true, false)},
        {"reject", Select(false, false)},
        {"selectattr", Select(true, true)},
        {"rejectattr", Select(false, true)},
        {"sort", Sort},
        {"dictsort", DictSort},
        {"unique", Unique},
        {"int", Integer},
        {"float", Real},
        {"reverse", Reverse},
        {"items", Items},
        {"length", length},
        {"count", length},
        {"escape", escape},
        {"e", escape},
        {"safe", [](const Value& v, const Given&) { return v; }},
        {"string", [](const Value& v, const Given&) { return Value(v.ToText()); }},
        {"upper", [](const Value& v, const Given&) { return Value(ToUpper(v.ToText())); }},
        {"lower", [](const Value& v, const Given&) { return Value(ToLower(v.ToText())); }},
        {"capitalize", [](const Value& v, const Given&) { return Capitalized(v, false); }},
        {"title", [](const Value& v, const Given&) { return Capitalized(v, true); }},
        {"first", [](const Value& v, const Given&) { return EndItem(v, false); }},
        {"last", [](const Value& v, const Given&) { return EndItem(v, true); }},
        {"trim",
         [](const Value& v, const Given& g) { return CallMethod(Value(v.ToText()), "strip", g); }},
        {"replace", [](const Value& v,
                       const Given& g) { return CallMethod(Value(v.ToText()), "replace", g); }},
        {"list",
         [](const Value& v, const Given&) -> absl::StatusOr<Value> {
           FOUNDRY_ASSIGN_OR_RETURN(List items, Iterate(v));
           return Value(std::move(items));
         }},
        {"tojson",
         [](const Value& v, const Given& g) -> absl::StatusOr<Value> {
           // Hugging Face: tojson(x, ensure_ascii=False, indent=None, …).
           FOUNDRY_ASSIGN_OR_RETURN(std::string json, ToJson(v, g.Int(1, "indent", -1)));
           return Value(std::move(json));
         }},
        {"abs",
         [](const Value& v, const Given&) -> absl::StatusOr<Value> {
           if (!v.is_number()) return absl::InvalidArgumentError("abs takes a number");
           if (v.is_float()) return Value(std::abs(v.number()));
           return Value(v.integer() < 0 ? -std::max(v.integer(), -INT64_MAX) : v.integer());
         }},
    };
  }();
  return *filters;
}

}  // namespace

absl::StatusOr<Value> CallFilter(const std::string& name, const Value& input, const Given& given) {
  const auto filter = Filters().find(name);
  if (filter == Filters().end()) {
    return NotKnown("filter", name);
  }
  return filter->second(input, given);
}

}  // namespace foundry::tokenizer::jinja
