#include "services/teacher/extractive/words.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/teacher/extractive/lexicon.h"

namespace foundry::teacher::extractive {
namespace {

// Marks that stand at the edge of words, longest first.
constexpr absl::string_view kMarks[] = {"...", "…", "“", "”", "‘", "’", "«", "»",
                                        "—",   "(", ")", "[", "]", "{", "}", "\"",
                                        "'",   ",", ";", ":", ".", "!", "?", "`"};

size_t MarkAtStart(absl::string_view word) {
  for (absl::string_view mark : kMarks) {
    if (absl::StartsWith(word, mark)) return mark.size();
  }
  return 0;
}

size_t MarkAtEnd(absl::string_view word) {
  for (absl::string_view mark : kMarks) {
    if (absl::EndsWith(word, mark)) return mark.size();
  }
  return 0;
}

Tag MarkTag(absl::string_view mark) {
  if (mark == ",") return Tag::kComma;
  if (mark == "(" || mark == "[" || mark == "{") return Tag::kOpen;
  if (mark == ")" || mark == "]" || mark == "}") return Tag::kClose;
  if (mark == ";" || mark == ":" || mark == "—" || mark == "." || mark == "!" || mark == "?" ||
      mark == "..." || mark == "…") {
    return Tag::kStop;
  }
  return Tag::kQuote;
}

// "U.S.", "Jr.", "J.", "St.": the point belongs to the word.
bool KeepsPoint(absl::string_view word) {
  const absl::string_view stem = word.substr(0, word.size() - 1);
  if (stem.size() == 1 && absl::ascii_isupper(stem[0])) return true;
  if (absl::StrContains(stem, '.')) return true;
  for (absl::string_view known : {"Jr", "Sr", "St", "Mr", "Mrs", "Dr", "Prof", "Gen", "Rev", "No",
                                  "vs", "etc", "ca", "approx", "Inc", "Ltd", "Co", "Corp"}) {
    if (stem == known) return true;
  }
  return false;
}

void AddWord(absl::string_view text, size_t begin, size_t end, std::vector<Word>& words,
             Tag tag = Tag::kNoun) {
  Word word;
  word.text = std::string(text.substr(begin, end - begin));
  word.lower = absl::AsciiStrToLower(word.text);
  word.begin = begin;
  word.end = end;
  word.tag = tag;
  words.push_back(std::move(word));
}

// One blank-free run.
void CutRun(absl::string_view text, size_t begin, size_t end, std::vector<Word>& words) {
  // A dash between words stands alone.
  for (absl::string_view dash : {"—", "--"}) {
    const size_t at = text.substr(begin, end - begin).find(dash);
    if (at == absl::string_view::npos) continue;
    if (at > 0) CutRun(text, begin, begin + at, words);
    AddWord(text, begin + at, begin + at + dash.size(), words, Tag::kStop);
    if (begin + at + dash.size() < end) CutRun(text, begin + at + dash.size(), end, words);
    return;
  }
  while (begin < end) {
    const size_t n = MarkAtStart(text.substr(begin, end - begin));
    if (n == 0 || n > end - begin) break;
    // ".so" and "/etc" style names keep their point.
    if (text[begin] == '.' && end - begin > 1 && absl::ascii_isalnum(text[begin + 1])) break;
    AddWord(text, begin, begin + n, words, MarkTag(text.substr(begin, n)));
    begin += n;
  }
  std::vector<std::pair<size_t, size_t>> tail;
  while (begin < end) {
    const absl::string_view word = text.substr(begin, end - begin);
    const size_t n = MarkAtEnd(word);
    if (n == 0 || n >= word.size()) break;
    if (word.back() == '.' && KeepsPoint(word)) break;
    // "Inc(s)" and "f(x)": a bracket that opens inside the word.
    if (word.back() == ')' && absl::StrContains(word, '(')) break;
    if (word.back() == ']' && absl::StrContains(word, '[')) break;
    tail.emplace_back(end - n, end);
    end -= n;
  }
  if (begin < end) {
    const absl::string_view word = text.substr(begin, end - begin);
    size_t genitive = 0;
    for (absl::string_view mark : {"'s", "’s"}) {
      if (absl::EndsWith(word, mark) && word.size() > mark.size()) genitive = mark.size();
    }
    AddWord(text, begin, end - genitive, words);
    if (genitive > 0) AddWord(text, end - genitive, end, words, Tag::kGenitive);
  }
  // "armies' " : the apostrophe of a plural possessor.
  if (tail.size() == 1 && !words.empty() && absl::EndsWith(words.back().lower, "s")) {
    const absl::string_view mark = text.substr(tail[0].first, tail[0].second - tail[0].first);
    if (mark == "'" || mark == "’") {
      AddWord(text, tail[0].first, tail[0].second, words, Tag::kGenitive);
      return;
    }
  }
  for (auto it = tail.rbegin(); it != tail.rend(); ++it) {
    AddWord(text, it->first, it->second, words,
            MarkTag(text.substr(it->first, it->second - it->first)));
  }
}

}  // namespace

std::string CleanSentence(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    if (text[i] == '[') {
      const size_t close = text.find(']', i);
      if (close != absl::string_view::npos && close - i <= 24) {
        const std::string inside = absl::AsciiStrToLower(text.substr(i + 1, close - i - 1));
        const bool number =
            !inside.empty() && std::all_of(inside.begin(), inside.end(), [](char c) {
              return absl::ascii_isdigit(c) || c == ',' || c == ' ';
            });
        const bool letter = inside.size() == 1;
        if (number ||
            (letter && (close + 1 == text.size() || !absl::ascii_isalpha(text[close + 1]))) ||
            absl::StartsWith(inside, "note") || absl::StartsWith(inside, "citation") ||
            absl::StartsWith(inside, "clarification") || absl::StartsWith(inside, "when?") ||
            absl::StartsWith(inside, "who?") || absl::StartsWith(inside, "by whom")) {
          i = close + 1;
          continue;
        }
      }
    }
    const char c = absl::ascii_isspace(text[i]) ? ' ' : text[i];
    if (c != ' ' || (!out.empty() && out.back() != ' ')) out += c;
    ++i;
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  // A page reference that a citation left behind: "system.:19-1".
  if (const size_t at = out.rfind(".:"); at != std::string::npos && at + 12 > out.size()) {
    const absl::string_view tail = absl::string_view(out).substr(at + 2);
    if (std::all_of(tail.begin(), tail.end(),
                    [](char c) { return absl::ascii_isdigit(c) || c == '-' || c == ' '; })) {
      out.resize(at + 1);
    }
  }
  return out;
}

std::vector<Word> CutWords(absl::string_view text) {
  std::vector<Word> words;
  for (size_t i = 0; i < text.size();) {
    if (absl::ascii_isspace(text[i])) {
      ++i;
      continue;
    }
    size_t end = i;
    while (end < text.size() && !absl::ascii_isspace(text[end])) ++end;
    CutRun(text, i, end, words);
    i = end;
  }
  return words;
}

Sentence::Sentence(absl::string_view text, const Capitals* capitals)
    : text_(CleanSentence(text)), words_(CutWords(text_)) {
  TagWords(words_, capitals);
}

void CountCapitals(absl::string_view sentence, Capitals& capitals) {
  const std::vector<Word> words = CutWords(CleanSentence(sentence));
  for (size_t i = 1; i < words.size(); ++i) {
    if (words[i].tag != Tag::kNoun || words[i - 1].tag == Tag::kQuote ||
        words[i - 1].tag == Tag::kStop) {
      continue;
    }
    const bool upper = words[i].text != words[i].lower;
    (upper ? capitals.names : capitals.common).insert(words[i].lower);
  }
}

std::string Sentence::Text(Range range) const {
  if (range.empty() || range.end > words_.size()) return "";
  return text_.substr(words_[range.begin].begin,
                      words_[range.end - 1].end - words_[range.begin].begin);
}

std::string Sentence::Inner(Range range) const {
  std::string text = Text(range);
  if (text.empty()) return text;
  const Word& first = words_[range.begin];
  const bool all_caps = first.text.size() > 1 && absl::ascii_isupper(first.text[1]);
  const bool starts = range.begin == 0 || words_[range.begin - 1].tag == Tag::kQuote;
  if (first.tag != Tag::kProper && starts && !all_caps && first.text != "I" &&
      !HasDigit(first.text)) {
    text[0] = absl::ascii_tolower(text[0]);
  }
  return text;
}

bool HasDigit(absl::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return absl::ascii_isdigit(c); });
}

bool IsYear(absl::string_view text) {
  if (text.size() == 5 && text[4] == 's') text.remove_suffix(1);
  if (text.size() != 4) return false;
  const bool digits =
      std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isdigit(c); });
  return digits && (text[0] == '1' || (text[0] == '2' && text[1] <= '1'));
}

std::string Capitalized(absl::string_view text) {
  std::string out(text);
  if (!out.empty()) out[0] = absl::ascii_toupper(out[0]);
  return out;
}

}  // namespace foundry::teacher::extractive
