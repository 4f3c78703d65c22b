#include "services/evaluator/metrics/numbers.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace foundry::evaluator {
namespace {

struct Found {
  std::string value;
  size_t end;
};

bool Digit(absl::string_view text, size_t i) {
  return i < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[i]));
}

// Drops leading zeros and trailing zeros of the fraction.
std::string Canonical(std::string whole, std::string fraction, bool negative) {
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
  if (whole.empty()) whole = "0";
  while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
  std::string value = fraction.empty() ? whole : absl::StrCat(whole, ".", fraction);
  return negative && value != "0" ? absl::StrCat("-", value) : value;
}

// All numbers in reading order; commas group only before three digits.
std::vector<Found> FindNumbers(absl::string_view text) {
  std::vector<Found> found;
  for (size_t i = 0; i < text.size();) {
    const bool bare_fraction =
        text[i] == '.' && Digit(text, i + 1) && (i == 0 || !Digit(text, i - 1));
    if (!Digit(text, i) && !bare_fraction) {
      ++i;
      continue;
    }
    // A minus counts where no word or number stands before it: "16-3" is 16 and 3.
    size_t before = i;
    while (before > 0 && (text[before - 1] == '$' || text[before - 1] == ' ')) --before;
    bool negative = i > 0 && text[i - 1] == '-' && (i == 1 || absl::ascii_isspace(text[i - 2]));
    negative |= before > 0 && before < i && text[before - 1] == '-' && text[before] == '$' &&
                (before == 1 || absl::ascii_isspace(text[before - 2]));
    std::string whole, fraction;
    while (Digit(text, i) ||
           (i < text.size() && text[i] == ',' && !whole.empty() && Digit(text, i + 1) &&
            Digit(text, i + 2) && Digit(text, i + 3) && !Digit(text, i + 4))) {
      if (text[i] != ',') whole += text[i];
      ++i;
    }
    if (i < text.size() && text[i] == '.' && Digit(text, i + 1)) {
      ++i;
      while (Digit(text, i)) fraction += text[i++];
    }
    found.push_back({Canonical(std::move(whole), std::move(fraction), negative), i});
  }
  return found;
}

std::optional<std::string> FirstNumber(absl::string_view text) {
  std::vector<Found> found = FindNumbers(text);
  if (found.empty()) return std::nullopt;
  return found.front().value;
}

constexpr std::array<std::pair<absl::string_view, absl::string_view>, 29> kNumberWords = {{
    {"zero", "0"},      {"one", "1"},        {"two", "2"},       {"three", "3"},
    {"four", "4"},      {"five", "5"},       {"six", "6"},       {"seven", "7"},
    {"eight", "8"},     {"nine", "9"},       {"ten", "10"},      {"eleven", "11"},
    {"twelve", "12"},   {"thirteen", "13"},  {"fourteen", "14"}, {"fifteen", "15"},
    {"sixteen", "16"},  {"seventeen", "17"}, {"eighteen", "18"}, {"nineteen", "19"},
    {"twenty", "20"},   {"thirty", "30"},    {"forty", "40"},    {"fifty", "50"},
    {"sixty", "60"},    {"seventy", "70"},   {"eighty", "80"},   {"ninety", "90"},
    {"hundred", "100"},
}};
constexpr std::array<absl::string_view, 12> kMonths = {
    "january", "february", "march",     "april",   "may",      "june",
    "july",    "august",   "september", "october", "november", "december"};

}  // namespace

std::optional<std::string> FinalNumber(absl::string_view solution) {
  const std::string lower = absl::AsciiStrToLower(solution);
  for (absl::string_view mark : {"####", "\na:", "answer is", "answer:"}) {
    const size_t at = absl::string_view(lower).rfind(mark);
    if (at == std::string::npos) continue;
    if (auto number = FirstNumber(absl::string_view(lower).substr(at + mark.size()))) return number;
  }
  std::vector<Found> all = FindNumbers(lower);
  if (all.empty()) return std::nullopt;
  return all.back().value;
}

double NumberMatch(absl::string_view prediction, absl::string_view gold) {
  const std::optional<std::string> p = FinalNumber(prediction), g = FinalNumber(gold);
  return p.has_value() && p == g ? 1 : 0;
}

std::set<std::string> NumbersAndDates(absl::string_view text) {
  std::set<std::string> values;
  for (Found& found : FindNumbers(text)) values.insert(std::move(found.value));
  for (absl::string_view word : absl::StrSplit(text, absl::ByAnyChar(" \t\n.,;:!?()[]\"'-/"))) {
    // "May" the month is capitalised; "may" the verb is not.
    if (word == "may") continue;
    const std::string lower = absl::AsciiStrToLower(word);
    for (const auto& [name, value] : kNumberWords) {
      if (lower == name && name != "one") values.emplace(value);
    }
    if (std::find(kMonths.begin(), kMonths.end(), lower) != kMonths.end()) values.insert(lower);
  }
  return values;
}

}  // namespace foundry::evaluator
