// Filters, tests, methods and functions, as Jinja and Python define them. Thread-safe (no state).
//
// Unimplemented names what is not known here; InvalidArgument is what Python raises TypeError or
// ValueError for, and raise_exception(). What is given must fit the signature that each has in its
// table: nothing is passed over.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/tokenizer/jinja/arguments.h"
#include "common/tokenizer/jinja/value.h"

namespace foundry::tokenizer::jinja {

// Values that lie deeper in each other are refused: they are walked recursively.
inline constexpr int kDeepestValue = 100;

absl::StatusOr<Value> CallFilter(const std::string& name, const Value& input, const Given& given);
absl::StatusOr<bool> CallTest(const std::string& name, const Value& value, const Given& given);
absl::StatusOr<Value> CallMethod(const Value& object, const std::string& name, const Given& given);
absl::StatusOr<Value> CallFunction(const std::string& name, const Given& given);
// strftime_now(format), of 26 July 2024 whatever day it is. Unimplemented: names the directive.
absl::StatusOr<Value> StrftimeNow(const Given& given);
// Of what is to lie in a namespace.
absl::Status CheckField(absl::string_view name, const Value& value);
// Names of the functions that every template is given.
const std::vector<std::string>& FunctionNames();

// What filters and expressions share.

// value.name, for which a method comes before a key; undefined when there is neither.
absl::StatusOr<Value> Attribute(const Value& value, absl::string_view name);
// value[key], for which a key comes before a method.
absl::StatusOr<Value> ItemOf(const Value& value, const Value& key);
// ItemOf by each part of "a.0.b", or by a number; `value` itself by none. `fallback`, if it is
// defined, stands for each that is not.
absl::StatusOr<Value> ItemByPath(Value value, const Value& path, const Value& fallback = {});
absl::Status UndefinedError(const Value& value);
// Unimplemented: there is no such filter, test or method here.
absl::Status NotKnown(absl::string_view kind, absl::string_view name);
// As str.isspace().
bool IsBlank(char32_t c);
// Of one of `characters`, or of blanks when null, from one side or both.
std::string Strip(absl::string_view text, const std::string* characters, bool left, bool right);

}  // namespace foundry::tokenizer::jinja
