// What every template is given, and what filters and methods of texts share.
#include <map>
#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/tokenizer/jinja/budget.h"
#include "common/tokenizer/jinja/builtins.h"
#include "common/tokenizer/jinja/iterate.h"
#include "common/tokenizer/jinja/print.h"
#include "common/tokenizer/unicode.h"

namespace foundry::tokenizer::jinja {
namespace {

absl::StatusOr<Value> Raise(const Given& given) {
  FOUNDRY_ASSIGN_OR_RETURN(const Bound bound, Bound::To("message", given, "raise_exception()"));
  FOUNDRY_ASSIGN_OR_RETURN(std::string why, TextOf(bound.At(0)));
  return absl::InvalidArgumentError(why);
}

absl::StatusOr<Value> Range(const Given& given) {
  FOUNDRY_ASSIGN_OR_RETURN(const Bound bound, Bound::To("start [stop] [step]/", given, "range()"));
  for (const Value& value : given.positional) {
    if (!value.is_whole()) return absl::InvalidArgumentError("range() takes integers");
  }
  Value::Range range;
  FOUNDRY_ASSIGN_OR_RETURN(range.end, bound.Int(0));
  if (given.positional.size() > 1) {
    range.begin = range.end;
    FOUNDRY_ASSIGN_OR_RETURN(range.end, bound.Int(1));
  }
  FOUNDRY_ASSIGN_OR_RETURN(range.step, bound.Int(2, 1));
  if (range.step == 0) return absl::InvalidArgumentError("range() takes no step of 0");
  return Value::MakeRange(range);
}

// dict(): of a mapping or of pairs, and of what goes by a name.
absl::StatusOr<Dict> MakeDict(const Given& given) {
  Dict dict;
  if (given.positional.size() > 1) {
    return absl::InvalidArgumentError("dict() and namespace() take one mapping");
  }
  if (!given.positional.empty() && given.positional[0].is_dict()) {
    dict = given.positional[0].dict();
  } else if (!given.positional.empty()) {
    FOUNDRY_ASSIGN_OR_RETURN(Iterator pairs, Iterator::Over(given.positional[0]));
    for (Value pair;;) {
      FOUNDRY_ASSIGN_OR_RETURN(const bool more, pairs.Next(&pair));
      if (!more) break;
      FOUNDRY_ASSIGN_OR_RETURN(const List both, Collect(pair));
      if (both.size() != 2) return absl::InvalidArgumentError("dict() takes pairs");
      FOUNDRY_RETURN_IF_ERROR(CheckKey(both[0]));
      dict.Set(both[0], both[1]);
      FOUNDRY_RETURN_IF_ERROR(Budget::Check());
    }
  }
  for (const auto& [key, value] : given.named) dict.Set(key, value);
  return dict;
}

absl::StatusOr<Value> NewDict(const Given& given) {
  FOUNDRY_ASSIGN_OR_RETURN(Dict dict, MakeDict(given));
  return Value(std::move(dict));
}

absl::StatusOr<Value> NewNamespace(const Given& given) {
  FOUNDRY_ASSIGN_OR_RETURN(Dict dict, MakeDict(given));
  for (const auto& [key, value] : dict.items()) {
    if (!key.is_text()) return absl::UnimplementedError("names of a namespace must be texts");
    FOUNDRY_RETURN_IF_ERROR(CheckField(key.text(), value));
  }
  const size_t bytes = dict.items().capacity() * sizeof(Dict::Items::value_type);
  FOUNDRY_RETURN_IF_ERROR(Budget::SpendOnCopy(bytes));
  struct Space {
    Dict dict;
    Held held;
  };
  const auto space = std::make_shared<Space>(Space{std::move(dict), Held(bytes)});
  return Value(Value::Namespace{std::shared_ptr<Dict>(space, &space->dict)});
}

absl::StatusOr<Value> NotHere(const Given&) {
  return absl::UnimplementedError("this function is not known here");
}

using Functions = std::map<std::string, absl::StatusOr<Value> (*)(const Given&)>;
// Jinja's defaults, its `self`, and Hugging Face's raise_exception and strftime_now.
const Functions& AllFunctions() {
  static const auto* const functions =
      new Functions{{"raise_exception", Raise}, {"strftime_now", StrftimeNow}, {"range", Range},
                    {"dict", NewDict},          {"namespace", NewNamespace},   {"lipsum", NotHere},
                    {"cycler", NotHere},        {"joiner", NotHere},           {"self", NotHere}};
  return *functions;
}

}  // namespace

const std::vector<std::string>& FunctionNames() {
  static const auto* const names = [] {
    auto* const all = new std::vector<std::string>;
    for (const auto& [name, function] : AllFunctions()) all->push_back(name);
    return all;
  }();
  return *names;
}

absl::StatusOr<Value> CallFunction(const std::string& name, const Given& given) {
  const auto function = AllFunctions().find(name);
  if (function == AllFunctions().end()) return NotKnown("function", name);
  return function->second(given);
}

absl::Status CheckField(absl::string_view name, const Value& value) {
  if (value.depth() > kDeepestValue) {
    return absl::UnimplementedError(
        "values nested too deep, or a namespace, macro or loop in another value");
  }
  if (name.empty() || name[0] != '_') return absl::OkStatus();
  return absl::InvalidArgumentError("names of a namespace must not begin with \"_\"");
}

absl::Status NotKnown(absl::string_view kind, absl::string_view name) {
  return absl::UnimplementedError(absl::StrCat("the ", kind, " \"", name, "\" is not known here"));
}

bool IsBlank(char32_t c) { return IsWhitespace(c) || (c >= 0x1C && c <= 0x1F); }

std::string Strip(absl::string_view text, const std::string* characters, bool left, bool right) {
  std::set<char32_t> known;
  for (size_t at = 0; characters != nullptr && at < characters->size();) {
    known.insert(NextCodePoint(*characters, &at));
  }
  const auto stripped = [&](absl::string_view character) {
    size_t at = 0;
    const char32_t c = NextCodePoint(character, &at);
    return characters != nullptr ? known.count(c) > 0 : IsBlank(c);
  };
  while (left && !text.empty()) {
    size_t size = 0;
    NextCodePoint(text, &size);
    if (!stripped(text.substr(0, size))) break;
    text.remove_prefix(size);
  }
  while (right && !text.empty()) {
    size_t begin = text.size() - 1;
    while (begin > 0 && (text[begin] & 0xC0) == 0x80) --begin;
    if (!stripped(text.substr(begin))) break;
    text = text.substr(0, begin);
  }
  return std::string(text);
}

}  // namespace foundry::tokenizer::jinja
