// What follows `is`.
#include <functional>
#include <map>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/tokenizer/jinja/builtins.h"
#include "common/tokenizer/jinja/compare.h"
#include "common/tokenizer/jinja/print.h"
#include "common/tokenizer/unicode.h"

namespace foundry::tokenizer::jinja {
namespace {

using Answer = absl::StatusOr<bool>;

struct Check {
  const char* signature;  // as Bound::To, without the value
  std::function<Answer(const Value& value, const Bound& given)> call;
};

// Of what a value is, whatever else there is.
Check Is(bool (*check)(const Value&)) {
  return {"", [check](const Value& value, const Bound&) { return check(value); }};
}

Check ByOrder(bool (*accept)(int)) {
  return {"b/", [accept](const Value& a, const Bound& given) -> Answer {
            FOUNDRY_ASSIGN_OR_RETURN(const int order, Order(a, given.At(0)));
            return accept(order);
          }};
}

template <bool wanted>
Answer Equals(const Value& a, const Bound& given) {
  FOUNDRY_ASSIGN_OR_RETURN(const bool equal, Equal(a, given.At(0)));
  return equal == wanted;
}

absl::StatusOr<bool> Divides(const Value& number, const Value& by) {
  for (const Value* value : {&number, &by}) {
    if (!value->is_whole()) {
      return absl::InvalidArgumentError(absl::StrCat(value->KindName(), " is no integer"));
    }
  }
  if (by.integer() == 0) return absl::InvalidArgumentError("division by zero");
  return by.integer() == -1 || number.integer() % by.integer() == 0;  // -1 could overflow
}

template <bool even>
Answer Parity(const Value& value, const Bound&) {
  FOUNDRY_ASSIGN_OR_RETURN(const bool divides, Divides(value, Value(2)));
  return divides == even;
}

template <std::string (*to)(absl::string_view), std::string (*from)(absl::string_view)>
Answer HasCase(const Value& value, const Bound&) {
  FOUNDRY_ASSIGN_OR_RETURN(const std::string text, TextOf(value));
  return text == to(text) && text != from(text);
}

// Python's `is`, where it does not depend on how Python keeps its values.
Answer IsSame(const Value& a, const Bound& given) {
  const Value& b = given.At(0);
  if (!a.SameKind(b)) return false;
  if (a.is_none()) return true;
  if (a.is_bool()) return a.boolean() == b.boolean();
  return absl::UnimplementedError(
      absl::StrCat("\"sameas\" for ", a.KindName(), " is not known here: use =="));
}

bool IsIterable(const Value& v) {
  return v.is_list() || v.is_dict() || v.is_text() || v.is_undefined() || v.is_generator() ||
         v.is_loop();
}

const std::map<absl::string_view, Check>& Checks() {
  static const auto* const checks = [] {
    const auto less = [](int order) { return order < 0; };
    const auto less_or_equal = [](int order) { return order <= 0; };
    const auto greater = [](int order) { return order > 0; };
    const auto greater_or_equal = [](int order) { return order >= 0; };
    const auto divisible = [](const Value& v, const Bound& given) {
      return Divides(v, given.At(0));
    };
    const auto in = [](const Value& v, const Bound& given) { return Contains(v, given.At(0)); };
    return new std::map<absl::string_view, Check>{
        {"defined", Is([](const Value& v) { return !v.is_undefined(); })},
        {"undefined", Is([](const Value& v) { return v.is_undefined(); })},
        {"none", Is([](const Value& v) { return v.is_none(); })},
        {"string", Is([](const Value& v) { return v.is_text(); })},
        {"mapping", Is([](const Value& v) { return v.is_dict(); })},
        {"iterable", Is(IsIterable)},
        {"sequence", Is([](const Value& v) {
           return v.is_indexed() || v.is_dict() || v.is_text() || v.is_undefined();
         })},
        {"boolean", Is([](const Value& v) { return v.is_bool(); })},
        {"true", Is([](const Value& v) { return v.is_bool() && v.boolean(); })},
        {"false", Is([](const Value& v) { return v.is_bool() && !v.boolean(); })},
        {"number", Is([](const Value& v) { return v.is_number(); })},
        {"integer", Is([](const Value& v) { return v.is_int(); })},
        {"float", Is([](const Value& v) { return v.is_float(); })},
        {"callable", Is([](const Value& v) {
           return v.macro() != nullptr || v.function() != nullptr || v.is_loop() ||
                  v.is_undefined();
         })},
        {"lower", {"", HasCase<ToLower, ToUpper>}},
        {"upper", {"", HasCase<ToUpper, ToLower>}},
        {"odd", {"", Parity<false>}},
        {"even", {"", Parity<true>}},
        {"divisibleby", {"num", divisible}},
        {"in", {"seq", in}},
        {"sameas", {"other", IsSame}},
        {"==", {"b/", Equals<true>}},
        {"eq", {"b/", Equals<true>}},
        {"equalto", {"b/", Equals<true>}},
        {"!=", {"b/", Equals<false>}},
        {"ne", {"b/", Equals<false>}},
        {"<", ByOrder(less)},
        {"lt", ByOrder(less)},
        {"lessthan", ByOrder(less)},
        {"<=", ByOrder(less_or_equal)},
        {"le", ByOrder(less_or_equal)},
        {">", ByOrder(greater)},
        {"gt", ByOrder(greater)},
        {"greaterthan", ByOrder(greater)},
        {">=", ByOrder(greater_or_equal)},
        {"ge", ByOrder(greater_or_equal)},
    };
  }();
  return *checks;
}

}  // namespace

absl::StatusOr<bool> CallTest(const std::string& name, const Value& value, const Given& given) {
  const auto check = Checks().find(name);
  if (check == Checks().end()) return NotKnown("test", name);
  FOUNDRY_RETURN_IF_ERROR(SpendOnCall(value, given));
  const std::string what = absl::StrCat("the test \"", name, "\"");
  FOUNDRY_ASSIGN_OR_RETURN(const Bound bound, Bound::To(check->second.signature, given, what));
  return check->second.call(value, bound);
}

}  // namespace foundry::tokenizer::jinja
