// What follows a bar, as Jinja's own filters (its filters.py) and Hugging Face's tojson.
#include "common/tokenizer/jinja/filters.h"

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/tokenizer/jinja/budget.h"
#include "common/tokenizer/jinja/builtins.h"

namespace foundry::tokenizer::jinja {
namespace {

absl::StatusOr<Value> Default(const Value& value, const Bound& given) {
  const bool missing = value.is_undefined() || (given.Flag(1) && !value.Truthy());
  if (!missing) return value;
  return given.Find(0) != nullptr ? given.At(0) : Value("");
}

const FilterTable& Filters() {
  static const auto* const filters = [] {
    auto* const all = new FilterTable{{"default", {"[default_value] [boolean]", Default, true}},
                                      {"d", {"[default_value] [boolean]", Default, true}}};
    all->merge(TextFilters());
    all->merge(ListFilters());
    all->merge(NumberFilters());
    return all;
  }();
  return *filters;
}

}  // namespace

absl::StatusOr<Value> CallFilter(const std::string& name, const Value& input, const Given& given) {
  const auto filter = Filters().find(name);
  if (filter == Filters().end()) return NotKnown("filter", name);
  const std::string what = absl::StrCat("the filter \"", name, "\"");
  if (input.is_markup() && !filter->second.markup) {
    return absl::UnimplementedError(
        absl::StrCat(what, " of what |safe or |escape made is not known here"));
  }
  FOUNDRY_RETURN_IF_ERROR(SpendOnCall(input, given));
  FOUNDRY_ASSIGN_OR_RETURN(const Bound bound, Bound::To(filter->second.signature, given, what));
  return filter->second.call(input, bound);
}

}  // namespace foundry::tokenizer::jinja
