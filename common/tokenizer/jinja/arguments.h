// Arguments of filters, tests, methods, functions and macros. Plain values.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/tokenizer/jinja/value.h"

namespace foundry::tokenizer::jinja {

// Evaluated, as they stand in the template.
struct Given {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;

  const Value* Named(absl::string_view name) const;
  // Without the first `count` positional ones.
  Given Without(size_t count) const;
  // The deepest one, as Value::depth().
  int depth() const;
};

// Charges a call for going through the texts that it is given: lists charge by the item.
absl::Status SpendOnCall(const Value& input, const Given& given);

// Given ones, each at the place that a signature has for it.
class Bound {
 public:
  // `signature`: names of parameters, "[name]" for one that may be missing; "/" at the end: none
  // goes by its name; "*": whatever was given, which `given` then holds. InvalidArgument names
  // `what` and the argument that is missing or not known. `given` must outlive the result.
  static absl::StatusOr<Bound> To(absl::string_view signature, const Given& given,
                                  absl::string_view what);

  // Null: not given.
  const Value* Find(size_t place) const { return values_[place]; }
  const Value& At(size_t place) const { return *values_[place]; }
  // Given, and not none.
  bool Has(size_t place) const { return values_[place] != nullptr && !values_[place]->is_none(); }
  // InvalidArgument: of another kind.
  absl::StatusOr<std::string> Text(size_t place) const;
  absl::StatusOr<int64_t> Int(size_t place) const;
  absl::StatusOr<int64_t> Int(size_t place, int64_t fallback) const;  // when !Has(place)
  bool Flag(size_t place) const;
  const Given& given() const { return *given_; }

 private:
  absl::Status Wrong(size_t place, absl::string_view wanted) const;

  std::vector<std::string> names_;
  std::vector<const Value*> values_;
  const Given* given_ = nullptr;
};

}  // namespace foundry::tokenizer::jinja
