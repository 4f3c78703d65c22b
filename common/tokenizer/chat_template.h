// Chat templates: messages to the exact prompt text that the model was trained with.
//
// A template is the model's own Jinja text, run (jinja/template.h, which says where it differs from
// jinja2); one that uses names not known here is Unimplemented. Where a template writes the day, it
// is 26 July 2024: a model is asked on every day with what it was trained with. Thread-safe:
// immutable.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/tokenizer/jinja/template.h"

namespace foundry::tokenizer {

struct ChatMessage {
  std::string role;  // system, user, assistant
  std::string content;
};

// Names, as templates have them ("bos_token"), and texts. A token that the model does not name is
// undefined in its template.
using SpecialTokens = std::vector<std::pair<std::string, std::string>>;

class ChatTemplate {
 public:
  // `source`: the Jinja text from tokenizer_config.json or GGUF. `ends`: texts of the tokens that
  // the model names as ends (eos_token_id in generation_config.json). GLM-4 ends its turns by the
  // <|user|> that begins the next one: what does both is an end for such models only.
  static absl::StatusOr<ChatTemplate> FromSource(absl::string_view source,
                                                 const SpecialTokens& tokens,
                                                 const std::vector<std::string>& ends = {});
  // Finds the source in a Hugging Face folder or GGUF file. NotFound when the model has none.
  static absl::StatusOr<ChatTemplate> Load(const std::filesystem::path& path);

  // The prompt; with `add_generation_prompt` it ends where the assistant's answer begins. As
  // Hugging Face's apply_chat_template. InvalidArgument when the template refuses the messages or
  // leaves one out, but for switches on which it acts ("/no_think").
  absl::StatusOr<std::string> Render(const std::vector<ChatMessage>& messages,
                                     bool add_generation_prompt) const;
  // What ends an assistant's answer, with the blanks before it: "<|im_end|>", or all of
  // "<|END_RESPONSE|><|END_OF_TURN_TOKEN|>".
  const std::string& end_of_turn() const { return end_of_turn_; }
  // The first token of it, with which an answer is over.
  const std::string& end_token() const { return end_token_; }
  const std::string& source() const { return source_; }

 private:
  struct TurnEnd {
    std::string token, text;  // the special token behind an answer; with the blanks before it
    std::string eos;          // the eos_token right behind that, or ""
  };
  absl::Status LearnEndOfTurn(const std::vector<std::string>& ends);
  // What follows the answer in `messages`.
  absl::StatusOr<TurnEnd> EndOfTurnIn(std::vector<ChatMessage> messages,
                                      const std::vector<std::string>& ends) const;

  jinja::Template template_;
  std::string source_, end_of_turn_, end_token_;
  SpecialTokens tokens_;
  std::vector<std::string> switches_;
};

}  // namespace foundry::tokenizer
