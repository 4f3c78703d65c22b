#include "common/chat/http_chat_model.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <random>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "common/base/ids.h"
#include "common/base/secret.h"
#include "common/base/status.h"
#include "common/base/steady_time.h"
#include "common/chat/http_client.h"
#include "common/chat/openai_wire.h"
#include "common/chat/rate_limiter.h"

namespace foundry::chat {
namespace {

bool WorthRetrying(int status) {
  return status == 408 || status == 425 || status == 429 || status >= 500;
}

absl::StatusCode CodeOf(int status) {
  switch (status) {
    case 400:
    case 413:
    case 422:
      return absl::StatusCode::kInvalidArgument;
    case 401:
      return absl::StatusCode::kUnauthenticated;
    case 403:
      return absl::StatusCode::kPermissionDenied;
    case 404:
    case 405:
      return absl::StatusCode::kNotFound;
    case 429:
      return absl::StatusCode::kResourceExhausted;
    default:
      return absl::StatusCode::kUnavailable;
  }
}

std::string AdviceFor(int status) {
  switch (status) {
    case 401:
    case 403:
      return "; check api_key";
    case 404:
    case 405:
      return "; check the endpoint (it usually ends in /v1) and the model's name";
    default:
      return "";
  }
}

// What one attempt came to.
struct Attempt {
  absl::StatusOr<ChatReply> reply = absl::UnknownError("not tried");
  bool retry = false;
  std::optional<absl::Duration> wait;  // the server's own wish
};

class HttpChatModel : public ChatModel {
 public:
  HttpChatModel(HttpChatOptions options, std::string key)
      : options_(std::move(options)),
        key_(std::move(key)),
        url_(absl::StrCat(options_.endpoint, "/chat/completions")),
        name_(absl::StrCat(options_.model, " at ", options_.endpoint)),
        limiter_(options_.requests_per_minute) {}

  const std::string& name() const override { return name_; }

  absl::StatusOr<std::vector<absl::StatusOr<ChatReply>>> Complete(
      absl::Span<const ChatRequest> requests, const CompleteOptions& options) override {
    for (const ChatRequest& request : requests) {
      if (request.messages.empty()) return absl::InvalidArgumentError("a chat without messages");
    }
    std::vector<absl::StatusOr<ChatReply>> replies(requests.size(),
                                                   absl::CancelledError("not started"));
    std::atomic<size_t> next{0}, finished{0};
    auto work = [&] {
      HttpClient client;
      std::mt19937_64 jitter(RandomSeed());
      for (size_t i; (i = next++) < requests.size();) {
        replies[i] = Ask(client, requests[i], options_.max_attempts, options.cancel,
                         options.deadline, jitter);
        const size_t done = ++finished;
        if (options.on_progress) options.on_progress(done);
      }
    };
    const size_t threads =
        std::min(requests.size(), static_cast<size_t>(std::max(1, options_.max_concurrency)));
    std::vector<std::thread> pool;
    for (size_t i = 1; i < threads; ++i) pool.emplace_back(work);
    if (threads > 0) work();
    for (std::thread& thread : pool) thread.join();
    FOUNDRY_RETURN_IF_ERROR(options.cancel.Check());
    return replies;
  }

  absl::Status Check(const CancelToken& cancel) override {
    HttpClient client;
    std::mt19937_64 jitter(RandomSeed());
    ChatRequest request = MakeRequest("", "Say OK.");
    request.max_tokens = 1;
    const auto reply =
        Ask(client, request, options_.check_attempts, cancel, absl::InfiniteFuture(), jitter);
    return reply.status();
  }

 private:
  absl::StatusOr<ChatReply> Ask(HttpClient& client, const ChatRequest& request, int max_attempts,
                                const CancelToken& cancel, absl::Time deadline,
                                std::mt19937_64& jitter) {
    absl::Duration backoff = options_.min_backoff;
    for (int attempt = 1;; ++attempt) {
      FOUNDRY_RETURN_IF_ERROR(Pause(limiter_.Reserve(SteadyNow()), cancel, deadline));
      Attempt result = AskOnce(client, request, cancel, deadline);
      if (result.reply.ok() || !result.retry) return std::move(result.reply);
      FOUNDRY_RETURN_IF_ERROR(cancel.Check());
      if (attempt >= max_attempts) {
        return absl::Status(result.reply.status().code(),
                            absl::StrCat(result.reply.status().message(), " (attempt ", attempt,
                                         " of ", max_attempts, ")"));
      }
      if (result.wait) {
        if (*result.wait > options_.max_retry_after) return std::move(result.reply);
        limiter_.PauseUntil(SteadyNow() + *result.wait);
        continue;
      }
      const double share = std::uniform_real_distribution<double>(0.1, 1.0)(jitter);
      FOUNDRY_RETURN_IF_ERROR(Pause(share * backoff, cancel, deadline));
      backoff = std::min(2 * backoff, options_.max_backoff);
    }
  }

