#include "common/tokenizer/jinja/arguments.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"
#include "common/tokenizer/jinja/budget.h"

namespace foundry::tokenizer::jinja {

const Value* Given::Named(absl::string_view name) const {
  for (const auto& [key, value] : named) {
    if (key == name) return &value;
  }
  return nullptr;
}

Given Given::Without(size_t count) const {
  Given rest;
  rest.positional.assign(positional.begin() + std::min(count, positional.size()), positional.end());
  rest.named = named;
  return rest;
}

int Given::depth() const {
  int depth = 0;
  for (const Value& value : positional) depth = std::max(depth, value.depth());
  for (const auto& [name, value] : named) depth = std::max(depth, value.depth());
  return depth;
}

absl::Status SpendOnCall(const Value& input, const Given& given) {
  size_t steps = given.named.size(), bytes = input.is_text() ? input.text().size() : 0;
  for (const Value& value : given.positional) {
    ++steps;
    if (value.is_text()) bytes += value.text().size();
  }
  for (const auto& [name, value] : given.named) {
    if (value.is_text()) bytes += value.text().size();
  }
  FOUNDRY_RETURN_IF_ERROR(Budget::SpendOnText(bytes));
  return Budget::Spend(steps);
}

absl::StatusOr<Bound> Bound::To(absl::string_view signature, const Given& given,
                                absl::string_view what) {
  Bound out;
  out.given_ = &given;
  if (signature == "*") return out;
  const bool by_name = !absl::ConsumeSuffix(&signature, "/");
  std::vector<bool> optional;
  for (absl::string_view name : absl::StrSplit(signature, ' ', absl::SkipEmpty())) {
    optional.push_back(absl::ConsumePrefix(&name, "[") && absl::ConsumeSuffix(&name, "]"));
    out.names_.emplace_back(name);
  }
  if (given.positional.size() > out.names_.size()) {
    return absl::InvalidArgumentError(absl::StrCat(what, " takes ", out.names_.size(),
                                                   " arguments, not ", given.positional.size()));
  }
  out.values_.resize(out.names_.size());
  for (size_t i = 0; i < given.positional.size(); ++i) out.values_[i] = &given.positional[i];
  for (const auto& [name, value] : given.named) {
    const auto at = std::find(out.names_.begin(), out.names_.end(), name) - out.names_.begin();
    if (!by_name || at == static_cast<ptrdiff_t>(out.names_.size())) {
      return absl::InvalidArgumentError(
          absl::StrCat(what, " takes no argument by the name \"", name, "\""));
    }
    if (out.values_[at] != nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(what, " is given \"", name, "\" twice"));
    }
    out.values_[at] = &value;
  }
  for (size_t i = 0; i < out.values_.size(); ++i) {
    if (out.values_[i] != nullptr || optional[i]) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(what, " lacks the argument \"", out.names_[i], "\""));
  }
  return out;
}

absl::Status Bound::Wrong(size_t place, absl::string_view wanted) const {
  return absl::InvalidArgumentError(absl::StrCat("the argument \"", names_[place], "\" must be ",
                                                 wanted, ", not ", values_[place]->KindName()));
}

absl::StatusOr<std::string> Bound::Text(size_t place) const {
  if (!At(place).is_text()) return Wrong(place, "a text");
  return At(place).text();
}

absl::StatusOr<int64_t> Bound::Int(size_t place) const {
  if (!At(place).is_whole()) return Wrong(place, "an integer");
  return At(place).integer();
}

absl::StatusOr<int64_t> Bound::Int(size_t place, int64_t fallback) const {
  if (!Has(place)) return fallback;
  return Int(place);
}

bool Bound::Flag(size_t place) const {
  return values_[place] != nullptr && values_[place]->Truthy();
}

}  // namespace foundry::tokenizer::jinja
