// What `loop` is in the body of a for (jinja2's LoopContext). Not thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/tokenizer/jinja/arguments.h"
#include "common/tokenizer/jinja/iterate.h"
#include "common/tokenizer/jinja/value.h"

namespace foundry::tokenizer::jinja {

// An item is asked for, and the loop's condition evaluated, no earlier than the body needs it:
// `last` and `nextitem` look one ahead, `length` of what has none to the end.
class Loop {
 public:
  using Condition = std::function<absl::StatusOr<bool>(const Value& item)>;
  // `condition` may be null.
  Loop(Iterator items, Condition condition)
      : items_(std::move(items)), condition_(std::move(condition)) {}
  Loop(const Loop&) = delete;

  // Goes on to the next item; false at the end.
  absl::StatusOr<bool> Next(Value* item);
  // Undefined when there is none of this name.
  absl::StatusOr<Value> Attribute(absl::string_view name);
  // cycle() and changed().
  absl::StatusOr<Value> Call(const std::string& method, const Given& given);

 private:
  absl::StatusOr<bool> Pull(Value* item);
  // Whether there is a next item, which is then after_.
  absl::StatusOr<bool> Peek();
  absl::StatusOr<int64_t> Size();

  Iterator items_;
  Condition condition_;
  int64_t index0_ = -1;
  std::optional<Value> before_, current_, after_, changed_;
  std::optional<int64_t> size_;
};

}  // namespace foundry::tokenizer::jinja
