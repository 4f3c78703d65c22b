#include "services/evaluator/metrics/rouge.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"

namespace foundry::evaluator {
namespace {

std::vector<std::string> RougeTokens(absl::string_view text) {
  std::vector<std::string> tokens;
  std::string token;
  for (char c : text) {
    c = absl::ascii_tolower(c);
    if (absl::ascii_isalnum(static_cast<unsigned char>(c))) {
      token += c;
    } else if (!token.empty()) {
      tokens.push_back(std::move(token));
      token.clear();
    }
  }
  if (!token.empty()) tokens.push_back(std::move(token));
  return tokens;
}

}  // namespace

RougeScore RougeL(absl::string_view prediction, absl::string_view gold) {
  const std::vector<std::string> p = RougeTokens(prediction), g = RougeTokens(gold);
  if (p.empty() || g.empty()) return {};
  std::vector<int> row(p.size() + 1, 0);
  for (const std::string& word : g) {
    int diagonal = 0;
    for (size_t j = 1; j <= p.size(); ++j) {
      const int above = row[j];
      row[j] = word == p[j - 1] ? diagonal + 1 : std::max(above, row[j - 1]);
      diagonal = above;
    }
  }
  if (row.back() == 0) return {};
  RougeScore score;
  score.precision = static_cast<double>(row.back()) / p.size();
  score.recall = static_cast<double>(row.back()) / g.size();
  score.f1 = 2 * score.precision * score.recall / (score.precision + score.recall);
  return score;
}

}  // namespace foundry::evaluator
