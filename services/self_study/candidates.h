// Which questions a round of self-study asks about a document.
//
// Weak facts come first: those that failed in the round before, then those whose dev wording
// failed. Other wordings than the trained ones are preferred. Difficulty follows the setting:
// progressive moves from easy to hard with the rounds. Deterministic. Thread-safe (no state).
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/dataset/records.h"

namespace foundry::self_study {

enum class Difficulty { kEasy, kMedium, kHard };
const char* DifficultyName(Difficulty difficulty);

// easy: a short answer from one sentence; hard: analysis, application, several sentences.
Difficulty DifficultyOf(const dataset::Pair& pair);

struct DifficultyShares {
  double easy = 1, medium = 0, hard = 0;  // sum to 1
};
// `setting`: easy, medium, hard or progressive. InvalidArgument for another one.
absl::StatusOr<DifficultyShares> SharesOf(const std::string& setting, int round);

// One key a fact, the same for all its wordings.
std::string FactKey(const dataset::Pair& pair);

struct Candidate {
  dataset::Pair pair;  // as it stands in the mix
  std::string prompt;  // its input as it is asked: names the topic
  Difficulty difficulty = Difficulty::kEasy;
  bool is_new = false;  // a wording that was never trained on
  int weakness = 0;     // 2: failed in the round before, 1: failed on dev, 0: not known
};

struct SelectOptions {
  int questions = 24;
  DifficultyShares shares;
  uint64_t seed = 7;
  int round = 1;
};

// At most options.questions of the candidates: weak facts first, two wordings of a weak fact and
// one of another until the facts run out.
std::vector<Candidate> Select(std::vector<Candidate> candidates, const SelectOptions& options);

// Whether a document or passage is about one of the topics; always when there are none.
bool AboutTopics(const dataset::Document& document, const dataset::Pair& pair,
                 const std::vector<std::string>& topics);

}  // namespace foundry::self_study
