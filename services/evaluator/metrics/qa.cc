#include "services/evaluator/metrics/qa.h"

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "services/evaluator/metrics/normalize.h"

namespace foundry::evaluator {
namespace {

int CommonTokens(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::map<absl::string_view, int> counts;
  for (const std::string& token : a) ++counts[token];
  int common = 0;
  for (const std::string& token : b) {
    auto it = counts.find(token);
    if (it != counts.end() && it->second > 0) --it->second, ++common;
  }
  return common;
}

bool SplitsNumber(absl::string_view text, size_t begin, size_t end) {
  auto digit = [&](size_t i) { return absl::ascii_isdigit(static_cast<unsigned char>(text[i])); };
  return (begin > 0 && digit(begin) && digit(begin - 1)) ||
         (end < text.size() && digit(end - 1) && digit(end));
}

// "ten" is not in "tenth", "no" not in "know": a short answer found inside a word is chance. Longer
// ones may be inflected.
bool InsideWord(absl::string_view text, size_t begin, size_t end) {
  constexpr size_t kShort = 3;  // bytes
  const absl::string_view found = text.substr(begin, end - begin);
  if (found.size() > kShort || !std::all_of(found.begin(), found.end(), absl::ascii_isalpha)) {
    return false;
  }
  auto letter = [&](size_t i) {
    const unsigned char c = text[i];
    return absl::ascii_isalnum(c) || c >= 0x80;
  };
  return (begin > 0 && letter(begin - 1)) || (end < text.size() && letter(end));
}

}  // namespace

double ExactMatch(absl::string_view prediction, absl::string_view gold) {
  return NormalizeAnswer(prediction) == NormalizeAnswer(gold) ? 1.0 : 0.0;
}

double TokenF1(absl::string_view prediction, absl::string_view gold) {
  const std::vector<std::string> p = AnswerTokens(prediction), g = AnswerTokens(gold);
  const int common = CommonTokens(p, g);
  if (common == 0) return 0;
  const double precision = static_cast<double>(common) / p.size();
  const double recall = static_cast<double>(common) / g.size();
  return 2 * precision * recall / (precision + recall);
}

double TokenRecall(absl::string_view prediction, absl::string_view gold) {
  const std::vector<std::string> p = AnswerTokens(prediction), g = AnswerTokens(gold);
  return g.empty() ? 0 : static_cast<double>(CommonTokens(p, g)) / g.size();
}

double Contains(absl::string_view prediction, absl::string_view gold) {
  const std::string needle = NormalizeAnswer(gold), text = NormalizeAnswer(prediction);
  if (needle.empty())
    return absl::StripAsciiWhitespace(prediction) == absl::StripAsciiWhitespace(gold);
  for (size_t at = text.find(needle); at != std::string::npos; at = text.find(needle, at + 1)) {
    const size_t end = at + needle.size();
    if (!SplitsNumber(text, at, end) && !InsideWord(text, at, end)) return 1;
  }
  return 0;
}

QaScores ScoreAnswer(absl::string_view prediction, absl::Span<const std::string> golds) {
  QaScores best;
  for (const std::string& gold : golds) {
    best.exact = std::max(best.exact, ExactMatch(prediction, gold));
    best.f1 = std::max(best.f1, TokenF1(prediction, gold));
    best.contains = std::max(best.contains, Contains(prediction, gold));
    best.recall = std::max(best.recall, TokenRecall(prediction, gold));
  }
  return best;
}

}  // namespace foundry::evaluator
