// Values as texts, as Python's str(), repr() and json.dumps() write them. Thread-safe (no state).
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/tokenizer/jinja/budget.h"
#include "common/tokenizer/jinja/value.h"

namespace foundry::tokenizer::jinja {

// str(): what {{ }} writes. Unimplemented: generators, functions and the like, whose text in Python
// is their address.
absl::Status AppendText(const Value& value, Output* out);
absl::StatusOr<std::string> TextOf(const Value& value);
// repr(): as in lists.
absl::Status AppendRepr(const Value& value, Output* out);

struct JsonStyle {
  bool ascii = false, sorted = false;
  std::optional<std::string> indent;  // none: all on one line
  std::string comma = ", ", colon = ": ";
};
// InvalidArgument: it has no JSON form.
absl::Status AppendJson(const Value& value, const JsonStyle& style, Output* out, int level = 0);

}  // namespace foundry::tokenizer::jinja
