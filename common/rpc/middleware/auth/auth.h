// Bearer tokens (RFC 6750) in the metadata `authorization`.
#pragma once

#include <string>

#include "common/rpc/middleware/middleware.h"

namespace foundry::rpc {

// With an empty token every call passes: for Unix sockets, whose file mode is the check.
class AuthMiddleware : public Middleware {
 public:
  explicit AuthMiddleware(std::string token);
  absl::Status Enter(Call& call) override;

 private:
  const std::string expected_;
};

}  // namespace foundry::rpc
