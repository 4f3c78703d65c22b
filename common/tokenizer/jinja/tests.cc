// What follows `is`.
#include <functional>
#include <map>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/tokenizer/jinja/builtins.h"
#include "common/tokenizer/unicode.h"

namespace foundry::tokenizer::jinja {
namespace {

using Check = std::function<absl::StatusOr<bool>(const Value&, const Value&)>;

absl::StatusOr<int64_t> Integer(const Value& value) {
  if (value.is_int() || value.is_bool()) return value.integer();
  return absl::InvalidArgumentError(absl::StrCat(value.KindName(), " is no integer"));
}

Check ByOrder(std::function<bool(int)> accept) {
  return [accept = std::move(accept)](const Value& a, const Value& b) -> absl::StatusOr<bool> {
    FOUNDRY_ASSIGN_OR_RETURN(const int order, Order(a, b));
    return accept(order);
  };
}

Check Plain(bool (*check)(const Value&)) {
  return [check](const Value& value, const Value&) -> absl::StatusOr<bool> { return check(value); };
}

Check Remainder(bool divisor, int64_t wanted) {
  return [=](const Value& a, const Value& b) -> absl::StatusOr<bool> {
    FOUNDRY_ASSIGN_OR_RETURN(const int64_t number, Integer(a));
    int64_t by = 2;
    if (divisor) {
      FOUNDRY_ASSIGN_OR_RETURN(by, Integer(b));
    }
    if (by == 0) return absl::InvalidArgumentError("division by zero");
    if (by == -1) return wanted == 0;  // what int64_t overflows at
    return (number % by != 0) == (wanted != 0);
  };
}

const std::map<std::string, Check>& Checks() {
  static const auto* const checks = [] {
    const Check equal = [](const Value& a, const Value& b) -> absl::StatusOr<bool> {
      return a == b;
    };
    return new std::map<std::string, Check>{
        {"defined", Plain([](const Value& v) { return !v.is_undefined(); })},
        {"undefined", Plain([](const Value& v) { return v.is_undefined(); })},
        {"none", Plain([](const Value& v) { return v.is_none(); })},
        {"string", Plain([](const Value& v) { return v.is_text(); })},
        {"mapping", Plain([](const Value& v) { return v.is_dict(); })},
        {"iterable", Plain([](const Value& v) {
           return v.is_list() || v.is_dict() || v.is_text() || v.is_undefined();
         })},
        {"sequence", Plain([](const Value& v) {
           return v.is_list() || v.is_dict() || v.is_text() || v.is_undefined();
         })},
        {"boolean", Plain([](const Value& v) { return v.is_bool(); })},
        {"true", Plain([](const Value& v) { return v.is_bool() && v.boolean(); })},
        {"false", Plain([](const Value& v) { return v.is_bool() && !v.boolean(); })},
        {"number", Plain([](const Value& v) { return v.is_number(); })},
        {"integer", Plain([](const Value& v) { return v.is_int(); })},
        {"float", Plain([](const Value& v) { return v.is_float(); })},
        {"callable", Plain([](const Value& v) { return v.macro() != nullptr; })},
        {"lower", Plain([](const Value& v) {
           return v.ToText() == ToLower(v.ToText()) && v.ToText() != ToUpper(v.ToText());
         })},
        {"upper", Plain([](const Value& v) {
           return v.ToText() == ToUpper(v.ToText()) && v.ToText() != ToLower(v.ToText());
         })},
        {"odd", Remainder(false, 1)},
        {"even", Remainder(false, 0)},
        {"divisibleby", Remainder(true, 0)},
        {"in", [](const Value& a, const Value& b) { return Contains(a, b); }},
        {"eq", equal},
        {"==", equal},
        {"equalto", equal},
        {"sameas", equal},
        {"ne", [](const Value& a, const Value& b) -> absl::StatusOr<bool> { return !(a == b); }},
        {"lt", ByOrder([](int order) { return order < 0; })},
        {"le", ByOrder([](int order) { return order <= 0; })},
        {"gt", ByOrder([](int order) { return order > 0; })},
        {"ge", ByOrder([](int order) { return order >= 0; })},
    };
  }();
  return *checks;
}

}  // namespace

absl::StatusOr<bool> CallTest(const std::string& name, const Value& value, const Given& given) {
  const auto check = Checks().find(name);
  if (check == Checks().end()) {
    return NotKnown("test", name);
  }
  return check->second(value, given.positional.empty() ? Value() : given.positional[0]);
}

}  // namespace foundry::tokenizer::jinja
