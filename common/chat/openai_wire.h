// The JSON of OpenAI's chat-completions protocol. Thread-safe (no state).
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/chat/chat_model.h"

namespace foundry::chat {

std::string EncodeRequest(const ChatRequest& request, absl::string_view model);

// The first choice; a null text reads as empty. InvalidArgument when `body` is no completion.
absl::StatusOr<ChatReply> DecodeReply(absl::string_view body);

// What the server says went wrong: error.message, or the start of the body on one line.
std::string ErrorMessage(absl::string_view body);

}  // namespace foundry::chat
