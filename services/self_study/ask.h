// Asking the student and verifying what it said.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/base/cancel.h"
#include "common/chat/chat_model.h"
#include "common/dataset/records.h"
#include "common/lm/types.h"
#include "services/self_study/candidates.h"

namespace foundry::self_study {

// Rows of unit length, one a text.
using EmbedTexts = std::function<absl::StatusOr<lm::FloatMatrix>(absl::Span<const std::string>)>;
// More wordings about a document's facts, each with its answer from the text.
using WritePairs =
    std::function<std::vector<dataset::Pair>(const dataset::Document& document, uint64_t seed)>;

struct StudyModels {
  std::shared_ptr<chat::ChatModel> student;  // as it stands; answers closed-book
  std::shared_ptr<chat::ChatModel> teacher;  // reads the document; null: the source text verifies
  EmbedTexts embed;                          // null: similarity is word F1
  WritePairs write;                          // null: no new wordings
};

struct Asked {
  Candidate candidate;
  std::string student_answer;
  std::string teacher_answer;  // the verified one
  double similarity = 0;       // embedding cosine of the two, 0 to 1
  double quality = 0;          // half "contains", half word F1, against the right answers
  bool passed = false;
  bool teacher_overruled = false;  // the text does not support what the teacher said
};

struct AskOptions {
  int max_new_tokens = 48;
  bool verify_with_teacher = true;
  size_t max_context_bytes = 3000;
  uint64_t seed = 7;
  CancelToken cancel;
};

// Answers in the order of the candidates. A question that the student's endpoint gave no answer to
// is left out and counted in `*unanswered`.
absl::StatusOr<std::vector<Asked>> Ask(const StudyModels& models, const dataset::Document& document,
                                       const std::vector<Candidate>& candidates,
                                       const AskOptions& options, int64_t* unanswered);

// Other wordings of the candidates' questions by the teacher, with the same answers; they name
// `topic`. Replies that are no question, hold the answer, repeat the old wording or ask what is or
// may be held out (`held_out`: dataset::QuestionKey) are dropped and counted in `*refused`.
absl::StatusOr<std::vector<Candidate>> Reword(chat::ChatModel& teacher,
                                              const std::vector<Candidate>& candidates,
                                              const std::string& topic,
                                              const std::set<std::string>& held_out,
                                              const AskOptions& options, int64_t* refused);

// The paragraph of the document that holds the pair's span, else its passage, else the beginning.
std::string ContextOf(const dataset::Document& document, const dataset::Pair& pair,
                      size_t max_bytes);
// The sentence at the span, else the context's sentence that shares most with the answer.
std::string SentenceOf(const dataset::Document& document, const dataset::Pair& pair);

}  // namespace foundry::self_study
