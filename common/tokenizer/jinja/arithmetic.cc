#include "common/tokenizer/jinja/arithmetic.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/tokenizer/jinja/builtins.h"

namespace foundry::tokenizer::jinja {
namespace {

absl::StatusOr<Value> Reals(const std::string& op, double a, double b) {
  if (op == "+") return Value(a + b);
  if (op == "-") return Value(a - b);
  if (op == "*") return Value(a * b);
  if (op == "**") return Value(std::pow(a, b));
  if (b == 0) return absl::InvalidArgumentError("division by zero");
  if (op == "/") return Value(a / b);
  if (op == "//") return Value(std::floor(a / b));
  const double rest = std::fmod(a, b);
  return Value(rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest);
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
    result = a == -1 && b % 2 == 0 ? 1 : b == 0 ? 1 : a;
    for (int64_t i = 1; i < b && b <= 63 && !over; ++i) {
      over = __builtin_mul_overflow(i == 1 ? a : result, a, &result);
    }
  } else if (b == 0) {
    return absl::InvalidArgumentError("division by zero");
  } else if (op == "/") {
    return Value(static_cast<double>(a) / static_cast<double>(b));
  } else if (b == -1) {  // a / b would overflow at the least number
    over = op == "//" && __builtin_sub_overflow(int64_t{0}, a, &result);
  } else {
    const int64_t quotient = a / b, rest = a % b;
    const bool down = rest != 0 && (rest < 0) != (b < 0);
    result = op == "//" ? quotient - down : down ? rest + b : rest;
  }
  if (over) return absl::InvalidArgumentError("a number is too large");
  return Value(result);
}

absl::StatusOr<Value> Repeated(const Value& value, int64_t times) {
  times = std::max<int64_t>(0, times);
  const size_t size = value.is_text() ? value.text().size() : value.list().size();
  const size_t most = value.is_text() ? kLongestText : kLongestList;
  if (size > 0 && static_cast<size_t>(times) > most / size) return TooLong();
  if (size == 0) return value;
  std::string text;
  List list;
  for (int64_t i = 0; i < times; ++i) {
    if (value.is_text()) {
      text += value.text();
    } else {
      list.insert(list.end(), value.list().begin(), value.list().end());
    }
  }
  return value.is_text() ? Value(std::move(text)) : Value(std::move(list));
}

}  // namespace

absl::StatusOr<Value> Calculate(const std::string& op, const Value& a, const Value& b) {
  if (op == "~") {
    std::string text = absl::StrCat(a.ToText(), b.ToText());
    FOUNDRY_RETURN_IF_ERROR(CheckSize(text.size()));
    return Value(std::move(text));
  }
  if (a.is_number() && b.is_number()) {
    return a.is_float() || b.is_float() ? Reals(op, a.number(), b.number())
                                        : Integers(op, a.integer(), b.integer());
  }
  if (op == "+" && a.is_text() && b.is_text()) {
    FOUNDRY_RETURN_IF_ERROR(CheckSize(a.text().size() + b.text().size()));
    return Value(absl::StrCat(a.text(), b.text()));
  }
  if (op == "+" && a.is_list() && b.is_list()) {
    List list = a.list();
    list.insert(list.end(), b.list().begin(), b.list().end());
    if (list.size() > kLongestList) return TooLong();
    return Value(std::move(list));
  }
  const auto repeats = [](const Value& v) { return v.is_text() || v.is_list(); };
  const auto whole = [](const Value& v) { return v.is_int() || v.is_bool(); };
  if (op == "*" && repeats(a) && whole(b)) return Repeated(a, b.integer());
  if (op == "*" && whole(a) && repeats(b)) return Repeated(b, a.integer());
  for (const Value* value : {&a, &b}) {
    if (value->is_undefined()) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", value->undefined_name(), "\" is undefined"));
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", op, "\" does not go with ", a.KindName(), " and ", b.KindName()));
}

absl::StatusOr<Value> Slice(const Value& value, const Value* begin, const Value* end,
                            const Value* step) {
  if (!value.is_list() && !value.is_text()) {
    return absl::InvalidArgumentError(absl::StrCat(value.KindName(), " cannot be sliced"));
  }
  for (const Value* bound : {begin, end, step}) {
    if (bound != nullptr && !bound->is_int() && !bound->is_none()) {
      return absl::InvalidArgumentError("slices take integers");
    }
  }
  const auto given = [](const Value* bound) { return bound != nullptr && bound->is_int(); };
  FOUNDRY_ASSIGN_OR_RETURN(const List items, Iterate(value));
  const int64_t size = static_cast<int64_t>(items.size());
  const int64_t by = given(step) ? std::clamp<int64_t>(step->integer(), -size - 1, size + 1) : 1;
  if (by == 0) return absl::InvalidArgumentError("a slice takes no step of 0");
  // As Python's slice.indices().
  const int64_t low = by > 0 ? 0 : -1, high = by > 0 ? size : size - 1;
  const auto place = [&](const Value* bound, int64_t missing) {
    if (!given(bound)) return missing;
    const int64_t at = bound->integer() < 0 ? bound->integer() + size : bound->integer();
    return std::clamp(at, low, high);
  };
  const int64_t from = place(begin, by > 0 ? low : high), to = place(end, by > 0 ? high : low);
  List list;
  std::string text;
  for (int64_t i = from; by > 0 ? i < to : i > to; i += by) {
    if (value.is_text()) {
      text += items[i].text();
    } else {
      list.push_back(items[i]);
    }
  }
  return value.is_text() ? Value(std::move(text)) : Value(std::move(list));
}

}  // namespace foundry::tokenizer::jinja
