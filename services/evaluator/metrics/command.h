// Shell commands in answers: finding the command and comparing it with the reference, after
// NL2Bash (Lin et al., arXiv 1802.08979). Thread-safe (no state).
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace foundry::evaluator {

// The command of a free-form answer: the first fenced code block, else inline code, else the first
// line that starts like a command, else the first line. Prompts ("$ ", "> "), "Command:" and quotes
// around the whole are removed. Empty when the answer has no text.
std::string ExtractCommand(absl::string_view answer);

struct CommandScores {
  double exact = 0;     // equal tokens: quoting and spacing aside
  double utility = 0;   // the same programs in the same order
  double shape = 0;     // the same programs, flags and operators: template accuracy
  double token_f1 = 0;  // words and operators in common
};
CommandScores ScoreCommand(absl::string_view answer, absl::string_view gold);

}  // namespace foundry::evaluator
