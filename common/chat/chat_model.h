// A model that answers chats: local weights, an OpenAI-compatible endpoint, or an ensemble.
//
// Thread-safe. Callers hold chat models by shared_ptr; a model outlives the calls under way.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/base/cancel.h"
#include "common/tokenizer/chat_template.h"

namespace foundry::chat {

using tokenizer::ChatMessage;

struct ChatRequest {
  std::vector<ChatMessage> messages;  // not empty; the last one is the user's
  int max_tokens = 256;
  double temperature = 0;  // 0: greedy
  double top_p = 1.0;
  double repetition_penalty = 1.0;  // local weights only; 1: none
  uint64_t seed = 0;                // of this request alone: results do not depend on the batch
  std::vector<std::string> stop;
};

struct ChatReply {
  std::string text;
  bool truncated = false;  // max_tokens ended it
  std::string model;       // who wrote it
  int64_t prompt_tokens = 0;
  int64_t completion_tokens = 0;
};

struct CompleteOptions {
  CancelToken cancel;
  absl::Time deadline = absl::InfiniteFuture();      // of the whole batch
  std::function<void(size_t finished)> on_progress;  // may come from another thread
};

class ChatModel {
 public:
  virtual ~ChatModel() = default;

  // Name for records and errors, free of secrets: "qwen2.5-7b-instruct at http://…/v1".
  virtual const std::string& name() const = 0;

  // One reply or error for each request, in their order. The call itself fails only when nothing
  // can come of it: Cancelled, DeadlineExceeded, or InvalidArgument for a malformed request.
  virtual absl::StatusOr<std::vector<absl::StatusOr<ChatReply>>> Complete(
      absl::Span<const ChatRequest> requests, const CompleteOptions& options = {}) = 0;

  // OK when the model answers at all: called before long work. Unavailable says what to check.
  virtual absl::Status Check(const CancelToken& cancel) = 0;
};

// The usual request: an optional system message and a user's.
ChatRequest MakeRequest(std::string system, std::string user);

}  // namespace foundry::chat
