// + - * / // % ** ~ as Python and Jinja define them. Thread-safe (no state).
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/tokenizer/jinja/value.h"

namespace foundry::tokenizer::jinja {

// InvalidArgument: not for these values, or not a number. Unimplemented: beyond 64 bits.
absl::StatusOr<Value> Calculate(const std::string& op, const Value& a, const Value& b);
absl::StatusOr<Value> Negative(const Value& value);

// value[begin:end:step] of a list, a tuple or a text; null: not given.
absl::StatusOr<Value> Slice(const Value& value, const Value* begin, const Value* end,
                            const Value* step);

}  // namespace foundry::tokenizer::jinja
