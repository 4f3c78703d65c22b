// Filters that make numbers, as Python's int(), float() and abs() do.
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"
#include "common/tokenizer/jinja/builtins.h"
#include "common/tokenizer/jinja/filters.h"
#include "common/tokenizer/unicode.h"

namespace foundry::tokenizer::jinja {
namespace {

absl::Status TooLarge() {
  return absl::UnimplementedError("integers beyond 64 bits are not known here");
}

// Without blanks around it and without the underscores that Python allows between digits; empty:
// no number. Unimplemented: digits of other scripts, which Python knows.
absl::StatusOr<std::string> Digits(const std::string& text) {
  const std::string stripped = Strip(text, nullptr, true, true);
  std::string out;
  for (size_t at = 0; at < stripped.size();) {
    const size_t begin = at;
    const char32_t c = NextCodePoint(stripped, &at);
    if (c >= 0x80) {
      if (!IsNumber(c)) return std::string();
      return absl::UnimplementedError("digits other than 0 to 9 are not known here");
    }
    if (c != '_') {
      out += stripped[begin];
    } else if (begin == 0 || at == stripped.size() || !absl::ascii_isalnum(stripped[begin - 1]) ||
               !absl::ascii_isalnum(stripped[at])) {
      return std::string();
    }
  }
  return out;
}

// False: no integer in this base.
absl::StatusOr<bool> ParseInteger(absl::string_view text, int64_t base, int64_t* number) {
  const bool negative = absl::StartsWith(text, "-");
  if (negative || absl::StartsWith(text, "+")) text.remove_prefix(1);
  const char letter = base == 2 ? 'b' : base == 8 ? 'o' : base == 16 ? 'x' : ' ';
  if (text.size() > 1 && text[0] == '0' && absl::ascii_tolower(text[1]) == letter) {
    text.remove_prefix(2);
  }
  __int128 value = 0;
  for (const char c : text) {
    const char lower = absl::ascii_tolower(c);
    const int digit = absl::ascii_isdigit(c)   ? c - '0'
                      : absl::ascii_isalpha(c) ? lower - 'a' + 10
                                               : 36;
    if (digit >= base) return false;
    // Goes on to see whether it is a number at all.
    if (value <= INT64_MAX) value = value * base + digit;
  }
  if (text.empty()) return false;
  if (value > INT64_MAX) return TooLarge();
  *number = static_cast<int64_t>(negative ? -value : value);
  return true;
}

// False: no number.
absl::StatusOr<bool> ParseReal(const Value& value, double* real) {
  if (value.is_undefined()) return UndefinedError(value);
  if (value.is_number()) {
    *real = value.number();
    return true;
  }
  if (!value.is_text()) return false;
  FOUNDRY_ASSIGN_OR_RETURN(const std::string digits, Digits(value.text()));
  // Python knows no hexadecimal ones here, and no payloads of nan.
  const bool foreign = digits.find_first_of("xX(") != digits.npos;
  if (foreign || !absl::SimpleAtod(digits, real)) return false;
  if (!std::isnan(*real)) return true;
  return absl::UnimplementedError("nan is not known here");
}

absl::StatusOr<Value> Integer(const Value& value, const Bound& given) {
  FOUNDRY_ASSIGN_OR_RETURN(const int64_t base, given.Int(1, 10));
  const Value fallback = given.Find(0) != nullptr ? given.At(0) : Value(0);
  if (value.is_whole()) return Value(value.integer());
  if (value.is_text()) {
    if (base < 2 || base > 36) {
      return absl::UnimplementedError(absl::StrCat("the base ", base, " is not known here"));
    }
    FOUNDRY_ASSIGN_OR_RETURN(const std::string digits, Digits(value.text()));
    int64_t whole = 0;
    FOUNDRY_ASSIGN_OR_RETURN(const bool known, ParseInteger(digits, base, &whole));
    if (known) return Value(whole);
  }
  double real = 0;
  FOUNDRY_ASSIGN_OR_RETURN(const bool known, ParseReal(value, &real));
  if (!known) return fallback;
  if (std::isinf(real) && value.is_text()) return fallback;
  if (std::isinf(real)) return absl::InvalidArgumentError("infinity is no integer");
  if (std::abs(real) >= 9.2e18) return TooLarge();
  return Value(static_cast<int64_t>(real));
}

absl::StatusOr<Value> Real(const Value& value, const Bound& given) {
  double real = 0;
  FOUNDRY_ASSIGN_OR_RETURN(const bool known, ParseReal(value, &real));
  if (known) return Value(real);
  return given.Find(0) != nullptr ? given.At(0) : Value(0.0);
}

absl::StatusOr<Value> Absolute(const Value& value, const Bound&) {
  if (!value.is_number()) return absl::InvalidArgumentError("abs takes a number");
  if (value.is_float()) return Value(std::abs(value.number()));
  if (value.integer() == INT64_MIN) return TooLarge();
  return Value(std::abs(value.integer()));
}

}  // namespace

FilterTable NumberFilters() {
  return {
      {"int", {"[default] [base]", Integer}},
      {"float", {"[default]", Real}},
      {"abs", {"", Absolute}},
  };
}

}  // namespace foundry::tokenizer::jinja
