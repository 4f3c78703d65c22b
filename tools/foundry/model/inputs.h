// What the `foundry model` commands read: texts, token ids or chats, from arguments, files and
// stdin.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "common/base/json.h"
#include "common/tokenizer/chat_template.h"
#include "common/tokenizer/tokenizer.h"

namespace foundry::cli {

struct InputOptions {
  std::vector<std::string> texts, more_texts;  // arguments, --text
  std::vector<std::string> ids;                // --ids, one list each
  std::vector<std::string> files, jsonl;       // --file, --jsonl; "-" is stdin
  bool no_special = false;                     // texts get no [CLS], BOS, …
};

// One input; exactly one of text, ids and messages is set.
struct Input {
  std::optional<std::string> text;
  std::optional<std::vector<int32_t>> ids;
  std::optional<std::vector<tokenizer::ChatMessage>> messages;
  Json fields = Json::object();  // a JSON line's other members
  std::string where;             // for errors: "--text 2", "prompts.jsonl:7"
};

// `text`: the positional argument's help. Without it and without `ids` those are not offered.
void AddInputOptions(CLI::App* command, const char* text, bool ids, InputOptions* options);

// In the order: arguments, --text, --ids, --file, --jsonl; stdin as one text when nothing is given.
// Errors name the argument, or file and line.
absl::StatusOr<std::vector<Input>> ReadInputs(const InputOptions& options);

// [{"role": …, "content": …}, …], or an object with such a list as "messages".
absl::StatusOr<std::vector<tokenizer::ChatMessage>> ParseMessages(const Json& json);

// Ids of an input: its own, or its text's with what the tokenizer puts around a text. Errors: an id
// outside the vocabulary, a text without a tokenizer, messages, no tokens at all.
absl::StatusOr<std::vector<int32_t>> IdsOf(const Input& input,
                                           const tokenizer::Tokenizer& tokenizer,
                                           const InputOptions& options);

}  // namespace foundry::cli
