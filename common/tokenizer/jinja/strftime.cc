// The day that templates are told: always the same, so that a model is asked on every day with the
// prompt that it was trained with. It is the one that Llama 3.2's template falls back on.
#include <algorithm>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/tokenizer/jinja/budget.h"
#include "common/tokenizer/jinja/builtins.h"
#include "common/tokenizer/unicode.h"

namespace foundry::tokenizer::jinja {
namespace {

// datetime(2024, 7, 26).strftime() of each directive that Python documents, and of those of
// glibc that name days, in the C locale.
struct Directive {
  char letter;
  const char* text;
};
constexpr Directive kDirectives[] = {
    {'a', "Fri"},
    {'A', "Friday"},
    {'b', "Jul"},
    {'B', "July"},
    {'c', "Fri Jul 26 00:00:00 2024"},
    {'C', "20"},
    {'d', "26"},
    {'D', "07/26/24"},
    {'e', "26"},
    {'f', "000000"},
    {'F', "2024-07-26"},
    {'G', "2024"},
    {'h', "Jul"},
    {'H', "00"},
    {'I', "12"},
    {'j', "208"},
    {'m', "07"},
    {'M', "00"},
    {'n', "\n"},
    {'p', "AM"},
    {'R', "00:00"},
    {'S', "00"},
    {'t', "\t"},
    {'T', "00:00:00"},
    {'u', "5"},
    {'U', "29"},
    {'V', "30"},
    {'w', "5"},
    {'W', "30"},
    {'x', "07/26/24"},
    {'X', "00:00:00"},
    {'y', "24"},
    {'Y', "2024"},
    {'z', ""},
    {'Z', ""},
    {'%', "%"},
};

constexpr absl::string_view kNumbers = "CdeGHIjmMSuUVwWyY";

// Without the zeros before a number, as glibc's %-d.
absl::string_view Unpadded(absl::string_view number) {
  while (number.size() > 1 && number[0] == '0') number.remove_prefix(1);
  return number;
}

}  // namespace

absl::StatusOr<Value> StrftimeNow(const Given& given) {
  FOUNDRY_ASSIGN_OR_RETURN(const Bound bound, Bound::To("format", given, "strftime_now()"));
  FOUNDRY_ASSIGN_OR_RETURN(const std::string format, bound.Text(0));
  FOUNDRY_RETURN_IF_ERROR(Budget::SpendOnText(format.size()));
  Output out;
  for (size_t at = 0; at < format.size();) {
    const size_t percent = std::min(format.find('%', at), format.size());
    FOUNDRY_RETURN_IF_ERROR(out.Append(absl::string_view(format).substr(at, percent - at)));
    if (percent == format.size()) break;
    const bool unpadded = percent + 1 < format.size() && format[percent + 1] == '-';
    const size_t place = percent + (unpadded ? 2 : 1);
    const char letter = place < format.size() ? format[place] : '\0';
    const auto* const found =
        std::find_if(std::begin(kDirectives), std::end(kDirectives),
                     [&](const Directive& one) { return one.letter == letter; });
    if (found == std::end(kDirectives) || (unpadded && kNumbers.find(letter) == kNumbers.npos)) {
      size_t end = std::min(place, format.size());
      if (end < format.size()) NextCodePoint(format, &end);
      return absl::UnimplementedError(absl::StrCat("strftime_now: the directive \"",
                                                   format.substr(percent, end - percent),
                                                   "\" is not known here"));
    }
    FOUNDRY_RETURN_IF_ERROR(out.Append(unpadded ? Unpadded(found->text) : found->text));
    at = place + 1;
  }
  return Value(out.Take());
}

}  // namespace foundry::tokenizer::jinja
