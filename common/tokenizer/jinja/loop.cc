#include "common/tokenizer/jinja/loop.h"

#include <utility>

#include "common/base/status.h"
#include "common/tokenizer/jinja/budget.h"
#include "common/tokenizer/jinja/builtins.h"
#include "common/tokenizer/jinja/compare.h"

namespace foundry::tokenizer::jinja {

absl::StatusOr<bool> Loop::Pull(Value* item) {
  for (;;) {
    FOUNDRY_ASSIGN_OR_RETURN(const bool more, items_.Next(item));
    if (!more || condition_ == nullptr) return more;
    FOUNDRY_ASSIGN_OR_RETURN(const bool keep, condition_(*item));
    if (keep) return true;
  }
}

absl::StatusOr<bool> Loop::Next(Value* item) {
  FOUNDRY_ASSIGN_OR_RETURN(const bool more, Peek());
  if (!more) return false;
  before_ = std::move(current_);
  current_ = *std::exchange(after_, std::nullopt);
  ++index0_;
  *item = *current_;
  return true;
}

absl::StatusOr<bool> Loop::Peek() {
  if (after_.has_value()) return true;
  Value next;
  FOUNDRY_ASSIGN_OR_RETURN(const bool more, Pull(&next));
  if (more) after_ = std::move(next);
  return more;
}

absl::StatusOr<int64_t> Loop::Size() {
  if (!size_.has_value() && condition_ == nullptr) size_ = items_.size();
  if (size_.has_value()) return *size_;
  List rest;
  for (Value item;;) {
    FOUNDRY_ASSIGN_OR_RETURN(const bool more, Pull(&item));
    if (!more) break;
    if (rest.size() == kLongestList) return TooLong();
    rest.push_back(std::move(item));
  }
  size_ = static_cast<int64_t>(rest.size()) + index0_ + 1 + (after_.has_value() ? 1 : 0);
  condition_ = nullptr;
  FOUNDRY_ASSIGN_OR_RETURN(items_, Iterator::Over(Value(std::move(rest))));
  return *size_;
}

absl::StatusOr<Value> Loop::Attribute(absl::string_view name) {
  if (name == "index") return Value(index0_ + 1);
  if (name == "index0") return Value(index0_);
  if (name == "first") return Value(index0_ == 0);
  if (name == "depth") return Value(1);  // of recursive loops, which are not known here
  if (name == "depth0") return Value(0);
  if (name == "previtem") return before_.has_value() ? *before_ : Value::MakeUndefined(name);
  if (name == "last" || name == "nextitem") {
    FOUNDRY_ASSIGN_OR_RETURN(const bool more, Peek());
    if (name == "last") return Value(!more);
    return more ? *after_ : Value::MakeUndefined(name);
  }
  if (name == "length" || name == "revindex" || name == "revindex0") {
    FOUNDRY_ASSIGN_OR_RETURN(const int64_t size, Size());
    return Value(name == "length" ? size : size - index0_ - (name == "revindex" ? 0 : 1));
  }
  if (name == "cycle" || name == "changed") {
    return Value(Value::Function{std::string(name), std::make_shared<const Value>(this)});
  }
  return Value::MakeUndefined(name);
}

absl::StatusOr<Value> Loop::Call(const std::string& method, const Given& given) {
  if (!given.named.empty()) {
    return absl::InvalidArgumentError("the loop's methods take no argument by its name");
  }
  const List& values = given.positional;
  if (method == "cycle") {
    if (values.empty()) return absl::InvalidArgumentError("no items for cycling given");
    return values[index0_ % values.size()];
  }
  Value now(values, Value::Form::kTuple);
  if (now.depth() > kDeepestValue) return absl::UnimplementedError("values nested too deep");
  bool same = false;
  if (changed_.has_value()) {
    FOUNDRY_ASSIGN_OR_RETURN(same, Equal(*changed_, now));
  }
  changed_ = std::move(now);
  return Value(!same);
}

}  // namespace foundry::tokenizer::jinja
