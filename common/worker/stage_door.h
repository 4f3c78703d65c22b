// The RPC door: a stage's own gRPC service, for programs that want one stage without a job.
//
// A call takes the same message as a task and streams StageEvents; the last one carries the result.
// Files become visible under the caller's output_prefix, a folder on this machine, by rename and
// only on success. Calls beyond the slots are refused with RESOURCE_EXHAUSTED and a time to try
// again; the work stops when the client goes away. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/rpc/frame.h"
#include "common/worker/run_stage.h"

namespace foundry::worker {

struct StageDoorOptions {
  int slots = 1;  // direct calls that run at once
};

// What the six services share.
class StageDoor {
 public:
  // `frame` and `runner` must outlive the door and its calls.
  StageDoor(const StageDoorOptions& options, rpc::Frame* frame, const StageRunner* runner)
      : options_(options), frame_(frame), runner_(runner) {}

  // One method: `wrap` puts the request into the envelope that handlers take.
  template <typename Request, typename Response>
  grpc::ServerWriteReactor<Response>* Serve(
      grpc::CallbackServerContext* context, const char* service, const char* method,
      const Request* request, std::function<void(const Request&, StageRequest*)> wrap) {
    return frame_->ServerStream<Request, Response>(
        context, {service, method}, request,
        [this, wrap = std::move(wrap)](const Request& request, rpc::StreamWriter<Response>& writer,
                                       rpc::Call& call) {
          StageRequest envelope;
          wrap(request, &envelope);
          return Run(envelope, request.output_prefix(), call.cancel,
                     [&writer](common::v1::StageEvent event) {
                       Response response;
                       *response.mutable_event() = std::move(event);
                       return writer.Write(std::move(response));
                     });
        });
  }

 private:
  // Sends an event; false when the client is gone.
  using Sender = std::function<bool(common::v1::StageEvent)>;
  absl::Status Run(const StageRequest& request, const std::string& output_prefix,
                   const CancelToken& cancel, const Sender& send);
  absl::Status RunInSlot(const StageRequest& request, const std::string& output_prefix,
                         const CancelToken& cancel, const Sender& send);

  const StageDoorOptions options_;
  rpc::Frame* const frame_;
  const StageRunner* const runner_;
  std::mutex mutex_;
  int busy_ = 0;
};

// The services of the runner's stages. `door` must outlive them.
std::vector<std::unique_ptr<grpc::Service>> MakeStageServices(const StageRunner& runner,
                                                              StageDoor* door);

}  // namespace foundry::worker
