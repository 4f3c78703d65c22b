// Local weights as a ChatModel: the model's own chat template, then batched generation.
// Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/chat/chat_model.h"
#include "common/lm/language_model.h"

namespace foundry::chat {

struct LocalChatOptions {
  int batch_size = 16;        // sequences under way at once
  int context_window = 2048;  // tokens; longer prompts are refused, one by one
};

// `name`: for records and errors. InvalidArgument when the model has no chat template.
absl::StatusOr<std::shared_ptr<ChatModel>> MakeLocalChatModel(
    std::shared_ptr<const lm::LanguageModel> model, std::string name,
    const LocalChatOptions& options = {});

}  // namespace foundry::chat
