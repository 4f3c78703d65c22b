// A stage: the handlers of one service, reachable through two doors.
//
// The task door (worker_loop) gets a StageRequest from the coordinator; the RPC door (stage_rpc)
// gets the same message from a client. Both call Stage::handlers with a TaskContext.
//
// services/<name>/<name>_service.cc makes the Stage: it turns messages into plain structs and calls
// the domain code, which knows neither protobuf nor gRPC.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "common/worker/task_context.h"
#include "foundry/coordinator/v1/workers.pb.h"

namespace foundry::worker {

using StageRequest = coordinator::v1::StageRequest;
using Handler = std::function<absl::StatusOr<StageOutput>(const StageRequest&, TaskContext&)>;

struct Stage {
  std::string name;  // extraction, teacher, trainer, merger, self_study, evaluator
  // Thread-safe: several tasks may run at once.
  std::map<StageRequest::RequestCase, Handler> handlers;
};

inline InputRef FromProto(const common::v1::Input& input) {
  return {input.path(), input.manifest(), input.name()};
}

}  // namespace foundry::worker
