// The families' chat templates, rendered.
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/tokenizer/chat_template.h"

namespace foundry::tokenizer {
namespace {

using Messages = std::vector<ChatMessage>;

std::string ChatMlTurn(absl::string_view role, absl::string_view content) {
  return absl::StrCat("<|im_start|>", role, "\n", content, "<|im_end|>\n");
}

absl::string_view StripNewlines(absl::string_view text, bool left, bool right) {
  while (left && absl::StartsWith(text, "\n")) text.remove_prefix(1);
  while (right && absl::EndsWith(text, "\n")) text.remove_suffix(1);
  return text;
}

absl::Status NoSystem() {
  return absl::InvalidArgumentError(
      "this model's chat template takes no system message: put its text into the first user "
      "message");
}

}  // namespace

absl::StatusOr<std::string> ChatTemplate::RenderChatMl(const Messages& messages) const {
  std::string out;
  if (!default_system_.empty() && messages[0].role != "system") {
    out = ChatMlTurn("system", default_system_);
  }
  for (const ChatMessage& message : messages) {
    absl::StrAppend(&out, ChatMlTurn(message.role, message.content));
  }
  return out;
}

// Thoughts of earlier turns are dropped; an answer after the last question carries its own, if only
// an empty one.
absl::StatusOr<std::string> ChatTemplate::RenderQwen3(const Messages& messages) const {
  size_t last_query = messages.size() - 1;
  for (size_t i = messages.size(); i-- > 0;) {
    const std::string& content = messages[i].content;
    const bool tool =
        absl::StartsWith(content, "<tool_response>") && absl::EndsWith(content, "</tool_response>");
    if (messages[i].role == "user" && !tool) {
      last_query = i;
      break;
    }
  }
  std::string out;
  for (size_t i = 0; i < messages.size(); ++i) {
    const ChatMessage& message = messages[i];
    if (message.role != "assistant") {
      absl::StrAppend(&out, ChatMlTurn(message.role, message.content));
      continue;
    }
    absl::string_view content = message.content, reasoning;
    if (const size_t end = content.find("</think>"); end != absl::string_view::npos) {
      reasoning = StripNewlines(content.substr(0, end), false, true);
      if (const size_t begin = reasoning.rfind("<think>"); begin != absl::string_view::npos) {
        reasoning.remove_prefix(begin + 7);
      }
      reasoning = StripNewlines(reasoning, true, false);
      content = StripNewlines(content.substr(content.rfind("</think>") + 8), true, false);
    }
    if (i > last_query && (i + 1 == messages.size() || !reasoning.empty())) {
      absl::StrAppend(
          &out, ChatMlTurn("assistant",
                           absl::StrCat("<think>\n", StripNewlines(reasoning, true, true),
                                        "\n</think>\n\n", StripNewlines(content, true, false))));
    } else {
      absl::StrAppend(&out, ChatMlTurn("assistant", content));
    }
  }
  return out;
}

absl::StatusOr<std::string> ChatTemplate::RenderLlama3(const Messages& messages) const {
  const auto turn = [](absl::string_view role, absl::string_view content) {
    return absl::StrCat("<|start_header_id|>", role, "<|end_header_id|>\n\n", content,
                        "<|eot_id|>");
  };
  std::string out;
  size_t first = 0;
  if (dated_) {
    absl::string_view system;
    if (messages[0].role == "system") {
      system = absl::StripAsciiWhitespace(messages[0].content);
      first = 1;
    }
    // The template's own date where no clock is offered, so that prompts don't change by the day.
    out = turn("system", absl::StrCat("Cutting Knowledge Date: December 2023\n",
                                      "Today Date: 26 Jul 2024\n\n", system));
  }
  for (size_t i = first; i < messages.size(); ++i) {
    absl::StrAppend(&out, turn(messages[i].role, absl::StripAsciiWhitespace(messages[i].content)));
  }
  return out;
}

absl::StatusOr<std::string> ChatTemplate::RenderMistral(const Messages& messages) const {
  size_t first = 0;
  std::string system;
  if (messages[0].role == "system") {
    if (!takes_system_) return NoSystem();
    system = absl::StrCat(messages[0].content, "\n\n");
    first = 1;
  }
  std::string out;
  for (size_t i = first; i < messages.size(); ++i) {
    const bool user = messages[i].role == "user";
    if (user != ((i - first) % 2 == 0) || (!user && messages[i].role != "assistant")) {
      return absl::InvalidArgumentError(absl::StrCat(
          "message ", i + 1, " has the role '", messages[i].role,
          "': this model's chat template wants user and assistant in turns, user first"));
    }
    if (user) {
      const bool here = system_in_last_ ? i + 1 == messages.size() : i == first;
      absl::StrAppend(&out, user_before_, here ? system : "", messages[i].content, user_after_);
    } else {
      absl::string_view content = messages[i].content;
      if (trim_assistant_) content = absl::StripAsciiWhitespace(content);
      absl::StrAppend(&out, assistant_before_, content, assistant_after_);
    }
  }
  return out;
}

absl::StatusOr<std::string> ChatTemplate::RenderPhi3(const Messages& messages) const {
  std::string out;
  for (const ChatMessage& message : messages) {
    if (message.role == "system" && !takes_system_) return NoSystem();
    if (message.role == "system" && message.content.empty() && skips_empty_system_) continue;
    absl::StrAppend(&out, "<|", message.role, "|>\n", message.content, "<|end|>\n");
  }
  return out;
}

absl::StatusOr<std::string> ChatTemplate::Render(const Messages& messages,
                                                 bool add_generation_prompt) const {
  if (messages.empty()) return absl::InvalidArgumentError("a chat needs at least one message");
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string& role = messages[i].role;
    if (role != "system" && role != "user" && role != "assistant") {
      return absl::InvalidArgumentError(absl::StrCat("message ", i + 1, " has the role '", role,
                                                     "': system, user or assistant is expected"));
    }
  }
  absl::StatusOr<std::string> body;
  switch (kind_) {
    case Kind::kChatMl:
      body = RenderChatMl(messages);
      break;
    case Kind::kQwen3:
      body = RenderQwen3(messages);
      break;
    case Kind::kLlama3:
      body = RenderLlama3(messages);
      break;
    case Kind::kMistral:
      body = RenderMistral(messages);
      break;
    case Kind::kPhi3:
      body = RenderPhi3(messages);
      break;
  }
  FOUNDRY_RETURN_IF_ERROR(body.status());
  const std::string& end = add_generation_prompt     ? generation_
                           : eos_without_generation_ ? eos_
                                                     : std::string();
  return absl::StrCat(prefix_, *body, end);
}

}  // namespace foundry::tokenizer
