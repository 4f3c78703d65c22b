// What kind of mistake a wrong answer is, and what kind of question was asked. Rules on the text
// alone: cheap, deterministic, the same for every model. Thread-safe (no state).
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace foundry::evaluator {

enum class ErrorKind {
  kNone,          // not a mistake
  kEmpty,         // nothing, or a refusal
  kRepetition,    // the same words again and again
  kFormat,        // not an answer in form: markup, a question back, no command where one is due
  kWrongNumber,   // another number or date than the gold answer's
  kWrongEntity,   // another name than the gold answer's
  kPartial,       // a part of the gold answer
  kWrongFact,     // on the topic, but false
  kWrongProgram,  // a command, but of other programs
  kOffTopic,      // shares no content word with question or gold answer
};
absl::string_view ErrorName(ErrorKind kind);       // wrong_number: in files
absl::string_view ErrorLabel(ErrorKind kind);      // "wrong number or date": for people
std::string ErrorLabelOf(absl::string_view name);  // the label of a name; an unknown one as it is

// Call for answers already judged wrong; the first kind that fits, in the order above.
ErrorKind ClassifyError(absl::string_view question, absl::string_view prediction,
                        absl::Span<const std::string> golds);

// "I don't know", "As an AI …", or no text at all.
bool IsRefusal(absl::string_view answer);

// Some phrase of up to eight words stands three times in a row, or few words make up a long answer.
bool IsRepetitive(absl::string_view answer);

// who, when, where, why, how, how many, which, what, yes/no, other: by the question's first
// interrogative word.
std::string QuestionType(absl::string_view question);

}  // namespace foundry::evaluator
