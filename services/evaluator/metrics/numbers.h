// Numbers in answers: final answers of arithmetic word problems (GSM8K, Cobbe et al., arXiv
// 2110.14168), and the numbers and dates that error analysis compares. Thread-safe (no state).
#pragma once

#include <optional>
#include <set>
#include <string>

#include "absl/strings/string_view.h"

namespace foundry::evaluator {

// The final number of a worked solution: after the last "####", else after the last "A:" or "answer
// is", else the last number. "$1,234.00" gives "1234"; nothing when there is no number.
std::optional<std::string> FinalNumber(absl::string_view solution);

// 1 when both have a final number and the values are equal.
double NumberMatch(absl::string_view prediction, absl::string_view gold);

// Every number, number word up to ninety and month name, canonical: {"1973", "7", "october"}.
std::set<std::string> NumbersAndDates(absl::string_view text);

}  // namespace foundry::evaluator
