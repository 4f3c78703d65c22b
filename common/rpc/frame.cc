#include "common/rpc/frame.h"

#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/middleware/auth/auth.h"
#include "common/rpc/middleware/deadline/deadline.h"
#include "common/rpc/middleware/log/log.h"
#include "common/rpc/middleware/metrics/metrics.h"
#include "common/rpc/status.h"

namespace foundry::rpc {

Frame::Frame(const FrameOptions& options, telemetry::Metrics* metrics)
    : has_token_(!options.token.empty()), executor_(options.executor) {
  // Metrics and log come first so that they see refused calls too.
  middleware_.push_back(std::make_unique<MetricsMiddleware>(metrics));
  middleware_.push_back(std::make_unique<LogMiddleware>());
  if (options.require_deadline) middleware_.push_back(std::make_unique<DeadlineMiddleware>());
  middleware_.push_back(std::make_unique<AuthMiddleware>(options.token));
  middleware_.push_back(std::make_unique<LimitsMiddleware>(options.limits));
}

Frame::~Frame() = default;

void Frame::Start(grpc::CallbackServerContext* context, const MethodName& name,
                  const std::string& type, Ending* ending,
                  std::function<absl::Status(Call&)> handler) {
  auto call = std::make_shared<Call>();
  call->service = name.service;
  call->method = name.method;
  call->type = type;
  call->peer = context->peer();
  call->deadline = absl::FromChrono(context->deadline());
  call->cancel = ending->cancel;
  for (const char* key : {"authorization", "x-request-id"}) {
    const auto found = context->client_metadata().find(key);
    if (found != context->client_metadata().end()) {
      call->metadata[key] = std::string(found->second.data(), found->second.size());
    }
  }
  size_t entered = 0;
  absl::Status status = Enter(*call, &entered);
  {
    std::lock_guard lock(mutex_);
    calls_.insert(ending);
    if (status.ok() && !accepting_) status = absl::UnavailableError("the server is shutting down");
  }
  if (status.ok()) {
    status =
        executor_.Run(name.length, [this, call, entered, ending, handler = std::move(handler)] {
          absl::Status result;
          try {
            result = handler(*call);
          } catch (const std::exception& error) {  // a library's; ours return a Status
            result = absl::InternalError(absl::StrCat("unexpected: ", error.what()));
          }
          Leave(*call, entered, result);
          ending->FinishWith(ToGrpc(result));
        });
    if (status.ok()) return;
  }
  Leave(*call, entered, status);
  ending->FinishWith(ToGrpc(status));
}

absl::Status Frame::Enter(Call& call, size_t* entered) {
  for (const auto& middleware : middleware_) {
    absl::Status status = middleware->Enter(call);
    if (!status.ok()) return status;
    ++*entered;
  }
  return absl::OkStatus();
}

void Frame::Leave(const Call& call, size_t entered, const absl::Status& status) {
  while (entered > 0) middleware_[--entered]->Leave(call, status);
}

void Frame::StopAccepting() {
  std::lock_guard lock(mutex_);
  accepting_ = false;
}

void Frame::CancelCalls(const std::string& reason) {
  std::lock_guard lock(mutex_);
  for (Ending* ending : calls_) ending->cancel.Cancel(reason);
}

bool Frame::WaitUntilIdle(absl::Time deadline) {
  std::unique_lock lock(mutex_);
  return idle_.wait_until(lock, absl::ToChronoTime(deadline), [this] { return calls_.empty(); });
}

void Frame::Ended(Ending* ending) {
  std::lock_guard lock(mutex_);
  calls_.erase(ending);
  if (calls_.empty()) idle_.notify_all();
}

}  // namespace foundry::rpc
