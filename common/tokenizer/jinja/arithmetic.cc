#include "common/tokenizer/jinja/arithmetic.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/tokenizer/jinja/budget.h"
#include "common/tokenizer/jinja/builtins.h"
#include "common/tokenizer/jinja/iterate.h"
#include "common/tokenizer/jinja/print.h"
#include "common/tokenizer/unicode.h"

namespace foundry::tokenizer::jinja {
namespace {

using Form = Value::Form;

// Python raises what C++ answers with nan, or with infinity for finite numbers' powers.
absl::StatusOr<Value> Real(double value) {
  if (std::isnan(value)) return absl::UnimplementedError("nan is not known here");
  return Value(value);
}

// float.__divmod__ of CPython's floatobject.c.
absl::StatusOr<Value> FloorDivision(const std::string& op, double a, double b) {
  double rest = std::fmod(a, b);
  double quotient = (a - rest) / b;
  if (rest != 0 && (b < 0) != (rest < 0)) {
    rest += b;
    quotient -= 1;
  } else if (rest == 0) {
    rest = std::copysign(0.0, b);
  }
  if (op == "%") return Real(rest);
  if (quotient == 0) return Real(std::copysign(0.0, a / b));
  const double whole = std::floor(quotient);
  return Real(quotient - whole > 0.5 ? whole + 1 : whole);
}

absl::StatusOr<Value> Reals(const std::string& op, double a, double b) {
  if (op == "+") return Real(a + b);
  if (op == "-") return Real(a - b);
  if (op == "*") return Real(a * b);
  if (op == "**") {
    const double power = std::pow(a, b);
    if (std::isfinite(power) || std::isinf(a) || std::isinf(b)) return Real(power);
    return absl::InvalidArgumentError("no real number, or too large a one");
  }
  if (b == 0) return absl::InvalidArgumentError("division by zero");
  return op == "/" ? Real(a / b) : FloorDivision(op, a, b);
}

absl::StatusOr<Value> Integers(const std::string& op, int64_t a, int64_t b) {
  int64_t result = 0;
  bool over = false;
  if (op == "+") {
    over = __builtin_add_overflow(a, b, &result);
  } else if (op == "-") {
    over = __builtin_sub_overflow(a, b, &result);
  } else if (op == "*") {
    over = __builtin_mul_overflow(a, b, &result);
  } else if (op == "**") {
    if (b < 0) return Reals(op, static_cast<double>(a), static_cast<double>(b));
    if (b > 63 && a != 0 && a != 1 && a != -1) over = true;
    result = b == 0 || (a == -1 && b % 2 == 0) ? 1 : a;
    for (int64_t i = 1; i < b && b <= 63 && !over; ++i) {
      over = __builtin_mul_overflow(i == 1 ? a : result, a, &result);
    }
  } else if (b == 0) {
    return absl::InvalidArgumentError("division by zero");
  } else if (op == "/") {
    constexpr int64_t kExact = int64_t{1} << 53;  // up to here no quotient is rounded twice
    over = a > kExact || a < -kExact || b > kExact || b < -kExact;
    if (!over) return Value(static_cast<double>(a) / static_cast<double>(b));
  } else if (b == -1) {  // a / b would overflow at the least number
    over = op == "//" && __builtin_sub_overflow(int64_t{0}, a, &result);
  } else {
    const int64_t quotient = a / b, rest = a % b;
    const bool down = rest != 0 && (rest < 0) != (b < 0);
    result = op == "//" ? quotient - down : down ? rest + b : rest;
  }
  if (over) return absl::UnimplementedError("integers beyond 64 bits are not known here");
  return Value(result);
}

absl::StatusOr<Value> Repeated(const Value& value, int64_t times) {
  times = std::max<int64_t>(0, times);
  const size_t size = value.is_text() ? value.text().size() : value.list().size();
  const size_t most = value.is_text() ? kLongestText : kLongestList;
  if (size == 0) return value;
  if (static_cast<size_t>(times) > most / size) return TooLong();
  Output text;
  List list;
  for (int64_t i = 0; i < times; ++i) {
    FOUNDRY_RETURN_IF_ERROR(Budget::Check());
    if (value.is_text()) {
      FOUNDRY_RETURN_IF_ERROR(text.Append(value.text()));
    } else {
      list.insert(list.end(), value.list().begin(), value.list().end());
    }
  }
  return value.is_text() ? Value(text.Take()) : Value(std::move(list), value.form());
}

absl::StatusOr<Value> Joined(const Value& a, const Value& b) {
  Output text;
  FOUNDRY_RETURN_IF_ERROR(AppendText(a, &text));
  FOUNDRY_RETURN_IF_ERROR(AppendText(b, &text));
  return Value(text.Take());
}

bool IsListOrTuple(const Value& v) { return v.is(Form::kList) || v.is(Form::kTuple); }

// Up to which a bound of a slice is clamped, as Python's slice.indices().
struct Bounds {
  int64_t from, to, by;
};
absl::StatusOr<Bounds> BoundsOf(int64_t size, const Value* begin, const Value* end,
                                const Value* step) {
  for (const Value* bound : {begin, end, step}) {
    if (bound != nullptr && !bound->is_whole() && !bound->is_none()) {
      return absl::InvalidArgumentError("slices take integers");
    }
  }
  const auto given = [](const Value* bound) { return bound != nullptr && bound->is_whole(); };
  const int64_t by = given(step) ? std::clamp<int64_t>(step->integer(), -size - 1, size + 1) : 1;
  if (by == 0) return absl::InvalidArgumentError("a slice takes no step of 0");
  const int64_t low = by > 0 ? 0 : -1, high = by > 0 ? size : size - 1;
  const auto place = [&](const Value* bound, int64_t missing) {
    if (!given(bound)) return missing;
    const int64_t at = bound->integer() < 0 ? bound->integer() + size : bound->integer();
    return std::clamp(at, low, high);
  };
  return Bounds{place(begin, by > 0 ? low : high), place(end, by > 0 ? high : low), by};
}

}  // namespace

absl::StatusOr<Value> Calculate(const std::string& op, const Value& a, const Value& b) {
  if (op == "~") return Joined(a, b);
  if (a.is_number() && b.is_number()) {
    return a.is_float() || b.is_float() ? Reals(op, a.number(), b.number())
                                        : Integers(op, a.integer(), b.integer());
  }
  if (a.is_markup() || b.is_markup()) {
    return absl::UnimplementedError(
        absl::StrCat("\"", op, "\" with what |safe or |escape made is not known here"));
  }
  if (op == "%" && a.is_text()) {
    return absl::UnimplementedError("formatting texts by \"%\" is not known here");
  }
  if (op == "+" && a.is_text() && b.is_text()) return Joined(a, b);
  if (op == "+" && IsListOrTuple(a) && b.is(a.form())) {
    if (a.list().size() + b.list().size() > kLongestList) return TooLong();
    List list = a.list();
    list.insert(list.end(), b.list().begin(), b.list().end());
    return Value(std::move(list), a.form());
  }
  const auto repeats = [](const Value& v) { return v.is_text() || IsListOrTuple(v); };
  if (op == "*" && repeats(a) && b.is_whole()) return Repeated(a, b.integer());
  if (op == "*" && a.is_whole() && repeats(b)) return Repeated(b, a.integer());
  for (const Value* value : {&a, &b}) {
    if (value->is_undefined()) return UndefinedError(*value);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", op, "\" does not go with ", a.KindName(), " and ", b.KindName()));
}

