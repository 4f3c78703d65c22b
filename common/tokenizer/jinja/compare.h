// Comparing and looking for, as Python does. Each comparison is charged to the rendering's budget,
// and so ends in ResourceExhausted at some time. Thread-safe (no state).
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/tokenizer/jinja/value.h"

namespace foundry::tokenizer::jinja {

// a == b. Unimplemented: keys or items of two mappings, which Python compares as sets.
absl::StatusOr<bool> Equal(const Value& a, const Value& b);
// Of two numbers, exactly; without a charge.
bool SameNumber(const Value& a, const Value& b);
// Below 0, 0 or above. InvalidArgument: values that have no order.
absl::StatusOr<int> Order(const Value& a, const Value& b);
// needle in all. Takes from a generator what it looks at.
absl::StatusOr<bool> Contains(const Value& needle, const Value& all);
// Where `part` begins in `text`, from `from` on, or npos; in linear time.
absl::StatusOr<size_t> Search(absl::string_view text, absl::string_view part, size_t from = 0);

}  // namespace foundry::tokenizer::jinja
