#include "common/rpc/middleware/deadline/deadline.h"

#include "common/base/error_details.h"

namespace foundry::rpc {

absl::Status DeadlineMiddleware::Enter(Call& call) {
  // gRPC turns "no deadline" into a time centuries away.
  if (call.Remaining() > absl::Hours(24 * 365)) {
    return WithReason(absl::InvalidArgumentError("the call has no deadline: set one"),
                      "DEADLINE_REQUIRED");
  }
  if (call.Remaining() <= absl::ZeroDuration()) {
    return absl::DeadlineExceededError("the deadline had passed when the call arrived");
  }
  return absl::OkStatus();
}

}  // namespace foundry::rpc
