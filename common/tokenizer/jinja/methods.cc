// Methods of texts and mappings, as Python's.
#include "common/tokenizer/jinja/methods.h"

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/tokenizer/jinja/budget.h"
#include "common/tokenizer/jinja/builtins.h"
#include "common/tokenizer/jinja/compare.h"
#include "common/tokenizer/jinja/iterate.h"
#include "common/tokenizer/jinja/loop.h"
#include "common/tokenizer/unicode.h"

namespace foundry::tokenizer::jinja {
namespace {

using Form = Value::Form;
using Answer = absl::StatusOr<Value>;

struct Method {
  const char* signature;  // as Bound::To
  Answer (*call)(const Value& self, const Bound& given);
};
using Table = std::map<absl::string_view, Method>;

absl::Status Add(absl::string_view part, List* parts) {
  if (parts->size() == kLongestList) return TooLong();
  parts->push_back(part);
  return Budget::Check();
}

Answer SplitAtBlanks(absl::string_view text, int64_t left) {
  List parts;
  size_t begin = text.npos;  // of the part under way
  for (size_t at = 0; at < text.size();) {
    const size_t here = at;
    const bool blank = IsBlank(NextCodePoint(text, &at));
    if (!blank && begin == text.npos) {
      if (left == 0) {  // the rest, as it is
        FOUNDRY_RETURN_IF_ERROR(Add(text.substr(here), &parts));
        return Value(std::move(parts));
      }
      begin = here;
    }
    if (begin != text.npos && (blank || at == text.size())) {
      FOUNDRY_RETURN_IF_ERROR(Add(text.substr(begin, (blank ? here : at) - begin), &parts));
      begin = text.npos;
      if (left > 0) --left;
    }
  }
  return Value(std::move(parts));
}

Answer Split(const Value& self, const Bound& given) {
  const absl::string_view text = self.text();
  int64_t left = -1;
  if (given.Find(1) != nullptr) {
    FOUNDRY_ASSIGN_OR_RETURN(left, given.Int(1));
  }
  if (!given.Has(0)) return SplitAtBlanks(text, left);
  FOUNDRY_ASSIGN_OR_RETURN(const std::string separator, given.Text(0));
  if (separator.empty()) return absl::InvalidArgumentError("split() takes no empty text");
  List parts;
  size_t at = 0;
  for (; left != 0; --left) {
    FOUNDRY_ASSIGN_OR_RETURN(const size_t end, Search(text, separator, at));
    if (end == text.npos) break;
    FOUNDRY_RETURN_IF_ERROR(Add(text.substr(at, end - at), &parts));
    at = end + separator.size();
  }
  FOUNDRY_RETURN_IF_ERROR(Add(text.substr(at), &parts));
  return Value(std::move(parts));
}

Answer Replace(const Value& self, const Bound& given) {
  FOUNDRY_ASSIGN_OR_RETURN(const std::string old, given.Text(0));
  FOUNDRY_ASSIGN_OR_RETURN(const std::string fresh, given.Text(1));
  int64_t count = -1;
  if (given.Find(2) != nullptr) {
    FOUNDRY_ASSIGN_OR_RETURN(count, given.Int(2));
  }
  return Replaced(self.text(), old, fresh, count);
}

// text[start:end], the arguments from `place` on.
struct Part {
  absl::string_view text;
  int64_t skipped = 0;   // characters before it
  bool outside = false;  // it begins behind the end, where even an empty text is not
};
absl::StatusOr<Part> PartOf(const Value& self, const Bound& given, size_t place) {
  Part part{self.text()};
  if (!given.Has(place) && !given.Has(place + 1)) return part;
  const int64_t size = CountCharacters(part.text);
  FOUNDRY_ASSIGN_OR_RETURN(int64_t begin, given.Int(place, 0));
  FOUNDRY_ASSIGN_OR_RETURN(int64_t end, given.Int(place + 1, size));
  const auto from_the_end = [size](int64_t at) {
    return at < 0 ? std::max<int64_t>(0, at + size) : at;
  };
  begin = from_the_end(begin);
  end = std::min(from_the_end(end), size);
  part.outside = begin > end;
  if (part.outside) return part;
  size_t at = 0, from = 0;
  for (int64_t i = 0; i < end; ++i) {
    if (i == begin) from = at;
    NextCodePoint(part.text, &at);
  }
  if (begin == end) from = at;
  part.text = part.text.substr(from, at - from);
  part.skipped = begin;
  return part;
}

// startswith and endswith: of a text, or of one of a tuple.
template <bool at_start>
Answer HasAffix(const Value& self, const Bound& given) {
  const Value& affix = given.At(0);
  FOUNDRY_ASSIGN_OR_RETURN(const Part part, PartOf(self, given, 1));
  bool found = false;
  for (const Value& one : affix.is(Form::kTuple) ? affix.list() : List{affix}) {
    if (!one.is_text()) {
      return absl::InvalidArgumentError("startswith() and endswith() take a text or a tuple");
    }
    FOUNDRY_RETURN_IF_ERROR(Budget::SpendOnCopy(one.text().size()));
    found =
        at_start ? absl::StartsWith(part.text, one.text()) : absl::EndsWith(part.text, one.text());
    if (found && !part.outside) return Value(true);
  }
  return Value(false);
}

template <bool prefix>
Answer RemoveAffix(const Value& self, const Bound& given) {
  FOUNDRY_ASSIGN_OR_RETURN(const std::string affix, given.Text(0));
  absl::string_view text = self.text();
  if (prefix && absl::StartsWith(text, affix)) text.remove_prefix(affix.size());
  if (!prefix && absl::EndsWith(text, affix)) text.remove_suffix(affix.size());
  return Value(text);
}

Answer Find(const Value& self, const Bound& given) {
  FOUNDRY_ASSIGN_OR_RETURN(const std::string wanted, given.Text(0));
  FOUNDRY_ASSIGN_OR_RETURN(const Part part, PartOf(self, given, 1));
  FOUNDRY_ASSIGN_OR_RETURN(const size_t at, Search(part.text, wanted));
  if (at == part.text.npos || part.outside) return Value(-1);
  return Value(part.skipped + CountCharacters(part.text.substr(0, at)));
}

Answer CountParts(const Value& self, const Bound& given) {
  FOUNDRY_ASSIGN_OR_RETURN(const std::string wanted, given.Text(0));
  FOUNDRY_ASSIGN_OR_RETURN(const Part part, PartOf(self, given, 1));
  if (part.outside) return Value(0);
  if (wanted.empty()) return Value(CountCharacters(part.text) + 1);
  int64_t count = 0;
  for (size_t at = 0;; ++count) {
    FOUNDRY_ASSIGN_OR_RETURN(at, Search(part.text, wanted, at));
    if (at == part.text.npos) return Value(count);
    at += wanted.size();
  }
}

Answer Join(const Value& self, const Bound& given) {
  FOUNDRY_ASSIGN_OR_RETURN(Iterator items, Iterator::Over(given.At(0)));
  Output out;
  Value item;
  for (bool first = true;; first = false) {
    FOUNDRY_ASSIGN_OR_RETURN(const bool more, items.Next(&item));
    if (!more) return Value(out.Take());
    if (!item.is_text()) return absl::InvalidArgumentError("join() takes texts");
    if (!first) FOUNDRY_RETURN_IF_ERROR(out.Append(self.text()));
    FOUNDRY_RETURN_IF_ERROR(out.Append(item.text()));
  }
}

template <bool left, bool right>
Answer Stripped(const Value& self, const Bound& given) {
  if (!given.Has(0)) return Value(Strip(self.text(), nullptr, left, right));
  FOUNDRY_ASSIGN_OR_RETURN(const std::string characters, given.Text(0));
  return Value(Strip(self.text(), &characters, left, right));
}

template <std::string (*change)(absl::string_view)>
Answer Changed(const Value& self, const Bound&) {
  return Value(change(self.text()));
}

// Unlike the filter of this name, str.title() takes each run of letters for a word.
Answer Title(const Value& self, const Bound&) {
  std::string out;
  bool inside = false;
  for (const char c : self.text()) {
    if (!absl::ascii_isascii(c)) {
      return absl::UnimplementedError("title() is known here for ASCII only: use |title");
    }
    out += inside ? absl::ascii_tolower(c) : absl::ascii_toupper(c);
    inside = absl::ascii_isalpha(c);
  }
  return Value(std::move(out));
}

Answer Get(const Value& self, const Bound& given) {
  if (given.At(0).is_list() || given.At(0).is_dict()) {
    return absl::InvalidArgumentError(absl::StrCat(given.At(0).KindName(), " is no key"));
  }
  const Value* found = self.dict().FindKey(given.At(0));
  if (found == nullptr) found = given.Find(1);
  return found != nullptr ? *found : Value::MakeNone();
}

template <Form form>
Answer View(const Value& self, const Bound&) {
  List list;
  for (const auto& [key, value] : self.dict().items()) {
    list.push_back(form == Form::kValues ? value
                   : form == Form::kKeys ? key
                                         : Value(List{key, value}, Form::kTuple));
    FOUNDRY_RETURN_IF_ERROR(Budget::Check());
  }
  return Value(std::move(list), form);
}

// Python's methods of builtins take nothing by its name, but for split().
const Table& TextMethods() {
  static const auto* const methods = new Table{
      {"strip", {"[chars]/", Stripped<true, true>}},
      {"lstrip", {"[chars]/", Stripped<true, false>}},
      {"rstrip", {"[chars]/", Stripped<false, true>}},
      {"split", {"[sep] [maxsplit]", Split}},
      {"replace", {"old new [count]/", Replace}},
      {"startswith", {"prefix [start] [end]/", HasAffix<true>}},
      {"endswith", {"suffix [start] [end]/", HasAffix<false>}},
      {"removeprefix", {"prefix/", RemoveAffix<true>}},
      {"removesuffix", {"suffix/", RemoveAffix<false>}},
      {"find", {"sub [start] [end]/", Find}},
      {"count", {"sub [start] [end]/", CountParts}},
      {"join", {"iterable/", Join}},
      {"upper", {"", Changed<ToUpper>}},
      {"lower", {"", Changed<ToLower>}},
      {"capitalize", {"", Changed<Capitalize>}},
      {"title", {"", Title}},
  };
  return *methods;
}

const Table& DictMethods() {
  static const auto* const methods = new Table{
      {"get", {"key [default]/", Get}},
      {"keys", {"", View<Form::kKeys>}},
      {"values", {"", View<Form::kValues>}},
      {"items", {"", View<Form::kItems>}},
      {"copy", {"", [](const Value& self, const Bound&) -> Answer { return self; }}},
  };
  return *methods;
}

}  // namespace

absl::StatusOr<Value> Replaced(absl::string_view text, absl::string_view old,
                               absl::string_view fresh, int64_t count) {
  if (old.empty()) return absl::UnimplementedError("replacing an empty text is not known here");
  Output out;
  size_t at = 0;
  for (; count != 0; --count) {
    FOUNDRY_ASSIGN_OR_RETURN(const size_t end, Search(text, old, at));
    if (end == text.npos) break;
    FOUNDRY_RETURN_IF_ERROR(out.Append(text.substr(at, end - at)));
    FOUNDRY_RETURN_IF_ERROR(out.Append(fresh));
    at = end + old.size();
  }
  FOUNDRY_RETURN_IF_ERROR(out.Append(text.substr(at)));
  return Value(out.Take());
}

absl::StatusOr<Value> CallMethod(const Value& object, const std::string& name, const Given& given) {
  if (object.is_loop()) return object.loop()->Call(name, given);
  static const Table none;
  const Table& methods = object.is_markup() ? none
                         : object.is_text() ? TextMethods()
                         : object.is_dict() ? DictMethods()
                                            : none;
  const auto method = methods.find(name);
  if (method == methods.end()) {
    const char* of = object.is_markup() ? "what |safe or |escape made" : object.KindName();
    return absl::UnimplementedError(
        absl::StrCat("the method \"", name, "\" of ", of, " is not known here"));
  }
  FOUNDRY_RETURN_IF_ERROR(SpendOnCall(object, given));
  const std::string what = absl::StrCat("the method \"", name, "\"");
  FOUNDRY_ASSIGN_OR_RETURN(const Bound bound, Bound::To(method->second.signature, given, what));
  return method->second.call(object, bound);
}

}  // namespace foundry::tokenizer::jinja
