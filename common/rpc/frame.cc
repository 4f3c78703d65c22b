#include "common/rpc/frame.h"

#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/steady_time.h"
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

Frame::Admitted Frame::Admit(grpc::CallbackServerContext* context, const MethodName& name,
                             const std::string& type, Ending* ending) {
  Admitted admitted;
  admitted.call = std::make_shared<Call>();
  Call& call = *admitted.call;
  call.service = name.service;
  call.method = name.method;
  call.type = type;
  call.peer = context->peer();
  call.deadline = SteadyFromWall(absl::FromChrono(context->deadline()));
  call.cancel = ending->cancel;
  for (const char* key : {"authorization", "x-request-id"}) {
    const auto found = context->client_metadata().find(key);
    if (found != context->client_metadata().end()) {
      call.metadata[key] = std::string(found->second.data(), found->second.size());
    }
  }
  admitted.status = Enter(call, &admitted.entered);
  std::lock_guard lock(mutex_);
  calls_.insert(ending);
  if (admitted.status.ok() && !accepting_) {
    admitted.status = absl::UnavailableError("the server is shutting down");
  }
  return admitted;
}

void Frame::End(const Admitted& admitted, Ending* ending, const absl::Status& status) {
  Leave(*admitted.call, admitted.entered, status);
  ending->FinishWith(ToGrpc(status));
}

void Frame::Start(grpc::CallbackServerContext* context, const MethodName& name,
                  const std::string& type, Ending* ending,
                  std::function<absl::Status(Call&)> handler) {
  const Admitted admitted = Admit(context, name, type, ending);
  absl::Status status = admitted.status;
  if (status.ok()) {
    status = executor_.Run(name.length, [this, admitted, ending, handler = std::move(handler)] {
      absl::Status result;
      try {
        result = handler(*admitted.call);
      } catch (const std::exception& error) {  // a library's; ours return a Status
        result = absl::InternalError(absl::StrCat("unexpected: ", error.what()));
      }
      End(admitted, ending, result);
    });
    if (status.ok()) return;
  }
  End(admitted, ending, status);
}

void Frame::StartAsync(grpc::CallbackServerContext* context, const MethodName& name,
                       const std::string& type, Ending* ending,
                       std::function<void(const Call&, Done)> handler) {
  const Admitted admitted = Admit(context, name, type, ending);
  if (!admitted.status.ok()) return End(admitted, ending, admitted.status);
  handler(*admitted.call,
          [this, admitted, ending](const absl::Status& status) { End(admitted, ending, status); });
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
  return idle_.wait_for(lock, WaitTime(deadline), [this] { return calls_.empty(); });
}

void Frame::Ended(Ending* ending) {
  std::lock_guard lock(mutex_);
  calls_.erase(ending);
  if (calls_.empty()) idle_.notify_all();
}

}  // namespace foundry::rpc