  Attempt AskOnce(HttpClient& client, const ChatRequest& request, const CancelToken& cancel,
                  absl::Time deadline) {
    Attempt attempt;
    Slot slot(*this, cancel);
    if (!slot.held()) {
      attempt.reply = cancel.Check();
      return attempt;
    }
    HttpCall call;
    call.url = url_;
    call.body = EncodeRequest(request, options_.model);
    call.bearer = key_;
    call.timeout = std::min(options_.timeout, deadline - SteadyNow());
    call.cancel = cancel;
    if (call.timeout <= absl::ZeroDuration()) {
      attempt.reply = absl::DeadlineExceededError(absl::StrCat(name_, ": no time left"));
      return attempt;
    }
    const absl::StatusOr<HttpResponse> response = client.Post(call);
    if (!response.ok()) {
      attempt.reply = Failure(response.status().code(), response.status().message());
      attempt.retry =
          !absl::IsCancelled(response.status()) && !absl::IsResourceExhausted(response.status());
      return attempt;
    }
    if (response->status / 100 == 2) {
      attempt.reply = DecodeReply(response->body);
      if (attempt.reply.ok()) {
        attempt.reply->model = options_.model;
      } else {
        attempt.reply =
            Failure(absl::StatusCode::kUnavailable,
                    absl::StrCat("HTTP ", response->status,
                                 ", but no completion: ", attempt.reply.status().message()));
        attempt.retry = true;
      }
      return attempt;
    }
    attempt.reply = Failure(CodeOf(response->status), absl::StrCat("HTTP ", response->status, ": ",
                                                                   ErrorMessage(response->body),
                                                                   AdviceFor(response->status)));
    attempt.retry = WorthRetrying(response->status);
    attempt.wait = response->retry_after;
    return attempt;
  }

  absl::Status Failure(absl::StatusCode code, absl::string_view what) const {
    // A server may repeat the key in its complaint.
    return absl::Status(code, Redact(absl::StrCat(name_, ": ", what), key_));
  }

  absl::Status Pause(absl::Duration wait, const CancelToken& cancel, absl::Time deadline) const {
    if (wait <= absl::ZeroDuration()) return cancel.Check();
    if (SteadyNow() + wait > deadline) {
      return absl::DeadlineExceededError(
          absl::StrCat(name_, ": the deadline comes before the next attempt"));
    }
    if (cancel.WaitFor(wait)) return cancel.Check();
    return absl::OkStatus();
  }

  // One of the model's max_concurrency places; waiting for it ends when the call is cancelled.
  class Slot {
   public:
    Slot(HttpChatModel& model, const CancelToken& cancel) : model_(model) {
      std::unique_lock lock(model_.mutex_);
      const int most = std::max(1, model_.options_.max_concurrency);
      while (model_.under_way_ >= most && !cancel.Cancelled()) {
        model_.freed_.wait_for(lock, std::chrono::milliseconds(200));
      }
      held_ = !cancel.Cancelled();
      if (held_) ++model_.under_way_;
    }
    ~Slot() {
      if (!held_) return;
      {
        std::lock_guard lock(model_.mutex_);
        --model_.under_way_;
      }
      model_.freed_.notify_one();
    }
    bool held() const { return held_; }

   private:
    HttpChatModel& model_;
    bool held_ = false;
  };

  const HttpChatOptions options_;
  const std::string key_, url_, name_;
  RateLimiter limiter_;
  std::mutex mutex_;
  std::condition_variable freed_;
  int under_way_ = 0;  // guarded by mutex_
};

}  // namespace

absl::StatusOr<std::shared_ptr<ChatModel>> MakeHttpChatModel(const HttpChatOptions& options) {
  HttpChatOptions checked = options;
  checked.endpoint = std::string(absl::StripSuffix(options.endpoint, "/"));
  checked.endpoint = std::string(absl::StripSuffix(checked.endpoint, "/chat/completions"));
  if (!absl::StartsWith(checked.endpoint, "http://") &&
      !absl::StartsWith(checked.endpoint, "https://")) {
    return absl::InvalidArgumentError(
        absl::StrCat("endpoint \"", options.endpoint, "\" must begin with http:// or https://"));
  }
  const size_t host = checked.endpoint.find("://") + 3;
  const size_t host_end = std::min(checked.endpoint.find('/', host), checked.endpoint.size());
  if (checked.endpoint.substr(host, host_end - host).find('@') != std::string::npos) {
    return absl::InvalidArgumentError(
        "an endpoint's address must not hold a user name or password: use api_key");
  }
  if (checked.model.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(checked.endpoint, ": the endpoint's model name is missing"));
  }
  auto key = ReadSecret(options.api_key);
  if (!key.ok()) return Annotate(key.status(), absl::StrCat("api_key of ", checked.endpoint));
  return std::make_shared<HttpChatModel>(std::move(checked), *std::move(key));
}

}  // namespace foundry::chat
