#include "services/self_study/candidates.h"

#include <algorithm>
#include <array>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/hash.h"
#include "common/dataset/prompt.h"

namespace foundry::self_study {
namespace {

bool In(const std::string& value, std::initializer_list<const char*> values) {
  return std::any_of(values.begin(), values.end(), [&](const char* v) { return value == v; });
}

size_t WordCount(const std::string& text) {
  return std::vector<absl::string_view>(absl::StrSplit(text, ' ', absl::SkipWhitespace())).size();
}

}  // namespace

const char* DifficultyName(Difficulty difficulty) {
  static constexpr std::array<const char*, 3> kNames = {"easy", "medium", "hard"};
  return kNames[static_cast<size_t>(difficulty)];
}

Difficulty DifficultyOf(const dataset::Pair& pair) {
  if (In(pair.type,
         {"analysis", "application", "reason", "multi_fact", "false_premise", "purpose"}) ||
      In(pair.level, {"document", "section"})) {
    return Difficulty::kHard;
  }
  if (In(pair.type,
         {"conceptual", "definition", "description", "about", "continuation", "recital"}) ||
      WordCount(pair.target) > 12) {
    return Difficulty::kMedium;
  }
  return Difficulty::kEasy;
}

absl::StatusOr<DifficultyShares> SharesOf(const std::string& setting, int round) {
  if (setting == "easy") return DifficultyShares{1, 0, 0};
  if (setting == "medium") return DifficultyShares{0, 1, 0};
  if (setting == "hard") return DifficultyShares{0, 0, 1};
  if (setting != "progressive" && !setting.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "self_study.difficulty must be easy, medium, hard or progressive, not \"", setting, "\""));
  }
  if (round <= 1) return DifficultyShares{0.6, 0.3, 0.1};
  if (round == 2) return DifficultyShares{0.35, 0.4, 0.25};
  return DifficultyShares{0.2, 0.35, 0.45};
}

std::string FactKey(const dataset::Pair& pair) {
  const std::string fact =
      pair.fact.empty()
          ? absl::StrCat(pair.source.passage.substr(0, 200), "\n", pair.source.span.begin, "\n",
                         pair.source.span.end == 0 ? pair.target : "")
          : pair.fact;
  return Sha256Hex(absl::StrCat(pair.source.document, "\n", fact)).substr(0, 16);
}

std::vector<Candidate> Select(std::vector<Candidate> candidates, const SelectOptions& options) {
  // A question is asked once, however many sources it came from.
  std::map<std::string, size_t> seen;
  std::vector<std::pair<std::string, Candidate*>> order;
  for (Candidate& candidate : candidates) {
    if (!seen.emplace(candidate.pair.input, order.size()).second) continue;
    order.emplace_back(
        Sha256Hex(absl::StrCat(options.seed, " ", options.round, " ", candidate.pair.input)),
        &candidate);
  }
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    const Candidate &x = *a.second, &y = *b.second;
    if (x.weakness != y.weakness) return x.weakness > y.weakness;
    if (x.is_new != y.is_new) return x.is_new;
    return a.first < b.first;
  });

  const double n = options.questions;
  std::array<double, 3> quota = {options.shares.easy * n, options.shares.medium * n,
                                 options.shares.hard * n};
  std::map<std::string, int> of_fact;
  std::set<const Candidate*> taken;
  std::vector<Candidate> chosen;
  // First within the quotas and the limits of a fact, then without quotas, then without limits.
  for (int pass = 0; pass < 3; ++pass) {
    for (const auto& [hash, candidate] : order) {
      if (static_cast<int>(chosen.size()) >= options.questions) return chosen;
      if (taken.count(candidate) > 0) continue;
      int& wordings = of_fact[FactKey(candidate->pair)];
      double& left = quota[static_cast<size_t>(candidate->difficulty)];
      if (pass < 2 && wordings >= (candidate->weakness > 0 ? 2 : 1)) continue;
      if (pass == 0 && left < 0.5) continue;
      ++wordings;
      left -= 1;
      taken.insert(candidate);
      chosen.push_back(*candidate);
    }
  }
  return chosen;
}

bool AboutTopics(const dataset::Document& document, const dataset::Pair& pair,
                 const std::vector<std::string>& topics) {
  if (topics.empty()) return true;
  const std::string near =
      absl::StrCat(document.title, "\n", pair.input, "\n", pair.target, "\n", pair.source.passage);
  return std::any_of(topics.begin(), topics.end(), [&](const std::string& topic) {
    if (dataset::NamesTopic(near, topic)) return true;
    return std::any_of(
        document.sections.begin(), document.sections.end(), [&](const dataset::Section& section) {
          return pair.source.span.begin >= section.span.begin &&
                 pair.source.span.end <= section.span.end && pair.source.span.end > 0 &&
                 dataset::NamesTopic(section.heading, topic);
        });
  });
}

}  // namespace foundry::self_study