absl::StatusOr<Value> Negative(const Value& value) {
  if (value.is_float()) return Value(-value.number());
  return Calculate("-", Value(0), value);
}

absl::StatusOr<Value> Slice(const Value& value, const Value* begin, const Value* end,
                            const Value* step) {
  if (value.is_undefined()) return UndefinedError(value);
  if (value.is(Form::kRange) || value.is_markup()) {
    return absl::UnimplementedError(
        "slices of ranges and of what |safe or |escape made are not known here");
  }
  if (!IsListOrTuple(value) && !value.is_text()) {
    return absl::InvalidArgumentError(absl::StrCat(value.KindName(), " cannot be sliced"));
  }
  FOUNDRY_ASSIGN_OR_RETURN(const int64_t size, Length(value));
  FOUNDRY_ASSIGN_OR_RETURN(const Bounds bounds, BoundsOf(size, begin, end, step));
  const auto [from, to, by] = bounds;
  if (value.is_list()) {
    List list;
    for (int64_t i = from; by > 0 ? i < to : i > to; i += by) list.push_back(value.list()[i]);
    return Value(std::move(list), value.form());
  }
  // Where the characters begin that are cut out, and the last of them ends.
  const int64_t low = by > 0 ? from : to + 1, high = std::max(low, by > 0 ? to : from + 1);
  if (by != 1 && high - low > static_cast<int64_t>(kLongestList)) return TooLong();
  FOUNDRY_RETURN_IF_ERROR(Budget::SpendOnText(high));
  const absl::string_view text = value.text();
  size_t at = 0;
  for (int64_t i = 0; i < low; ++i) NextCodePoint(text, &at);
  std::vector<size_t> places = {at};
  for (int64_t i = low; i < high; ++i) {
    NextCodePoint(text, &at);
    if (by != 1) places.push_back(at);
  }
  if (by == 1) return Value(text.substr(places[0], at - places[0]));
  std::string out;
  for (int64_t i = from; by > 0 ? i < to : i > to; i += by) {
    absl::StrAppend(&out, text.substr(places[i - low], places[i - low + 1] - places[i - low]));
  }
  return Value(std::move(out));
}

}  // namespace foundry::tokenizer::jinja
