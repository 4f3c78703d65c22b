// An answer with its scores: one line of answers.jsonl.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/json.h"
#include "services/evaluator/item.h"

namespace foundry::evaluator {

struct Scored {
  std::string dataset;
  Item item;  // without the passage once it went through a file
  std::string prompt;
  std::string prediction;
  std::string command;     // kCommand: what was found in the prediction
  int64_t tokens = 0;      // of the answer
  bool truncated = false;  // the limit of new tokens ended it
  bool correct = false;
  std::string error;                            // kind of mistake (errors.h); empty when correct
  std::map<std::string, double> scores;         // exact, f1, contains, …: 0 to 1
  std::map<std::string, std::string> failures;  // judge → why it gave no score; "model": no answer
};

// The model gave no answer (an endpoint's error, say): no wrong answer, and nothing to score.
bool Unanswered(const Scored& scored);

Json ToJson(const Scored& scored);
// Errors name the member.
absl::StatusOr<Scored> ScoredFromJson(const Json& json);

// Fills scores, correct and error by the rules of the item's kind; judges that ask models add their
// scores later. InvalidArgument when a pattern of the item fails.
absl::Status ScoreByRules(Scored& scored);

}  // namespace foundry::evaluator
