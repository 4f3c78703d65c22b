// Any OpenAI-compatible server's POST {endpoint}/chat/completions.
//
// A batch runs on up to `max_concurrency` connections, shared by all callers. Answers 408, 425, 429
// and 5xx, broken connections, timeouts and bodies that are no completion are tried again with
// jittered exponential back-off (full jitter), or after the server's Retry-After, which pauses all
// requests. Errors name the endpoint, the model and the HTTP status; the key appears in no error,
// log or name. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/chat/chat_model.h"

namespace foundry::chat {

struct HttpChatOptions {
  std::string endpoint;                         // base address: "https://llm.example.org/v1"
  std::string model;                            // the server's name of it
  std::string api_key;                          // reference env:NAME or file:PATH; empty: none
  int max_concurrency = 4;                      // requests under way at once
  int requests_per_minute = 0;                  // 0: no limit
  absl::Duration timeout = absl::Seconds(120);  // of one attempt
  int max_attempts = 6;                         // of one request
  absl::Duration min_backoff = absl::Seconds(1);
  absl::Duration max_backoff = absl::Seconds(60);
  absl::Duration max_retry_after = absl::Minutes(10);  // a longer Retry-After fails the request
  int check_attempts = 3;                              // of Check()
};

// Errors: InvalidArgument (address, missing model name), NotFound (the key's file or variable).
// Does not touch the network: see Check().
absl::StatusOr<std::shared_ptr<ChatModel>> MakeHttpChatModel(const HttpChatOptions& options);

}  // namespace foundry::chat
