// Splitting shell commands into comparable tokens (POSIX.1-2017, chapter 2.3, with bash's
// substitutions). Thread-safe (no state).
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace foundry::evaluator {

struct ShellToken {
  enum class Kind { kWord, kOperator };
  Kind kind = Kind::kWord;
  // Words without quotes: characters that quoting made literal carry a backslash, so that
  // '*.txt', "*.txt" and \*.txt are equal and *.txt is not.
  std::string text;
};

// Substitutions inside double quotes stay part of their word. Quotes left open end with the text.
// Comments are dropped; newlines become ";".
std::vector<ShellToken> ShellTokens(absl::string_view command);

struct CommandShape {
  std::vector<std::string> utilities;  // in order: find, xargs, grep
  // Utilities, flags and operators as they stand, arguments as ARG: "find ARG -name ARG | wc -l".
  std::string shape;
};
// Programs are found behind operators, assignments and prefixes such as sudo, xargs and -exec.
CommandShape ShapeOf(const std::vector<ShellToken>& tokens);

}  // namespace foundry::evaluator
