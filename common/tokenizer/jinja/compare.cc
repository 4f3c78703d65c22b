#include "common/tokenizer/jinja/compare.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/tokenizer/jinja/budget.h"
#include "common/tokenizer/jinja/iterate.h"

namespace foundry::tokenizer::jinja {
namespace {

using Form = Value::Form;

// Python compares whole and real numbers exactly: this has all bits of both.
using Exact = long double;
static_assert(std::numeric_limits<Exact>::digits >= 64);
Exact ToExact(const Value& value) {
  return value.is_float() ? Exact{value.number()} : static_cast<Exact>(value.integer());
}

absl::StatusOr<bool> EqualLists(const Value& a, const Value& b) {
  if (a.form() != b.form()) return false;
  if (a.form() >= Form::kKeys) {
    return absl::UnimplementedError(
        absl::StrCat("comparing ", a.KindName(), " is not known here: use |list"));
  }
  if (a.list().size() != b.list().size()) return false;
  for (size_t i = 0; i < a.list().size(); ++i) {
    FOUNDRY_ASSIGN_OR_RETURN(const bool equal, Equal(a.list()[i], b.list()[i]));
    if (!equal) return false;
  }
  return true;
}

absl::StatusOr<bool> EqualDicts(const Dict& a, const Dict& b) {
  if (a.items().size() != b.items().size()) return false;
  for (const auto& [key, value] : a.items()) {
    const Value* const other = b.FindKey(key);
    if (other == nullptr) return false;
    FOUNDRY_ASSIGN_OR_RETURN(const bool equal, Equal(value, *other));
    if (!equal) return false;
  }
  return true;
}

}  // namespace

bool SameNumber(const Value& a, const Value& b) { return ToExact(a) == ToExact(b); }

absl::StatusOr<bool> Equal(const Value& a, const Value& b) {
  FOUNDRY_RETURN_IF_ERROR(Budget::Spend(1));
  if (a.is_number() && b.is_number()) return SameNumber(a, b);
  if (!a.SameKind(b)) return false;
  if (a.is_text()) {
    if (a.text().size() != b.text().size()) return false;
    FOUNDRY_RETURN_IF_ERROR(Budget::SpendOnCopy(a.text().size()));
    return a.text() == b.text();
  }
  if (a.is_list()) return EqualLists(a, b);
  if (a.is_dict()) return EqualDicts(a.dict(), b.dict());
  if (a.is_generator()) return &a.generator() == &b.generator();
  if (a.space() != nullptr) return a.space()->dict == b.space()->dict;
  if (a.macro() != nullptr) return a.macro()->node == b.macro()->node;
  if (a.is_loop()) return a.loop() == b.loop();
  if (a.function() != nullptr) {
    if (a.function()->name != b.function()->name) return false;
    if (a.function()->self == nullptr && b.function()->self == nullptr) return true;
    return absl::UnimplementedError("comparing methods is not known here");
  }
  return true;
}

absl::StatusOr<int> Order(const Value& a, const Value& b) {
  FOUNDRY_RETURN_IF_ERROR(Budget::Spend(1));
  if (a.is_number() && b.is_number()) {
    return ToExact(a) < ToExact(b) ? -1 : ToExact(a) > ToExact(b);
  }
  if (a.is_text() && b.is_text()) {
    FOUNDRY_RETURN_IF_ERROR(Budget::SpendOnCopy(std::min(a.text().size(), b.text().size())));
    const int order = a.text().compare(b.text());  // of UTF-8: that of code points
    return order < 0 ? -1 : order > 0;
  }
  for (const Form form : {Form::kList, Form::kTuple}) {
    if (!a.is(form) || !b.is(form)) continue;
    const List &left = a.list(), &right = b.list();
    for (size_t i = 0; i < left.size() && i < right.size(); ++i) {
      FOUNDRY_ASSIGN_OR_RETURN(const bool equal, Equal(left[i], right[i]));
      if (!equal) return Order(left[i], right[i]);
    }
    return left.size() < right.size() ? -1 : left.size() > right.size();
  }
  for (const Value* value : {&a, &b}) {
    if (!value->is_undefined()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("\"", value->undefined_name(), "\" is undefined"));
  }
  return absl::InvalidArgumentError(
      absl::StrCat(a.KindName(), " and ", b.KindName(), " have no order"));
}

absl::StatusOr<bool> Contains(const Value& needle, const Value& all) {
  if (all.is_text() && needle.is_text()) {
    FOUNDRY_ASSIGN_OR_RETURN(const size_t at, Search(all.text(), needle.text()));
    return at != std::string::npos;
  }
  if (all.is_dict() && !needle.is_list() && !needle.is_dict()) {
    return all.dict().FindKey(needle) != nullptr;
  }
  if (all.is_text() || all.is_dict() || all.is_loop()) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot look for ", needle.KindName(), " in ", all.KindName()));
  }
  FOUNDRY_ASSIGN_OR_RETURN(Iterator items, Iterator::Over(all));
  for (Value item;;) {
    FOUNDRY_ASSIGN_OR_RETURN(const bool more, items.Next(&item));
    if (!more) return false;
    FOUNDRY_ASSIGN_OR_RETURN(const bool equal, Equal(needle, item));
    if (equal) return true;
  }
}

absl::StatusOr<size_t> Search(absl::string_view text, absl::string_view part, size_t from) {
  if (from > text.size()) return std::string::npos;
  text.remove_prefix(from);
  // memmem looks at each byte of the text for at most as many bytes of the part, up to 256, from
  // where on it takes the two-way algorithm (glibc's memmem.c).
  const size_t each = 1 + std::min<size_t>(part.size(), 256) / 32;
  // Part by part: AddressSanitizer checks all that memmem is given, each time.
  const size_t window = std::max<size_t>(4096, 2 * part.size());
  size_t at = 0;
  bool found = false;
  for (; !found && at + part.size() <= text.size(); at += found ? 0 : window) {
    const absl::string_view piece = text.substr(at, window + part.size() - 1);
    const void* const hit = memmem(piece.data(), piece.size(), part.data(), part.size());
    found = hit != nullptr;
    if (found) at += static_cast<const char*>(hit) - piece.data();
  }
  at = std::min(at, text.size());
  FOUNDRY_RETURN_IF_ERROR(Budget::SpendOnCopy((at + part.size()) * each));
  return found ? from + at : std::string::npos;
}

}  // namespace foundry::tokenizer::jinja
