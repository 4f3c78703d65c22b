// The frame around every RPC handler: middleware, an executor thread, cancellation, the status
// mapper. Services derive from the generated CallbackService and write one line a method:
//
//   grpc::ServerUnaryReactor* GetJob(grpc::CallbackServerContext* context,
//                                    const GetJobRequest* request,
//                                    GetJobResponse* response) override {
//     return frame_->Unary(context, {kService, "GetJob"}, request, response,
//                          [this](const GetJobRequest& request, GetJobResponse* response,
//                                 rpc::Call& call) { return jobs_->Get(request, response); });
//   }
//
// Handlers may block; they run on the frame's executor. They should watch call.cancel. Thread-safe.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "common/rpc/async_stream.h"
#include "common/rpc/call.h"
#include "common/rpc/executor.h"
#include "common/rpc/middleware/limits/limits.h"
#include "common/rpc/middleware/middleware.h"
#include "common/rpc/reactors.h"
#include "common/telemetry/metrics.h"
#include "grpcpp/grpcpp.h"

namespace foundry::rpc {

struct FrameOptions {
  std::string token;  // bearer token asked of every call; empty: none
  bool require_deadline = true;
  LimitOptions limits;
  ExecutorOptions executor;
};

struct MethodName {
  std::string service;  // foundry.coordinator.v1.JobsService
  std::string method;   // GetJob
  CallLength length = CallLength::kShort;
};

class Frame : public CallRunner {
 public:
  // `metrics` must outlive the frame; the frame must outlive the server and its services.
  Frame(const FrameOptions& options, telemetry::Metrics* metrics);
  ~Frame() override;

  bool has_token() const { return has_token_; }

  template <typename Request, typename Response>
  grpc::ServerUnaryReactor* Unary(
      grpc::CallbackServerContext* context, const MethodName& name, const Request* request,
      Response* response, std::function<absl::Status(const Request&, Response*, Call&)> handler) {
    auto* reactor = new UnaryReactor(this);
    Start(context, name, "unary", reactor,
          [request, response, handler = std::move(handler)](Call& call) {
            return handler(*request, response, call);
          });
    return reactor;
  }

  using Done = std::function<void(absl::Status)>;

  // For calls that wait for what others do: the handler starts something and returns, and no thread
  // is held meanwhile. It runs on gRPC's threads, so it must not block. It, or what it started,
  // calls `done` exactly once, from any thread; request, response and call live until then.
  template <typename Request, typename Response>
  grpc::ServerUnaryReactor* AsyncUnary(
      grpc::CallbackServerContext* context, const MethodName& name, const Request* request,
      Response* response,
      std::function<void(const Request&, Response*, const Call&, Done)> handler) {
    auto* reactor = new UnaryReactor(this);
    StartAsync(context, name, "unary", reactor,
               [request, response, handler = std::move(handler)](const Call& call, Done done) {
                 handler(*request, response, call, std::move(done));
               });
    return reactor;
  }

  // The same for streams: the handler keeps `stream` where messages come from. `moved` is called on
  // gRPC's threads when the stream may be written to again or is over; it must not block, and is
  // bound to what the handler answered.
  template <typename Request, typename Response>
  grpc::ServerWriteReactor<Response>* AsyncServerStream(
      grpc::CallbackServerContext* context, const MethodName& name, const Request* request,
      std::function<std::function<void()>(const Request&, std::shared_ptr<AsyncStream<Response>>,
                                          const Call&)>
          handler) {
    auto reactor = std::make_shared<AsyncStreamReactor<Response>>(this);
    auto* const raw = reactor.get();
    raw->Keep(reactor);
    StartAsync(context, name, "server_stream", raw,
               [request, reactor, handler = std::move(handler)](const Call& call, Done done) {
                 reactor->SetDone(std::move(done));
                 reactor->SetMoved(handler(*request, reactor, call));
               });
    return raw;
  }

  // The handler writes any number of messages and returns; counts as a long call.
  template <typename Request, typename Response>
  grpc::ServerWriteReactor<Response>* ServerStream(
      grpc::CallbackServerContext* context, const MethodName& name, const Request* request,
      std::function<absl::Status(const Request&, StreamWriter<Response>&, Call&)> handler) {
    auto* reactor = new StreamReactor<Response>(this);
    MethodName streaming = name;
    streaming.length = CallLength::kLong;
    Start(context, streaming, "server_stream", reactor,
          [request, reactor, handler = std::move(handler)](Call& call) {
            return handler(*request, *reactor, call);
          });
    return reactor;
  }

  // New calls are refused with UNAVAILABLE from now on; clients go elsewhere.
  void StopAccepting();
  // Cancels the handlers under way; used when the server drains.
  void CancelCalls(const std::string& reason);
  // Waits until no call is under way, at most until `deadline`; false when some are.
  bool WaitUntilIdle(absl::Time deadline);

  void Ended(Ending* ending) override;

 private:
  // A call under way: its middleware is to be left, `entered` of it, when it ends.
  struct Admitted {
    std::shared_ptr<Call> call;
    size_t entered = 0;
    absl::Status status;  // why it is refused
  };
  Admitted Admit(grpc::CallbackServerContext* context, const MethodName& name,
                 const std::string& type, Ending* ending);
  void End(const Admitted& admitted, Ending* ending, const absl::Status& status);
  void StartAsync(grpc::CallbackServerContext* context, const MethodName& name,
                  const std::string& type, Ending* ending,
                  std::function<void(const Call&, Done)> handler);
  void Start(grpc::CallbackServerContext* context, const MethodName& name, const std::string& type,
             Ending* ending, std::function<absl::Status(Call&)> handler);
  // Runs the middleware's entries; `entered` counts those that must be left again.
  absl::Status Enter(Call& call, size_t* entered);
  void Leave(const Call& call, size_t entered, const absl::Status& status);

  const bool has_token_;
  std::vector<std::unique_ptr<Middleware>> middleware_;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::set<Ending*> calls_;
  bool accepting_ = true;
  Executor executor_;  // last: its threads use everything above
};

}  // namespace foundry::rpc
