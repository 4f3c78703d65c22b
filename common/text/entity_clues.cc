#include "common/text/entity_clues.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/text/gazetteer.h"
#include "common/text/utf8.h"
#include "common/text/words.h"

namespace foundry::text {
namespace {

using Tokens = std::vector<std::string>;

constexpr size_t kLongestPhrase = 12;    // words from the article to the noun
constexpr size_t kLongestBrackets = 25;  // tokens between a name and its definition

bool Upper(const std::string& token) {
  size_t at = 0;
  return !token.empty() && IsUpper(DecodeUtf8(token, &at));
}

bool OneOf(const std::string& token, std::initializer_list<absl::string_view> words) {
  return std::find(words.begin(), words.end(), token) != words.end();
}

// Behind the capitalised words from `begin` on, and what links them.
size_t NameEnd(const Tokens& tokens, size_t begin) {
  size_t end = begin;
  for (size_t i = begin; i < tokens.size();) {
    if (Upper(tokens[i])) {
      end = ++i;
      continue;
    }
    const bool link = OneOf(tokens[i], {"of", "the", "de", "la", "le", "von", "van", "der", "dos",
                                        "da", "di", "du", "del", "&", "for"});
    if (!link || i == begin) break;
    ++i;
  }
  return end;
}

// "a Danish chain of shops" → chain; the phrase begins behind the article. Nouns that name a
// program or a person come with what tells them apart: "tennis player". Empty: the phrase has no
// end.
std::string HeadNoun(const Tokens& tokens, size_t begin) {
  std::string last, previous;
  for (size_t i = begin; i < std::min(tokens.size(), begin + kLongestPhrase); ++i) {
    const std::string& token = tokens[i];
    if (OneOf(token,
              {"of", "in",    "from",     "for",   "that",    "which",     "who",     ",",
               ".",  "by",    "located",  "at",    "on",      "with",      "and",     "based",
               "(",  "known", "whose",    "where", "formed",  "since",     "founded", "to",
               ";",  "near",  "situated", "or",    "between", "operating", "born",    "'s"})) {
      return OneOf(last, {"player", "driver", "officer"}) ? absl::StrCat(previous, " ", last)
                                                          : last;
    }
    previous = std::exchange(last, token);
  }
  return "";
}

// "born 1944", "December 13, 1898 -", "1819 - 1890": the dates of a life.
bool LifeDates(const Tokens& tokens, size_t begin, size_t end) {
  if (begin >= end) return false;
  if (OneOf(tokens[begin], {"born", "b."})) return true;
  int years = 0;
  for (size_t i = begin; i < end; ++i) {
    const std::string& t = tokens[i];
    years += t.size() == 4 && std::all_of(t.begin(), t.end(), absl::ascii_isdigit);
    const bool plain = years > 0 || absl::ascii_isdigit(t[0]) || Upper(t) ||
                       OneOf(t, {",", "c.", "-", "–", "--", "in", "."});
    if (!plain) return false;
  }
  return years == 2;
}

void Look(const Tokens& tokens, size_t begin, size_t end, DefinedNames* out) {
  const std::string name = absl::StrJoin(tokens.begin() + begin, tokens.begin() + end, " ");
  size_t next = end;
  if (next < tokens.size() && tokens[next] == "(") {
    const size_t limit = std::min(tokens.size(), next + kLongestBrackets);
    const auto close = std::find(tokens.begin() + next, tokens.begin() + limit, ")");
    if (close == tokens.begin() + limit) return;
    const size_t closed = close - tokens.begin();
    if (end - begin >= 2 && LifeDates(tokens, next + 1, closed)) {
      ++(*out)[name]["person"];
      return;
    }
    next = closed + 1;
  }
  if (next + 2 >= tokens.size()) return;
  if (OneOf(tokens[next], {"manufactures", "employs", "manufactured"}) ||
      (OneOf(tokens[next], {"was", "is", "has"}) &&
       OneOf(tokens[next + 1], {"acquired", "headquartered", "incorporated", "subsidiaries"}))) {
    ++(*out)[name]["organization"];
    return;
  }
  const bool verb = OneOf(tokens[next], {"is", "was", "are", "were"});
  const bool comma = tokens[next] == "," && (begin == 0 || (begin == 1 && tokens[0] == "The"));
  if (!verb && !comma) return;
  const std::string& article = tokens[next + 1];
  if (!OneOf(article, {"a", "an"}) && !(verb && article == "the")) return;
  const std::string type = TypeOfNoun(HeadNoun(tokens, next + 2));
  if (!type.empty()) ++(*out)[name][type];
}

}  // namespace

std::string TypeOfNoun(const std::string& noun) {
  const Gazetteer& names = Gazetteer::Get();
  std::vector<std::string> forms = {noun};
  if (noun.size() > 3 && noun.back() == 's') forms.push_back(noun.substr(0, noun.size() - 1));
  for (const std::string& form : forms) {
    if (names.person_nouns.contains(form)) return "person";
    if (names.org_nouns.contains(form)) return "organization";
    if (names.loc_nouns.contains(form)) return "location";
  }
  return "";
}

DefinedNames FindDefinedNames(absl::Span<const Tokens> sentences) {
  const Gazetteer& names = Gazetteer::Get();
  DefinedNames out;
  for (const Tokens& tokens : sentences) {
    for (size_t i = 0; i < tokens.size();) {
      if (!Upper(tokens[i]) || names.not_names.contains(tokens[i])) {
        ++i;
        continue;
      }
      const size_t end = NameEnd(tokens, i);
      // Whatever follows "in Harrison" is not about Harrison.
      const bool inside = i > 0 && OneOf(absl::AsciiStrToLower(tokens[i - 1]),
                                         {"in", "at", "near", "from", "to", "of", "by", "with"});
      if (!inside) Look(tokens, i, end, &out);
      i = std::max(end, i + 1);
    }
  }
  return out;
}

}  // namespace foundry::text
