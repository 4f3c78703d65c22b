// Refuses calls without a deadline: a client that waits for ever holds a thread for ever.
#pragma once

#include "common/rpc/middleware/middleware.h"

namespace foundry::rpc {

class DeadlineMiddleware : public Middleware {
 public:
  absl::Status Enter(Call& call) override;
};

}  // namespace foundry::rpc
