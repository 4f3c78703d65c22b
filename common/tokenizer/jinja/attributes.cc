// What stands after a dot or in brackets, as Jinja's environment.getattr and getitem find it in
// Hugging Face's sandbox.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status.h"
#include "common/tokenizer/jinja/budget.h"
#include "common/tokenizer/jinja/builtins.h"
#include "common/tokenizer/jinja/iterate.h"
#include "common/tokenizer/jinja/loop.h"
#include "common/tokenizer/unicode.h"

namespace foundry::tokenizer::jinja {
namespace {

using Form = Value::Form;
using Names = std::vector<absl::string_view>;

// All that Python has and the sandbox allows: they are defined, even where calling them is not
// known here.
Names MethodsOf(const Value& value) {
  if (value.is_text()) {
    return {
        "capitalize",   "casefold",    "center",    "count",      "encode",       "endswith",
        "expandtabs",   "find",        "format",    "format_map", "index",        "isalnum",
        "isalpha",      "isascii",     "isdecimal", "isdigit",    "isidentifier", "islower",
        "isnumeric",    "isprintable", "isspace",   "istitle",    "isupper",      "join",
        "ljust",        "lower",       "lstrip",    "maketrans",  "partition",    "removeprefix",
        "removesuffix", "replace",     "rfind",     "rindex",     "rjust",        "rpartition",
        "rsplit",       "rstrip",      "split",     "splitlines", "startswith",   "strip",
        "swapcase",     "title",       "translate", "upper",      "zfill"};
  }
  if (value.is_dict()) return {"copy", "fromkeys", "get", "items", "keys", "values"};
  if (value.is(Form::kList)) return {"copy", "count", "index"};
  if (value.is_indexed()) return {"count", "index"};
  if (value.is_list()) return {"isdisjoint", "mapping"};
  if (value.is_whole()) {
    return {"as_integer_ratio", "bit_count", "bit_length", "conjugate", "from_bytes", "to_bytes"};
  }
  if (value.is_float()) return {"as_integer_ratio", "conjugate", "fromhex", "hex", "is_integer"};
  if (value.is_generator()) return {"close", "send", "throw"};
  return {};
}

// Those that are no methods.
Names FieldsOf(const Value& value) {
  if (value.is_number()) return {"real", "imag", "numerator", "denominator"};
  if (value.is(Form::kRange)) return {"start", "step", "stop"};
  if (value.macro() != nullptr) {
    return {"arguments", "caller", "catch_kwargs", "catch_varargs", "explicit_caller", "name"};
  }
  if (value.function() != nullptr) return {"fromkeys"};
  return {};
}

// What would change a mapping, hidden by the sandbox together with the key of that name.
bool Hides(const Value& value, absl::string_view name) {
  return value.is_dict() && (name == "clear" || name == "pop" || name == "popitem" ||
                             name == "setdefault" || name == "update");
}

bool Has(const Names& names, absl::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

const Value* Key(const Value& value, absl::string_view name) {
  if (value.is_dict()) return value.dict().Find(name);
  return value.space() != nullptr ? value.space()->dict->Find(name) : nullptr;
}

absl::StatusOr<Value> Own(const Value& value, absl::string_view name) {
  if (Has(MethodsOf(value), name)) {
    return Value(Value::Function{std::string(name), std::make_shared<const Value>(value)});
  }
  if (!Has(FieldsOf(value), name)) return Value::MakeUndefined(name);
  return absl::UnimplementedError(
      absl::StrCat("\"", name, "\" of ", value.KindName(), " is not known here"));
}

}  // namespace

absl::Status UndefinedError(const Value& value) {
  return absl::InvalidArgumentError(absl::StrCat("\"", value.undefined_name(), "\" is undefined"));
}

absl::StatusOr<Value> Attribute(const Value& value, absl::string_view name) {
  if (value.is_undefined()) return UndefinedError(value);
  if (value.is_loop()) return value.loop()->Attribute(name);
  FOUNDRY_ASSIGN_OR_RETURN(Value own, Own(value, name));
  if (!own.is_undefined() || Hides(value, name)) return own;
  const Value* const found = Key(value, name);
  return found != nullptr ? *found : own;
}

absl::StatusOr<Value> ItemOf(const Value& value, const Value& key) {
  if (value.is_undefined()) return UndefinedError(value);
  if (key.is_text() && value.is_loop()) return value.loop()->Attribute(key.text());
  if (key.is_text()) {
    const Value* const found = Key(value, key.text());
    return found != nullptr ? *found : Own(value, key.text());
  }
  if (value.is_dict()) {
    if (const Value* const found = value.dict().FindKey(key)) return *found;
  }
  const std::string name = key.is_whole() ? absl::StrCat(key.integer()) : key.KindName();
  if (!key.is_whole() || !(value.is_indexed() || value.is_text())) {
    return Value::MakeUndefined(name);
  }
  FOUNDRY_ASSIGN_OR_RETURN(const int64_t size, Length(value));
  const int64_t index = key.integer() < 0 ? key.integer() + size : key.integer();
  if (index < 0 || index >= size) return Value::MakeUndefined(name);
  if (value.is_markup()) {
    return absl::UnimplementedError("parts of what |safe or |escape made are not known here");
  }
  if (value.is_list()) return value.list()[index];
  FOUNDRY_RETURN_IF_ERROR(Budget::SpendOnText(index));
  size_t begin = 0, end = 0;
  for (int64_t i = 0; i <= index; ++i) {
    begin = end;
    NextCodePoint(value.text(), &end);
  }
  return Value(value.text().substr(begin, end - begin));
}

absl::StatusOr<Value> ItemByPath(Value value, const Value& path, const Value& fallback) {
  if (path.is_none()) return value;
  if (!path.is_text()) {
    FOUNDRY_ASSIGN_OR_RETURN(value, ItemOf(value, path));
    return value.is_undefined() && !fallback.is_undefined() ? fallback : value;
  }
  for (const absl::string_view part : absl::StrSplit(path.text(), '.')) {
    FOUNDRY_RETURN_IF_ERROR(Budget::SpendOnText(part.size()));
    int64_t number = 0;
    const bool digits = !part.empty() && std::all_of(part.begin(), part.end(), absl::ascii_isdigit);
    if (digits && !absl::SimpleAtoi(part, &number)) {
      return absl::InvalidArgumentError("too large a number in the name of an attribute");
    }
    FOUNDRY_ASSIGN_OR_RETURN(value, ItemOf(value, digits ? Value(number) : Value(part)));
    if (value.is_undefined() && !fallback.is_undefined()) value = fallback;
  }
  return value;
}

}  // namespace foundry::tokenizer::jinja
