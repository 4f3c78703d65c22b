// One log line a call: at debug level when it went well, at warning or error when it did not.
#pragma once

#include "common/rpc/middleware/middleware.h"

namespace foundry::rpc {

class LogMiddleware : public Middleware {
 public:
  void Leave(const Call& call, const absl::Status& status) override;
};

}  // namespace foundry::rpc
