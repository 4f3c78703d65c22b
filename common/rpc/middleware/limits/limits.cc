#include "common/rpc/middleware/limits/limits.h"

#include "common/base/error_details.h"

namespace foundry::rpc {

absl::Status LimitsMiddleware::Enter(Call& call) {
  std::lock_guard lock(mutex_);
  const auto peer = calls_of_peer_.find(call.peer);
  const bool peer_full =
      peer != calls_of_peer_.end() && peer->second >= options_.max_calls_per_peer;
  if (calls_ >= options_.max_calls || peer_full) {
    return WithRetryAfter(
        WithReason(absl::ResourceExhaustedError(peer_full ? "too many calls of one client at once"
                                                          : "too many calls at once"),
                   "SERVER_BUSY"),
        absl::Seconds(1));
  }
  ++calls_;
  ++calls_of_peer_[call.peer];
  return absl::OkStatus();
}

void LimitsMiddleware::Leave(const Call& call, const absl::Status&) {
  std::lock_guard lock(mutex_);
  --calls_;
  const auto peer = calls_of_peer_.find(call.peer);
  if (--peer->second == 0) calls_of_peer_.erase(peer);
}

}  // namespace foundry::rpc
