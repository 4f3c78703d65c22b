// Filters, tests, methods and functions, as Jinja and Python define them. Thread-safe (no state).
//
// Unimplemented names what is not known here; InvalidArgument is what Python raises TypeError or
// ValueError for, and raise_exception().
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/tokenizer/jinja/value.h"

namespace foundry::tokenizer::jinja {

// Templates come from anywhere: no text and no list that they make is longer.
inline constexpr size_t kLongestText = 64 << 20;
inline constexpr size_t kLongestList = 1 << 20;

// Evaluated arguments.
struct Given {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;

  // By position or by name; null: not given.
  const Value* Find(size_t position, absl::string_view name) const;
  // InvalidArgument when a text is missing there.
  absl::StatusOr<std::string> Text(size_t position, absl::string_view name) const;
  int64_t Int(size_t position, absl::string_view name, int64_t fallback) const;
  bool Flag(size_t position, absl::string_view name) const;
  // Without the first.
  Given Rest() const;
};

absl::StatusOr<Value> CallFilter(const std::string& name, const Value& input, const Given& given);
absl::StatusOr<bool> CallTest(const std::string& name, const Value& value, const Given& given);
absl::StatusOr<Value> CallMethod(const Value& object, const std::string& name, const Given& given);
// range, namespace, dict, raise_exception.
absl::StatusOr<Value> CallFunction(const std::string& name, const Given& given);

// What filters and expressions share.
absl::StatusOr<List> Iterate(const Value& value);
absl::StatusOr<bool> Contains(const Value& needle, const Value& all);
// Below 0, 0 or above.
absl::StatusOr<int> Order(const Value& a, const Value& b);
// value.name; undefined when there is none.
absl::StatusOr<Value> Attribute(const Value& value, absl::string_view name);
absl::StatusOr<Value> ItemOf(const Value& value, const Value& key);
absl::StatusOr<int64_t> Length(const Value& value);
absl::Status TooLong();
absl::Status CheckSize(size_t bytes);
// Unimplemented: there is no such filter, test or method here.
absl::Status NotKnown(absl::string_view kind, absl::string_view name);
// Code points of a text.
std::vector<absl::string_view> Characters(absl::string_view text);
// As str.strip() sees them.
bool IsBlank(char32_t c);
// Of one of `characters`, or of blanks when null, from one side or both.
std::string Strip(absl::string_view text, const std::string* characters, bool left, bool right);
// json.dumps(value, ensure_ascii=False, indent=indent); below 0: on one line.
absl::StatusOr<std::string> ToJson(const Value& value, int64_t indent);

}  // namespace foundry::tokenizer::jinja
