// Templates in tokens. Thread-safe (no state).
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace foundry::tokenizer::jinja {

struct Token {
  enum class Kind {
    kText,
    kOutputBegin,
    kOutputEnd,
    kBlockBegin,
    kBlockEnd,
    kName,
    kString,
    kInteger,
    kFloat,
    kOperator,
    kEnd
  };
  Kind kind;
  std::string text;  // of strings without quotes and escapes
  int line = 1;
};

// As Jinja 3 with trim_blocks and lstrip_blocks, which is how Hugging Face renders chat templates:
// https://jinja.palletsprojects.com/en/stable/templates/#whitespace-control. InvalidArgument names
// the line.
absl::StatusOr<std::vector<Token>> Tokenize(absl::string_view source);

}  // namespace foundry::tokenizer::jinja
