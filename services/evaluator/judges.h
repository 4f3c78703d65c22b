// Judges: who scores an answer beside the rules of its kind.
//
// A judge that gives no verdict is counted and named in the answer's record; its answer still
// counts everywhere else. Thread-safe (no state).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/base/cancel.h"
#include "common/chat/chat_model.h"
#include "common/lm/types.h"
#include "services/evaluator/scored.h"

namespace foundry::evaluator {

// Rows of unit length, one a text.
using EmbedTexts = std::function<absl::StatusOr<lm::FloatMatrix>(absl::Span<const std::string>)>;

struct Judges {
  bool exact = true;
  bool f1 = true;                      // with recall and ROUGE-L
  bool embedding = false;              // similarity: cosine to the nearest gold answer
  bool llm = false;                    // a chat model's yes or no
  std::vector<std::string> addresses;  // custom evaluators
};
// From the names of the spec: exact, f1, embedding, llm, http(s)://…
absl::StatusOr<Judges> ParseJudges(const std::vector<std::string>& names);

// Removes the scores of the rule judges that were not asked for.
void KeepJudged(const Judges& judges, Scored& scored);

// Adds "similarity". Answers without gold answers are left alone.
absl::Status JudgeBySimilarity(const EmbedTexts& embed, std::vector<Scored>& answers);

// Adds "llm" (1: means the same as a gold answer). A reply that is neither yes nor no is asked
// again once.
absl::Status JudgeByChat(chat::ChatModel& judge, const CancelToken& cancel,
                         std::vector<Scored>& answers);

// POSTs {"dataset", "id", "kind", "question", "answers", "prediction"}, expects {"score": 0…1}, and
// adds it as "custom" (custom_2 for the second address).
absl::Status JudgeByAddress(const std::string& address, const std::string& score_name,
                            const CancelToken& cancel, std::vector<Scored>& answers);

}  // namespace foundry::evaluator
