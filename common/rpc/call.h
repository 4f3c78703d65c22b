// One RPC as handlers and middleware see it: free of gRPC.
#pragma once

#include <map>
#include <string>

#include "absl/time/time.h"
#include "common/base/cancel.h"
#include "common/base/steady_time.h"

namespace foundry::rpc {

// Lives as long as the call. Handlers may copy `cancel`.
struct Call {
  std::string service;  // foundry.coordinator.v1.JobsService
  std::string method;   // GetJob
  std::string type;     // unary or server_stream
  std::string peer;
  absl::Time deadline = absl::InfiniteFuture();
  absl::Time start = SteadyNow();
  // Only what middleware asks for: authorization, x-request-id.
  std::map<std::string, std::string> metadata;
  // Cancelled when the client goes away, its deadline passes or the server gives up waiting.
  CancelToken cancel;

  absl::Duration Remaining() const { return deadline - SteadyNow(); }
};

}  // namespace foundry::rpc
