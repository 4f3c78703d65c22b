// Chat templates: messages to the exact prompt text that the model was trained with.
//
// The families' own templates (ChatML with and without a default system prompt, Qwen3, Llama 3,
// Mistral, Phi-3) are recognised by what their Jinja source puts around a message and rendered
// natively; an unknown one is Unimplemented, never a guess. Thread-safe: immutable.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace foundry::tokenizer {

struct ChatMessage {
  std::string role;  // system, user, assistant
  std::string content;
};

class ChatTemplate {
 public:
  // `source`: the Jinja text from tokenizer_config.json or GGUF.
  static absl::StatusOr<ChatTemplate> FromSource(absl::string_view source, absl::string_view bos,
                                                 absl::string_view eos);
  // Finds the source in a Hugging Face folder or GGUF file. NotFound when the model has none.
  static absl::StatusOr<ChatTemplate> Load(const std::filesystem::path& path);

  // The prompt; with `add_generation_prompt` it ends where the assistant's answer begins.
  absl::StatusOr<std::string> Render(const std::vector<ChatMessage>& messages,
                                     bool add_generation_prompt) const;
  // What ends an assistant's answer: "<|im_end|>".
  const std::string& end_of_turn() const { return end_of_turn_; }
  const std::string& source() const { return source_; }

 private:
  enum class Kind { kChatMl, kQwen3, kLlama3, kMistral, kPhi3 };
  absl::Status Recognise();
  bool RecogniseMistral(const std::string& compact);
  absl::StatusOr<std::string> RenderChatMl(const std::vector<ChatMessage>& messages) const;
  absl::StatusOr<std::string> RenderQwen3(const std::vector<ChatMessage>& messages) const;
  absl::StatusOr<std::string> RenderLlama3(const std::vector<ChatMessage>& messages) const;
  absl::StatusOr<std::string> RenderMistral(const std::vector<ChatMessage>& messages) const;
  absl::StatusOr<std::string> RenderPhi3(const std::vector<ChatMessage>& messages) const;

  Kind kind_ = Kind::kChatMl;
  std::string source_, bos_, eos_, end_of_turn_;
  std::string default_system_;  // ChatML: for chats that don't begin with a system message
  std::string prefix_;          // before the first message
  std::string generation_;      // the generation prompt
  bool dated_ = false;          // Llama 3.1: a system header with dates, always
  bool takes_system_ = true;
  bool eos_without_generation_ = false;  // Phi-3
  bool skips_empty_system_ = false;      // Phi-3.5
  // Mistral: what stands around a user's and an assistant's content.
  std::string user_before_, user_after_, assistant_before_, assistant_after_;
  bool trim_assistant_ = false, system_in_last_ = false;
};

}  // namespace foundry::tokenizer
