// One kept-alive HTTP connection for JSON calls, over libcurl.
//
// Not thread-safe: one client a thread. Redirects are not followed (the key would travel with
// them); only http and https are spoken. Nothing here logs.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/cancel.h"

namespace foundry::chat {

struct HttpCall {
  std::string url;
  std::string body;                             // JSON of a POST
  std::string bearer;                           // sent as "Authorization: Bearer …"; empty: none
  absl::Duration timeout = absl::Seconds(120);  // whole call
  absl::Duration connect_timeout = absl::Seconds(10);
  size_t max_response_bytes = 64 << 20;
  CancelToken cancel;
};

struct HttpResponse {
  int status = 0;
  std::string body;
  std::optional<absl::Duration> retry_after;  // of the Retry-After header, seconds or date
};

class HttpClient {
 public:
  HttpClient();
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Any HTTP answer is a response. Errors: Unavailable (no connection, or it broke),
  // DeadlineExceeded, Cancelled, ResourceExhausted (response too long).
  absl::StatusOr<HttpResponse> Post(const HttpCall& call);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace foundry::chat
