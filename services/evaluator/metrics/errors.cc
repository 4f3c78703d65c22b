#include "services/evaluator/metrics/errors.h"

#include <algorithm>
#include <array>
#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "services/evaluator/metrics/normalize.h"
#include "services/evaluator/metrics/numbers.h"
#include "services/evaluator/metrics/qa.h"

namespace foundry::evaluator {
namespace {

constexpr std::array<absl::string_view, 16> kRefusals = {
    "i don't know",      "i do not know",      "i'm sorry",
    "i am sorry",        "as an ai",           "i cannot",
    "i can't",           "i'm not sure",       "i am not sure",
    "don't have access", "do not have access", "not able to provide",
    "unable to provide", "please provide",     "cannot be determined",
    "could you clarify"};

constexpr absl::string_view kSmallWords =
    " a an the of and or in on at to for from by with as is are was were be been being it its this "
    "that these those which who whom whose what when where why how did does do done has have had "
    "he "
    "she they his her their not no than then there also can could would should will may might one "
    "some any all most more many much such into over under about after before during between ";

std::set<std::string> ContentWords(absl::string_view text) {
  std::set<std::string> words;
  for (std::string& word : AnswerTokens(text)) {
    if (!absl::StrContains(kSmallWords, absl::StrCat(" ", word, " ")))
      words.insert(std::move(word));
  }
  return words;
}

bool Overlap(const std::set<std::string>& a, const std::set<std::string>& b) {
  return std::any_of(a.begin(), a.end(),
                     [&](const std::string& word) { return b.count(word) > 0; });
}

// Capitalised words, a sentence's first word left out: a cheap sign of names.
std::set<std::string> Names(absl::string_view text, bool first_word_counts) {
  std::set<std::string> names;
  bool sentence_start = !first_word_counts;
  for (absl::string_view word : absl::StrSplit(text, absl::ByAnyChar(" \t\n"), absl::SkipEmpty())) {
    const bool ends_sentence = absl::StrContains(".!?", word.back());
    const size_t letter = word.find_first_not_of("\"'([");
    if (letter != absl::string_view::npos && absl::ascii_isupper(word[letter]) && !sentence_start) {
      for (std::string& token : AnswerTokens(word)) names.insert(std::move(token));
    }
    sentence_start = ends_sentence;
  }
  return names;
}

bool BadForm(absl::string_view prediction) {
  return AnswerTokens(prediction).empty() || absl::StrContains(prediction, "<|") ||
         absl::StartsWith(prediction, "```") || absl::EndsWith(prediction, "?") ||
         absl::StartsWithIgnoreCase(prediction, "topic:") ||
         absl::StartsWithIgnoreCase(prediction, "question:");
}

bool AnyGold(absl::Span<const std::string> golds,
             const std::function<bool(const std::string&)>& test) {
  return std::any_of(golds.begin(), golds.end(), test);
}

struct KindText {
  ErrorKind kind;
  absl::string_view name, label;
};
constexpr std::array<KindText, 10> kKinds = {{
    {ErrorKind::kNone, "none", "right"},
    {ErrorKind::kEmpty, "refusal_or_empty", "refusal or empty"},
    {ErrorKind::kRepetition, "repetition", "repetition"},
    {ErrorKind::kFormat, "format", "wrong form"},
    {ErrorKind::kWrongNumber, "wrong_number", "wrong number or date"},
    {ErrorKind::kWrongEntity, "wrong_entity", "wrong name"},
    {ErrorKind::kPartial, "partial", "partly right"},
    {ErrorKind::kWrongFact, "wrong_fact", "on topic, but wrong"},
    {ErrorKind::kWrongProgram, "wrong_program", "another program"},
    {ErrorKind::kOffTopic, "off_topic", "off topic"},
}};

}  // namespace

absl::string_view ErrorName(ErrorKind kind) { return kKinds[static_cast<size_t>(kind)].name; }
absl::string_view ErrorLabel(ErrorKind kind) { return kKinds[static_cast<size_t>(kind)].label; }

std::string ErrorLabelOf(absl::string_view name) {
  for (const KindText& kind : kKinds) {
    if (kind.name == name) return std::string(kind.label);
  }
  return std::string(name);
}

bool IsRefusal(absl::string_view answer) {
  const std::string lower = absl::AsciiStrToLower(absl::StripAsciiWhitespace(answer));
  if (lower.empty()) return true;
  return std::any_of(kRefusals.begin(), kRefusals.end(), [&](absl::string_view refusal) {
    return absl::string_view(lower).find(refusal) <
           40;  // as the answer's opening, not in a quotation far below
  });
}

bool IsRepetitive(absl::string_view answer) {
  const std::vector<std::string> words = AnswerTokens(answer);
  for (size_t n = 1; n <= 8; ++n) {
    size_t same = 0;  // words that equal the word n places before, in a row
    for (size_t i = n; i < words.size(); ++i) {
      same = words[i] == words[i - n] ? same + 1 : 0;
      if (same >= 2 * n && same >= 3) return true;
    }
  }
  const std::set<std::string> distinct(words.begin(), words.end());
  return words.size() >= 20 && distinct.size() * 3 < words.size();
}

ErrorKind ClassifyError(absl::string_view question, absl::string_view prediction,
                        absl::Span<const std::string> golds) {
  prediction = absl::StripAsciiWhitespace(prediction);
  if (IsRefusal(prediction)) return ErrorKind::kEmpty;
  if (IsRepetitive(prediction)) return ErrorKind::kRepetition;
  if (BadForm(prediction)) return ErrorKind::kFormat;

  const std::set<std::string> asked = NumbersAndDates(question);
  std::set<std::string> said = NumbersAndDates(prediction);
  for (const std::string& number : asked) said.erase(number);
  const bool gold_has_number =
      AnyGold(golds, [](const std::string& gold) { return !NumbersAndDates(gold).empty(); });
  if (gold_has_number && !said.empty() && !AnyGold(golds, [&](const std::string& gold) {
        return Overlap(NumbersAndDates(gold), said);
      })) {
    return ErrorKind::kWrongNumber;
  }

  const std::set<std::string> answer_words = ContentWords(prediction);
  std::set<std::string> question_words = ContentWords(question);
  const bool partial = AnyGold(golds, [&](const std::string& gold) {
    std::set<std::string> due = ContentWords(gold);
    for (const std::string& word : question_words)
      due.erase(word);  // repeating the question is easy
    return Overlap(due, answer_words);
  });
  if (partial) return ErrorKind::kPartial;

  std::set<std::string> names = Names(prediction, golds.empty() || prediction.size() < 40);
  for (const std::string& word : question_words) names.erase(word);
  if (!names.empty() &&
      AnyGold(golds, [](const std::string& gold) { return !Names(gold, true).empty(); })) {
    return ErrorKind::kWrongEntity;
  }
  return Overlap(question_words, answer_words) ? ErrorKind::kWrongFact : ErrorKind::kOffTopic;
}

std::string QuestionType(absl::string_view question) {
  if (absl::StartsWith(question, "Topic:")) {
    const size_t end = question.find(". ");
    if (end != absl::string_view::npos) question = question.substr(end + 2);
  }
  const std::vector<std::string> words = absl::StrSplit(
      absl::AsciiStrToLower(question), absl::ByAnyChar(" \t\n,;:?.'\""), absl::SkipEmpty());
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "who" || word == "whom" || word == "whose") return "who";
    if (word == "when" || word == "where" || word == "why" || word == "which") return word;
    if (word == "how") {
      const bool quantity =
          i + 1 < words.size() &&
          (words[i + 1] == "many" || words[i + 1] == "much" || words[i + 1] == "long");
      return quantity ? "how many" : "how";
    }
    if (word == "what") {
      const bool date = i + 1 < words.size() && (words[i + 1] == "year" || words[i + 1] == "date" ||
                                                 words[i + 1] == "month");
      return date ? "when" : "what";
    }
  }
  static constexpr absl::string_view kAuxiliaries =
      " is are was were do does did has have had can could will would should ";
  if (!words.empty() && absl::StrContains(kAuxiliaries, absl::StrCat(" ", words[0], " "))) {
    return "yes/no";
  }
  return "other";
}

}  // namespace foundry::evaluator
