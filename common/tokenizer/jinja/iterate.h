// Going through what values hold. Not thread-safe.
#pragma once

#include <cstddef>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/tokenizer/jinja/value.h"

namespace foundry::tokenizer::jinja {

// Once through a value, as Python's iter() and next(): what it takes from a generator is gone.
class Iterator {
 public:
  // InvalidArgument: there is nothing in such a value.
  static absl::StatusOr<Iterator> Over(const Value& value);
  // False at the end.
  absl::StatusOr<bool> Next(Value* item);
  // How many there are in all, where that is known without going through them.
  std::optional<int64_t> size() const { return size_; }

 private:
  Value value_;
  size_t at_ = 0;
  std::optional<int64_t> size_;
};

// All that is left. ResourceExhausted: more than kLongestList.
absl::StatusOr<List> Collect(const Value& value);
// As len().
absl::StatusOr<int64_t> Length(const Value& value);
int64_t CountCharacters(absl::string_view text);

}  // namespace foundry::tokenizer::jinja
