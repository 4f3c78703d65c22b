#include "common/tokenizer/jinja/iterate.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/tokenizer/jinja/budget.h"
#include "common/tokenizer/unicode.h"

namespace foundry::tokenizer::jinja {

absl::StatusOr<Iterator> Iterator::Over(const Value& value) {
  Iterator out;
  out.value_ = value;
  if (value.is_generator()) return out;
  if (value.is_loop()) return absl::UnimplementedError("going through a loop is not known here");
  if (!value.is_list() && !value.is_dict() && !value.is_text() && !value.is_undefined()) {
    return absl::InvalidArgumentError(absl::StrCat(value.KindName(), " has no items"));
  }
  FOUNDRY_ASSIGN_OR_RETURN(out.size_, Length(value));
  return out;
}

absl::StatusOr<bool> Iterator::Next(Value* item) {
  FOUNDRY_RETURN_IF_ERROR(Budget::Spend(1));
  if (value_.is_generator()) return value_.generator()(item);
  if (value_.is_list() && at_ < value_.list().size()) {
    *item = value_.list()[at_++];
  } else if (value_.is_dict() && at_ < value_.dict().items().size()) {
    *item = value_.dict().items()[at_++].first;
  } else if (value_.is_text() && at_ < value_.text().size()) {
    const size_t begin = at_;
    NextCodePoint(value_.text(), &at_);
    *item = Value(value_.text().substr(begin, at_ - begin));
  } else {
    return false;
  }
  return true;
}

absl::StatusOr<List> Collect(const Value& value) {
  FOUNDRY_ASSIGN_OR_RETURN(Iterator items, Iterator::Over(value));
  List list;
  list.reserve(std::min<size_t>(items.size().value_or(0), kLongestList));
  for (Value item;;) {
    FOUNDRY_ASSIGN_OR_RETURN(const bool more, items.Next(&item));
    if (!more) return list;
    if (list.size() == kLongestList) return TooLong();
    list.push_back(std::move(item));
  }
}

int64_t CountCharacters(absl::string_view text) {
  // Every byte but those that go on with a code point.
  return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
}

absl::StatusOr<int64_t> Length(const Value& value) {
  if (value.is_list()) return value.list().size();
  if (value.is_dict()) return value.dict().items().size();
  if (value.is_undefined()) return 0;
  if (!value.is_text()) {
    return absl::InvalidArgumentError(absl::StrCat(value.KindName(), " has no length"));
  }
  FOUNDRY_RETURN_IF_ERROR(Budget::SpendOnText(value.text().size()));
  return CountCharacters(value.text());
}

}  // namespace foundry::tokenizer::jinja
