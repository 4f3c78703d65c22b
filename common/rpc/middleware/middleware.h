// What every call passes through before its handler (gRPC's interceptors cannot reject calls,
// grpc#24017).
#pragma once

#include "absl/status/status.h"
#include "common/rpc/call.h"

namespace foundry::rpc {

// Shared by all calls: thread-safe, and quick, for Enter runs on gRPC's threads.
class Middleware {
 public:
  virtual ~Middleware() = default;
  // An error ends the call with it.
  virtual absl::Status Enter(Call& call) { return absl::OkStatus(); }
  // Follows every Enter that succeeded, in reverse order, with the call's outcome.
  virtual void Leave(const Call& call, const absl::Status& status) {}
};

}  // namespace foundry::rpc
